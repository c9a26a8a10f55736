"""A Sphinx extension: from docstrings as this project writes them to what Sphinx reads.

Indented blocks are formulas and keep their lines; `*models` is no emphasis and `|x|` no
substitution; what is no function or class, such as the layer `relu`, has the text that stands
under it in its file; a module shows the arguments that its docstring has; and the blank line that
ends an example, which doctest needs, is not shown.
"""

from __future__ import annotations

import re
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from funcdl import layers

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SECTION = re.compile(r"(Args|Attributes|Raises|Returns):$")

FILES = ["funcdl.contract", *(m.name for m in iter_modules(layers.__path__, "funcdl.layers."))]
"""Those in which a text may stand under a name."""

AS_MODULE = re.compile(r"`(\w+)`([^:]*): \w+(\(.*\))\.$")
"""What the adapter's classes say of themselves: their factory, what they are, their arguments."""


def prepare(lines: list[str]) -> list[str]:
    r"""Mark the formulas and escape what reStructuredText would take for markup.

    >>> prepare(["Add.", "", "    y = |x|", "", "Of (*models, n)."])
    ['Add.', '', '::', '', '    y = |x|', '', 'Of (\\*models, n).']
    """
    prepared: list[str] = []
    kind = "prose"
    for i, line in enumerate(lines):
        starts = i == 0 or not lines[i - 1].strip()
        if SECTION.match(line):
            kind = "section"
        elif line.startswith(">>>"):
            kind = "example"
        elif starts and line.strip():
            if line.startswith("    ") and kind == "prose":
                kind = "formula"
                prepared += ["::", ""]
            elif not line.startswith("    "):
                kind = "prose"
        prepared.append(line if kind in ("example", "formula") else escaped(line))
    return prepared


def escaped(line: str) -> str:
    """Escape stars, bars and underscores that end a word, outside of backticks."""
    parts = re.split(r"(`[^`]*`)", line)
    parts[::2] = [re.sub(r"[*|]|_(?=\W|$)", r"\\\g<0>", part) for part in parts[::2]]
    return "".join(parts)


def text_under(name: str) -> list[str]:
    """Return the text that stands under a name in the file that defines it."""
    from sphinx.pycode import ModuleAnalyzer

    for file in FILES:
        texts = ModuleAnalyzer.for_module(file).find_attr_docs()
        if ("", name) in texts:
            return texts["", name]
    raise LookupError(f"docs: expected a text under {name} in its file")


def before(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Rewrite the lines of a docstring in place, before napoleon reads its sections."""
    if what == "class" and (found := AS_MODULE.match(lines[0])):
        lines[:] = [f":py:obj:`{found[1]} <funcdl.{found[1]}>`{escaped(found[2])}."]
    else:
        lines[:] = prepare(lines)


def after(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Put a value's own text in the place of its class's, which napoleon has been through."""
    if what == "data":
        lines[:] = prepare(text_under(name.rpartition(".")[2]))


def signature(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, given: str, returned: str
) -> tuple[str | None, str | None]:
    """Return the arguments that a class of the adapter says it has, and plain names of types."""
    found = AS_MODULE.match(thing.__doc__ or "") if what == "class" else None
    return plain(found[3] if found else given), plain(returned)


def plain(types: str | None) -> str | None:
    """Name an alias within a union as alone, which Sphinx 9.0 does not.

    >>> plain("TypeAliasForwardRef('Rate') | None")
    'Rate | None'
    """
    return types and re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", types)


def trim(app: Sphinx, document: Any) -> None:
    """Drop the blank lines at the end of each block of code."""
    from docutils import nodes

    for block in document.findall(nodes.literal_block):
        block.rawsource = block.astext().rstrip()
        block.children = []
        block.append(nodes.Text(block.rawsource))


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect, on either side of napoleon where it matters."""
    app.connect("autodoc-process-docstring", before, priority=400)
    app.connect("autodoc-process-docstring", after, priority=600)
    app.connect("autodoc-process-signature", signature)
    app.connect("doctree-read", trim)
    return {"parallel_read_safe": True}
