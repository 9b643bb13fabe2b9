"""What HDF5 files say about the experiment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np

from bcdi_inpaint.files.faults import LIBRARY_ERRORS
from bcdi_inpaint.files.hdf5 import quiet_node, scalar
from bcdi_inpaint.files.layout import EV_ANGSTROM, JOULE_PER_EV, detector_groups, entries_of
from bcdi_inpaint.files.nexus import nexus_detectors
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

_NEXUS_ENERGIES = (
    "instrument/beam/incident_energy",
    "instrument/detector/photon_energy",
    "instrument/detector/detectorSpecific/photon_energy",
)
_WAVELENGTHS = (
    "instrument/monochromator/WaveLength",
    "instrument/beam/incident_wavelength",
    "instrument/monochromator/wavelength",
)
METRES = {"mm": 1e-3, "um": 1e-6, "\N{MICRO SIGN}m": 1e-6, "micron": 1e-6, "cm": 1e-2}
"""Units of lengths in metres; what is not named is in metres."""
ELECTRONVOLTS = {"keV": 1e3, "J": 1 / JOULE_PER_EV}
"""Units of energies in eV; what is not named is in eV, or in joule where it is tiny."""
ANGSTROMS = {"nm": 10.0, "m": 1e10, "pm": 0.01}
"""Units of wavelengths in angstrom; what is not named is in angstrom."""


def metadata_of(file: h5py.File, data_path: str, path: Path) -> Metadata:
    """What an HDF5 file says about the experiment, as far as it can be read.

    Parameters
    ----------
    file : the open file.
    data_path : path of the counts in it.
    path : the file's name; what lies outside its folder is left out.
    """
    groups = detector_groups(data_path)
    if "measurement" not in data_path.split("/"):  # a scan of BLISS has many
        groups += nexus_detectors(file, entries_of(data_path)[0], path)
    entry = data_path.split("/")[0]
    instrument = f"{entry}/instrument_1"

    def length(*names: str) -> float | None:
        return _number(file, [f"{group}/{name}" for group in groups for name in names], METRES)

    return Metadata(
        energy_ev=_energy_ev(file, entries_of(data_path)),
        distance_m=length("distance", "detector_distance"),
        x_pixel_size_m=length("x_pixel_size"),
        y_pixel_size_m=length("y_pixel_size"),
        instrument=_text(file, [f"{instrument}/name", f"{entry}/instrument/title"]),
        sample=_text(file, [f"{entry}/sample_1/{name}" for name in ("name", "sample_name")]),
        start_time=_text(file, [f"{entry}/start_time"]),
        extra=_extra(file, entry),
    )


def _energy_ev(file: h5py.File, entries: Sequence[str]) -> float | None:
    """The photon energy; PyNX stores joule, cdiutils eV, BLISS the wavelength in angstrom.

    NeXus has either in the beam, and EIGER's masters in eV with the detector. Rounded to 12
    digits, so that the way through joule and back changes nothing.
    """
    paths = ("instrument_1/source_1/energy", "source_1/energy", *_NEXUS_ENERGIES)
    energy = _number(file, [f"{e}/{name}" for name in paths for e in entries], ELECTRONVOLTS)
    if energy is not None and energy > 0:
        energy_ev = energy / JOULE_PER_EV if energy < 1e-10 else energy  # 1e-10 J is 0.6 GeV
        return float(f"{energy_ev:.12g}")
    wavelengths = [f"{e}/{name}" for name in _WAVELENGTHS for e in entries]
    wavelength = _number(file, wavelengths, ANGSTROMS)
    return float(f"{EV_ANGSTROM / wavelength:.12g}") if wavelength and wavelength > 0 else None


def _number(file: h5py.File, paths: Iterable[str], units: Mapping[str, float]) -> float | None:
    """The first number that is there, in the unit that is 1 in `units`."""
    for path in paths:
        node = quiet_node(file, path)
        value = scalar(node)
        if isinstance(value, int | float) and np.isfinite(value):
            return float(value) * units.get(_unit(node), 1)
    return None


def _unit(node: h5py.Group | h5py.Dataset | None) -> str:
    unit = "" if node is None else node.attrs.get("units", "")
    return unit.decode("utf-8", "replace") if isinstance(unit, bytes) else str(unit)


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
