"""A long computation that ends early with the best so far: after Ctrl-C, or as somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")


@dataclass
class EarlyEnd:
    """Whether a computation is to end soon with what it has.

    Ctrl-C is a `KeyboardInterrupt` wherever it strikes; who asks for an end is looked for between
    steps, by `look`. What can be done without stands in ``with keeping():``, where either ends that
    part and nothing else. From then on every `look` ends the part it is in. What cannot be done
    without is computed by `insisting`. A Ctrl-C outside of both, or a second one, is passed on.

    Attributes
    ----------
    asked : whether somebody asks for the end, a button for example.
    came : whether the end came.

    Examples
    --------
    >>> end, done = EarlyEnd(asked=lambda: len(done) == 3), []
    >>> for number in range(2):
    ...     with end.keeping():
    ...         for step in range(100):
    ...             end.look()
    ...             done.append(step)
    >>> done, end.came
    ([0, 1, 2], True)
    """

    asked: Callable[[], bool] = lambda: False
    came: bool = False

    def look(self) -> None:
        """Raise KeyboardInterrupt if the end came or somebody asks for it."""
        if self.came or self.asked():
            raise KeyboardInterrupt

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """A part that the end may cut short: what it has done until then stays."""
        try:
            yield
        except KeyboardInterrupt:
            self.came = True

    def insisting(self, compute: Callable[[], Result]) -> Result:
        """What `compute` returns, which is called anew where the first Ctrl-C cuts it short.

        Its parts that are kept end at their first `look` then. A second Ctrl-C is passed on.
        """
        try:
            return compute()
        except KeyboardInterrupt:
            if self.came:
                raise
            self.came = True
        return compute()
