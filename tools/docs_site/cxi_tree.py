"""The CXI that `predict` writes, data set by data set, held against a file that it has written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

DETECTOR = "entry_1/instrument_1/detector_1"
PROCESS = "entry_1/data_1/process_1"
RECORD = f"{PROCESS}/configuration"

MEANING: Mapping[str, str] = {
    "cxi_version": "version of the format",
    "entry_1/program_name": "the program and its version",
    "entry_1/sample_1/name": "of the scan, where the input has it",
    "entry_1/instrument_1/name": "of the scan, where the input has it",
    "entry_1/instrument_1/source_1/energy": "photon energy in J, where the input has it",
    "entry_1/instrument_1/beam_1/incident_energy": "the same",
    "entry_1/instrument_1/beam_1/incident_wavelength": "in m, of that energy",
    f"{DETECTOR}/data": "counts: above zero in the gaps, bit for bit elsewhere",
    f"{DETECTOR}/filled": "1 where a voxel was filled",
    f"{DETECTOR}/mask": "1 where PyNX leaves a voxel free, by the hand-over; else 0",
    f"{DETECTOR}/sigma": "standard deviation of log(1 + expected counts); 0 elsewhere",
    f"{DETECTOR}/lower_bound": "of the 95 % interval of expected counts; 0 elsewhere",
    f"{DETECTOR}/upper_bound": "of the same; infinite elsewhere",
    f"{DETECTOR}/original_flags": "the mask of the input, as it came",
    f"{DETECTOR}/distance": "to the sample in m, where the input has it",
    f"{DETECTOR}/x_pixel_size": "in m, where the input has it",
    f"{DETECTOR}/y_pixel_size": "in m, where the input has it",
    f"{PROCESS}/command": "the command line",
    f"{PROCESS}/program": "bcdi-inpaint",
    f"{PROCESS}/version": "its version",
    f"{RECORD}/inpaint_advice": "what the scan shows of its gap, as `predict` says it",
    f"{RECORD}/inpaint_advice_counts_beside": "mean counts beside the gap",
    f"{RECORD}/inpaint_advice_distance": "voxels between gap and peak",
    f"{RECORD}/inpaint_advice_fringes": "the gap's width in fringes",
    f"{RECORD}/inpaint_advice_verdict": "fill, compare or mask",
    f"{RECORD}/inpaint_calibration_counts": "expected counts of the calibration",
    f"{RECORD}/inpaint_calibration_half_widths": "intervals in sigmas, by width and level",
    f"{RECORD}/inpaint_calibration_levels": "probabilities of those intervals",
    f"{RECORD}/inpaint_calibration_sigma_per_scale": "sigma over the network's scale",
    f"{RECORD}/inpaint_calibration_widths": "gap widths of that calibration",
    f"{RECORD}/inpaint_date": "when the file was written",
    f"{RECORD}/inpaint_device": "cpu or cuda",
    f"{RECORD}/inpaint_filled_voxels": "how many voxels were filled",
    f"{RECORD}/inpaint_gaps": "the gaps, in lines of the array",
    f"{RECORD}/inpaint_gaps_found": "how they were found",
    f"{RECORD}/inpaint_handover_level": "probability of the interval in the bounds",
    f"{RECORD}/inpaint_handover_threshold": "sigma below which `partial` takes a voxel as measured",
    f"{RECORD}/inpaint_input": "name of the input",
    f"{RECORD}/inpaint_input_sha256": "hash of the input",
    f"{RECORD}/inpaint_job_sha256": "of input, settings, weights, version: no job is done twice",
    f"{RECORD}/inpaint_model": "the network",
    f"{RECORD}/inpaint_model_sha256": "hash of its weights",
    f"{RECORD}/inpaint_own_calibration": "what the scan's pseudo-gaps say of the intervals",
    f"{RECORD}/inpaint_own_calibration_counts": "expected counts at which they were looked at",
    f"{RECORD}/inpaint_own_calibration_sigma": "by how much sigma grew there, by width",
    f"{RECORD}/inpaint_own_calibration_tail": "by how much the tails grew there",
    f"{RECORD}/inpaint_own_calibration_voxels": "hidden voxels that this is known from",
    f"{RECORD}/inpaint_own_calibration_width": "mean width of the pseudo-gaps",
    f"{RECORD}/inpaint_own_calibration_widths": "gap widths of those factors",
    f"{RECORD}/inpaint_remark_kinds": "kinds of the notes that `predict` said of the scan",
    f"{RECORD}/inpaint_remarks": "these notes, a line each",
    f"{RECORD}/inpaint_sigma_median": "median of the fill's sigma in the filled voxels",
    f"{RECORD}/inpaint_written_for": "the hand-over that the file was written for",
}
"""What each data set of an output is; a test holds it against a file that `predict` has written."""


def data_sets(path: Path) -> Iterator[tuple[str, str]]:
    """Every data set of a file, with its shape and type."""
    import h5py

    found: list[tuple[str, str]] = []

    def note(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found.append((name, _form(item.shape, item.dtype.kind, str(item.dtype))))

    with h5py.File(path) as file:
        file.visititems(note)
    yield from found


def _form(shape: tuple[int, ...], kind: str, dtype: str) -> str:
    written = "text" if kind in "OS" else dtype
    return f"{' x '.join(map(str, shape))} {written}".strip()


def page(path: Path) -> str:
    """The data sets of a file in Markdown, a table for each group."""
    groups: dict[str, list[str]] = {}
    for name, form in data_sets(path):
        group, _, last = name.rpartition("/")
        groups.setdefault(group, []).append(f"| `{last}` | {form} | {MEANING.get(name, '')} |")
    parts = [
        f"## `/{group}`\n\n| data set | form | what it is |\n| --- | --- | --- |\n"
        + "\n".join(lines)
        for group, lines in groups.items()
    ]
    return "\n\n".join(parts) + "\n"


def fill_example(path: Path) -> Path:
    """Fill the example with `predict`, as a user would, and return the output."""
    from bcdi_inpaint.cli import main
    from bcdi_inpaint.files.example import EXAMPLE

    with redirect_stdout(StringIO()):
        main.main(["predict", str(EXAMPLE), "-q", "-o", str(path)], standalone_mode=False)
    return path
