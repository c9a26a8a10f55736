"""Parts of an SVG that stands alone: its colours are its own, for a light and a dark page."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

__all__ = ["arrow", "box", "figure", "line", "path", "words"]

STYLE = """
:root { --page: #fdfdfc; --ink: #1c2024; --quiet: #5c646c; --rule: #b9c0c7; --box: #e3eefa;
  --accent: #0b62b0; --minus: #b3541e; }
@media (prefers-color-scheme: dark) {
  :root { --page: #14171a; --ink: #e6e9ec; --quiet: #a0a8b0; --rule: #4a525b; --box: #1f3d5a;
    --accent: #6fb7f7; --minus: #f0a06a; }
}
.page { fill: var(--page); }
text { fill: var(--ink); font: 15px system-ui, sans-serif; }
text.quiet { fill: var(--quiet); font-size: 13px; }
text.back { fill: var(--minus); }
.box { fill: var(--box); stroke: var(--accent); }
.box.back { fill: var(--page); stroke: var(--minus); }
.line { fill: none; stroke: var(--ink); stroke-width: 1.5; }
.line.back { stroke: var(--minus); }
.line.quiet { stroke: var(--rule); stroke-width: 1; }
.line.kept { stroke: var(--quiet); stroke-dasharray: 3 4; }
.line.accent { stroke: var(--accent); stroke-width: 2; }
.head { fill: var(--ink); }
.head.back { fill: var(--minus); }
.head.kept { fill: var(--quiet); }
.ink { fill: var(--accent); }
.minus { fill: var(--minus); }
"""


def figure(width: int, height: int, title: str, parts: Iterable[str]) -> str:
    """Put parts together; `title` is read out where the picture is not seen."""
    heads = "".join(
        f'<marker id="head-{kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        f'markerHeight="8" orient="auto" markerUnits="userSpaceOnUse">'
        f'<path class="head {kind}" d="M0 0L8 4L0 8z"/></marker>'
        for kind in ("forth", "back", "kept")
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            f"<defs>{heads}</defs>",
            f'<rect class="page" width="{width}" height="{height}" rx="6"/>',
            *parts,
            "</svg>\n",
        ]
    )


def words(x: float, y: float, text: str, kind: str = "", anchor: str = "middle") -> str:
    """Write a line of text with its baseline at y."""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'


def box(x: float, y: float, text: str, kind: str = "", width: float = 64) -> str:
    """Draw a box of height 36 around its middle (x, y), with text in it."""
    left, top = x - width / 2, y - 18
    return (
        f'<rect class="box {kind}" x="{left:g}" y="{top:g}" width="{width:g}" height="36" rx="5"/>'
        + words(x, y + 5, text, kind)
    )


def path(steps: str, kind: str = "") -> str:
    """Draw a line along the steps of an SVG path."""
    return f'<path class="line {kind}" d="{steps}"/>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str = "") -> str:
    """Draw a straight line."""
    return path(f"M{x1:g} {y1:g}L{x2:g} {y2:g}", kind)


def arrow(x1: float, y1: float, x2: float, y2: float, kind: str = "forth") -> str:
    """Draw a straight line with a head at its end."""
    return (
        f'<path class="line {kind}" marker-end="url(#head-{kind})" '
        f'd="M{x1:g} {y1:g}L{x2:g} {y2:g}"/>'
    )
