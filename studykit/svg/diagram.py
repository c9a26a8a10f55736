"""Diagrams that stand alone: boxes, arrows and words, in colours for a light and a dark page."""

from __future__ import annotations

from collections.abc import Iterable

from studykit.svg.elements import element, escaped
from studykit.svg.elements import words as written

__all__ = ["arrow", "box", "diagram", "path", "straight", "words"]

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


def diagram(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    """Put parts together; `title` is read out where the picture is not seen."""
    heads = "".join(_head(kind) for kind in ("forward", "back", "kept"))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}">',
            element("title", escaped(title)),
            element("style", STYLE),
            element("defs", heads),
            element("rect", kind="page", width=width, height=height, rx=6),
            *parts,
            "</svg>\n",
        ]
    )


def _head(kind: str) -> str:
    """Make the head of an arrow."""
    return element(
        "marker",
        element("path", kind=f"head {kind}", d="M0 0L8 4L0 8z"),
        id=f"head-{kind}",
        viewBox="0 0 8 8",
        refX=7,
        refY=4,
        markerWidth=8,
        markerHeight=8,
        orient="auto",
        markerUnits="userSpaceOnUse",
    )


def words(x: float, y: float, text: str, kind: str = "", anchor: str = "middle") -> str:
    """Write a line of text with its baseline at y."""
    return written(text, f"{x:g}", f"{y:g}", anchor, kind or None)


def box(x: float, y: float, text: str, kind: str = "", width: float = 64) -> str:
    """Draw a box of height 36 around its middle (x, y), with text in it."""
    left, top = f"{x - width / 2:g}", f"{y - 18:g}"
    frame = element(
        "rect", kind=_of("box", kind), x=left, y=top, width=f"{width:g}", height=36, rx=5
    )
    return frame + words(x, y + 5, text, kind)


def path(steps: str, kind: str = "") -> str:
    """Draw a line along the steps of an SVG path."""
    return element("path", kind=_of("line", kind), d=steps)


def straight(x1: float, y1: float, x2: float, y2: float, kind: str = "") -> str:
    """Draw a straight line."""
    return path(f"M{x1:g} {y1:g}L{x2:g} {y2:g}", kind)


def arrow(x1: float, y1: float, x2: float, y2: float, kind: str = "forward") -> str:
    """Draw a straight line with a head at its end."""
    steps = f"M{x1:g} {y1:g}L{x2:g} {y2:g}"
    return element("path", kind=f"line {kind}", marker_end=f"url(#head-{kind})", d=steps)


def _of(shape: str, kind: str) -> str:
    return f"{shape} {kind}" if kind else shape
