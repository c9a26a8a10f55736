"""Recording: run a pure function once and write down every call on a tensor that it makes.

Tensors are handed to the function as `Recorded`, a subclass of torch's own with the hook that torch
calls instead of an operation (`__torch_function__`). The operation is then carried out on plain
tensors and noted with them, so that the recording's tensors are the buffers of a replay, and a view
recorded once stays a view of its buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from funcdl import tree
from funcdl.contract import Layer, Params, Value, Vjp
from funcdl.signature.kinds import is_none
from funcdl.tensor import Generator, Tensor
from funcdl.tree import nodes

__all__ = [
    "Call",
    "CapturedError",
    "OpaqueLayerError",
    "Recorder",
    "UnrecordedError",
    "Watcher",
    "rebuild",
    "storage",
    "tensors",
]

WRITES_FIRST = {
    *("__setitem__", "__iadd__", "__isub__", "__imul__", "__itruediv__", "__ifloordiv__"),
    *("__imod__", "__ipow__", "__iand__", "__ior__", "__ixor__", "__ilshift__", "__irshift__"),
}

# What asks for no numbers, only for a shape or a dtype.
METADATA = {
    *("__get__", "__len__", "__hash__", "dim", "ndimension", "size", "stride", "numel", "nelement"),
    *("is_floating_point", "is_complex", "is_signed", "is_contiguous", "is_same_size"),
    *("element_size", "storage_offset", "get_device", "type"),
}

# What changes a tensor's own shape or its place in autograd: a replay could not repeat it.
REFUSED = {
    *("__set__", "requires_grad_", "detach_", "set_", "resize_", "resize_as_", "as_strided_"),
    *("t_", "transpose_", "swapaxes_", "swapdims_", "squeeze_", "unsqueeze_", "backward", "grad"),
}

# What gives as many numbers as other numbers say: a replay has room for those of one step alone.
SIZED_BY_NUMBERS = {
    *("nonzero", "argwhere", "masked_select", "unique", "unique_consecutive", "bincount"),
    *("repeat_interleave", "tensor_split"),
}

# The same where one of the sizes that they take is a tensor.
SIZED_BY_ARGUMENTS = {
    *("new_empty", "new_zeros", "new_ones", "new_full", "repeat", "tile", "pad", "one_hot", "roll"),
    *("split", "split_with_sizes", "chunk", "unfold", "unflatten"),
}

# Views of the first argument for whose place the others' shapes matter, not their numbers.
SHAPED_LIKE = {"expand_as", "view_as", "reshape_as", "type_as", "to", "broadcast_tensors"}

# What looks at the shape of its argument alone.
CREATES = {
    *("new_empty", "new_zeros", "new_ones", "new_full"),
    *("empty_like", "zeros_like", "ones_like", "full_like"),
}

# What draws from torch's own generator or from one that was handed in.
RANDOM = {
    *("bernoulli", "bernoulli_", "multinomial", "normal_", "uniform_", "random_", "exponential_"),
    *("cauchy_", "log_normal_", "geometric_", "rand_like", "randn_like", "randint_like"),
    *("dropout", "dropout_", "poisson", "rrelu", "rrelu_"),
}


class UnrecordedError(BaseException):
    """A recorded tensor was asked for something that a replay could not repeat.

    Above all for its numbers, as by `float(x)` or `if x > 0`. It is none of the errors that a layer
    may handle: it has to reach the recorder.
    """


class CapturedError(BaseException):
    """A layer that is called as it is uses a recorded tensor that was not handed to it."""


class OpaqueLayerError(BaseException):
    """A layer cannot be recorded and has to be called as it is.

    It is known by itself, and by its place among the layers that were applied: a step may make its
    layers anew each time.
    """

    def __init__(self, layer: Layer, place: int) -> None:
        super().__init__(repr(layer))
        self.layer, self.place = layer, place


@dataclass(eq=False)
class Call:
    """One call: `func(*args, **kwargs)`, on plain tensors.

    Attributes:
        name: of the function, which for a method is also that of the attribute.
        outs: the tensors that it wrote: new ones, or `args[0]` of a call in place.
        fresh: whether `outs` are new.
        reads: storages that it reads, beside those of its arguments.
        effect: whether it has to be repeated though nobody reads its outputs: it draws numbers.
    """

    name: str
    func: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outs: list[Tensor]
    fresh: bool
    effect: bool = False
    reads: set[Any] = field(default_factory=set)
    writes: set[Any] = field(default_factory=set)

    def __post_init__(self) -> None:
        args = self.args[1:] if self.name in CREATES else self.args
        self.reads |= {storage(t) for t in tensors((args, self.kwargs))}
        self.writes |= {storage(t) for t in self.outs}


class Recorded(Tensor):
    """A tensor whose calls are recorded; `plain` is the tensor itself."""

    plain: Tensor
    recorder: Watcher

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Carry out and note an operation in whose arguments a recorded tensor is."""
        first = next(t for t in tensors((args, kwargs or {})) if type(t) is cls)
        return first.recorder.call(func, args, kwargs or {})


class Watcher:
    """Sees every operation and every layer that recorded tensors go through, and does no more."""

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


class Recorder(Watcher):
    """The calls made so far, and the layers that are called as they are."""

    def __init__(self, opaque: set[Layer | int], users: bool = False) -> None:
        """Begin to record; with `users`, the layers that users made are called as they are too."""
        self.calls: list[Call] = []
        self.opaque, self.users = opaque, users
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
        if not outs and name not in METADATA and not _in_place(name):
            raise UnrecordedError(f"calls {name} on a tensor")
        first = args[0] if args and (_in_place(name) or kwargs.get("inplace") is True) else None
        by_name = tensors(kwargs.get("out", first))
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
        if not {storage(t) for t in outs} <= {storage(t) for t in written}:
            raise UnrecordedError(f"calls {name}, which writes and gives new tensors")
        # What writes without the name of a method that does is repeated as it is.
        name = name if _in_place(name) else f"{name} in place"
        call = Call(name, func, args, kwargs, written, False)
        call.effect = _draws(name, kwargs)
        self.calls.append(call)

    def _note_result(
        self, name: str, func: Any, args: Any, kwargs: Any, given: list[Tensor], outs: list[Tensor]
    ) -> None:
        """Note a call that gives new tensors; views of what is there are no calls."""
        if name in SIZED_BY_NUMBERS or _chooses_by_numbers(name, args, kwargs):
            raise UnrecordedError(f"calls {name}, whose size depends on numbers")
        call = Call(name, func, args, kwargs, outs, True, _draws(name, kwargs))
        if call.writes <= {storage(t) for t in given}:
            if len(given) > 1 and name not in SHAPED_LIKE:
                raise UnrecordedError(f"calls {name}, a view whose place depends on numbers")
        elif call.writes & {storage(t) for t in given}:
            raise UnrecordedError(f"calls {name}, which gives views and new tensors")
        else:
            self.calls.append(call)

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

        def noted(function: Callable[..., Any], *args: Any, reads: set[Any]) -> tuple[Any, Call]:
            plain = unwrap(args)
            # An output may be an input, or a view of one: a copy is a buffer of its own.
            self.inside = True
            result = rebuild(function(*plain), lambda t: t.clone())
            self.inside = False
            call = Call(layer.name, function, plain, {}, tensors(result), True, True, reads)
            self.calls.append(call)
            return self.wrap(result), call

        y, forth = noted(forward, params, x, reads=set())

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            if is_none(dy):
                return tree.zeros_like(params), None

            def back(dy: Value) -> Any:
                return kept[0](dy, need_dx)

            # The closure holds the inputs: they must not be overwritten before it runs.
            (dparams, dx), _ = noted(back, dy, reads=forth.reads | {id(kept)})
            return dparams, dx

        forth.writes.add(id(kept))
        return y, vjp


def _in_place(name: str) -> bool:
    """Tell by its name whether a method writes into its first argument."""
    return name in WRITES_FIRST or (name.endswith("_") and not name.startswith("__"))


def _draws(name: str, kwargs: dict[str, Any]) -> bool:
    return name in RANDOM or any(hasattr(a, "initial_seed") for a in kwargs.values())


def _chooses_by_numbers(name: str, args: Any, kwargs: dict[str, Any]) -> bool:
    """Tell whether a call gives as many numbers as a mask, or the largest class, says."""
    if name == "__getitem__":
        return any(str(t.dtype) in ("torch.bool", "torch.uint8") for t in tensors(args[1:]))
    sizes = (args[1:2] if name == "new_full" else args[1:], kwargs.get("size"))
    if name in SIZED_BY_ARGUMENTS and tensors(sizes):
        return True
    if name == "one_hot":
        classes = kwargs.get("num_classes", args[1] if len(args) > 1 else -1)
        return bool(classes == -1)
    return name == "where" and len(args) + len(kwargs) == 1


def _version(t: Tensor) -> Any:
    """Count how often a tensor was written into; inference tensors do not count."""
    return None if t.is_inference() else t._version


def storage(tensor: Tensor) -> int:
    """Name the memory that a tensor is a view of."""
    name: int = tensor.untyped_storage()._cdata
    return name


def tensors(value: Any) -> list[Tensor]:
    """List the tensors in nested containers, from left to right."""
    return list(_tensors(value))


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif tree.is_node(value):
        for entry in nodes.entries(value):
            yield from _tensors(entry)


def unwrap(value: Any) -> Any:
    """Put the plain tensors back in the place of recorded ones."""
    return rebuild(value, lambda t: t.plain if type(t) is Recorded else t)


def rebuild(value: Any, function: Callable[[Any], Any]) -> Any:
    """Apply a function to the tensors in nested containers; other leaves stay."""
    if isinstance(value, Tensor):
        return function(value)
    if type(value) is dict:  # in the order in which it was filled, which a step may look at
        return {key: rebuild(entry, function) for key, entry in value.items()}
    if tree.is_node(value):
        return nodes.rebuilt(value, [rebuild(entry, function) for entry in nodes.entries(value)])
    return value
