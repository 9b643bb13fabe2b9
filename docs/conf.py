"""How Sphinx builds the site: `make docs`, offline. What is computed lies in `tools/docs_site`."""

from __future__ import annotations

import os
import sys
import warnings
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OMP_NUM_THREADS", "1")

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tools"), str(HERE.parent)]

from docs_site import docstrings, engines, generate  # noqa: E402  # found by the line above
from docutils import nodes  # noqa: E402

# A process whose memory grows by torch is started anew, which joblib takes for a leak.
warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)

project = "bcdi-inpaint"
author = project_copyright = "bcdi-inpaint contributors"
release = version = version_of("bcdi-inpaint")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx_click",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["generated/parts/*", "gallery/*", "auto_gallery/*.ipynb", "auto_gallery/*.py"]
suppress_warnings = ["config.cache"]
nitpicky = False

# --- Markdown ----------------------------------------------------------------------------------
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "attrs_block", "attrs_inline"]
myst_heading_anchors = 3

# --- the look ----------------------------------------------------------------------------------
html_theme = "pydata_sphinx_theme"
html_title = "bcdi-inpaint"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 7,
}


# --- the reference -----------------------------------------------------------------------------
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_inherit_docstrings = False
autodoc_use_type_comments = False  # for which it would read every function's source
autosummary_generate = False
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

# --- the gallery -------------------------------------------------------------------------------
sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": engines.pattern_of_runnable(HERE / "gallery"),
    "image_scrapers": ("docs_site.figures.save_figures", "matplotlib"),
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "remove_config_comments": True,
    "min_reported_time": 1,
    "capture_repr": (),
    "parallel": True,  # as many processes as Sphinx has (-j)
    "plot_gallery": "True",
}


def setup(app: Any) -> None:
    """Write what is computed before Sphinx looks for pages, and mend what it reads."""
    docstrings.compile_template_once()
    app.connect("builder-inited", generate.write_parts, priority=100)
    app.connect("source-read", engines.say_what_is_missing)
    app.connect("autodoc-process-docstring", docstrings.keep_signs, priority=100)
    app.connect("autodoc-skip-member", docstrings.skip_foreign)
    app.connect("sphinx-click-process-description", docstrings.keep_stars)
    app.add_generic_role("mpltype", nodes.literal)  # matplotlib's own, in what pictures inherit
