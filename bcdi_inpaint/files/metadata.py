"""What HDF5 files say about the experiment."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import h5py
import numpy as np

from bcdi_inpaint.files.faults import LIBRARY_ERRORS
from bcdi_inpaint.files.hdf5 import quiet_node, scalar
from bcdi_inpaint.files.layout import EV_ANGSTROM, JOULE_PER_EV, detector_groups
from bcdi_inpaint.scan.scan import Metadata

# Small values under these names of an entry are carried from file to file; those of _FIELDS have
# a field of their own in Metadata.
_EXTRA = ("experiment_id", "title", "end_time", "note_1", "sample_1", "instrument_1")
_FIELDS = (
    "instrument_1/name",
    "sample_1/name",
    "instrument_1/source_1/energy",
    "instrument_1/detector_1/distance",
    "instrument_1/detector_1/x_pixel_size",
    "instrument_1/detector_1/y_pixel_size",
)


def metadata_of(file: h5py.File, data_path: str) -> Metadata:
    """What an HDF5 file says about the experiment, as far as it can be read."""
    groups = detector_groups(data_path)
    entry = data_path.split("/")[0]
    instrument = f"{entry}/instrument_1"
    return Metadata(
        energy_ev=_energy_ev(file, entry),
        distance_m=_number(file, [f"{group}/distance" for group in groups]),
        x_pixel_size_m=_number(file, [f"{group}/x_pixel_size" for group in groups]),
        y_pixel_size_m=_number(file, [f"{group}/y_pixel_size" for group in groups]),
        instrument=_text(file, [f"{instrument}/name", f"{entry}/instrument/title"]),
        sample=_text(file, [f"{entry}/sample_1/{name}" for name in ("name", "sample_name")]),
        start_time=_text(file, [f"{entry}/start_time"]),
        extra=_extra(file, entry),
    )


def _energy_ev(file: h5py.File, entry: str) -> float | None:
    """The photon energy; PyNX stores joule, cdiutils eV, BLISS the wavelength in angstrom.

    Rounded to 12 digits, so that the way through joule and back changes nothing.
    """
    energy = _number(file, [f"{entry}/instrument_1/source_1/energy", f"{entry}/source_1/energy"])
    if energy is not None and energy > 0:
        energy_ev = energy / JOULE_PER_EV if energy < 1e-10 else energy  # 1e-10 J is 0.6 GeV
        return float(f"{energy_ev:.12g}")
    wavelength = _number(file, [f"{entry}/instrument/monochromator/WaveLength"])
    return float(f"{EV_ANGSTROM / wavelength:.12g}") if wavelength else None


def _number(file: h5py.File, paths: Iterable[str]) -> float | None:
    values = (scalar(quiet_node(file, path)) for path in paths)
    return next((float(v) for v in values if isinstance(v, int | float) and np.isfinite(v)), None)


def _text(file: h5py.File, paths: Iterable[str]) -> str | None:
    values = (scalar(quiet_node(file, path)) for path in paths)
    return next((v for v in values if isinstance(v, str) and v), None)


def _extra(file: h5py.File, entry: str) -> dict[str, str | float | int]:
    """Small values of the entry that no field of Metadata holds, by path below the entry."""
    found: dict[str, str | float | int] = {}

    def keep(name: str, node: h5py.Group | h5py.Dataset) -> None:
        known = name in _FIELDS or name.startswith("instrument_1/beam_1/")
        if known or "mask" in name.lower():
            return
        value = scalar(node)
        if value is not None and len(str(value)) <= 4096:
            found[name] = value

    for top in _EXTRA:
        node = quiet_node(file, f"{entry}/{top}")
        keep(top, node)
        if isinstance(node, h5py.Group):
            with suppress(*LIBRARY_ERRORS):
                node.visititems(lambda name, below, top=top: keep(f"{top}/{name}", below))
    return found
