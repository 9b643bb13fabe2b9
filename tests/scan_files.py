"""Files to try: as the programs of the field write them, and what their refusal looks like."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import DETECTOR, FilledArrays
from bcdi_inpaint.scan.scan import Metadata, Scan

SHAPE = (3, 4, 5)


def some_counts(dtype: str = "f4") -> np.ndarray:
    return np.random.default_rng(1).poisson(20, SHAPE).astype(dtype)


def some_mask(shape: tuple[int, ...] = SHAPE, dtype: str = "i1") -> np.ndarray:
    return np.random.default_rng(2).integers(0, 2, shape).astype(dtype)


def pynx_cxi(path: Path, **changes: object) -> Path:
    """A CXI file as PyNX's save_cdi_data_cxi writes it; None leaves a data set out."""
    contents: dict[str, object] = {
        "data": some_counts(),
        "mask": some_mask(),
        "distance": 0.84,
        "x_pixel_size": 55e-6,
        "y_pixel_size": 75e-6,
        **changes,
    }
    with h5py.File(path, "w") as file:
        file["entry_1/start_time"] = "2020-12-03T10:33:38+0100"
        file["entry_1/program_name"] = "PyNX 2025.1"
        file["entry_1/sample_1/name"] = "gold"
        file["entry_1/sample_1/temperature"] = 295.5
        file["entry_1/instrument_1/name"] = "ESRF id01"
        file["entry_1/instrument_1/source_1/energy"] = 8.0 * 1.60218e-16  # J, as PyNX has it
        for name, value in contents.items():
            if value is not None:
                file[f"{DETECTOR}/{name}"] = value
        file["entry_1/data_1/data"] = h5py.SoftLink(f"/{DETECTOR}/data")
        file["entry_1/data_1/process_1/configuration/nb_run"] = 100
    return path


def cdiutils_cxi(path: Path) -> Path:
    """A CXI file as cdiutils' pipeline writes its preprocessed data."""
    with h5py.File(path, "w") as file:
        file["entry_1/image_1/data"] = some_counts("f8")
        file["entry_1/image_1/mask"] = some_mask(SHAPE[1:], "f8")
        file["entry_1/data_1/data"] = h5py.SoftLink("entry_1/image_1/data")  # broken, as there
        file["entry_1/source_1/energy"] = 9000.0
        file["entry_1/source_1/units"] = "eV"
        file["entry_1/sample_1/sample_name"] = "B12"
        file["entry_1/detector_1/description"] = "Maxipix"
        file["entry_1/detector_1/mask"] = some_mask(SHAPE[1:], "f8")
        for name, value in (("distance", 0.8), ("pwidth1", 55e-6), ("pwidth2", 75e-6)):
            file[f"entry_1/detector_1/calibration/{name}"] = value
        for name, target in (
            ("distance", "distance"),
            ("x_pixel_size", "pwidth2"),
            ("y_pixel_size", "pwidth1"),
        ):
            link = h5py.SoftLink(f"/entry_1/detector_1/calibration/{target}")
            file[f"entry_1/detector_1/{name}"] = link
    return path


@contextmanager
def refused(folder: Path, *parts: object) -> Iterator[None]:
    """One line that holds the parts, and not a byte changed in the folder."""

    def state() -> dict[Path, str]:
        return {
            path: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*")
            if path.is_file()
        }

    before = state()
    with pytest.raises(InputError) as caught:
        yield
    message = str(caught.value)
    assert "\n" not in message
    assert "expected" in message
    for part in parts:
        assert str(part) in message
    assert state() == before


METADATA = Metadata(
    energy_ev=8333.3,
    distance_m=1.436,
    x_pixel_size_m=55e-6,
    y_pixel_size_m=75e-6,
    instrument="SixS",
    sample="Pt",
    start_time="2019-07-01T12:00:00+0200",
    extra={"experiment_id": "HC1", "sample_1/temperature": 300.5, "instrument_1/detector_1/roi": 3},
)


PROVENANCE = {
    "version": "0.1.0",
    "command": "bcdi-inpaint predict a.cxi",
    "weights_sha256": "ab" * 32,
    "gaps": ("rows 1:2", "cols 2:4"),
    "seed": 3,
    "roi": (0, 17),
    "ratio": 0.5,
}


def gapped_scan() -> tuple[Scan, np.ndarray, np.ndarray]:
    """A scan with marks that must survive, its gap mask, and its fill."""
    counts = some_counts()
    counts[0, 0, 0], counts[0, 0, 1], counts[0, 3, 0] = np.nan, -0.0, -5
    flags = np.zeros(SHAPE, dtype=np.uint16)
    flags[:, 1, :] = 512
    flags[:, 0, :2] = 128
    gap_mask = np.zeros(SHAPE, dtype=bool)
    gap_mask[:, 1, :] = True
    gap_mask[:, :, 2:4] = True
    fill = counts.copy()
    fill[gap_mask] = np.random.default_rng(4).uniform(0.1, 9, np.count_nonzero(gap_mask))
    scan = Scan(counts, flags != 0, flags, METADATA, None)
    return scan, gap_mask, fill


def filled_arrays(
    scan: Scan,
    gap_mask: np.ndarray,
    fill: np.ndarray,
    *,
    trusted: np.ndarray | None = None,
    sigma: np.ndarray | None = None,
) -> FilledArrays:
    """A fill that is to be written; all of it is trusted unless said otherwise."""
    good = gap_mask if trusted is None else gap_mask & trusted
    return FilledArrays(
        fill,
        gap_mask,
        (scan.bad_mask | gap_mask) & ~good,
        np.where(gap_mask, np.float32(0.3), np.float32(0)) if sigma is None else sigma,
        np.where(gap_mask, fill / 2, 0).astype(np.float32),
        np.where(gap_mask, 2 * fill, np.inf).astype(np.float32),
    )
