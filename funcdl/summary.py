"""What a network is made of: a table of its layers, their outputs, parameters and work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from funcdl import tree
from funcdl.arguments import generator, show
from funcdl.contract import Layer, LayerLike, Params, Shape, Value, shape_of, zeros_of
from funcdl.function import as_layer
from funcdl.html.elements import element, escaped, styled, table
from funcdl.tensor import Generator, Tensor
from funcdl.watching.kinds import CREATES, METADATA, REFUSED
from funcdl.watching.nested import storage, tensors
from funcdl.watching.watcher import Watcher, unwrap

__all__ = ["Row", "Summary", "summary"]

# How many products are added up in one number of the result, from the arguments.
INNER: dict[str, Callable[..., int]] = {
    **dict.fromkeys(
        ["matmul", "__matmul__", "mm", "bmm", "mv", "dot", "vdot", "linear"],
        lambda a, b, *_: a.shape[-1],
    ),
    "__rmatmul__": lambda a, b: b.shape[-1],
    **dict.fromkeys(["addmm", "addmv", "baddbmm"], lambda _, a, b: a.shape[-1]),
    **dict.fromkeys(
        ["conv1d", "conv2d", "conv3d"], lambda x, w, *_: w.numel() // max(w.shape[0], 1)
    ),
}

# What makes or moves numbers and computes none.
FREE = {
    *CREATES,
    *METADATA,
    *REFUSED,
    *("copy_", "clone", "contiguous", "reshape", "flatten", "fill_", "zero_", "repeat", "expand"),
    *("to", "type_as", "float", "double", "half", "bfloat16", "long", "__setitem__", "__getitem__"),
    *("gather", "index_select", "take", "cat", "stack", "roll", "flip", "pad", "unfold"),
    *("repeat_interleave", "masked_fill", "masked_fill_", "embedding", "as_subclass"),
}


HEADS = ("layer", "output", "parameters", "FLOPs")


class Row(NamedTuple):
    """A layer in its place.

    Attributes:
        path: the way to it through the combinators' `layers`, `[1][0]`; empty for the network.
        layer: its name and hyperparameters.
        out_shape: the shape of its output, or a tuple of shapes.
        params: how many numbers its parameters are, those of its parts counted too.
        flops: floating-point operations of one application, those of its parts counted too.
        signature: what it takes and gives, where that is declared.
    """

    path: str
    layer: str
    out_shape: Shape
    params: int
    flops: int
    signature: str


class Summary(NamedTuple):
    """The rows, from the whole network to its smallest parts.

    `str` makes a table of them, and a notebook shows one.
    """

    rows: tuple[Row, ...]

    @property
    def params(self) -> int:
        """Count the numbers in the parameters."""
        return self.rows[0].params

    @property
    def flops(self) -> int:
        """Count the floating-point operations of one forward pass."""
        return self.rows[0].flops

    def _cells(self) -> list[tuple[int, str, str, str, str]]:
        """Write each row: how deep it is, and what stands in the columns."""
        cells = []
        for row in self.rows:
            step = row.path[row.path.rfind("[") :] if row.path else ""
            label = f"{step} {row.layer}" if step else row.layer
            numbers = f"{row.params:,}", f"{row.flops:,}"
            cells.append((row.path.count("["), label, show(row.out_shape), *numbers))
        return cells

    def _repr_html_(self) -> str:
        rows = []
        for depth, label, *rest in self._cells():
            name = element("code", escaped(label), style=f"padding-left:{depth * 1.25:g}rem")
            rows.append([name, *map(escaped, rest)])
        caption = f"{self.params:,} parameters, {self.flops:,} operations in a forward pass."
        return styled(table(caption, list(HEADS), rows))

    def __str__(self) -> str:
        cells: list[tuple[str, ...]] = [HEADS]
        cells += [("  " * depth + label, *rest) for depth, label, *rest in self._cells()]
        left, right = (max(len(line[i]) for line in cells) for i in (0, 1))
        params, flops = (max(len(line[i]) for line in cells) for i in (2, 3))
        return "\n".join(
            f"{a:<{left}}  {b:<{right}}  {c:>{params}}  {d:>{flops}}" for a, b, c, d in cells
        )


def summary(layer: LayerLike, in_shape: Shape, rng: Generator, x: Value | None = None) -> Summary:
    """List a network's layers with their output shapes, parameters and operations.

    The network is initialised and applied once, to zeros, as in inference. A part that is applied
    several times has one row: its parameters are counted once, its operations each time.

    Counted are multiplications and additions in products, 2 n for a sum of n terms, and beside
    them one operation for each number that a call reads or gives, whichever are more. What only
    makes, moves or views numbers is free. The backward pass costs about twice as much again.
    Counted is what is done: a convolution that saves products has fewer.

    Args:
        layer: a layer, or a plain function `(params, x) -> (y, vjp)`, of any depth.
        in_shape: the shape of its input, as `init` takes it.
        rng: to draw parameters, from a copy of it: `rng` itself is not advanced.
        x: an input of that shape, where zeros will not do: for indices, or a loss's targets.

    Raises:
        KindError: `rng` is not a generator.
        ShapeError: the input does not fit.
        ResourceError: there is no memory for the parameters, or for an output.

    >>> import torch
    >>> from funcdl import linear, relu, serial
    >>> net = serial(linear(25), relu, linear(2))
    >>> table = summary(net, (2,), torch.Generator())
    >>> print(table)
    layer             output  parameters  FLOPs
    serial            (2,)           127    252
      [0] linear(25)  (25,)           75    125
      [1] relu        (25,)            0     25
      [2] linear(2)   (2,)            52    102
    >>> table.params, table.rows[1].flops
    (127, 125)
    >>> table.rows[2].signature
    'x: … → …'
    """
    part = as_layer(layer)
    params, _ = part.init(generator("summary", rng).clone_state(), in_shape)
    counter = _Counter()
    inputs = zeros_of(in_shape, rng) if x is None else x
    part(params, counter.wrap(inputs))
    return Summary(tuple(counter.root.rows("")))


class _Place:
    """A layer in its place, and what was counted there so far."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.params: list[Tensor] = []
        self.out_shape: Shape = ()
        self.flops = 0
        self.parts: dict[int, _Place] = {}
        self.last = -1

    def part(self, layer: Layer) -> _Place:
        """Find the place of a part: behind that of the last one, or it has come round again.

        What a combinator applies beside its parts has no place of its own.
        """
        layers = self.layer.layers
        if layers:
            order = (*range(self.last + 1, len(layers)), *range(self.last + 1))
            index = next((i for i in order if layers[i] is layer), -1)
            if index < 0:
                return self
        else:
            known = (i for i, place in self.parts.items() if place.layer is layer)
            index = next(known, len(self.parts))
        self.last = index
        return self.parts.setdefault(index, _Place(layer))

    def rows(self, path: str) -> list[Row]:
        """List this place and those below it."""
        name = self.layer.name + (f"({self.layer.args})" if self.layer.args else "")
        count = sum(leaf.numel() for leaf in self.params)
        takes = "" if self.layer.signature is None else str(self.layer.signature)
        found = [Row(path, name, self.out_shape, count, self.flops, takes)]
        for index in sorted(self.parts):
            found += self.parts[index].rows(f"{path}[{index}]")
        return found


class _Counter(Watcher):
    """Counts operations for every layer that is being applied, and records none."""

    def __init__(self) -> None:
        self.inside: list[_Place] = []
        self.root: Any = None

    def call(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Carry out an operation and count it."""
        args, kwargs = unwrap(tuple(args)), unwrap(kwargs)
        result = func(*args, **kwargs)
        count = _count(func.__name__, args, kwargs, tensors(result))
        for place in self.inside:
            place.flops += count
        return self.wrap(result)

    def layer(self, layer: Layer, params: Params, x: Value, rng: Generator | None) -> Any:
        """Apply a layer, in its place in the table."""
        above = self.inside[-1] if self.inside else None
        place = above.part(layer) if above else _Place(layer)
        if place is above:
            return layer.apply(params, x, rng)
        self.root = self.root or place
        known = {id(leaf) for leaf in place.params}
        place.params += [leaf for leaf in tree.leaves(params) if id(leaf) not in known]
        self.inside.append(place)
        try:
            y, vjp = layer.apply(params, x, rng)
        finally:
            self.inside.pop()
        place.out_shape = shape_of(y)
        return y, vjp


def _count(name: str, args: Any, kwargs: dict[str, Any], outs: list[Tensor]) -> int:
    """Count the operations of one call on plain tensors."""
    if not outs or name in FREE:
        return 0
    given = tensors((args, kwargs))
    if not name.endswith("_") and storage(outs[0]) in {storage(t) for t in given}:
        return 0
    inner = INNER.get(name) or INNER.get(name.removesuffix("_"))
    if inner is not None:
        return 2 * outs[0].numel() * inner(*args)
    return max(t.numel() for t in (*outs, *given))
