"""A trial: what a step was called with and what it gave, and other numbers that it takes."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcdl.tensor import Tensor
from funcdl.watching.nested import rebuild

__all__ = ["Trial", "like"]


class Trial(NamedTuple):
    """Inputs of a step, the generator's state before it, its outputs, and the state after it."""

    inputs: Any
    start: Any
    outputs: Any
    end: Any

    def next(self) -> Any:
        """Give the inputs of the step behind this one, with the same batch."""
        return (*self.outputs[:2], self.inputs[2])

    def changed(self, more: int) -> Any:
        """Give such inputs with other numbers throughout, which a step takes as well.

        Whole numbers that are all the same get `more`, which may be too much for a class.
        """
        params, state, batch = self.next()
        batch = rebuild(batch, lambda t: _turned(t, more))
        return rebuild(params, _moved), rebuild(state, _moved), batch


def like(t: Tensor) -> Tensor:
    """Copy a tensor, without a graph."""
    return t.detach().clone()


def _moved(t: Tensor) -> Tensor:
    """Give other numbers of the same signs and about the same size, none of them 0."""
    if not t.is_floating_point():
        return t
    small = like(t).mul_(0.97).nan_to_num_(0.5, 0.5, -0.5)
    return small.masked_fill_(small.eq(0), 0.03)


def _turned(t: Tensor, more: int) -> Tensor:
    """Turn the examples around: what is a class, or a share, stays one."""
    turned = like(t).copy_(t.roll(1, 0)) if t.ndim else t
    if t.is_floating_point() or t.is_complex() or not t.numel():
        return _moved(turned)
    if str(t.dtype) == "torch.bool":
        return turned.logical_xor(turned.new_ones(()))
    least, most = t.min(), t.max()
    # The largest for the smallest, and so on.
    return turned.neg().add_(least).add_(most).add_(more if bool(least == most) else 0)
