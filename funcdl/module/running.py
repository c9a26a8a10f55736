"""The door between PyTorch's recurrent modules and the layers: where time and states stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from funcdl.contract import Layer, Params, Shape, Value, Vjp
from funcdl.errors import KindError, ShapeError
from funcdl.module.doors import around
from funcdl.ops.layout import fill
from funcdl.tensor import Generator, Tensor

__all__ = ["running"]


def running(
    name: str, layers: Sequence[Layer], units: int, hidden: int, pairs: bool, batch_first: bool
) -> Layer:
    """Make a layer with time where PyTorch has it, and the states of all units in one tensor.

    Args:
        name: of the module.
        layers: that without an initial state, and that with one; both give the last state.
        units: how many have a state each.
        hidden: the number of features of a state.
        pairs: whether a state is a pair, h and c.
        batch_first: whether the batch stands before the time.
    """

    def turned(t: Tensor) -> Tensor:
        return t if batch_first or t.ndim < 3 else t.transpose(0, 1)

    def apart(state: Any) -> Any:
        """Give each unit its state, or its cotangent."""
        each: Any = [[None] * units if t is None else t.unbind(0) for t in _listed(state, pairs)]
        each = tuple(zip(*each)) if pairs else tuple(each[0])
        return each if units > 1 else each[0]

    def together(state: Any) -> Any:
        """Undo it."""
        each = state if units > 1 else (state,)
        found = [_stacked(part) for part in (zip(*each) if pairs else [each])]
        return tuple(found) if pairs else found[0]

    def state_shape(shape: Shape) -> Shape:
        batch = () if len(shape) == 2 else (shape[0] if batch_first else shape[1],)
        return (units, *batch, hidden)

    def expect(seen: Tensor, state: Any) -> None:
        wanted = state_shape(seen.shape)
        tensors = _listed(state, pairs)
        if len(tensors) != 1 + pairs or not all(isinstance(t, Tensor) for t in tensors):
            what = "a pair of tensors" if pairs else "a tensor"
            raise KindError(f"{name}: expected hx to be {what}, got {type(state).__name__}")
        for t in tensors:
            if tuple(t.shape) != wanted:
                raise ShapeError(f"{name}: expected hx {wanted}, got {tuple(t.shape)}")

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        alone = not isinstance(x, tuple)
        if not alone and len(x) != 2:
            raise KindError(f"{name}: expected an input and a state, got {len(x)} tensors")
        seen, state = (x, None) if alone else x
        if not isinstance(seen, Tensor):
            return layers[0].at(name, params, seen, rng)  # which says what is wrong
        if seen.ndim not in (2, 3):
            raise ShapeError(f"{name}: expected x to have 2 or 3 axes, got {tuple(seen.shape)}")
        if alone:
            (y, last), pull = layers[0].at(name, params, turned(seen), rng)
        else:
            expect(seen, state)
            (y, last), pull = layers[1].at(name, params, (turned(seen), apart(state)), rng)
        if not y.shape[-2]:
            got = tuple(seen.shape)
            raise ShapeError(f"{name}: expected x to have a time step or more, got {got}")

        def vjp(dy: Any, need_dx: bool = True) -> tuple[Params, Value]:
            d_output, d_last = dy
            d_output = None if d_output is None else turned(d_output)
            dlast = None if d_last is None else apart(d_last)
            dparams, dx = pull((d_output, dlast), need_dx)
            if dx is None:
                return dparams, None
            if alone:
                return dparams, turned(dx)
            return dparams, (turned(dx[0]), together(dx[1]))

        return (turned(y), together(last)), vjp

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        params, (out_shape, _) = layers[0].init(rng, in_shape)
        state = state_shape(in_shape)
        return params, (out_shape, (state, state) if pairs else state)

    return around(name, layers[0], None, apply, init)


def _listed(state: Any, pairs: bool) -> Sequence[Any]:
    return state if pairs and isinstance(state, (tuple, list)) else [state]


def _stacked(parts: Sequence[Tensor]) -> Tensor:
    """Copy tensors of one shape one behind the other."""
    return fill(parts[0].new_empty((len(parts), *parts[0].shape)), parts, 0)
