"""Pictures that our own functions return, for sphinx-gallery, which knows pyplot's alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure, SubFigure

_drawn: set[int] = set()


def save_figures(block: Any, variables: Mapping[str, Any], gallery: Mapping[str, Any]) -> str:
    """Save every figure that a block of a script has made, and return the text that shows them."""
    from sphinx_gallery.scrapers import figure_rst

    paths = []
    for figure in variables["example_globals"].values():
        if isinstance(figure, SubFigure) or not isinstance(figure, Figure) or _of_pyplot(figure):
            continue
        if id(figure) not in _drawn:
            _drawn.add(id(figure))
            paths.append(next(variables["image_path_iterator"]))
            figure.savefig(paths[-1], dpi=110)
    return str(figure_rst(paths, gallery["src_dir"])) if paths else ""


def _of_pyplot(figure: Figure) -> bool:
    return getattr(figure, "number", None) is not None
