"""The moving average of the weights, which is what a training leaves."""

from __future__ import annotations

from torch import Tensor

from bcdi_inpaint.training.engine import WeightAveraging


def decay_at(updates: int, decay: float) -> float:
    """The decay of an average that holds the weights of so many steps.

    It rises to the planned one as that of TensorFlow's `ExponentialMovingAverage` does, for the
    first weights are next to untrained: with 0.98 from the first step on they would be 85 % of the
    average of nine. With 0.99 it is there after 890 steps, with 0.995 after 1790, with 0.999 after
    8990; what is averaged from then on is as without, and of before 1/e is left after 100, 200 and
    1000 steps more.

    Parameters
    ----------
    updates : steps whose weights the average holds.
    decay : that is planned, and not exceeded.

    Examples
    --------
    >>> [round(decay_at(n, 0.98), 3) for n in (1, 10, 100, 440, 10_000)]
    [0.182, 0.55, 0.918, 0.98, 0.98]
    """
    return min(decay, (1 + updates) / (10 + updates))


class MovingAverage(WeightAveraging):
    """The exponential moving average of the weights, in whose place they end.

    Parameters
    ----------
    decay : of the average.
    rises : whether it rises to that, as `decay_at` has it. Not where a training begins with weights
        that are trained: then the first ones are good ones.
    """

    def __init__(self, decay: float, rises: bool = True) -> None:
        def averaged(average: Tensor, weights: Tensor, updates: Tensor | int) -> Tensor:
            now = decay_at(int(updates), decay) if rises else decay
            return now * average + (1 - now) * weights

        super().__init__(avg_fn=averaged)
