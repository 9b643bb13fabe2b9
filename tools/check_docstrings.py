"""Check public docstrings with numpydoc's validator; a line for each fault, exit with 1 for any.

Every public function has a docstring; one that lists parameters lists them all, in the order of
the signature and no others, in sections that numpydoc knows and in its order. From three
parameters on a list is required, which `measure_house.py --check` says.
"""

from __future__ import annotations

import sys
from pathlib import Path

from measure_house import Function, functions, listed_parameters, read_modules

CHECKS = {
    "GL06": "unknown section",
    "GL07": "sections in another order than numpydoc's",
    "GL08": "no docstring",
    "PR01": "parameters that are not listed",
    "PR02": "parameters that the function does not have",
    "PR03": "parameters in another order than the signature's",
}
"""What is looked for, by numpydoc's codes. The text after ``name :`` is free, so that not PR04."""


def find_faults(function: Function) -> list[str]:
    """What numpydoc's validator says against a function, of `CHECKS`."""
    from numpydoc.hooks.validate_docstrings import AstValidator
    from numpydoc.validate import validate

    found = validate(
        function.name,
        AstValidator,
        ast_node=function.node,
        filename=function.module.path,
        ancestry=function.ancestry,
    )["errors"]
    lists_any = bool(listed_parameters(function.docstring)) or function.has_many_parameters
    return [
        f"{code} {' '.join(text.split())}"
        for code, text in found
        if code in CHECKS and (code != "PR01" or (lists_any and not function.is_command))
    ]


def main() -> None:
    """Command line: the faults of this project, or of the folder given."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]
    lines = [
        f"{module.path.relative_to(folder)}:{function.node.lineno}: {function.name}: {fault}"
        for module in read_modules(folder)
        for function in functions(module)
        if function.is_public
        for fault in find_faults(function)
    ]
    print("\n".join(lines), end="\n" if lines else "")
    sys.exit(bool(lines))


if __name__ == "__main__":
    main()
