"""The schedule of a phase retrieval: which cycles follow one another, and how strict they are.

Both engines, PyNX and torch, take their cycles and their numbers from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

ALGORITHMS = ("HIO", "RAAR", "ER")
"""In this order: HIO finds the object, RAAR settles it, ER ends in the nearest minimum.

ER, HIO: Fienup, Appl. Opt. 21, 2758 (1982); RAAR: Luke, Inverse Problems 21, 37 (2005)."""
SMALLEST_AMPLITUDE = 1e-12
"""What both engines divide by where the calculated amplitude is smaller; PyNX's own value."""
HALF_WAY = (0.3, 0.1)
"""Standard deviation, of log(1 + counts), with which a cycle goes half of the way to a prior: in
the first cycle, and when HIO and RAAR are done. A strong pull keeps starts from stagnating, a weak
one leaves the end to what was measured. Chosen on a dozen crystals; no committed command."""


@dataclass(frozen=True)
class Stage:
    """Cycles of one algorithm between two updates of the support.

    Attributes
    ----------
    algorithm : one of `ALGORITHMS`.
    cycles : how many.
    begin : cycles of the schedule before it.
    done : part of HIO and RAAR before it, 0 to 1.
    """

    algorithm: str
    cycles: int
    begin: int
    done: float


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The order and the length of the cycles: HIO, then RAAR, then ER.

    Attributes
    ----------
    hio, raar, er : numbers of cycles. Those of PyNX's own command, `pynx-cdi-id01`, in less; chosen
        on simulated crystals, no committed command.
    update_every : cycles between two updates of the support (shrink-wrap).
    support_threshold : the support keeps where the smoothed modulus exceeds this fraction of its
        root mean square in the support. Within what PyNX's commands draw, 0.2 to 0.3.
    hio_threshold : the same in HIO, None for no other; torch only. Where the support of a start is
        too wide, it stays so, and fits what it sees the better: on a measured scan the object that
        fitted best was the farthest from those of the complete counts. A tight one in HIO finds the
        crystal, and a looser one after it gives back the edge.
    smooth_width : width in voxels of that smoothing at the beginning and at the end. PyNX's
        default; PyNX goes from one to the other geometrically, the torch engine linearly, half of
        the way in HIO: there an object grows outside of its support, and as soon as single voxels
        count, so does the support.
    settled : part of RAAR that is done when the support is found, see `settled_part`; torch only.
    widen : voxels by which it is then widened, and stays; torch only. Shrink-wrap cuts the soft
        edge of a crystal, and with it what is far from the peak.
    autocorrelation_threshold : the first support is where the autocorrelation exceeds this
        fraction of its maximum. PyNX's default.
    hio_box : HIO sees the middle half of each axis alone, and at least so many voxels; 0 for the
        whole array. The bright fringes are there, and a cycle costs a fraction; torch only.
    free_fraction : fraction of the voxels set aside for the free log-likelihood; PyNX only.
    beta : feedback of HIO and RAAR, PyNX's default.

    Examples
    --------
    >>> Schedule(hio=10, raar=20, er=5).cycles
    35
    """

    hio: int = 100
    raar: int = 400
    er: int = 150
    update_every: int = 50
    support_threshold: float = 0.25
    hio_threshold: float | None = None
    smooth_width: tuple[float, float] = (2.0, 0.5)
    settled: float = 1.0
    widen: int = 0
    autocorrelation_threshold: float = 0.1
    hio_box: int = 0
    free_fraction: float = 0.02
    beta: float = 0.9

    @property
    def cycles(self) -> int:
        """Cycles of HIO, RAAR and ER together."""
        return self.hio + self.raar + self.er

    @property
    def before_er(self) -> int:
        """Cycles of HIO and RAAR together, in which support and prior change; at least 1."""
        return max(self.hio + self.raar, 1)

    def threshold_in(self, algorithm: str) -> float:
        """The support's threshold where one of `ALGORITHMS` is at work."""
        tight = self.hio_threshold if algorithm == "HIO" else None
        return self.support_threshold if tight is None else tight

    def part_of_raar(self, part: float) -> float:
        """The part of HIO and RAAR that is done when a part of RAAR is.

        >>> Schedule(hio=10, raar=30).part_of_raar(0.5)
        0.625
        """
        return (self.hio + part * self.raar) / self.before_er

    def settled_part(self, n_cycles: int) -> float:
        """How far the support is found after so many cycles, 0 to 1: half in HIO, half in RAAR.

        All of it in one of them where the other has no cycle.

        >>> schedule = Schedule(hio=10, raar=40, settled=0.5)
        >>> [schedule.settled_part(n) for n in (5, 10, 20, 30, 50)]
        [0.25, 0.5, 0.75, 1.0, 1.0]
        """
        lengths = self.hio, self.settled * self.raar
        passed = n_cycles, n_cycles - self.hio
        parts = [min(max(n / all_, 0), 1) for n, all_ in zip(passed, lengths, strict=True) if all_]
        return sum(parts) / len(parts) if parts else 1.0

    def stages(self, *, divided: bool = True) -> Iterator[Stage]:
        """The stages of the schedule, in order; those without a cycle are left out.

        HIO and RAAR are divided every `update_every` cycles, unless nothing changes between them
        (`divided` is False).

        Examples
        --------
        >>> for stage in Schedule(hio=4, raar=6, er=2, update_every=4).stages():
        ...     print(stage.algorithm, stage.cycles, stage.done)
        HIO 4 0.0
        RAAR 4 0.4
        RAAR 2 0.8
        ER 2 1.0
        """
        begin = 0
        for algorithm, cycles in zip(ALGORITHMS, (self.hio, self.raar, self.er), strict=True):
            longest = self.update_every if divided and algorithm != "ER" else cycles
            end = begin + cycles
            while begin < end:
                length = min(longest, end - begin)
                yield Stage(algorithm, length, begin, min(begin / self.before_er, 1.0))
                begin += length


def half_way(done: float) -> float:
    """Standard deviation with which a cycle goes half of the way to a prior.

    It falls geometrically from the first to the last of `HALF_WAY` while `done`, the part of HIO
    and RAAR that is done, goes from 0 to 1.

    Examples
    --------
    >>> half_way(0), round(half_way(0.5), 3), round(half_way(1), 3)
    (0.3, 0.173, 0.1)
    """
    first, last = HALF_WAY
    return float(first * (last / first) ** min(done, 1.0))
