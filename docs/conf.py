"""How Sphinx makes the site: `make site` writes it to out/site, and no page needs a network."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

project = "gradwalk"
author = "the gradwalk authors"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",  # docstrings in NumPy's style
    "sphinx-mathjax-offline",
]

# Pages lie where they lie in the repository, so that their links hold there too.
root_doc = "docs/index"
include_patterns = ["docs/**.md", "notebooks/*.ipynb"]
exclude_patterns = ["docs/api/generated/**"]
suppress_warnings = ["myst.xref_missing", "mystnb.unknown_mime_type"]

nb_execution_mode = "off"  # they are stored with their outputs
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "none"  # the docstrings give types and shapes
napoleon_use_rtype = False
napoleon_use_ivar = True
default_role = "code"  # `x` in a docstring is code

html_theme = "furo"
html_title = "gradwalk"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False


def escape_shapes(app, what, name, obj, options, lines):  # type: ignore[no-untyped-def]
    """Keep ``(batch, *sizes)`` from being read as the start of emphasis."""
    lines[:] = [
        line
        if ">>>" in line or "``" in line
        else re.sub(r"(?<=[ (])\*(?=[a-z_]+[,)])", r"\\*", line)
        for line in lines
    ]


def setup(app):  # type: ignore[no-untyped-def]
    """Run before the extension that reads NumPy's style."""
    app.connect("autodoc-process-docstring", escape_shapes, priority=400)
