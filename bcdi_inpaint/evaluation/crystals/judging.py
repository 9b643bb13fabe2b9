"""What a fill does to the crystal: phase retrieval after every way to hand the gap over.

A fill is worth having only if the crystal comes out better than with the gap masked. So every
score is of the reconstructed object against the true one, and is told as a ratio to masking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator
from scipy.ndimage import binary_dilation, binary_erosion

from bcdi_inpaint.arrays import BoolArray, Complex64Array, ComplexArray, Float32Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.crystals.object_error import compare, shell_correlation
from bcdi_inpaint.evaluation.crystals.treatments import MASKED, TREATMENTS, GappedScan
from bcdi_inpaint.evaluation.scores import pearson_log
from bcdi_inpaint.gaps.artificial import lines_from_peak, place_beside_middle
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.phasing.benefit import VERDICTS, expected_benefit, verdict_of
from bcdi_inpaint.phasing.handover import AUTO, LEVEL, RELEASE_AFTER, THRESHOLD, resolve_handover
from bcdi_inpaint.phasing.pynx_retrieval import Reconstruction, Schedule, retrieve_best

Setting = Literal["known support", "as users run it"]
SETTINGS: tuple[Setting, ...] = ("known support", "as users run it")
ERRORS = ("phase_rms_rad", "modulus_rms", "gradient_rms")
"""The scores that are told as ratios to masking; the smaller the better."""
SUPPORT_MARGIN = 2
"""Voxels by which a known support is larger than the particle."""


class CrystalScoresConfig(BaseModel):
    """What is phased, and how; unknown keys are errors.

    Attributes
    ----------
    widths : of the gaps in voxels.
    distances : lines between the Bragg peak and the gap's nearer edge, lowest and highest.
    cross_share : how often two planes cross.
    gaps_per_crystal : of each width.
    settings : with the true support, and as users run it: support from the autocorrelation,
        shrink-wrap. The best of `known_starts`, or of `starts`, by free log-likelihood.
    ways : some of `treatments.TREATMENTS`; ``mask`` has to be among them.
    hio, raar, er : cycles of the chain.
    update_every : cycles between two updates of the support.
    level, threshold, release_after : of the hand-overs, see `handover.hand_over`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(1, ge=0)
    widths: tuple[int, ...] = (6, 12, 24, 38)
    distances: tuple[int, int] = (3, 12)
    cross_share: float = Field(0.3, ge=0, le=1)
    gaps_per_crystal: int = Field(1, ge=1)
    settings: tuple[Setting, ...] = SETTINGS
    ways: tuple[str, ...] = TREATMENTS
    starts: int = Field(2, ge=1)
    known_starts: int = Field(1, ge=1)
    hio: int = Field(100, ge=0)
    raar: int = Field(150, ge=0)
    er: int = Field(50, ge=0)
    update_every: int = Field(25, ge=1)
    level: float = Field(LEVEL, gt=0, lt=1)
    threshold: float = Field(THRESHOLD, gt=0)
    release_after: float = Field(RELEASE_AFTER, ge=0, le=1)

    @field_validator("ways")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in TREATMENTS:
                raise ValueError(f"{name!r} is no way, expected some of {', '.join(TREATMENTS)}")
        if MASKED not in names or len(set(names)) < len(names):
            raise ValueError(f"expected each once, and {MASKED!r}, which the ratios are to")
        return names


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
    truth: Complex64Array
    expectation: Float32Array
    counts: Float32Array


@dataclass(frozen=True)
class Shown:
    """What the retrievals of one gap and setting found, to be looked at.

    Attributes
    ----------
    name : crystal and gap.
    width : of the gap, in voxels.
    setting : one of `SETTINGS`.
    expectation, gap : (n_rock, n_y, n_x), noise-free counts, and bool.
    calculated : intensities (n_rock, n_y, n_x) by way.
    objects : complex objects (n_rock, n_y, n_x) by way and the true one, aligned on it.
    """

    name: str
    width: int
    setting: Setting
    expectation: Float32Array
    gap: BoolArray
    calculated: dict[str, Float32Array]
    objects: dict[str, ComplexArray]


Record = dict[str, Any]
"""One way in one gap and setting, with its scores: a column of `RECORD_COLUMNS` each."""
RECORD_COLUMNS = (
    "crystal",
    "width",
    "number",
    "cross",
    "distance",
    "flux",
    "fringes",
    "counts_beside",
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
_MEASURED = ("resolution", "llk_free", "pearson_fill", "pearson_gap", "failed")
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
DEFAULTS = {AUTO: False, f"{AUTO} refined": True}
"""Names of the default hand-over among the ways, and whether it is of a refined fill."""
FLUX_COLUMNS = ("flux", *SUMMARY_COLUMNS)
ADVICE_COLUMNS = tuple("advice" if name == "width" else name for name in SUMMARY_COLUMNS)


def judge(
    subject: Subject,
    config: CrystalScoresConfig,
    model: Model,
    *,
    device: str = "auto",
    known: Sequence[Record] = (),
    show: Callable[[Shown], None] = lambda shown: None,
) -> Iterator[list[Record]]:
    """Phase a crystal with every gap, setting and way; the records of a gap at a time.

    `ratio_*` of a record are its errors over those with the gap masked. A retrieval that fails is
    recorded with infinite errors. What is among the `known` records is not done again, all else is
    given to `show`. Raises MissingEngineError without PyNX.
    """
    shape = subject.counts.shape
    for width in config.widths:
        for number in range(config.gaps_per_crystal):
            rng = np.random.default_rng([config.seed, len(subject.name), width, number])
            own = np.random.default_rng([rng.integers(2**32), *subject.name.encode()])
            gaps = place_beside_middle(shape, width, config.distances, config.cross_share, own)
            # All ways start from the same random objects, whichever settings are asked for.
            seeds = {setting: int(own.integers(2**32)) for setting in SETTINGS}
            if gaps:
                place = (subject.name, width, number)
                before = {
                    (record["setting"], record["way"]): record
                    for record in known
                    if (record["crystal"], record["width"], record["number"]) == place
                }
                yield _judge_gap(subject, config, gaps, number, seeds, before, model, device, show)


def _judge_gap(
    subject: Subject,
    config: CrystalScoresConfig,
    gaps: Sequence[Gap],
    number: int,
    seeds: dict[Setting, int],
    before: dict[tuple[str, str], Record],
    model: Model,
    device: str,
    show: Callable[[Shown], None],
) -> list[Record]:
    """The records of all settings and ways, those of `before` as they are."""
    wanted = [(setting, way) for setting in config.settings for way in config.ways]
    if all(one in before for one in wanted):
        return [before[one] for one in wanted]
    n_rock, n_y, n_x = subject.counts.shape
    gap = gap_mask(gaps, (n_rock, n_y, n_x))
    gapped = GappedScan(
        subject.counts,
        gap,
        model,
        device,
        seeds[SETTINGS[0]],
        config.level,
        config.threshold,
        config.release_after,
    )
    seen = expected_benefit(gapped.hidden, gap, gaps)
    common: Record = {
        "crystal": subject.name,
        "width": gaps[0].width,
        "number": number,
        "cross": len(gaps) > 1,
        "distance": min(
            lines_from_peak(one.start, one.stop, subject.counts.shape[one.axis] // 2)
            for one in gaps
        ),
        "flux": float(subject.expectation.max()),
        "fringes": np.nan if seen is None else seen.fringes,
        "counts_beside": np.nan if seen is None else seen.counts_beside,
    }
    shown = {
        setting: Shown(
            f"{subject.name}, {', '.join(map(str, gaps))}",
            gaps[0].width,
            setting,
            subject.expectation,
            gap,
            {},
            {"truth": subject.truth},
        )
        for setting in config.settings
    }
    records = []
    for setting, way in wanted:
        if (setting, way) in before:
            records.append(before[setting, way])
            continue
        scores: Record = {name: np.nan for name in _MEASURED}
        filled = gapped.refinement.fill if way.startswith("refined") else gapped.fill
        scores["pearson_fill"] = pearson_log(subject.expectation, filled.counts, gap)
        try:
            found = _phased(subject, config, setting, way, gapped, seeds[setting])
            own, calculated, aligned = _scores(found, subject, gap)
            scores |= own
            shown[setting].calculated[way] = calculated
            shown[setting].objects[way] = aligned
        except InputError as error:
            scores |= {name: np.inf for name in ERRORS} | {"failed": str(error)}
        records.append(common | {"setting": setting, "way": way} | scores)
    for one in shown.values():
        show(one)
    masked = {record["setting"]: record for record in records if record["way"] == MASKED}
    return [
        {f"ratio_{name}": record[name] / masked[record["setting"]][name] for name in ERRORS}
        | record  # one that was known keeps its own
        for record in records
    ]


def _phased(
    subject: Subject,
    config: CrystalScoresConfig,
    setting: Setting,
    way: str,
    gapped: GappedScan,
    seed: int,
) -> Reconstruction:
    """The best of the starts after handing over in this way."""
    is_known = setting == "known support"
    size = np.abs(subject.truth)
    support = binary_dilation(size > 0.1 * size.max(), iterations=SUPPORT_MARGIN)
    counts, bad_mask, options = gapped.given(way)
    return retrieve_best(
        counts,
        bad_mask,
        np.random.default_rng(seed),
        starts=config.known_starts if is_known else config.starts,
        chain=Schedule(
            hio=config.hio, raar=config.raar, er=config.er, update_every=config.update_every
        ),
        support=support if is_known else None,
        **options,
    )


def _scores(
    found: Reconstruction, subject: Subject, gap: BoolArray
) -> tuple[Record, Float32Array, ComplexArray]:
    """Errors inside the true particle, and how near the calculated intensity is in the gap.

    And that intensity, and the object aligned on the true one.
    """
    size = np.abs(subject.truth)
    inside = size > 0.5 * size.max()
    compared = compare(found.obj, subject.truth, inside)
    spectrum = np.fft.fftn(np.fft.ifftshift(found.obj), norm="ortho")
    calculated = np.fft.fftshift(np.abs(spectrum) ** 2).astype(np.float32)
    scores: Record = {
        "phase_rms_rad": compared.phase_rms_rad,
        "modulus_rms": compared.modulus_rms,
        "gradient_rms": _gradient_rms(compared.aligned, subject.truth, inside),
        "resolution": shell_correlation(compared.aligned, subject.truth),
        "llk_free": found.llk_free,
        "pearson_gap": pearson_log(subject.expectation, calculated, gap),
        "failed": "",
    }
    return scores, calculated, compared.aligned


def _gradient_rms(aligned: ComplexArray, truth: ComplexArray, inside: BoolArray) -> float:
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


def with_default(records: Sequence[Record]) -> list[Record]:
    """The records, and beside them those of the default hand-over, of refined fills too.

    It stands for one of the others in each gap (see `handover.resolve_handover`), whose retrieval
    it has; nothing is added where that is not among them.
    """
    both = [*records]
    for name, refined in DEFAULTS.items():
        way_of: dict[str, str] = {}
        for told in VERDICTS:
            way = resolve_handover(AUTO, told, refined=refined)
            way_of[told] = f"refined {way}" if refined and way != MASKED else way
        if {record["way"] for record in records}.issuperset(way_of.values()):
            both += [r | {"way": name} for r in records if r["way"] == way_of[_told(r)]]
    return both


def _told(record: Record) -> str:
    """What the advice says of a record's gap."""
    return verdict_of(record["width"], record["fringes"], record["counts_beside"])


def summary(records: Sequence[Record], by: Literal["width", "advice"] = "width") -> list[Record]:
    """Medians, quartiles and the worst of the ratios for each setting, width and way.

    Or for each of `advice.VERDICTS` in the place of widths.
    """
    cells: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        part = record["width"] if by == "width" else _told(record)
        cells.setdefault((record["setting"], part, record["way"]), []).append(record)
    order = {part: part for _, part, _ in cells} if by == "width" else _places(VERDICTS)
    ways = _places([*TREATMENTS, *DEFAULTS])
    rows = []
    for (setting, part, way), own in sorted(
        cells.items(), key=lambda cell: (cell[0][0], order[cell[0][1]], ways[cell[0][2]])
    ):
        ratios = np.array([record["ratio_phase_rms_rad"] for record in own])
        low, median, high = np.percentile(ratios, [25, 50, 75])
        row: Record = {"setting": setting, by: part, "way": way, "cases": len(own)}
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


def default_by_flux(records: Sequence[Record]) -> list[Record]:
    """The `summary` of the default hand-overs alone, for crystals up to and above the middle flux.

    `flux` of a row is ``low`` or ``high``.
    """
    own = [record for record in records if record["way"] in DEFAULTS]
    middle = float(np.median([record["flux"] for record in own])) if own else 0.0
    halves = {
        "low": [record for record in own if record["flux"] <= middle],
        "high": [record for record in own if record["flux"] > middle],
    }
    return [{"flux": flux} | row for flux, part in halves.items() for row in summary(part)]


def _places(names: Iterable[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(names)}
