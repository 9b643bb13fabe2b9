"""What a fill does to the crystal: phase retrieval after every way to hand the gap over.

A fill is worth having only if the crystal comes out better than with the gap masked. So every
score is of the reconstructed object against the true one, and is told as a ratio to masking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.ndimage import binary_dilation, binary_erosion

from bcdi_inpaint.baselines import METHODS
from bcdi_inpaint.comparison import compare, shell_correlation
from bcdi_inpaint.detectors import Gap
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.gaps import gap_mask
from bcdi_inpaint.handover import LEVEL, NAMES, RELEASE_AFTER, THRESHOLD, hand_over
from bcdi_inpaint.inpainting import Fill, inpaint
from bcdi_inpaint.retrieval import Chain, Reconstruction, retrieve_best
from bcdi_inpaint.scores import pearson_log
from bcdi_inpaint.weights import Model

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
Setting = Literal["known support", "as users run it"]
SETTINGS: tuple[Setting, ...] = ("known support", "as users run it")
COMPLETE, MASKED, LINEAR = "complete", "mask", "linear"
WAYS = (COMPLETE, MASKED, LINEAR, *(name for name in NAMES if name != MASKED))
"""What is handed to phase retrieval: the counts without a gap, the gap masked, a linear fill as if
it were measured, and our fill in each of `handover.NAMES`."""
ERRORS = ("phase_rms_rad", "modulus_rms", "gradient_rms")
"""The scores that are told as ratios to masking; the smaller the better."""
SUPPORT_MARGIN = 2
"""Voxels by which a known support is larger than the particle."""
CLEAR = 3
"""Known lines between a gap and the array's edge."""


class CrystalScoresConfig(BaseModel):
    """What is phased, and how; unknown keys are errors.

    Attributes
    ----------
    widths : of the gaps in voxels.
    distances : lines between the Bragg peak and the gap's nearer edge, lowest and highest.
    cross_share : how often two planes cross.
    gaps_per_crystal : of each width.
    settings : with the true support, and as users run it: support from the autocorrelation,
        shrink-wrap, the best of `starts` by free log-likelihood.
    ways : some of `WAYS`; ``mask`` has to be among them.
    raar, er, hio : cycles of the chain; HIO is for the users' setting alone.
    level, threshold, release_after : of the hand-overs, see `handover.hand_over`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(1, ge=0)
    widths: tuple[int, ...] = (6, 12, 24, 38)
    distances: tuple[int, int] = (3, 12)
    cross_share: float = Field(0.3, ge=0, le=1)
    gaps_per_crystal: int = Field(1, ge=1)
    settings: tuple[Setting, ...] = SETTINGS
    ways: tuple[str, ...] = WAYS
    starts: int = Field(2, ge=1)
    hio: int = Field(100, ge=0)
    raar: int = Field(400, ge=0)
    er: int = Field(150, ge=0)
    level: float = Field(LEVEL, gt=0, lt=1)
    threshold: float = Field(THRESHOLD, gt=0)
    release_after: float = Field(RELEASE_AFTER, ge=0, le=1)


class PhasingConfig(BaseModel):
    """Which crystals, and which gaps and retrievals; unknown keys are errors.

    `crystals` is checked where crystals are made.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("phasing", pattern=r"^\w[\w.-]*$")
    seed: int = Field(21, ge=0)
    model: str = "default"
    crystals: dict[str, Any] = {}
    scores: CrystalScoresConfig = CrystalScoresConfig()


@dataclass(frozen=True)
class Subject:
    """A crystal whose object is known; arrays (n_rock, n_y, n_x), the peak and object centred."""

    name: str
    truth: NDArray[np.complex64]
    expectation: FloatArray
    counts: FloatArray


Record = dict[str, Any]
"""One way in one gap and setting, with its scores: a column of `RECORD_COLUMNS` each."""
RECORD_COLUMNS = (
    "crystal",
    "width",
    "cross",
    "distance",
    "flux",
    "setting",
    "way",
    *ERRORS,
    *(f"ratio_{name}" for name in ERRORS),
    "resolution",
    "llk_free",
    "pearson_fill",
    "pearson_gap",
    "failed",
)
SUMMARY_COLUMNS = (
    "setting",
    "width",
    "way",
    "cases",
    "phase_rms_rad",
    "ratio",
    "lower_quartile",
    "upper_quartile",
    "worst",
    "ratio_modulus",
    "ratio_gradient",
    "pearson_gap",
)


def gaps_beside(
    shape: tuple[int, ...], width: int, config: CrystalScoresConfig, rng: np.random.Generator
) -> list[Gap]:
    """A plane gap beside the middle, sometimes with another across; none where it does not fit."""
    axes = rng.permutation(len(shape))[: 2 if rng.random() < config.cross_share else 1]
    gaps = []
    for axis in axes:
        n = shape[axis]
        room = n - CLEAR - width - (n // 2 + 1)
        distance = min(int(rng.integers(config.distances[0], config.distances[1] + 1)), room)
        if distance < 0:
            return []
        above = bool(rng.random() < 0.5)
        start = n // 2 + 1 + distance if above else n // 2 - distance - width
        gaps.append(Gap(int(axis), start, start + width))
    return gaps


def judge(
    subject: Subject,
    config: CrystalScoresConfig,
    model: Model,
    *,
    device: str = "auto",
    done: Callable[[Record], None] | None = None,
) -> Iterator[Record]:
    """Phase a crystal with every gap, setting and way; a record for each retrieval.

    `ratio_*` of a record are its errors over those with the gap masked. A retrieval that fails is
    recorded with infinite errors. Raises MissingEngineError without PyNX.
    """
    n_rock, n_y, n_x = subject.counts.shape
    for width in config.widths:
        for number in range(config.gaps_per_crystal):
            rng = np.random.default_rng([config.seed, len(subject.name), width, number])
            own = np.random.default_rng([rng.integers(2**32), *subject.name.encode()])
            gaps = gaps_beside(subject.counts.shape, width, config, own)
            if not gaps:
                continue
            gap = gap_mask(gaps, (n_rock, n_y, n_x))
            hidden = np.where(gap, 0, subject.counts)
            fill = inpaint(hidden, gap, model, device)
            common: Record = {
                "crystal": subject.name,
                "width": width,
                "cross": len(gaps) > 1,
                "distance": min(_distance(gap_, subject.counts.shape) for gap_ in gaps),
                "flux": float(subject.expectation.max()),
                "pearson_fill": pearson_log(subject.expectation, fill.counts, gap),
            }
            for setting in config.settings:
                yield from _judge_setting(subject, config, setting, gap, fill, common, own)


def _distance(gap: Gap, shape: tuple[int, ...]) -> int:
    """Lines between the middle and the nearer edge of a gap."""
    middle = shape[gap.axis] // 2
    return gap.start - middle - 1 if gap.start > middle else middle - gap.stop


def _judge_setting(
    subject: Subject,
    config: CrystalScoresConfig,
    setting: Setting,
    gap: BoolArray,
    fill: Fill,
    common: Record,
    rng: np.random.Generator,
) -> Iterator[Record]:
    seed = int(rng.integers(2**32))  # all ways start from the same random objects
    records = []
    for way in config.ways:
        scores: Record = {name: np.nan for name in RECORD_COLUMNS[-5:]}
        try:
            found = _phased(subject, config, setting, way, gap, fill, np.random.default_rng(seed))
            scores |= _scores(found, subject, gap)
        except InputError as error:
            scores |= {name: np.inf for name in ERRORS} | {"failed": str(error)}
        records.append(common | {"setting": setting, "way": way} | scores)
    masked = next(record for record in records if record["way"] == MASKED)
    for record in records:
        ratios = {f"ratio_{name}": record[name] / masked[name] for name in ERRORS}
        yield record | ratios


def _phased(
    subject: Subject,
    config: CrystalScoresConfig,
    setting: Setting,
    way: str,
    gap: BoolArray,
    fill: Fill,
    rng: np.random.Generator,
) -> Reconstruction:
    """The best of the starts after handing over in this way."""
    none = np.zeros_like(gap)
    known = setting == "known support"
    chain = Chain(hio=0 if known else config.hio, raar=config.raar, er=config.er)
    size = np.abs(subject.truth)
    support = binary_dilation(size > 0.1 * size.max(), iterations=SUPPORT_MARGIN) if known else None
    options: dict[str, Any] = {
        "chain": chain,
        "support": support,
        "starts": 1 if known else config.starts,
    }
    if way == COMPLETE:
        return retrieve_best(subject.counts, none, rng, **options)
    if way == LINEAR:
        linear = METHODS["linear"](np.where(gap, 0, subject.counts), gap, gap)
        return retrieve_best(linear, none, rng, filled=gap, **options)
    handed = hand_over(
        fill,
        gap,
        none,
        way,
        level=config.level,
        threshold=config.threshold,
        release_after=config.release_after,
    )
    return retrieve_best(handed.counts, handed.bad_mask, rng, **options, **handed.options)


def _scores(found: Reconstruction, subject: Subject, gap: BoolArray) -> Record:
    """Errors inside the true particle, and how near the calculated intensity is in the gap."""
    size = np.abs(subject.truth)
    inside = size > 0.5 * size.max()
    compared = compare(found.obj, subject.truth, inside)
    spectrum = np.fft.fftn(np.fft.ifftshift(found.obj), norm="ortho")
    calculated = np.fft.fftshift(np.abs(spectrum) ** 2).astype(np.float32)
    return {
        "phase_rms_rad": compared.phase_rms_rad,
        "modulus_rms": compared.modulus_rms,
        "gradient_rms": _gradient_rms(compared.aligned, subject.truth, inside),
        "resolution": shell_correlation(compared.aligned, subject.truth),
        "llk_free": found.llk_free,
        "pearson_gap": pearson_log(subject.expectation, calculated, gap),
        "failed": "",
    }


def _gradient_rms(
    aligned: NDArray[np.complexfloating], truth: NDArray[np.complexfloating], inside: BoolArray
) -> float:
    """RMS of the phase difference's gradient along y in rad per voxel: strain, but for constants.

    The strain along a reflection is the gradient of the phase along it over the length of its
    vector; y is the axis nearest to it on a vertical diffractometer.
    """
    both = inside[:, 1:] & inside[:, :-1] & binary_erosion(inside)[:, 1:]
    if not both.any():
        return float("nan")
    product = aligned * np.conj(truth)
    turned = np.angle(product[:, 1:] * np.conj(product[:, :-1]))
    return float(np.sqrt(np.mean(turned[both] ** 2)))


def summary(records: Sequence[Record]) -> list[Record]:
    """Medians, quartiles and the worst of the ratios for each setting, width and way."""
    cells: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        cells.setdefault((record["setting"], record["width"], record["way"]), []).append(record)
    rows = []
    for (setting, width, way), own in sorted(
        cells.items(), key=lambda cell: (cell[0][0], cell[0][1], WAYS.index(cell[0][2]))
    ):
        ratios = np.array([record["ratio_phase_rms_rad"] for record in own])
        low, median, high = np.percentile(ratios, [25, 50, 75])
        row: Record = {"setting": setting, "width": width, "way": way, "cases": len(own)}
        row |= {
            "phase_rms_rad": float(np.median([record["phase_rms_rad"] for record in own])),
            "ratio": float(median),
            "lower_quartile": float(low),
            "upper_quartile": float(high),
            "worst": float(ratios.max()),
            "ratio_modulus": float(np.median([r["ratio_modulus_rms"] for r in own])),
            "ratio_gradient": float(np.median([r["ratio_gradient_rms"] for r in own])),
            "pearson_gap": float(np.median([r.get("pearson_gap", np.nan) for r in own])),
        }
        rows.append(row)
    return rows
