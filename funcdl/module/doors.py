"""The doors between PyTorch's layout and that of the layers: other strides, and no copies.

A door is a layer around another one, with its parameters: what comes in is turned so that its
channels are last, what goes out is turned back, and so are their cotangents.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from funcdl.contract import Apply, Init, Layer, Params, Shape, Vjp
from funcdl.errors import ShapeError
from funcdl.layers.activations import ANY
from funcdl.signature import Signature
from funcdl.tensor import Generator, Tensor

__all__ = ["along_axis", "around", "channels_first", "global_first", "without"]


def channels_first(name: str, layer: Layer, own: int) -> Layer:
    """Give a layer its channels before its `own` axes, as in PyTorch: (…, c, h, w) for two.

    >>> from funcdl.layers.pool import max_pool2d
    >>> from funcdl.tensor import empty
    >>> channels_first("MaxPool2d", max_pool2d(2), 2)((), empty(5, 3, 4, 6))[0].shape
    torch.Size([5, 3, 2, 3])
    """
    takes: Any = layer.signature
    x, y = (_channels_to(pattern, -own - 1) for pattern in (takes.x, takes.y))
    turned = Signature(takes.params, x, y, floats=takes.floats, axes=takes.axes, **takes.lengths)
    return _door(name, layer, turned, -own - 1)


def global_first(name: str, layer: Layer, own: int) -> Layer:
    """Give a pool of all cells its channels first: (…, c, h, w) to (…, c)."""
    cells = "height width" if own == 2 else "length"
    takes = Signature((), f"… channels>=0 {cells}", "… channels")
    return _door(name, layer, takes, -own - 1, back=False)


def along_axis(name: str, layer: Layer, axis: int, takes: Signature | None = None) -> Layer:
    """Apply a layer that looks at the last axis along another one.

    Args:
        name: of the module.
        layer: it keeps shapes.
        axis: from the front, or negative from the end; of a tensor with one axis, that one.
        takes: what the door declares; floats of any shape without it.
    """
    return _door(name, layer, takes or ANY, axis)


def _door(name: str, layer: Layer, takes: Signature | None, axis: int, back: bool = True) -> Layer:
    def at(shape: tuple[int, ...]) -> int:
        if len(shape) == 1 and axis in (0, 1):
            return 0
        if not -len(shape) <= axis < len(shape):
            raise ShapeError(f"{name}: expected x to have an axis {axis}, got {shape}")
        return axis

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        place = at(in_shape)
        params, out_shape = layer.init(rng, _moved(in_shape, place, -1))
        return params, _moved(out_shape, -1, place) if back else out_shape

    def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        if x.ndim == 0:  # as with one axis of length 1
            y, pull = layer.at(name, params, x.unsqueeze(0), rng)
            return y.squeeze(0), lambda dy, need_dx=True: _flat(pull(dy.unsqueeze(0), need_dx))
        place = at(tuple(x.shape))
        y, pull = layer.at(name, params, x.movedim(place, -1), rng)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Tensor | None]:
            dparams, dx = pull(dy.movedim(place, -1) if back else dy, need_dx)
            return dparams, None if dx is None else dx.movedim(-1, place)

        return y.movedim(-1, place) if back else y, vjp

    return around(name, layer, takes, apply, init)


def around(
    name: str, layer: Layer, takes: Signature | None, apply: Apply, init: Init | None = None
) -> Layer:
    """Make a layer around another one, with its parameters."""
    return replace(
        layer,
        name=name,
        init=init or layer.init,
        apply=apply,
        args="",
        layers=(layer,),
        signature=takes,
    )


def _moved(shape: Shape, source: int, target: int) -> Shape:
    """Move an axis of a shape."""
    rest = list(shape)
    length = rest.pop(source)
    rest.insert(len(shape) + target if target < 0 else target, length)
    return tuple(rest)


def _flat(pulled: tuple[Params, Any]) -> tuple[Params, Any]:
    dparams, dx = pulled
    return dparams, None if dx is None else dx.squeeze(0)


def _channels_to(pattern: Any, place: int) -> Any:
    """Move the last axis of a pattern to a place counted from the end."""

    def moved(entries: list[Any]) -> list[Any]:
        return [*entries[:place], entries[-1], *entries[place:-1]]

    text = " ".join(moved(pattern.text.split()))
    return pattern._replace(text=text, axes=tuple(moved(list(pattern.axes))))


def without(
    name: str, layer: Layer, takes: Signature | None, fill: Callable[[Any, Tensor], Any]
) -> Layer:
    """Leave parameters out, which then are constants: `()` stands in their place.

    Args:
        name: of the module.
        layer: with all of its parameters.
        takes: what is declared of those that are left.
        fill: from these, and the input, to all parameters.
    """

    def apply(params: Any, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        y, pull = layer.at("", fill(params, x), x, rng)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Tensor | None]:
            dparams, dx = pull(dy, need_dx)
            kept = [() if isinstance(p, tuple) else d for p, d in zip(params, dparams)]
            return type(params)(*kept), dx

        return y, vjp

    return around(name, layer, takes, apply)
