"""Scan files: the only package that opens HDF5, npz, npy, TIFF and EDF files.

Read are PyNX's CXI, the npz pairs and the CXI of cdiutils, npz, npy, TIFF and EDF stacks, scans of
BLISS, and any data set of an HDF5 file as ``file.h5:/path``. Written are the CXI that PyNX reads,
the npz pair of cdiutils, and TIFF. Foreign masks become one boolean
polarity here, True = bad: CXI and NeXus use different bits, but both mean "good" by 0.
"""

from bcdi_inpaint.files.bliss import bliss_scans, chosen_scans, parse_scans
from bcdi_inpaint.files.cxi_fill import write_filled_cxi
from bcdi_inpaint.files.cxi_result import StoredResult, read_result, write_result
from bcdi_inpaint.files.cxi_writing import Provenance, own_version, write_scan
from bcdi_inpaint.files.dataset import master_of
from bcdi_inpaint.files.fill import StoredFill, read_fill
from bcdi_inpaint.files.filled import FilledArrays, FilledPart, FilledScan, Uncertainty, check_fill
from bcdi_inpaint.files.found_objects import has_unseen, read_objects
from bcdi_inpaint.files.identity import identify, input_files, input_sha256, sha256
from bcdi_inpaint.files.kinds import SCAN_SUFFIXES
from bcdi_inpaint.files.layout import DATA_PATHS, DETECTOR, FILLED_PATH, MARKED
from bcdi_inpaint.files.npz import load_npz
from bcdi_inpaint.files.open_fill import OpenFill, ShownPart, open_fill, open_output
from bcdi_inpaint.files.output import (
    FORMATS,
    check_output,
    check_place,
    companion,
    default_output,
    may_write,
)
from bcdi_inpaint.files.pair import write_filled_npz, write_filled_tiff
from bcdi_inpaint.files.provenance import is_output, read_provenance
from bcdi_inpaint.files.reading import (
    MASK_WORDS,
    is_mask_of,
    open_scan,
    read_mask,
    read_scan,
)
from bcdi_inpaint.files.siblings import is_pair_mask, names_mask
from bcdi_inpaint.files.sources import following
from bcdi_inpaint.files.specs import HDF5_SUFFIXES, split_spec
from bcdi_inpaint.files.stacks import is_frames
from bcdi_inpaint.files.streaming import StoredScan

__all__ = [
    "DATA_PATHS",
    "DETECTOR",
    "FILLED_PATH",
    "FORMATS",
    "HDF5_SUFFIXES",
    "MARKED",
    "MASK_WORDS",
    "SCAN_SUFFIXES",
    "FilledArrays",
    "FilledPart",
    "FilledScan",
    "OpenFill",
    "Provenance",
    "ShownPart",
    "StoredFill",
    "StoredResult",
    "StoredScan",
    "Uncertainty",
    "bliss_scans",
    "check_fill",
    "check_output",
    "check_place",
    "chosen_scans",
    "companion",
    "default_output",
    "following",
    "has_unseen",
    "identify",
    "input_files",
    "input_sha256",
    "is_frames",
    "is_mask_of",
    "is_output",
    "is_pair_mask",
    "load_npz",
    "master_of",
    "may_write",
    "names_mask",
    "open_fill",
    "open_output",
    "open_scan",
    "own_version",
    "parse_scans",
    "read_fill",
    "read_mask",
    "read_objects",
    "read_provenance",
    "read_result",
    "read_scan",
    "sha256",
    "split_spec",
    "write_filled_cxi",
    "write_filled_npz",
    "write_filled_tiff",
    "write_result",
    "write_scan",
]
