"""Watching: see every operation and every layer that some tensors go through.

Tensors are handed to a function as `Recorded`, a subclass of torch's own with the hook that torch
calls instead of an operation (`__torch_function__`). The operation is then carried out on plain
tensors. A layer that is applied to one hands itself to its `recorder`.
"""

from __future__ import annotations

from typing import Any

from funcdl.contract import Layer, Params, Value
from funcdl.tensor import Generator, Tensor
from funcdl.watching.nested import rebuild, tensors

__all__ = ["Recorded", "Watcher", "unwrap"]


class Recorded(Tensor):
    """A tensor whose calls are seen; `plain` is the tensor itself, `recorder` who sees them."""

    plain: Tensor
    recorder: Watcher

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Hand on an operation in whose arguments a recorded tensor is."""
        first = next(t for t in tensors((args, kwargs or {})) if type(t) is cls)
        return first.recorder.call(func, args, kwargs or {})


class Watcher:
    """Sees every operation and every layer that its tensors go through, and does no more.

    >>> import torch
    >>> class Names(Watcher):
    ...     def call(self, func, args, kwargs):
    ...         print(func.__name__)
    ...         return super().call(func, args, kwargs)
    >>> x = Names().wrap(torch.ones(3))
    >>> unwrap((x * 2).sum())
    mul
    sum
    tensor(6.)
    """

    def wrap(self, value: Any) -> Any:
        """Make the tensors of a value recorded ones."""
        return rebuild(value, self._wrap)

    def _wrap(self, plain: Tensor) -> Recorded:
        recorded: Recorded = plain.as_subclass(Recorded)
        recorded.plain, recorded.recorder = plain, self
        return recorded

    def call(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Carry out one operation on the plain tensors."""
        return self.wrap(func(*unwrap(tuple(args)), **unwrap(kwargs)))

    def layer(self, layer: Layer, params: Params, x: Value, rng: Generator | None) -> Any:
        """Apply a layer."""
        return layer.apply(params, x, rng)


def unwrap(value: Any) -> Any:
    """Put the plain tensors back in the place of recorded ones."""
    return rebuild(value, lambda t: t.plain if type(t) is Recorded else t)
