"""Reading beside the window, which stays alive meanwhile; only the last wish counts."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

from silx.gui import qt

from bcdi_inpaint.errors import InputError, brief
from bcdi_inpaint.jobs.shown import Stopped

Read = Callable[[Callable[[], bool]], Any]


class Reader(qt.QObject):
    """One thread that reads; of several wishes of one owner only the last is answered."""

    came = qt.Signal()

    def __init__(self, parent: qt.QObject) -> None:
        super().__init__(parent)
        self._thread = ThreadPoolExecutor(1)
        self._newest: dict[str, object] = {}
        self._answers: dict[object, Callable[[Any], None]] = {}
        self._read_already: SimpleQueue[tuple[object, Any, str]] = SimpleQueue()
        self.failed: Callable[[str], None] = print
        self.came.connect(self._answer)

    @property
    def is_busy(self) -> bool:
        """Whether something is still to come."""
        return bool(self._answers)

    def ask(self, owner: str, read: Read, answer: Callable[[Any], None]) -> None:
        """Read something and hand it over, unless the owner asks for something else meanwhile.

        Parameters
        ----------
        owner : who asks.
        read : called in the thread, with a function that says whether it is still wanted.
        answer : called in the window's thread with what was read.
        """
        self._answers.pop(self._newest.get(owner), None)
        ticket = self._newest[owner] = object()
        self._answers[ticket] = answer
        self._thread.submit(self._read, owner, ticket, read)

    def close(self) -> None:
        """End the thread."""
        self._newest.clear()
        self._answers.clear()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _read(self, owner: str, ticket: object, read: Read) -> None:
        def is_wanted() -> bool:
            return self._newest.get(owner) is ticket

        if not is_wanted():
            return
        try:
            self._hand_over(ticket, read(is_wanted))
        except Stopped:
            return
        except (InputError, OSError, MemoryError, ValueError) as error:
            said = "out of memory" if isinstance(error, MemoryError) else brief(error)
            self._hand_over(ticket, None, said)

    def _hand_over(self, ticket: object, found: Any, said: str = "") -> None:
        """No objects through Qt's signals between threads: it counts their owners wrongly."""
        self._read_already.put((ticket, found, said))
        self.came.emit()

    def _answer(self) -> None:
        ticket, found, said = self._read_already.get()
        answer = self._answers.pop(ticket, None)
        if answer is None:
            return
        if said:
            self.failed(said)
        else:
            answer(found)
