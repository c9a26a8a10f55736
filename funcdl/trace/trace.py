"""To run a network once, forward and backward, and keep all that is seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

from funcdl import tree
from funcdl.arguments import generator
from funcdl.contract import LayerLike, Params, Value, shape_of
from funcdl.cotangent import guarded
from funcdl.errors import KindError, brief
from funcdl.function import as_layer
from funcdl.html.elements import framed
from funcdl.tensor import Generator, Tensor
from funcdl.trace.compare import Compared, compare
from funcdl.trace.composition import rank
from funcdl.trace.page import page
from funcdl.trace.seen import Applied, Witness

__all__ = ["Trace", "trace"]

SHOWN = 8
"""So many applications of parts of one combinator that are alike are kept."""


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """A pass through a network. A notebook shows it as a page, which `save` writes.

    Attributes:
        root: the application of the network, with those of its parts inside.
        forward, backward: all applications, in the order in which their passes ended.
    """

    root: Applied
    forward: tuple[Applied, ...]
    backward: tuple[Applied, ...]

    @cached_property
    def compared(self) -> dict[Applied, tuple[list[Compared], str]]:
        """Compare the vjp of each layer with its values, where it was applied."""
        return {seen: compare(seen) for seen in self.forward}

    def html(self) -> str:
        """Make a page of its own: no script, and nothing from elsewhere."""
        return page(self.root, self.forward, self.backward, self.compared)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the page into a file.

        Raises:
            KindError: `path` is no path.
            OSError: the file cannot be written.
        """
        if not isinstance(path, (str, PathLike)):
            raise KindError(f"save: expected a path, got {type(path).__name__}")
        Path(path).write_text(self.html(), encoding="utf-8")

    def _repr_html_(self) -> str:
        return framed(self.html(), f"trace of {self.root.layer.name}")

    def __repr__(self) -> str:
        steps = len(self.forward)
        return f"Trace({self.root.layer.name}: {steps} step{'s' * (steps != 1)} each way)"


def trace(
    net: LayerLike, params: Params, x: Value, dy: Value = None, rng: Generator | None = None
) -> Trace:
    """Run a network once, forward and backward, and keep what goes through each of its layers.

    What is shown: the network as a picture; step by step, forward and backward, the values and the
    cotangents, the parameters with their gradients; and for each layer ⟨dy, J v⟩ by its values
    beside ⟨Jᵀ dy, v⟩ by its vjp. These are equal for a right derivative, whatever v is.

    The inner products are in float64, at the point where the layer was applied, with the random
    numbers that it drew. Of many applications alike, such as the time steps of a `scan`, the first
    and the last are kept.

    Args:
        net: a layer, or a plain function `(params, x) -> (y, vjp)`. Layers that a function of your
            own calls are seen too, unless it needs plain tensors.
        params: its parameters.
        x: its input.
        dy: the cotangent of its output; without it ones, so that the cotangents are derivatives of
            the sum of all outputs, or of the loss.
        rng: for a pass as in training; it is not advanced. None means inference.

    Returns:
        A `Trace`: `trace(…).save("page.html")` writes the page, a notebook shows it.

    Raises:
        KindError: an argument is of the wrong kind, or `x` holds no tensor with numbers.
        ShapeError: an argument does not fit.

    >>> import torch
    >>> from funcdl import linear, mse, relu, serial, supervised
    >>> net = supervised(serial(linear(3), relu, linear(1)), mse())
    >>> params, _ = net.init(torch.Generator().manual_seed(0), ((2,), (1,)))
    >>> seen = trace(net, params, (torch.ones(4, 2), torch.zeros(4, 1)))
    >>> [applied.label for applied in seen.forward]
    ['[0] linear(3)', '[1] relu', '[2] linear(1)', '[0] serial', '[1] mse', 'supervised']
    >>> seen.forward[1].y.shape, seen.forward[1].dx.shape
    (torch.Size([4, 3]), torch.Size([4, 3]))
    >>> max(one.difference for ones, _ in seen.compared.values() for one in ones) < 1e-6
    True
    >>> "</html>" in seen.html()
    True
    """
    part = as_layer(net)
    if rng is not None:
        rng = generator("trace", rng).clone_state()
    shape_of(x, "trace")
    for leaf in tree.leaves((params, x)):
        if not isinstance(leaf, Tensor):
            raise KindError(f"trace: expected params of tensors, got {type(leaf).__name__}")
        if leaf.is_meta:
            raise KindError("trace: expected tensors with numbers, got one on the meta device")
    witness = Witness()
    _, pull = part(params, witness.wrap(x), rng)
    root = witness.root
    if root is None:
        raise KindError(f"trace: expected x to hold a tensor, got {brief(shape_of(x))}")
    back = guarded(part, "", params, root.y, None, pull)
    back(_ones(root.y) if dy is None else dy)
    for seen in [*root.within()]:
        rank(seen)
        _thin(seen)
    kept = set(root.within())
    return Trace(
        root,
        tuple(seen for seen in witness.forward if seen in kept),
        tuple(seen for seen in witness.backward if seen in kept),
    )


def _ones(y: Value) -> Any:
    """Give each number of an output the cotangent 1; integers have none."""
    return tree.map(lambda t: t.new_ones(t.shape) if t.is_floating_point() else None, y)


def _thin(seen: Applied) -> None:
    """Count the applications of each part, and keep the first and the last of many."""
    places: dict[str, list[Applied]] = {}
    for part in seen.parts:
        places.setdefault(part.path, []).append(part)
    for alike in places.values():
        for turn, part in enumerate(alike, 1):
            part.turn, part.turns = turn, len(alike)
    kept = [
        part
        for part in seen.parts
        if part.turns <= SHOWN or not SHOWN // 2 < part.turn <= part.turns - SHOWN // 2
    ]
    seen.left_out = len(seen.parts) - len(kept)
    seen.parts = kept
