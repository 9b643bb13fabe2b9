"""Runs that lose their support: PyNX tries them again, gives up, and may be silent about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.pynx_engine import import_pynx


class NoticesLosses:
    """A runner's scan that knows whether any of its runs came to an end.

    Attributes
    ----------
    scans : all of the command, for the one who runs it.
    ended : runs that did.
    loss : why the last one that failed did.
    """

    scans: list[NoticesLosses]
    scan: Any
    ended = 0
    loss: Exception | None = None

    def load_data(self) -> None:
        """PyNX's loading of a scan, which is noted."""
        self.scans.append(self)
        super().load_data()  # type: ignore[misc]

    def run(self, file_name: str | None = None, run_n: int = 1) -> None:
        """One try of a run, as PyNX does it."""
        module = import_pynx("cdi")
        try:
            super().run(file_name=file_name, run_n=run_n)  # type: ignore[misc]
        except (module.SupportTooSmall, module.SupportTooLarge) as error:
            self.loss = error
            raise
        self.ended += 1


def check_losses(scans: Sequence[NoticesLosses]) -> None:
    """Refuse to end well where all runs of a scan were lost.

    Raises
    ------
    InputError
        It says which scan, and why its last run was lost.
    """
    for lost in scans:
        if lost.loss is not None and not lost.ended:
            which = "" if lost.scan is None else f" of scan {lost.scan}"
            raise InputError(
                f"every run{which} lost its support ({lost.loss}), expected a particle: give "
                "another --support_threshold or --support_autocorrelation_threshold, or a smaller "
                "--roi"
            )
