"""The command line: its commands, and one line and a status for what goes wrong.

Everything heavy is imported inside the commands.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import click

from bcdi_inpaint.commands.doctor import doctor
from bcdi_inpaint.commands.evaluate import evaluate
from bcdi_inpaint.commands.finetune import finetune
from bcdi_inpaint.commands.phase import phase
from bcdi_inpaint.commands.predict import predict
from bcdi_inpaint.commands.pynx import COMMANDS as PYNX_COMMANDS
from bcdi_inpaint.commands.sections import SectionedGroup
from bcdi_inpaint.commands.simulate import simulate
from bcdi_inpaint.commands.train import train
from bcdi_inpaint.commands.view import view
from bcdi_inpaint.errors import InputError, is_out_of_memory


class _Group(SectionedGroup):
    """A group whose commands answer what a user can mend with one line and status 2."""

    def main(  # type: ignore[override]  # click overloads it by standalone_mode
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line; errors become one line, Ctrl-C status 130."""
        # Torch reads it when it is loaded: threads that wait for one another sleep, and leave the
        # cores to whoever else computes on this machine.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, **extra)
        nothing = "interrupted: nothing was written under its final name"
        pressed: list[int] = []
        try:
            with _ctrl_c_noted(pressed):
                super().main(args, prog_name, complete_var, False, **extra)
            status = 0
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message())
            status = 2
        except click.ClickException as error:
            usage = isinstance(error, click.UsageError)
            help_hint = ": see --help" if usage else ""
            status = _complain(f"{error.format_message().rstrip('.')}{help_hint}", 2)
        except InputError as error:
            status = _complain(str(error), 2)
        except (KeyboardInterrupt, click.Abort) as error:
            status = _complain(str(error) or str(error.__cause__ or nothing) or nothing, 130)
        except BrokenPipeError:
            status = 1
        except Exception as error:
            if is_out_of_memory(error):
                sys.exit(_complain("out of memory, expected room for the scan: crop it", 2))
            # Raised amid somebody's bookkeeping (a lock being taken, a file being closed), Ctrl-C
            # can come out as another error.
            if not pressed:
                raise
            status = _complain(nothing, 130)
        sys.exit(status)


@contextmanager
def _ctrl_c_noted(pressed: list[int]) -> Iterator[None]:
    """Ctrl-C is a KeyboardInterrupt as ever, and leaves its mark in `pressed`.

    Where it is ignored, as in the background of a shell, or answered otherwise, it stays so.
    """

    def note(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        signal.default_int_handler(number, frame)

    own_thread = threading.current_thread() is threading.main_thread()  # others may set no handler
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler or not own_thread:
        yield
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _complain(message: str, status: int) -> int:
    click.echo(f"bcdi-inpaint: {' '.join(message.split())}", err=True)
    return status


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bcdi-inpaint")
def main() -> None:
    """Fill detector gaps in Bragg coherent diffraction scans.

    \b
    bcdi-inpaint predict scan.cxi       fills a scan
    bcdi-inpaint COMMAND --help         says what a command does, with an example
    """


main.add_sections(
    {
        "Fill": (predict,),
        "Phase": (phase, *PYNX_COMMANDS),
        "Look": (view,),
        "Simulate": (simulate,),
        "Train": (finetune, train),
        "Judge": (evaluate,),
        "Installation": (doctor,),
    }
)
