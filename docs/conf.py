"""How Sphinx makes the site: `make site` writes it to out/site, and no page needs a network."""

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
include_patterns = ["docs/**.md", "docs/**.rst", "notebooks/*.ipynb", "nn/data/DIGITS.md"]
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
html_copy_source = False
html_show_sphinx = False
