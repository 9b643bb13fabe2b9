"""Where things lie in the HDF5 files of the field: CXI as PyNX and cdiutils write it, BLISS."""

from __future__ import annotations

JOULE_PER_EV = 1.602176634e-19
EV_ANGSTROM = 12398.419843320026  # h c: energy in eV times wavelength in angstrom


DETECTOR = "entry_1/instrument_1/detector_1"
PROCESS = "entry_1/data_1/process_1"
OBJECTS = f"{PROCESS}/objects"  # of an output: what the starts of its refinement came to
RESULT_PROCESS = "entry_1/image_1/process_1"  # of a reconstruction, PyNX's and our own
FILLED_PATH = f"{DETECTOR}/filled"  # of an output: 1 where a voxel was filled
MARKED = "marked_by_user"  # of an output: 1 where the user had marked a voxel as bad
# Where PyNX looks for the counts, in its order; cdiutils' CXI keeps them in the second place.
DATA_PATHS = (f"{DETECTOR}/data", "entry_1/image_1/data", "entry_1/data_1/data")

PYNX_NAMES = ("iobs_shape", "roi_final")  # of a configuration, which keep their names

NX_CLASSES = {
    "entry_1": "NXentry",
    "instrument_1": "NXinstrument",
    "source_1": "NXsource",
    "beam_1": "NXbeam",
    "detector_1": "NXdetector",
    "data_1": "NXdata",
    "image_1": "NXdata",
    "results": "NXcollection",
    "process_1": "NXprocess",
    "configuration": "NXcollection",
    "sample_1": "NXsample",
    "note_1": "NXnote",
}


def detector_groups(data_path: str) -> list[str]:
    """Groups that may hold what belongs to the data set: its mask, distance and pixel sizes.

    Its own group; for ``1.1/measurement/mpx1x4`` of ESRF's BLISS ``1.1/instrument/mpx1x4``; the
    detector of a CXI entry as PyNX and as cdiutils write it, and of a NeXus entry as EIGER does.
    """
    *above, name = data_path.split("/")
    groups = ["/".join(above)]
    if above and above[-1] == "measurement":
        groups.append("/".join([*above[:-1], "instrument", name]))
    if above:
        groups += [f"{above[0]}/instrument_1/detector_1", f"{above[0]}/detector_1"]
    for entry in entries_of(data_path):
        detector = f"{entry}/instrument/detector".strip("/")
        groups += [detector, f"{detector}/detectorSpecific"]
    return list(dict.fromkeys(groups))


def entries_of(data_path: str) -> list[str]:
    """The groups that may be the entry of a data set: the first, and that above its own group."""
    above = data_path.split("/")[:-1]
    return list(dict.fromkeys(["/".join(above[:-1]), *above[:1]]))
