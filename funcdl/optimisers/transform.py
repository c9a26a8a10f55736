"""Gradient transforms: what becomes of a gradient before a step is taken along it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from funcdl import tree
from funcdl.contract import Params
from funcdl.errors import KindError, TreeError
from funcdl.misuse import kind_of
from funcdl.portable import packed
from funcdl.tensor import Tensor, empty, wide

__all__ = ["Transform", "chain", "count", "wide_zeros"]


class Transform(NamedTuple):
    """`init(params) -> state` and `update(grads, state, params) -> (updates, state)`.

    Updates have the structure, shapes and dtypes of the gradients. Nothing that goes in is written
    to. What is summed up from step to step is kept in float32 where the parameters are of half
    precision: there the square of 300 is infinite, that of 10⁻⁴ is 0, and so is an eps of 10⁻⁸.
    """

    init: Callable[[Params], Any]
    update: Callable[[Params, Any, Params], tuple[Params, Any]]

    def __reduce__(self) -> Any:
        return Transform, packed((self.init, self.update))

    def __copy__(self) -> Transform:
        return self

    def __deepcopy__(self, memo: Any) -> Transform:
        return self


def chain(*transforms: Transform) -> Transform:
    """Compose transforms: the updates of each are the gradients of the next.

    The state is a tuple with one entry a transform. Without transforms it is the identity.

    Raises:
        KindError: one is not a transform.

    >>> import torch
    >>> from funcdl import clip, decay
    >>> both = chain(decay(0.5), clip(1.0))
    >>> params = (torch.tensor([1.0, 9.0]),)
    >>> both.update((torch.zeros(2),), both.init(params), params)
    ((tensor([0.5000, 1.0000]),), ((), ()))
    """
    for i, transform in enumerate(transforms):
        if not isinstance(transform, Transform):
            raise KindError(f"chain[{i}]: expected a transform, got {kind_of(transform)}")

    def init(params: Params) -> tuple[Any, ...]:
        return tuple(transform.init(params) for transform in transforms)

    def update(grads: Params, state: Any, params: Params) -> tuple[Params, Any]:
        states = []
        if len(state) != len(transforms):
            raise TreeError(
                f"chain: expected the states of {len(transforms)} transforms, got {len(state)}"
            )
        for transform, old in zip(transforms, state):
            grads, new = transform.update(grads, old, params)
            states.append(new)
        return grads, tuple(states)

    return Transform(init, update)


def count(params: Params = ()) -> Tensor:
    """Make the count of steps to begin with: a float64 tensor without axes.

    It is where the parameters are, so that a step reads no memory elsewhere.
    """
    beside = next((leaf for leaf in tree.leaves(params) if isinstance(leaf, Tensor)), empty(()))
    return beside.new_empty(()).double().zero_()


def wide_zeros(params: Params) -> Params:
    """Make the sums to begin with: zeros of the parameters' shapes, in float32 or wider."""
    return tree.map(wide, tree.zeros_like(params))
