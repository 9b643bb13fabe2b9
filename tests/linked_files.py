"""Files of the field that are made of others: masters, collections, virtual data sets."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from bcdi_inpaint.files import StoredScan, open_scan, read_scan
from bcdi_inpaint.scan.boxes import whole
from bcdi_inpaint.scan.scan import Scan


def frames(n: int, first: int = 0) -> np.ndarray:
    """(n, 6, 5) counts, each frame of its own number."""
    pattern = np.arange(30, dtype="u4").reshape(6, 5)
    return pattern + 100 * np.arange(first, first + n, dtype="u4")[:, None, None]


def eiger_master(
    folder: Path,
    lengths: tuple[int, ...] = (3, 3, 2),
    name: str = "S_master.h5",
    numbers: tuple[int, ...] | None = None,
    missing: tuple[int, ...] = (),
) -> Path:
    """An NXmx master as DECTRIS' file writer leaves it, with its files of frames."""
    done = 0
    with h5py.File(folder / name, "w") as master:
        group = master.create_group("entry")
        group.attrs["NX_class"] = "NXentry"
        data = group.create_group("data")
        data.attrs["NX_class"] = "NXdata"
        for number, n in zip(numbers or range(1, len(lengths) + 1), lengths, strict=True):
            other = f"{Path(name).stem.removesuffix('_master')}_data_{number:06d}.h5"
            data[f"data_{number:06d}"] = h5py.ExternalLink(other, "/entry/data/data")
            if number not in missing:
                with h5py.File(folder / other, "w") as file:
                    file.create_dataset(
                        "entry/data/data", data=frames(n, done), chunks=(1, 6, 5), compression=1
                    )
            done += n
        specific = group.create_group("instrument/detector/detectorSpecific")
        mask = np.zeros((6, 5), "u4")
        mask[2], mask[0, 0], mask[0, 1] = 1, 1 << 31, (1 << 31) + 16
        specific["pixel_mask"] = mask
        specific["nimages"], specific["ntrigger"] = sum(lengths), 1
        detector = group["instrument/detector"]
        detector["detector_distance"] = 1200.0
        detector["detector_distance"].attrs["units"] = "mm"
        detector["x_pixel_size"] = detector["y_pixel_size"] = 75e-6
        group["instrument/beam/incident_wavelength"] = 1.2398419843320026
    return folder / name


def read_both_ways(spec: str | Path) -> Scan:
    """A scan read at once; it is the same where it stays in its file, as a whole and in parts."""
    read, stored = read_scan(spec), open_scan(spec)
    assert isinstance(stored, StoredScan)
    assert (stored.shape, stored.dtype) == (read.shape, read.dtype)
    assert (stored.metadata, stored.remarks) == (read.metadata, read.remarks)
    n, n_y, _ = read.shape
    boxes = (slice(1, n), slice(1, n_y - 1), slice(0, 3)), (slice(0, 1), slice(0, 2), slice(2, 4))
    for box in (whole(read.shape), *boxes):
        part = stored.part(box)
        np.testing.assert_array_equal(part.counts, read.counts[box])
        np.testing.assert_array_equal(part.bad_mask, read.bad_mask[box])
        np.testing.assert_array_equal(stored.bad_in(box), read.bad_mask[box])
        assert (part.flags is None) == (read.flags is None)
    return read


def kinds(scan: Scan) -> list[str]:
    """The kinds of what is said about a scan."""
    return [remark.kind for remark in scan.remarks]
