"""How Sphinx builds these pages: `sphinx-build -W --keep-going -n docs build/docs`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # where our own extensions are

from funcdl import __version__

project = "funcdl"
version = release = __version__
html_title = f"funcdl {version}"
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
exclude_patterns = ["build"]

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "docstrings", "families"]
extensions += ["mathml", "sources", "contents", "ran", "offline", "sphinx_copybutton"]
html_math_renderer = "mathml"
myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath"]
highlight_language = "none"  # formulas; examples are marked as Python
default_role = "code"  # single backticks in a docstring are code

autodoc_preserve_defaults = True
autodoc_default_options = {"no-value": True}
autodoc_typehints = "signature"  # Args says what a type cannot: shapes, ranges, meanings
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 60  # then each argument has a line
autodoc_type_aliases = {
    name: name
    for name in ("Params", "Value", "Shape", "Initialiser", "LayerLike", "Rate", "Schedule")
}
nitpick_ignore_regex = [("py:class", ".*")]  # in types; what a text refers to is py:obj
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

copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True
