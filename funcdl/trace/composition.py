"""The network as a picture: boxes in boxes, below each other where one feeds the next."""

from __future__ import annotations

from itertools import groupby

from funcdl import tree
from funcdl.arguments import show
from funcdl.contract import shape_of
from funcdl.html.elements import element, escaped
from funcdl.trace.seen import Applied

__all__ = ["composition", "rank"]

JOINED = {"residual": "added to its input", "weighted_sum": "added by their weights"}
"""What a combinator does with what its parts give, where no part of its own does it."""


def rank(seen: Applied) -> None:
    """Count for each part how many others its input came through."""
    given: dict[int, int] = {}
    for part in seen.parts:
        found = [given[id(leaf)] for leaf in tree.leaves(part.x) if id(leaf) in given]
        part.rank = 1 + max(found, default=-1)
        for leaf in tree.leaves(part.y):
            given[id(leaf)] = part.rank


def composition(root: Applied, numbers: dict[Applied, int]) -> str:
    """Draw the network; a click on a box shows the step of that number."""
    return element("ol", _box(root, numbers))


def _box(seen: Applied, numbers: dict[Applied, int]) -> str:
    number = numbers[seen]
    turn = seen.which and f" · {seen.which}"
    name = element("b", escaped(seen.text)) if not seen.parts else escaped(seen.text)
    shape = element("span", escaped(show(shape_of(seen.y)) + turn))
    inside = [element("label", name, shape, for_=f"f{number}")]
    if seen.parts:
        inside.append(_parts(seen, numbers))
    kind = "box many" if seen.parts else "box"
    return element("li", *inside, kind=kind, id=f"b{number}")


def _parts(seen: Applied, numbers: dict[Applied, int]) -> str:
    """Put parts below each other, and beside each other where none waits for another."""
    lines, before = [], -1
    more = element("li", f"… {seen.left_out:,} more", kind="line more") if seen.left_out else ""
    for place, group in groupby(sorted(seen.parts, key=lambda part: part.rank), _rank_of):
        boxes = [_box(part, numbers) for part in group]
        if place > before + 1 and more:
            lines.append(more)
            more = ""
        before = place
        lines.append(element("li", element("ol", *boxes), kind="line"))
    lines.append(more)
    name = seen.layer.name
    if name in JOINED:
        alone = name == "residual" and len(seen.parts) > 1
        lines.append(element("li", "added" if alone else JOINED[name], kind="joined"))
    skip = "skip" if name == "residual" and len(seen.parts) == 1 else None
    return element("ol", *lines, kind=skip)


def _rank_of(part: Applied) -> int:
    return part.rank
