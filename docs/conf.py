"""How Sphinx builds these pages: `sphinx-build -W --keep-going -n docs build/docs`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # where our own extensions are

project = "funcdl"
html_title = "funcdl"
html_theme = "furo"
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
exclude_patterns = ["build"]

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "docstrings", "families"]
myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath"]
highlight_language = "none"  # formulas; examples are marked as Python
default_role = "code"  # single backticks in a docstring are code

autodoc_preserve_defaults = True
autodoc_default_options = {"no-value": True}
autodoc_typehints = "none"  # Args says in words what a type cannot: shapes, ranges, meanings
napoleon_numpy_docstring = False
napoleon_attr_annotations = False
napoleon_use_rtype = False
toc_object_entries_show_parents = "hide"

# The tutorial is a notebook: its cells run, in the environment of the build, on each build.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300  # seconds a cell
nb_merge_streams = True
nb_output_stderr = "remove"  # torch says there that it has no NumPy; what fails raises
