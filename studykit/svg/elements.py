"""What every figure is made of: elements, words, lines, and the frame that describes itself.

A figure of a page has its places along the axis in per cent and its heights in pixels, so that it
takes the width that it is given while its words keep their size, on a phone too. Its colours are
the page's, by class.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

__all__ = ["element", "escaped", "figure", "line", "picture", "stretched", "words"]


def escaped(text: object) -> str:
    """Return text as HTML shows it: no markup in it, and nothing that cannot be written."""
    return escape(str(text).encode("utf-8", "replace").decode())


def element(tag: str, *inside: str, **attributes: object) -> str:
    """Write an element, its attributes in their order; one that is None is left out.

    Args:
        tag: its name.
        inside: markup.
        attributes: with `_` for a hyphen, and for `class` the name `kind`.

    >>> element("path", kind="curve", stroke_dasharray="7 4", d="M0 0h1")
    '<path class="curve" stroke-dasharray="7 4" d="M0 0h1"/>'
    >>> element("text", "a &lt; b", x=0, kind=None)
    '<text x="0">a &lt; b</text>'
    """
    opening = _opening(tag, attributes)
    return f"{opening}>{''.join(inside)}</{tag}>" if inside else f"{opening}/>"


def _opening(tag: str, attributes: dict[str, object]) -> str:
    said = "".join(
        f' {"class" if name == "kind" else name.replace("_", "-")}="{escaped(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    return f"<{tag}{said}"


def line(kind: str, x1: object, x2: object, y1: object, y2: object) -> str:
    """Draw a straight line."""
    return element("line", kind=kind, x1=x1, x2=x2, y1=y1, y2=y2)


def words(
    text: object, x: object, y: object, anchor: str | None = None, kind: str | None = None
) -> str:
    """Write a line of text with its baseline at y.

    Args:
        text: whatever is in it, no markup comes of it.
        x: the place of its anchor.
        y: the baseline.
        anchor: which part of it is there: start, middle or end.
        kind: its class.
    """
    return element("text", escaped(text), kind=kind, x=x, y=y, text_anchor=anchor)


def figure(
    name: str, title: str, about: str, height: object, parts: Iterable[str], kind: str | None = None
) -> str:
    """Put the parts of a figure together, as wide as its place is.

    Args:
        name: of the figure, unique in its page.
        title: what it shows, in a few words.
        about: what it says, in words and numbers, for who does not see it.
        height: in pixels.
        parts: markup.
        kind: the class of all of it.
    """
    opening = _opening(
        "svg",
        {"kind": kind, "role": "img", "width": "100%", "height": height, **_labels(name, about)},
    )
    return "\n".join([f"{opening}>", *_labelled(name, title, about), *parts, "</svg>"])


def picture(
    name: str, title: str, view: str, parts: Iterable[str], about: str = "", kind: str = "raster"
) -> str:
    """Put the parts of a figure together that scales as a whole, its words too.

    Args:
        name: of the figure, unique in its page.
        title: what it shows, in a few words.
        view: the box of its units: left, top, width and height.
        parts: markup.
        about: what it says, in words and numbers; nothing where the title says it all.
        kind: the class of all of it.
    """
    opening = _opening(
        "svg", {"kind": kind, "role": "img", "viewBox": view, **_labels(name, about)}
    )
    return "\n".join([f"{opening}>", *_labelled(name, title, about), *parts, "</svg>"])


def stretched(
    left: float,
    right: float,
    top: int,
    height: int,
    units: int,
    parts: Iterable[str],
    kind: str | None = None,
) -> list[str]:
    """Put parts into a box that stretches with the page, while the width of their lines does not.

    Args:
        left: where it begins, in per cent of the width.
        right: where it ends.
        top: in pixels.
        height: likewise.
        units: from its top to its bottom; from left to right it has 1000.
        parts: markup.
        kind: the class of all of it.
    """
    box = {"x": f"{left}%", "y": top, "width": f"{right - left}%", "height": height}
    view = {"viewBox": f"0 0 1000 {units}", "preserveAspectRatio": "none"}
    return [f"{_opening('svg', {'kind': kind, **box, **view})}>", *parts, "</svg>"]


def _labels(name: str, about: str) -> dict[str, object]:
    return {"aria-labelledby": f"{name}-title {name}-desc" if about else name}


def _labelled(name: str, title: str, about: str) -> list[str]:
    if not about:
        return [element("title", escaped(title), id=name)]
    return [
        element("title", escaped(title), id=f"{name}-title"),
        element("desc", escaped(about), id=f"{name}-desc"),
    ]
