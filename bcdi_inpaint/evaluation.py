"""How near fills come to the truth: every method, in gaps of every kind and width.

Simulated patterns are judged with their counts as the truth, and with the noise-free expectation
as the ceiling that no method beats on average. Measured scans get artificial gaps where they have
none. All that is random comes from the configuration's seed.
"""

from __future__ import annotations

import math
import os
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bcdi_inpaint.baselines import METHODS
from bcdi_inpaint.errors import InputError, one_line
from bcdi_inpaint.files import read_scan
from bcdi_inpaint.gaps import Gap, gap_mask
from bcdi_inpaint.inpainting import Fill, inpaint
from bcdi_inpaint.pattern_file import n_patterns, read_pattern
from bcdi_inpaint.plots import brightest_voxel
from bcdi_inpaint.ranks import predicted_ranks
from bcdi_inpaint.scores import ceiling_share, pearson_log, score
from bcdi_inpaint.weights import Model

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
Kind = Literal["row", "column", "cross", "off_centre", "shoulder"]
KINDS: tuple[Kind, ...] = ("row", "column", "cross", "off_centre", "shoulder")
NETWORK = "network"
CEILING = "ceiling"
SIMULATED = "simulated"
LEVELS = (68, 95)  # per cent, of the intervals whose coverage is counted

CLEAR = 4
"""Known lines that an artificial gap leaves on each side, at least."""
_DISTANCE = {"row": (4, 12), "column": (4, 12), "cross": (4, 12), "shoulder": (0, 2)}
"""Lines between the Bragg peak and the gap's nearer edge, by kind: lowest and highest."""
_OFF_CENTRE = (0.2, 0.35)
"""The same for `off_centre`, as a part of the array's length."""


# --- configuration -------------------------------------------------------------------------------


class ScanConfig(BaseModel):
    """A measured scan to judge on; line ranges are half-open, (first, last) with None for the end.

    Attributes
    ----------
    file : in the folder of measured scans; whatever `files.read_scan` reads.
    mask_key : a further mask, an array of an ``.npz`` file: non-zero = bad.
    frames, rows, columns : the part without gaps.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    file: str = Field(min_length=1)
    mask_key: str | None = None
    frames: tuple[int | None, int | None] = (None, None)
    rows: tuple[int | None, int | None] = (None, None)
    columns: tuple[int | None, int | None] = (None, None)


MEASURED = (
    ScanConfig(
        name="S1398",
        file="S1398_counts_mask.npz",
        frames=(1, None),
        rows=(126, 254),
        columns=(67, 195),
    ),
    ScanConfig(name="ft_crop_64", file="ft_crop_64_counts.npz", mask_key="zeroed_alien_block"),
)


class PublishedConfig(BaseModel):
    """The protocol of Masto et al., J. Appl. Cryst. 57, 966 (2024).

    Attributes
    ----------
    patches : cubes cut at random places, each with a gap in its middle.
    size : of the cubes, in voxels.
    bins : of the logarithm of a cube's mean counts, over which the mean is taken.
    bright : counts in the brightest voxel from which on a simulated pattern takes part.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    patches: int = Field(1000, ge=1)
    size: int = Field(32, ge=16)
    widths: tuple[int, ...] = (3, 6, 9, 12)
    bins: int = Field(20, ge=1)
    bright: float = Field(1e6, gt=0)


class EvaluationConfig(BaseModel):
    """What is judged, on what, and where the gaps lie. Unknown keys are errors.

    Attributes
    ----------
    seed : of the gaps' places and of everything else that is random.
    model : weights of the network, ``default`` or a file.
    methods : names of `baselines.METHODS`, and ``network``.
    widths : of the gaps, in voxels.
    kinds : where the gaps lie, see `KINDS`.
    kinds_per_pattern : how many of the kinds a simulated pattern gets at each width, by turns.
    held_out : recipe of the simulated patterns, checked where patterns are made; empty for none.
    measured : scans to judge on, where they are.
    placements : gaps of each kind and width on a measured scan.
    resamples : of the bootstrap behind the confidence intervals.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("evaluation", pattern=r"^\w[\w.-]*$")
    seed: int = Field(1, ge=0)
    model: str = "default"
    methods: tuple[str, ...] = (*METHODS, NETWORK)
    widths: tuple[int, ...] = (3, 6, 9, 12, 24, 38)
    kinds: tuple[Kind, ...] = KINDS
    kinds_per_pattern: int = Field(len(KINDS), ge=1)
    held_out: dict[str, Any] = {"count": 24, "seed": 13, "particles": 12}
    measured: tuple[ScanConfig, ...] = MEASURED
    placements: int = Field(3, ge=1)
    resamples: int = Field(1000, ge=1)
    published: PublishedConfig = PublishedConfig()

    @field_validator("methods")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        valid = (*METHODS, NETWORK)
        for name in names:
            if name not in valid:
                raise ValueError(f"{name!r} is no method, expected some of {', '.join(valid)}")
        if not names or len(set(names)) < len(names):
            raise ValueError("expected at least one method, and each once")
        return names

    @field_validator("widths", "kinds")
    @classmethod
    def _some(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        if not values or len(set(values)) < len(values):
            raise ValueError("expected at least one, and each once")
        if any(isinstance(value, int) and value < 1 for value in values):
            raise ValueError("expected widths of at least 1 voxel")
        return values

    @field_validator("published")
    @classmethod
    def _fits(cls, published: PublishedConfig) -> PublishedConfig:
        for width in published.widths:
            if not 1 <= width <= published.size - 2 * CLEAR:
                raise ValueError(
                    f"width {width} does not fit, expected 1 to {published.size - 2 * CLEAR} in "
                    f"a cube of {published.size}"
                )
        return published


def as_config(values: Any, where: str) -> EvaluationConfig:
    """A configuration of plain values; one line (InputError) if they make none."""
    try:
        return EvaluationConfig.model_validate(values)
    except ValidationError as error:
        raise one_line(error, where) from error


# --- what is judged on ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Subject:
    """One scan whose counts are known everywhere; arrays (n_rock, n_y, n_x).

    Attributes
    ----------
    group : what scores are averaged over: ``simulated``, or the name of a measured scan.
    index : its number in the group.
    cluster : what varies independently: the particle, of which there may be several patterns.
    bad : True = invalid, not judged.
    expectation : noise-free expected counts, None where measured.
    """

    group: str
    index: int
    cluster: str
    counts: FloatArray
    bad: BoolArray
    expectation: FloatArray | None = None

    @property
    def brightest(self) -> float:
        """Counts of the brightest voxel, expected ones where they are known."""
        if self.expectation is not None:
            return float(self.expectation.max())
        return float(np.where(self.bad, 0, self.counts).max())


def simulated(path: Path, rows: Sequence[int] | None = None) -> Iterator[Subject]:
    """The patterns of a file, or some of its rows; InputError for what is no file of 3D ones."""
    for row in range(n_patterns(path)) if rows is None else rows:
        stored = read_pattern(path, row)
        if stored.counts.ndim != 3:
            raise InputError(
                f"{path} holds patterns of shape {stored.counts.shape}, expected 3 axes: give 3D "
                "patterns"
            )
        own = f"pattern {stored.index}"
        yield Subject(
            SIMULATED,
            row,
            own if stored.particle is None else f"particle {stored.particle}",
            stored.counts.astype(np.float32),
            stored.bad,
            stored.expectation,
        )


def measured_folder() -> Path:
    """Where measured scans are looked for: ``BCDI_INPAINT_DATA``, else beside the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("BCDI_INPAINT_DATA", beside))


def measured(scans: Sequence[ScanConfig], folder: Path) -> Iterator[Subject]:
    """Those of the scans whose files are in the folder; InputError for one that is damaged."""
    for scan in scans:
        path = folder / scan.file
        if path.exists():
            yield _measured(scan, path)


def _measured(scan: ScanConfig, path: Path) -> Subject:
    read = read_scan(path)
    bad = read.bad_mask
    if scan.mask_key is not None:
        with np.load(path, allow_pickle=False) as file:
            further = file.get(scan.mask_key)
        if further is None or further.shape != bad.shape:
            raise InputError(
                f"{path} holds no array {scan.mask_key!r} of the counts' shape {bad.shape}, "
                "expected one: mend mask_key"
            )
        bad = bad | (further != 0)
    part = tuple(slice(*lines) for lines in (scan.frames, scan.rows, scan.columns))
    counts = read.counts[part].astype(np.float32)
    if not counts.size:
        raise InputError(f"{scan.name}: frames, rows and columns leave nothing, expected a part")
    return Subject(scan.name, 0, scan.name, counts, bad[part])


@dataclass(frozen=True)
class Case:
    """One gap on one subject; `gap` is (n_rock, n_y, n_x), True = hidden from the methods."""

    subject: Subject
    kind: Kind
    width: int
    placement: int
    gap: BoolArray

    @property
    def cluster(self) -> str:
        """The particle; on a measured scan the gap, as there is one crystal only."""
        if self.subject.expectation is not None:
            return self.subject.cluster
        return f"{self.kind} {self.placement}"


def cases(subject: Subject, config: EvaluationConfig) -> tuple[list[Case], list[str]]:
    """The gaps of a subject, and a line for each width of which some find no place on it."""
    shape = _three(subject.counts.shape)
    peak = brightest_voxel(np.where(subject.bad, 0, subject.counts))
    n_placements = config.placements if subject.expectation is None else 1
    found: list[Case] = []
    remarks: list[str] = []
    for width in config.widths:
        missing: list[str] = []
        for kind, placement in product(_kinds_of(subject, config, width), range(n_placements)):
            rng = _generator(config.seed, subject, kind, width, placement)
            gaps = place(kind, width, shape, peak, rng)
            if gaps:
                found.append(Case(subject, kind, width, placement, gap_mask(gaps, shape)))
            else:
                missing.append(kind)
        if missing:
            remarks.append(
                f"{subject.group} {subject.index}: a gap of {width} does not fit beside the peak "
                f"in {shape}, left out ({', '.join(dict.fromkeys(missing))})"
            )
    return found, remarks


def _kinds_of(subject: Subject, config: EvaluationConfig, width: int) -> list[Kind]:
    """The kinds a subject gets at a width: all, or as many as the configuration says, by turns."""
    n = len(config.kinds)
    if subject.expectation is None or config.kinds_per_pattern >= n:
        return list(config.kinds)
    first = subject.index * config.kinds_per_pattern + config.widths.index(width)
    return [config.kinds[(first + turn) % n] for turn in range(config.kinds_per_pattern)]


def _generator(
    seed: int, subject: Subject, kind: str, width: int, placement: int
) -> np.random.Generator:
    """A stream of its own for each case, whatever else is judged."""
    text = f"{subject.group} {kind}".encode()
    return np.random.default_rng([seed, zlib.crc32(text), subject.index, width, placement])


def place(
    kind: Kind,
    width: int,
    shape: tuple[int, ...],
    peak: tuple[int, ...],
    rng: np.random.Generator,
) -> tuple[Gap, ...]:
    """The planes of a gap of a kind beside the Bragg peak; none where they do not fit.

    ``row``, ``column`` and ``cross`` (both) begin 4 to 12 voxels from the peak, ``shoulder`` (rows
    or columns) 0 to 2, ``off_centre`` (rows or columns) a fifth to a third of the array; nearer
    where there is no room. At least `CLEAR` lines stay known on both sides.
    """
    axes = {"row": (1,), "column": (2,), "cross": (1, 2)}.get(kind)
    if axes is None:
        axes = (int(rng.integers(1, 3)),)
    gaps = []
    for axis in axes:
        n = shape[axis]
        low, high = _DISTANCE.get(kind) or tuple(round(part * n) for part in _OFF_CENTRE)
        distance, above = int(rng.integers(low, high + 1)), bool(rng.random() < 0.5)
        start = _start(n, peak[axis], width, distance, above)
        if start is None:
            return ()
        gaps.append(Gap(axis, start, start + width))
    return tuple(gaps)


def _start(n: int, peak: int, width: int, distance: int, above: bool) -> int | None:
    """First line of a gap of `width` at a distance from the peak; None where it does not fit."""
    room_above = n - CLEAR - width - (peak + 1)  # the largest distance there
    room_below = peak - width - CLEAR
    if (room_above if above else room_below) < 0:
        above = not above
    room = room_above if above else room_below
    if room < 0:
        return None
    distance = min(distance, room)
    return peak + 1 + distance if above else peak - distance - width


def _three(shape: tuple[int, ...]) -> tuple[int, int, int]:
    n_rock, n_y, n_x = shape
    return n_rock, n_y, n_x


# --- the methods ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Guess:
    """What a method makes of a gap; arrays (n_rock, n_y, n_x).

    `interval(level)` gives the bounds of the expected counts, where the method knows its own error.
    """

    counts: FloatArray
    filled: BoolArray
    interval: Callable[[float], tuple[np.ndarray, np.ndarray]] | None = None


Filler = Callable[[np.ndarray, BoolArray, BoolArray], Guess]
"""``f(counts, gap_mask, bad_mask)``: the counts are 0 where unknown."""


def fillers(names: Sequence[str], model: Model | None, device: str = "auto") -> dict[str, Filler]:
    """The methods of these names; `model` is the network's, needed where it is among them."""
    found: dict[str, Filler] = {}
    for name in names:
        if name != NETWORK:
            found[name] = _classical(name)
        elif model is not None:
            found[name] = _network(model, device)
    return found


def _classical(name: str) -> Filler:
    def fill(counts: np.ndarray, gap: BoolArray, bad: BoolArray) -> Guess:
        return Guess(METHODS[name](counts, gap | bad, gap), gap)

    return fill


def _network(model: Model, device: str) -> Filler:
    def fill(counts: np.ndarray, gap: BoolArray, bad: BoolArray) -> Guess:
        return _guess(inpaint(counts, gap, model, device, bad_mask=bad))

    return fill


def _guess(fill: Fill) -> Guess:
    knows_error = getattr(fill, "sigma", None) is not None
    return Guess(fill.counts, fill.filled, getattr(fill, "interval", None) if knows_error else None)


# --- judging -------------------------------------------------------------------------------------

Record = dict[str, Any]
"""One method in one case: where it is, and its scores; a column of `CASE_COLUMNS` each."""

SCORES = ("pearson_log", "mae_log", "accuracy", "ssim", "poisson_deviance")
INSIDE = tuple(f"inside_{level}" for level in LEVELS)
CASE_COLUMNS = (
    "scan",
    "index",
    "cluster",
    "kind",
    "width",
    "placement",
    "method",
    "judged",
    "mean_counts",
    "brightest",
    *SCORES,
    *INSIDE,
)


def judge(case: Case, methods: Mapping[str, Filler], seed: int) -> tuple[list[Record], View]:
    """The scores of every method in one gap, where all of them filled it, and a picture of them.

    `judged` is the part of the gap's valid voxels that was scored. Where the expectation is known
    it is judged too, as the method ``ceiling``. InputError where a method fills nothing.
    """
    subject = case.subject
    hidden = np.where(case.gap | subject.bad, 0, subject.counts)
    guesses = {name: fill(hidden, case.gap, subject.bad) for name, fill in methods.items()}
    valid = case.gap & ~subject.bad
    where = valid.copy()
    for guess in guesses.values():
        where &= guess.filled
    if not where.any():
        raise InputError("no voxel is valid and filled by all methods, expected some")
    common: Record = {
        "scan": subject.group,
        "index": subject.index,
        "cluster": case.cluster,
        "kind": case.kind,
        "width": case.width,
        "placement": case.placement,
        "judged": float(where.sum() / valid.sum()),
        "mean_counts": float(subject.counts[where].mean(dtype=np.float64)),
        "brightest": subject.brightest,
    }
    if subject.expectation is not None:
        guesses[CEILING] = Guess(subject.expectation, case.gap)
    records = []
    for name, guess in guesses.items():
        rng = _generator(seed, subject, f"{case.kind} {name}", case.width, case.placement)
        own = _scores(subject, guess, where) | _coverage(subject, guess, where, rng)
        records.append(common | {"method": name} | own)
    return records, _view(case, guesses)


@dataclass(frozen=True)
class View:
    """One frame of a case, the one with the most light in the gap, for pictures.

    `images` are (n_y, n_x) counts, NaN where unknown: the truth, and what each method made of it;
    `gap` is a mask.
    """

    group: str
    kind: Kind
    width: int
    frame: int
    gap: BoolArray
    images: dict[str, FloatArray]


def _view(case: Case, guesses: Mapping[str, Guess]) -> View:
    subject = case.subject
    light = np.where(case.gap & ~subject.bad, _within(subject.counts), 0)
    frame = int(light.sum(axis=(1, 2), dtype=np.float64).argmax())
    gap, bad = case.gap[frame], subject.bad[frame]
    images = {"counts": np.where(bad, np.nan, subject.counts[frame]).astype(np.float32)}
    for name, guess in guesses.items():
        unknown = np.where(gap, ~guess.filled[frame], bad & (name != CEILING))
        images[name] = np.where(unknown, np.nan, guess.counts[frame]).astype(np.float32)
    return View(subject.group, case.kind, case.width, frame, gap.copy(), images)


def _scores(subject: Subject, guess: Guess, where: BoolArray) -> Record:
    counts = _within(subject.counts)
    found = score(counts, guess.counts, where)
    values = {name: getattr(found, name) for name in SCORES}
    if math.isnan(values["pearson_log"]) and np.ptp(counts[where]) > 0:
        values["pearson_log"] = 0.0  # a constant fill says nothing about what varies
    return values


def _within(counts: FloatArray) -> FloatArray:
    """Counts without the marks of bad pixels: they are not scored, but scale the SSIM."""
    return np.nan_to_num(np.clip(counts, 0, None), nan=0.0, posinf=0.0)


def _coverage(subject: Subject, guess: Guess, where: BoolArray, rng: np.random.Generator) -> Record:
    """The share of truths inside each of `LEVELS`; nan for a method that gives no interval."""
    if guess.interval is None:
        return dict.fromkeys(INSIDE, math.nan)
    if subject.expectation is not None:
        shares = [_inside(subject.expectation, guess.interval(p / 100), where) for p in LEVELS]
    else:
        ranks = predicted_ranks(subject.counts, guess.interval, where, rng)  # (n,)
        shares = [float((np.abs(2 * ranks - 1) <= p / 100).mean()) for p in LEVELS]
    return dict(zip(INSIDE, shares, strict=True))


def _inside(truth: np.ndarray, bounds: tuple[np.ndarray, np.ndarray], where: BoolArray) -> float:
    low, high = bounds
    return float(((low <= truth) & (truth <= high))[where].mean())


@dataclass(frozen=True)
class Outcome:
    """All that was judged: a record for each case and method, remarks, and views for pictures."""

    records: list[Record]
    remarks: list[str]
    views: list[View]


def judge_all(
    subjects: Iterator[Subject],
    config: EvaluationConfig,
    methods: Mapping[str, Filler],
    *,
    minutes: float | None = None,
    progress: Callable[[Subject], None] | None = None,
) -> Outcome:
    """Judge the methods in every gap of every subject.

    Where time runs out (`minutes`) a subject that is begun is finished, and a remark says so. The
    view of the first gap of each width is kept, of the first subject of a group.
    """
    outcome = Outcome([], [], [])
    began = time.monotonic()
    pictured: set[tuple[str, int]] = set()
    for n_done, subject in enumerate(subjects):
        if minutes is not None and n_done and time.monotonic() - began > 60 * minutes:
            outcome.remarks.append(
                f"time was up after {n_done} patterns and scans ({minutes:g} minutes): the rest "
                "was not judged"
            )
            break
        found, missing = cases(subject, config)
        outcome.remarks.extend(missing)
        for case in found:
            try:
                records, view = judge(case, methods, config.seed)
            except InputError as error:
                outcome.remarks.append(
                    f"{subject.group} {subject.index}: a gap of {case.width} ({case.kind}) was "
                    f"left out: {error}"
                )
                continue
            outcome.records.extend(records)
            if (subject.group, case.width) not in pictured:
                pictured.add((subject.group, case.width))
                outcome.views.append(view)
        if progress is not None:
            progress(subject)
    return outcome


# --- averages ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Interval:
    """A mean and its 95 % confidence interval; nan where there is none."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        if math.isnan(self.mean):
            return ""
        if math.isnan(self.low):
            return f"{self.mean:.3g}"
        return f"{self.mean:.3g} [{self.low:.3g}, {self.high:.3g}]"


class Bootstrap:
    """Means over cases, and over resamples of their clusters: cases of one particle go together.

    Each resample draws as many clusters as there are, with replacement (Efron and Tibshirani, An
    Introduction to the Bootstrap, 1993); the interval spans 2.5 to 97.5 % of them.
    """

    def __init__(self, clusters: Sequence[str], resamples: int, seed: int) -> None:
        names, self._cluster = np.unique(np.asarray(clusters), return_inverse=True)
        self.n_clusters = len(names)
        rng = np.random.default_rng([seed, self.n_clusters])
        drawn = rng.multinomial(
            self.n_clusters, np.full(self.n_clusters, 1 / self.n_clusters), resamples
        )
        # The first row is the data as they are.
        self._weights = np.vstack([np.ones(self.n_clusters), drawn])  # (1 + resamples, n_clusters)

    def means(self, values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """(1 + resamples,) mean of the values that are not nan: of the data, and resampled."""
        given = np.asarray(values, dtype=np.float64)
        known = ~np.isnan(given)
        total = np.bincount(self._cluster, np.where(known, given, 0), self.n_clusters)
        number = np.bincount(self._cluster, known, self.n_clusters)
        totals, numbers = self._weights @ total, self._weights @ number
        return np.divide(totals, numbers, out=np.full(totals.shape, np.nan), where=numbers > 0)

    def interval(self, means: NDArray[np.float64]) -> Interval:
        """The interval of `means`, or of anything computed from several."""
        resampled = means[1:][np.isfinite(means[1:])]
        if self.n_clusters < 2 or not resampled.size:
            return Interval(float(means[0]), math.nan, math.nan)
        low, high = np.percentile(resampled, [2.5, 97.5])
        return Interval(float(means[0]), float(low), float(high))


ALL = "all"


def summary(records: Sequence[Record], config: EvaluationConfig) -> list[Record]:
    """Means with confidence intervals for each scan, kind (and all kinds), width and method.

    `of_the_way` is the share of the way from linear interpolation to the ceiling, in Pearson; it
    needs both among the methods.
    """
    rows = []
    for scan in _distinct(records, "scan"):
        own = [record for record in records if record["scan"] == scan]
        for kind in (ALL, *config.kinds):
            for width in config.widths:
                cell = [
                    record
                    for record in own
                    if record["width"] == width and kind in (ALL, record["kind"])
                ]
                rows += _summary_of_cell(cell, scan, kind, width, config)
    return rows


def _summary_of_cell(
    cell: Sequence[Record], scan: str, kind: str, width: int, config: EvaluationConfig
) -> list[Record]:
    """A row for each method; all have the same cases."""
    rows = []
    pearson = {
        method: [r["pearson_log"] for r in cell if r["method"] == method]
        for method in _distinct(cell, "method")
    }
    for method in pearson:
        own = [record for record in cell if record["method"] == method]
        bootstrap = Bootstrap([r["cluster"] for r in own], config.resamples, config.seed)
        row: Record = {
            "scan": scan,
            "kind": kind,
            "width": width,
            "method": method,
            "cases": len(own),
            "clusters": bootstrap.n_clusters,
            "judged": float(np.mean([r["judged"] for r in own])),
        }
        for name in (*SCORES, *INSIDE):
            row[name] = bootstrap.interval(bootstrap.means([r[name] for r in own]))
        row["of_the_way"] = _of_the_way(bootstrap, pearson, method)
        rows.append(row)
    return rows


def _of_the_way(
    bootstrap: Bootstrap, pearson: Mapping[str, Sequence[float]], method: str
) -> Interval:
    if "linear" not in pearson or CEILING not in pearson:
        return Interval(math.nan, math.nan, math.nan)
    means = [bootstrap.means(pearson[name]) for name in (method, "linear", CEILING)]
    shares = [ceiling_share(*(float(v) for v in triple)) for triple in zip(*means, strict=True)]
    return bootstrap.interval(np.array(shares))


def coverage_by_flux(records: Sequence[Record], config: EvaluationConfig) -> list[Record]:
    """Coverage of the intervals for each scan, width and decade of the brightest voxel."""
    known = [record for record in records if not math.isnan(record[INSIDE[0]])]
    cells: dict[tuple[Any, ...], list[Record]] = {}
    for record in known:
        decade = math.floor(math.log10(max(record["brightest"], 1.0)))
        key = (record["scan"], record["width"], decade, record["method"])
        cells.setdefault(key, []).append(record)
    rows = []
    for (scan, width, decade, method), own in sorted(cells.items()):
        bootstrap = Bootstrap([r["cluster"] for r in own], config.resamples, config.seed)
        row = {"scan": scan, "width": width, "brightest": f"1e{decade} to 1e{decade + 1}"}
        row |= {"method": method, "cases": len(own)}
        row |= {
            name: bootstrap.interval(bootstrap.means([r[name] for r in own])) for name in INSIDE
        }
        rows.append(row)
    return rows


def _distinct(records: Sequence[Record], column: str) -> list[Any]:
    return list(dict.fromkeys(record[column] for record in records))


# --- the published protocol ----------------------------------------------------------------------

CUBE_COLUMNS = ("scan", "cube", "cluster", "width", "method", "mean_counts", "pearson_log")


def bright_rows(path: Path, bright: float) -> list[int]:
    """Places in a pattern file of the 3D patterns whose brightest voxel expects that much."""
    return [i for i, subject in enumerate(simulated(path)) if subject.brightest >= bright]


def judge_cubes(
    subjects: Iterator[Subject],
    n_subjects: int,
    config: EvaluationConfig,
    methods: Mapping[str, Filler],
    *,
    minutes: float | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[list[Record], list[str]]:
    """Pearson correlation in the middle gap of random cubes: a record for each, width and method.

    Every one of the subjects, which are of one group, gives as many cubes; each is filled from
    what it shows alone. The gap is one of rows or of columns. A cube with more than a tenth of bad
    voxels, or with equal counts throughout its gap, is drawn again. Lines tell what went wrong.
    """
    began = time.monotonic()
    records: list[Record] = []
    for turn, subject in enumerate(subjects):
        rng = _generator(config.seed, subject, "cubes", 0, 0)
        wanted = len(range(turn, config.published.patches, n_subjects))
        for number in range(wanted):
            if minutes is not None and records and time.monotonic() - began > 60 * minutes:
                return records, [f"{subject.group}: time was up after {minutes:g} minutes"]
            drawn = _draw_cube(subject, config.published, rng)
            if drawn is None:
                return records, [
                    f"{subject.group} {subject.index}: no cube of {config.published.size} voxels "
                    "with valid, differing counts was found"
                ]
            for width in config.published.widths:
                records += _judge_cube(subject, *drawn, width, methods, number)
            if progress is not None:
                progress(1)
    return records, []


def _middle(size: int, width: int, axis: int) -> BoolArray:
    """The gap in the middle of a cube."""
    start = (size - width) // 2
    return gap_mask([Gap(axis, start, start + width)], (size, size, size))


def _draw_cube(
    subject: Subject, published: PublishedConfig, rng: np.random.Generator
) -> tuple[tuple[slice, ...], int] | None:
    """Where a cube lies, and across which axis its gap; None where a thousand draws find none."""
    size = published.size
    if min(subject.counts.shape) < size:
        return None
    narrow = min(published.widths)
    for _ in range(1000):
        corner = [int(rng.integers(n - size + 1)) for n in subject.counts.shape]
        axis = int(rng.integers(1, 3))
        box = tuple(slice(first, first + size) for first in corner)
        bad = subject.bad[box]
        inside = subject.counts[box][_middle(size, narrow, axis) & ~bad]
        if bad.mean() <= 0.1 and inside.size and np.ptp(inside) > 0:
            return box, axis
    return None


def _judge_cube(
    subject: Subject,
    box: tuple[slice, ...],
    axis: int,
    width: int,
    methods: Mapping[str, Filler],
    number: int,
) -> list[Record]:
    counts, bad = subject.counts[box], subject.bad[box]
    gap = _middle(counts.shape[0], width, axis)
    hidden = np.where(gap | bad, 0, counts)
    if not hidden.any():
        fills = {name: np.zeros_like(counts) for name in methods}  # nothing can be expected
    else:
        fills = {name: fill(hidden, gap, bad).counts for name, fill in methods.items()}
    if subject.expectation is not None:
        fills[CEILING] = subject.expectation[box]
    records = []
    for name, fill in fills.items():
        found = pearson_log(_within(counts), fill, gap & ~bad)
        records.append(
            {
                "scan": subject.group,
                "cube": f"{subject.index}.{number}",
                "cluster": subject.cluster if subject.expectation is not None else str(number),
                "width": width,
                "method": name,
                "mean_counts": float(counts[~bad].mean(dtype=np.float64)),
                "pearson_log": 0.0 if math.isnan(found) else found,
            }
        )
    return records


def summary_of_cubes(records: Sequence[Record], config: EvaluationConfig) -> list[Record]:
    """The mean over bins of the logarithm of a cube's mean counts, for each scan, width, method."""
    rows = []
    for scan in _distinct(records, "scan"):
        own = [record for record in records if record["scan"] == scan]
        light = np.log10([record["mean_counts"] for record in own])
        edges = np.linspace(light.min(), light.max(), config.published.bins + 1)[1:-1]
        for width in config.published.widths:
            for method in _distinct(own, "method"):
                cell = [r for r in own if r["width"] == width and r["method"] == method]
                rows.append(_summary_of_cubes(cell, edges, config))
    return rows


def _summary_of_cubes(
    cell: Sequence[Record], edges: NDArray[np.float64], config: EvaluationConfig
) -> Record:
    bootstrap = Bootstrap([r["cluster"] for r in cell], config.resamples, config.seed)
    pearson = np.array([r["pearson_log"] for r in cell])
    bins = np.digitize(np.log10([r["mean_counts"] for r in cell]), edges)  # (n,)
    means = np.array(
        [bootstrap.means(np.where(bins == number, pearson, np.nan)) for number in np.unique(bins)]
    )  # (n_bins, 1 + resamples)
    known = ~np.isnan(means)
    averaged = np.where(known, means, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return {
        "scan": cell[0]["scan"],
        "width": cell[0]["width"],
        "method": cell[0]["method"],
        "cubes": len(cell),
        "bins": len(means),
        "pearson_log": bootstrap.interval(averaged),
        "unbinned": bootstrap.interval(bootstrap.means(pearson)),
    }
