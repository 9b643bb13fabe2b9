"""The command line of PyNX's runners: read by PyNX, refused in one line, with what users chose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from bcdi_inpaint.errors import InputError, brief
from bcdi_inpaint.files import split_spec
from bcdi_inpaint.files.faults import check_readable
from bcdi_inpaint.jobs.knowledge_of_data import (
    BACKGROUND_HELP,
    DENSITY_HELP,
    START_HELP,
    STARTS,
    take_psf_choice,
)

BOTH_FACTORS = "--confidence_interval_factor_mask"
"""An option of PyNX before 2024 with two values; today each of them has an option."""

TUPLE_PART = re.compile(r"^\(?([-+.,\de]+)\)?$")
"""A number at the end of a tuple that was written with its brackets."""


class ReadsArguments:
    """A runner that knows whether a zero_mask was given or is the default.

    Attributes
    ----------
    zero_mask_said : whether it was given.
    """

    params: dict[str, Any]
    zero_mask_said = False

    @classmethod
    def make_parser(cls, *args: Any, **options: Any) -> Any:
        """PyNX's parser, which answers in one line what it does not understand."""
        parser = super().make_parser(*args, **options)  # type: ignore[misc]
        parser.add_argument("--density", type=float, help=DENSITY_HELP)
        parser.add_argument("--background", type=str, help=BACKGROUND_HELP)
        parser.add_argument("--start", choices=STARTS, default=STARTS[0], help=START_HELP)
        parser.error = _refuse
        return parser

    def parse_parameters_file(self, filename: str, argv: list[str]) -> None:
        """PyNX's reading of a parameter file; gwaihir's is understood too."""
        try:
            read = [""]
            super().parse_parameters_file(filename, read)  # type: ignore[misc]
        except OSError as error:
            raise InputError(
                f"{filename} cannot be read ({error.strerror}), expected PyNX's parameters"
            ) from error
        except UnicodeDecodeError as error:
            raise InputError(
                f"{filename} holds letters that are no UTF-8 ({brief(error)}), expected PyNX's "
                "parameters as plain text: save it as UTF-8"
            ) from error
        argv += modern_spelling(read[1:])

    def parse_arg(self) -> None:
        """PyNX's reading of the command line, and whether it says something of zero_mask."""
        super().parse_arg()  # type: ignore[misc]
        take_psf_choice(self.params)
        said = False
        if getattr(self, "mpi_master", True):  # it alone has read the command line
            parser = self.make_parser()
            parser.set_defaults(zero_mask=None)
            said = parser.parse_args().zero_mask is not None
        if hasattr(self, "mpic"):
            said = self.mpic.bcast(said, root=0)
        self.zero_mask_said = bool(said)


def check_named_files(params: Mapping[str, Any]) -> None:
    """Refuse data and masks that are not there, before PyNX looks for them.

    A name with a place for the scan's number, and a word such as ``zero`` for a mask, say nothing.
    """
    data, masks = params.get("data"), params.get("mask")
    listed = [masks] if isinstance(masks, str) else list(masks or [])
    files = [mask for mask in listed if "." in Path(str(mask)).name]
    for name in ([data] if isinstance(data, str) else []) + files:
        file = split_spec(name)[0]
        if "%" not in name and not file.is_dir():
            check_readable(file)


def _refuse(message: str) -> NoReturn:
    raise InputError(f"PyNX refuses the parameters ({message}): see --help")


def modern_spelling(arguments: list[str]) -> list[str]:
    """Arguments as today's PyNX takes them, from those of files that older programs write.

    Examples
    --------
    >>> modern_spelling(["--mask_interp", "(16", "2)", "--confidence_interval_factor_mask", "1,2"])
    ... # doctest: +NORMALIZE_WHITESPACE
    ['--mask_interp', '16', '2', '--confidence_interval_factor_mask_min', '1',
    '--confidence_interval_factor_mask_max', '2']
    """
    modern: list[str] = []
    for argument in arguments:
        least, comma, most = argument.partition(",")
        if modern and modern[-1] == BOTH_FACTORS and comma:
            modern[-1:] = [f"{BOTH_FACTORS}_min", least, f"{BOTH_FACTORS}_max", most]
        else:
            modern.append(TUPLE_PART.sub(r"\1", argument))
    return modern
