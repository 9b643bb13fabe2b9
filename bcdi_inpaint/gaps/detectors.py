"""Detectors: where the gaps between their chips and modules lie.

The tables follow what the BCDI community masks (the packages bcdi and cdiutils), and pyFAI where
that is the only source. The two differ: pyFAI's Maxipix gap is 4 px wide, practice masks 6,
because the pixels along the chips' edges are three times as wide as the others.
A masked border of the detector is no gap and is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.gaps.gap import Gap

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Detector:
    """A detector's geometry: `shape` is (rows, columns), gaps are half-open line ranges."""

    name: str
    shape: tuple[int, int]
    row_gaps: Ranges
    column_gaps: Ranges
    pixel_size_m: float
    aliases: tuple[str, ...] = ()


_TABLE = (
    Detector(
        "maxipix", (516, 516), ((255, 261),), ((255, 261),), 55e-6, ("mpx1x4", "mpx4inr", "mpxgaas")
    ),
    Detector(  # as mounted at ESRF ID01: chip gaps of 4 or 5 px besides the module gaps
        "eiger2m",
        (2164, 1030),
        (
            (255, 259),
            (511, 552),
            (804, 809),
            (1061, 1102),
            (1355, 1359),
            (1611, 1652),
            (1905, 1909),
        ),
        ((255, 259), (513, 517), (771, 775)),
        75e-6,
    ),
    Detector(
        "eiger4m",
        (2167, 2070),
        ((513, 552), (1064, 1103), (1615, 1654)),
        ((1029, 1041),),
        75e-6,
        ("e4m",),
    ),
    Detector(
        "eiger2_4m", (2162, 2068), ((512, 550), (1062, 1100), (1612, 1650)), ((1028, 1040),), 75e-6
    ),
    Detector(  # the CdTe version; the silicon one lacks the columns of 2 px
        "eiger2_9m",
        (3262, 3108),
        ((512, 550), (1062, 1100), (1612, 1650), (2162, 2200), (2712, 2750)),
        ((513, 515), (1028, 1040), (1553, 1555), (2068, 2080), (2593, 2595)),
        75e-6,
        ("eiger9m", "e9m", "eiger2cdte_9m"),
    ),
    Detector("eiger1m", (1065, 1030), ((514, 551),), (), 75e-6),
    Detector("eiger2_1m", (1062, 1028), ((512, 550),), (), 75e-6),
    Detector("eiger500k", (514, 1030), (), (), 75e-6),
    Detector("merlin", (515, 515), ((255, 260),), ((255, 260),), 55e-6),
    Detector("merlin_sixs", (512, 512), ((254, 257),), ((254, 257),), 55e-6),
    *(  # files of 1 to 4 lines between the chips; with the wide pixels beside them, as at 515
        Detector(f"merlin_{n}", (n, n), ((255, n - 255),), ((255, n - 255),), 55e-6)
        for n in (513, 514, 516)
    ),
    Detector("timepix_34idc", (516, 517), ((256, 260),), ((256, 261),), 55e-6, ("34idctim2",)),
)

DETECTORS: dict[str, Detector] = {entry.name: entry for entry in _TABLE}


def find_detector(name: str) -> Detector:
    """The detector of that name or alias, in any case; InputError for an unknown name."""
    wanted = name.strip().lower()
    for known in DETECTORS.values():
        if wanted == known.name or wanted in known.aliases:
            return known
    raise InputError(
        f"detector {name!r} is unknown, expected one of {', '.join(DETECTORS)}: "
        "give one of these, or the gaps themselves with --gap rows=a:b"
    )


def of_size(known: Detector, shape_yx: tuple[int, int]) -> Detector:
    """The version of a detector whose files have that many lines; itself where none has.

    Merlin's files have 512 to 516 lines: they hold none to four between the chips.

    Examples
    --------
    >>> of_size(find_detector("merlin"), (516, 516)).name
    'merlin_516'
    """
    family = known.name.partition("_")[0]
    if known.shape == shape_yx or family != "merlin":
        return known
    versions = (one for one in DETECTORS.values() if one.name.startswith(f"{family}_"))
    return next((one for one in (DETECTORS[family], *versions) if one.shape == shape_yx), known)


def place_gaps(
    of: Detector,
    shape_yx: tuple[int, int],
    roi: tuple[int, int] | None = None,
    binning: int = 1,
) -> tuple[Gap, ...]:
    """The gaps of a detector in an array that is cropped and binned from it.

    Parameters
    ----------
    of : the detector.
    shape_yx : rows and columns of the array.
    roi : (y0, x0), the unbinned detector line of the array's first row and column. None is right
        only for an array that shows the whole detector.
    binning : detector lines per line of the array.

    Returns
    -------
    The gaps in lines of the array, clipped to it. A binned line is in the gap if any of its
    detector lines is.

    Raises
    ------
    InputError
        For a binning below 1, and for an array that does not lie on the detector, or whose place
        on it is not said.

    Examples
    --------
    >>> place_gaps(find_detector("maxipix"), (300, 294), roi=(1, 1))
    (rows 254:260, cols 254:260)
    """
    if binning < 1:
        raise InputError(f"binning {binning}, expected 1 or more: give detector lines per line")
    whole = (of.shape[0] // binning, of.shape[1] // binning)
    if roi is None and shape_yx != whole:
        raise InputError(
            f"the array has {shape_yx[0]} x {shape_yx[1]} pixels, the whole {of.name} has "
            f"{whole[0]} x {whole[1]} at binning {binning}: say where the array begins with "
            "--roi y0,x0"
        )
    offsets = roi or (0, 0)
    for first, length, available in zip(offsets, shape_yx, of.shape, strict=True):
        if first < 0 or first + length * binning > available:
            raise InputError(
                f"lines {first}:{first + length * binning} lie outside the {of.name} of "
                f"{of.shape[0]} x {of.shape[1]} pixels: check --roi y0,x0, --binning and --detector"
            )
    rows = _placed_lines(1, of.row_gaps, offsets[0], shape_yx[0], binning)
    columns = _placed_lines(2, of.column_gaps, offsets[1], shape_yx[1], binning)
    return rows + columns


def _placed_lines(
    axis: int, ranges: Ranges, first: int, length: int, binning: int
) -> tuple[Gap, ...]:
    """Detector ranges as gaps of an array axis that begins at detector line `first`."""
    gaps = []
    for start, stop in ranges:
        binned_start = max((start - first) // binning, 0)
        binned_stop = min(-((first - stop) // binning), length)  # rounded up
        if binned_start < binned_stop:
            gaps.append(Gap(axis, binned_start, binned_stop))
    return tuple(gaps)
