r"""A Sphinx extension: formulas are MathML, which browsers typeset without a script or a network.

`$x^2$` and `$$…$$` come from the pages, `:math:` and `.. math::` from reStructuredText. What the
converter, that of docutils, does not know is a warning with its place, so that a build ends there.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def mathml(formula: str, block: bool = False) -> str:
    """Translate a formula, in which signs may stand as they are.

    >>> mathml("x ≤ 1").split()[2:]
    ['<mi>x</mi>', '<mo>≤</mo>', '<mn>1</mn>', '</math>']
    """
    from docutils.utils.math.latex2mathml import tex2mathml
    from docutils.utils.math.unichar2tex import uni2tex_table

    return tex2mathml(formula.translate(uni2tex_table), as_block=block)


def written(writer: Any, node: Any, block: bool) -> str:
    """Translate a formula of a page, or warn and show it as it was written."""
    from docutils.utils.math import MathError
    from sphinx.util import logging

    try:
        return mathml(node.astext(), block)
    except MathError as error:
        log = logging.getLogger(__name__)
        log.warning("math: %s in %r", error, node.astext(), location=node)
        return f"<code>{escape(node.astext())}</code>"


def inline(writer: Any, node: Any) -> None:
    """Write a formula within a line."""
    from docutils.nodes import SkipNode

    writer.body.append(written(writer, node, block=False))
    raise SkipNode


def displayed(writer: Any, node: Any) -> None:
    """Write a formula on lines of its own, which scroll where the page is narrow."""
    from docutils.nodes import SkipNode

    ids = "".join(f' id="{name}"' for name in node["ids"][:1])
    writer.body.append(f'<div class="math"{ids}>{written(writer, node, block=True)}</div>\n')
    raise SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Take the place of MathJax, which would be loaded from elsewhere."""
    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
    return {"parallel_read_safe": True}
