"""A long computation that ends early with the best so far: after Ctrl-C, or as somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class EarlyEnd:
    """Whether a computation is to end soon with what it has.

    Ctrl-C is a `KeyboardInterrupt` wherever it strikes; who asks for an end is looked for between
    steps, by `look`. What can be done without stands in ``with keeping():``, where either ends that
    part and nothing else. From then on every `look` ends the part it is in. A Ctrl-C outside such
    parts, a second one say, is passed on.

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
