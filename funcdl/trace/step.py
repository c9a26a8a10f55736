"""One step of a pass: what comes into a layer and what it gives."""

from __future__ import annotations

from typing import Any

from funcdl import tree
from funcdl.html.elements import element, escaped, table
from funcdl.html.values import Detail, card, number
from funcdl.slope import leaves_beside
from funcdl.tensor import Tensor
from funcdl.trace.compare import Compared
from funcdl.trace.seen import Applied

__all__ = ["HEADS", "Step", "own_params", "product_cells", "sentence"]

HEADS = ["along", "⟨dy, J v⟩", "⟨Jᵀ dy, v⟩", "difference"]


class Step:
    """How the steps of a trace are shown.

    Args:
        detail: how much of a tensor is.
        images: the last three lengths of what is (…, height, width, channels).
    """

    def __init__(self, detail: Detail, images: set[tuple[int, ...]]) -> None:
        self.detail, self.images = detail, images

    def forward(self, seen: Applied) -> str:
        """Show the input, the parameters and the output."""
        params = [self._card(_param(path), leaf) for path, leaf in own_params(seen)]
        values = [*self._cards("x", seen.x), *params, *self._cards("y", seen.y, mark="out")]
        return _headed(seen) + element("div", *values, kind="values") + _of_parts(seen)

    def backward(self, seen: Applied, compared: tuple[list[Compared], str]) -> str:
        """Show the cotangents, and the inner products."""
        values = self._cards("dy", seen.y, seen.dy)
        gradients = dict(zip(tree.paths(seen.params), _beside(seen, seen.params, seen.dparams)))
        for path, leaf in own_params(seen):
            gradient = self._card("d" + _param(path), gradients[path], mark="back")
            pair = self._card(_param(path), leaf) + gradient
            values.append(element("div", pair, kind="pair"))
        values += self._cards("dx", seen.x, seen.dx, "back")
        found, note = compared
        told = [element("p", sentence(note), kind="under")] if note else []
        told += [
            element("p", escaped(f"{_NAMES[one.of]}: {one.note}."), kind="under")
            for one in found
            if one.note
        ]
        if found:
            rows = [[_NAMES[one.of], *product_cells(one)] for one in found]
            kinds = ["wrong" if one.agree is False else None for one in found]
            caption = "The slope of the values along a direction v, what the vjp says, and how "
            caption += "much they differ, relative to their size."
            told.insert(0, element("div", table(caption, HEADS, rows, kinds), kind="products"))
        return _headed(seen) + element("div", *values, kind="values") + "".join(told)

    def _cards(self, name: str, value: Any, back: Any = ..., mark: str = "") -> list[str]:
        """Show each tensor of a value, or its cotangent."""
        leaves = tree.leaves(value)
        shown = leaves if back is ... else leaves_beside(name, ((), value), ((), back))
        return [self._card(name + path, leaf, mark) for path, leaf in zip(tree.paths(value), shown)]

    def _card(self, name: str, leaf: Any, mark: str = "") -> str:
        image = leaf is not None and leaf.ndim > 2 and tuple(leaf.shape[-3:]) in self.images
        return card(name, leaf, self.detail, image, mark)


_NAMES = {"params": "the parameters", "x": "the input"}


def product_cells(one: Compared) -> list[str]:
    """Write the numbers of a comparison."""
    return [number(one.values, 5), number(one.vjp, 5), number(one.difference, 2)]


def own_params(seen: Applied) -> list[tuple[str, Tensor]]:
    """List the parameters that no part of a layer has, with their paths."""
    parts = {id(leaf) for part in seen.parts for leaf in tree.leaves(part.params)}
    pairs = zip(tree.paths(seen.params), tree.leaves(seen.params))
    return [(path, leaf) for path, leaf in pairs if id(leaf) not in parts]


def _param(path: str) -> str:
    return path[1:] if path.startswith(".") else f"params{path}"


def _beside(seen: Applied, value: Any, back: Any) -> list[Any]:
    return leaves_beside(seen.layer.name, (value, ()), (back, ()))


def _headed(seen: Applied) -> str:
    place = element("small", escaped(seen.path)) + " " if seen.path.endswith("]") else ""
    turn = element("small", f", {seen.which}") if seen.which else ""
    head = element("h3", place, escaped(seen.text), turn)
    takes = "" if seen.layer.signature is None else str(seen.layer.signature)
    return head + element("p", escaped(takes), kind="signature")


def _of_parts(seen: Applied) -> str:
    count = tree.size(seen.params) if seen.parts else 0
    if not count:
        return ""
    return element("p", f"{count:,} parameters, with those of its parts.", kind="under")


def sentence(text: str) -> str:
    """Write a remark as a sentence of its own."""
    return escaped(text[:1].upper() + text[1:] + ".")
