"""Recording: run a pure function once and write down every call on a tensor that it makes.

A call is noted with the plain tensors that it was carried out on, so that a view recorded once
stays a view of its memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcdl import tree
from funcdl.contract import Layer, Params, Value, Vjp
from funcdl.signature.kinds import is_none
from funcdl.tensor import Generator, Tensor
from funcdl.watching.call import Call, CapturedError, OpaqueLayerError, UnrecordedError
from funcdl.watching.kinds import (
    METADATA,
    REFUSED,
    SHAPED_LIKE,
    chooses_by_numbers,
    draws,
    writes_first,
)
from funcdl.watching.nested import rebuild, storage, tensors
from funcdl.watching.watcher import Recorded, Watcher, unwrap

__all__ = ["Recorder"]


class Recorder(Watcher):
    """The calls made so far, and the layers that are called as they are.

    >>> import torch
    >>> recorder = Recorder()
    >>> x = recorder.wrap(torch.ones(2, 3))
    >>> y = (x.mT * 2).sum()
    >>> [call.name for call in recorder.calls]  # a view is no call
    ['mul', 'sum']
    """

    def __init__(self, opaque: set[Layer | int] | None = None, users: bool = False) -> None:
        """Begin to record; with `users`, the layers that users made are called as they are too."""
        self.calls: list[Call] = []
        self.opaque, self.users = opaque or set(), users
        self.applied = 0
        self.inside = False

    def call(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Carry out one operation on the plain tensors, and note it unless it only makes views."""
        name: str = func.__name__
        if self.inside:
            raise CapturedError
        if name in REFUSED:
            raise UnrecordedError(f"calls {name} on a tensor")
        if kwargs.get("inplace") is False:
            # What every function of torch.nn.functional hands on, and no method takes.
            kwargs = {key: value for key, value in kwargs.items() if key != "inplace"}
        plain_args, plain_kwargs = unwrap(tuple(args)), unwrap(kwargs)
        given, plain = tensors((args, kwargs)), tensors((plain_args, plain_kwargs))
        versions = [_version(t) for t in plain]
        result = func(*plain_args, **plain_kwargs)
        outs = tensors(result)
        if not outs and name not in METADATA and not writes_first(name):
            raise UnrecordedError(f"calls {name} on a tensor")
        in_place = writes_first(name) or kwargs.get("inplace") is True
        by_name = tensors(kwargs.get("out", args[0] if args and in_place else None))
        written = [
            t
            for t, version in zip(given, versions)
            if any(t is target for target in by_name)
            or (version is not None and unwrap(t)._version != version)
        ]
        if any(type(t) is not Recorded for t in written):
            raise UnrecordedError(f"calls {name} on a tensor that was made elsewhere")
        if written:
            self._note_write(name, func, plain_args, plain_kwargs, unwrap(written), outs)
        elif outs:
            self._note_result(name, func, plain_args, plain_kwargs, plain, outs)
        return self.wrap(result)

    def _note_write(
        self,
        name: str,
        func: Any,
        args: Any,
        kwargs: Any,
        written: list[Tensor],
        outs: list[Tensor],
    ) -> None:
        """Note a call in place, which gives nothing but what it wrote."""
        if not _memory(outs) <= _memory(written):
            raise UnrecordedError(f"calls {name}, which writes and gives new tensors")
        # What writes without the name of a method that does is repeated as it is.
        name = name if writes_first(name) else f"{name} in place"
        effect = draws(name, kwargs)
        self.calls.append(Call(name, func, args, kwargs, tuple(written), False, effect))

    def _note_result(
        self, name: str, func: Any, args: Any, kwargs: Any, given: list[Tensor], outs: list[Tensor]
    ) -> None:
        """Note a call that gives new tensors; views of what is there are no calls."""
        if chooses_by_numbers(name, args, kwargs):
            raise UnrecordedError(f"calls {name}, whose size depends on numbers")
        if _memory(outs) <= _memory(given):
            if len(given) > 1 and name not in SHAPED_LIKE:
                raise UnrecordedError(f"calls {name}, a view whose place depends on numbers")
        elif _memory(outs) & _memory(given):
            raise UnrecordedError(f"calls {name}, which gives views and new tensors")
        else:
            effect = draws(name, kwargs)
            self.calls.append(Call(name, func, args, kwargs, tuple(outs), True, effect))

    def layer(self, layer: Layer, params: Params, x: Value, rng: Generator | None) -> Any:
        """Apply a layer to recorded tensors; an opaque one by a call as it is."""
        self.applied += 1
        place = self.applied
        if {layer, place} & self.opaque or not layer.recorded or (self.users and layer.watched):
            return self._as_it_is(layer, params, x, rng)
        try:
            y, pull = layer.apply(params, x, rng)
        except UnrecordedError:
            raise OpaqueLayerError(layer, place) from None

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            if is_none(dy):
                return tree.zeros_like(params), None
            try:
                return pull(dy, need_dx)
            except UnrecordedError:
                raise OpaqueLayerError(layer, place) from None

        return y, vjp

    def _as_it_is(self, layer: Layer, params: Params, x: Value, rng: Generator | None) -> Any:
        """Note a layer's application as one call, and that of its vjp as another."""
        kept: list[Vjp] = []

        def forward(params: Params, x: Value) -> Value:
            y, pull = layer.apply(params, x, rng)
            kept[:] = [pull]
            return y

        closure = frozenset({id(kept)})
        y = self._noted(layer, forward, params, x, keeps=closure)
        # The closure holds the inputs: they must not be overwritten before it runs.
        held = closure | _memory(tensors(unwrap((params, x))))

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            if is_none(dy):
                return tree.zeros_like(params), None

            def back(dy: Value) -> Any:
                return kept[0](dy, need_dx)

            dparams, dx = self._noted(layer, back, dy, holds=held)
            return dparams, dx

        return y, vjp

    def _noted(
        self, layer: Layer, function: Callable[..., Any], *args: Any, **memory: frozenset[Any]
    ) -> Any:
        """Call a function of a layer, note that, and give its results."""
        plain = unwrap(args)
        # An output may be an input, or a view of one: a copy is memory of its own.
        self.inside = True
        result = rebuild(function(*plain), lambda t: t.clone())
        self.inside = False
        outs = tuple(tensors(result))
        made = Call(layer.name, function, plain, {}, outs, True, True, layer=True, **memory)
        self.calls.append(made)
        return self.wrap(result)


def _memory(found: list[Tensor]) -> frozenset[int]:
    return frozenset(storage(t) for t in found)


def _version(t: Tensor) -> Any:
    """Count how often a tensor was written into; inference tensors do not count."""
    return None if t.is_inference() else t._version
