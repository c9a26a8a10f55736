"""The contract: a layer is a pure function that returns its own derivative.

    apply(params, x) -> (y, vjp)        vjp(dy) -> (dparams, dx)

`params` is a pytree (see `funcdl.tree`), `x` and `y` are tensors or tuples of them. The vjp, the
vector-Jacobian product, maps a cotangent of `y` to the cotangents of `params` and `x`. Nothing is
kept anywhere else: no tape, no attribute that a call changes.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from funcdl.answer import answered, expect_pair, initialised
from funcdl.errors import FuncdlError, KindError, ShapeError, brief, exhausted
from funcdl.misfit import RAW, expect_floats, guarded, is_ours, means, unfit
from funcdl.misuse import instead_of_layer, no_arguments, short
from funcdl.portable import packed
from funcdl.tensor import FLOATS, STRIDED, Generator, Tensor, empty

__all__ = [
    "Apply",
    "Init",
    "Layer",
    "Params",
    "Shape",
    "Value",
    "Vjp",
    "as_layer",
    "layer",
    "shape_of",
    "zeros_of",
]

Params = Any
"""A pytree of tensors; `()` for none."""

Value = Any
"""A tensor or a (possibly nested) tuple of tensors."""

Shape = tuple[Any, ...]
"""The shape of a tensor, or a tuple of such shapes. Only trailing axes are looked at, so that
leading axes (batch, model) may be there or not."""


class Vjp(Protocol):
    """`vjp(dy) -> (dparams, dx)`; with `need_dx=False`, dx is None and is not computed."""

    def __call__(self, dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
        """Pull the cotangent `dy` of the output back to the parameters and the input."""


class Apply(Protocol):
    """`apply(params, x, rng=None) -> (y, vjp)`; `rng=None` means inference."""

    def __call__(self, params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        """Compute the output and the closure that pulls a cotangent back."""


Init = Callable[[Generator, Shape], tuple[Params, Shape]]
"""`init(rng, in_shape) -> (params, out_shape)`."""


_NOTHING: Any = object()


@dataclass(frozen=True, eq=False, repr=False)
class Layer:
    """A named pair of pure functions, `init` and `apply`; calling a layer applies it.

    Attributes:
        name: the factory's name, used in errors and summaries.
        init: `(rng, in_shape) -> (params, out_shape)`. Draws parameters from the generator `rng`,
            on its device and in torch's default dtype. `in_shape` may have leading axes.
        apply: `(params, x, rng=None) -> (y, vjp)`.
        args: the factory's hyperparameters as they would be written in a call.
        layers: for a combinator, its parts in the order of their parameters.
        recorded: whether a staged step may record the calls that it makes; otherwise it calls the
            layer itself in each step (see `funcdl.staging`).
        needs_rng: the path to the first part that acts otherwise in training, where a generator is
            handed in: one that draws numbers, or looks across the batch. A training step without a
            generator is refused in its name. True stands for the layer's own name; empty for none.
        watched: whether what its vjp gives is compared with its params and x: so for a layer of a
            user's own, which the next one would be blamed for.
        floats: whether it computes with floats: whatever else comes as x is refused before.

    Raises:
        KindError: `name` is not a string, or `init` or `apply` not such a function.
    """

    name: str
    init: Init
    apply: Apply
    args: str = ""
    layers: tuple[Layer, ...] = ()
    recorded: bool = True
    needs_rng: bool | str = ""
    watched: bool = False
    floats: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.needs_rng, str):
            object.__setattr__(self, "needs_rng", self.name if self.needs_rng else "")
        if not isinstance(self.name, str) or not callable(self.init):
            got = f"{short(self.name)}, {short(self.init)}"
            raise KindError(f"Layer: expected (name, init, apply), got {got}")
        object.__setattr__(self, "init", initialised(self.name, self.init, not self.layers))
        if not str(getattr(self.apply, "__module__", "")).startswith("funcdl."):
            _expect_apply(self.name, self.apply)
            object.__setattr__(self, "watched", True)

    def __call__(
        self, params: Params = _NOTHING, x: Value = _NOTHING, rng: Generator | None = None
    ) -> tuple[Value, Vjp]:
        """Apply the layer: `(y, vjp)`, where the vjp refuses a dy that is not as y is.

        Tensors that are being recorded (see `funcdl.staging`) have a recorder, which makes the
        call, since it may be one that cannot be recorded.
        """
        if type(x) is not Tensor:
            if x is _NOTHING:
                raise no_arguments(self.name, params, _NOTHING)
            if self.floats:
                expect_floats(self.name, x)
            if (recorder := _recorder(x)) is not None:
                recorded: tuple[Value, Vjp] = recorder.layer(self, params, x, rng)
                return recorded
        elif self.floats and (x.dtype not in FLOATS or x.layout is not STRIDED):
            expect_floats(self.name, x)
        try:
            made = self.apply(params, x, rng)
            y, pull = expect_pair(self.name, "(y, vjp)", made) if self.watched else made
        except FuncdlError as error:
            if self.floats:
                expect_floats(self.name, params)
            raise means(self.name, error) from error.__cause__
        except RAW as error:
            if is_ours(error):
                if self.floats:
                    expect_floats(self.name, params)
                raise unfit(self.name, params, x, error) from error
            raise
        if self.watched:
            pull = answered(self.name, params, x, pull)
        try:
            return y, guarded(self.name, params, y, pull)
        except TypeError as error:
            raise KindError(f"{self.name}: {error}") from None
        except RuntimeError as error:
            # A nested tensor has no shape.
            raise unfit(self.name, params, x, error) from error

    def __repr__(self) -> str:
        try:
            parts = [repr(part) for part in self.layers]
        except RecursionError:
            parts = ["…"]
        inside = ", ".join([*parts, *([self.args] if self.args else [])])
        return f"{self.name}({inside})" if inside else self.name

    def __copy__(self) -> Layer:
        return self

    def __deepcopy__(self, memo: Any) -> Layer:
        return self  # nothing in it changes

    def __reduce__(self) -> Any:
        if getattr(sys.modules.get("funcdl"), self.name, None) is self:
            return _ready, (self.name,)
        functions = packed((self.init, self.apply))
        rest = self.args, self.layers, self.recorded, self.needs_rng, self.watched, self.floats
        return _loaded, (_inside(self), type(self), self.name, *functions, *rest)


def _inside(layer: Layer) -> tuple[Layer, ...]:
    """List all layers inside of one, the innermost first.

    They are pickled in this order, so that none is met before those that it is made of: a nesting,
    however deep, takes pickle no recursion.
    """
    found, left = [], list(layer.layers)
    seen = set(left)
    while left:
        part = left.pop()
        found.append(part)
        left += [inner for inner in dict.fromkeys(part.layers) if inner not in seen]
        seen.update(part.layers)
    return tuple(reversed(found))


def _loaded(inside: tuple[Layer, ...], kind: type[Layer], *fields: Any) -> Layer:
    """Make a layer again, whose parts were made before."""
    return kind(*fields)


def _ready(name: str) -> Any:
    """Return one of the library's own layers that no factory makes."""
    return getattr(sys.modules["funcdl"], name)


def _expect_apply(name: str, apply: Any) -> None:
    """Refuse what cannot be called with a generator, where Python can tell."""
    try:
        inspect.signature(apply).bind((), (), None)
    except ValueError:
        pass
    except TypeError:
        got = f"({', '.join(inspect.signature(apply).parameters)})" if callable(apply) else ""
        raise KindError(
            f"{name}: expected apply(params, x, rng=None), got "
            f"{got or type(apply).__name__}: layer(apply, init, name) takes any function"
        ) from None


def _recorder(x: Value) -> Any:
    """Return the recorder of the first tensor of a value, None for a plain tensor."""
    while isinstance(x, tuple) and x:
        x = x[0]
    return getattr(x, "recorder", None)


PlainApply = Callable[..., tuple[Value, Callable[..., tuple[Params, Value]]]]
LayerLike = Layer | PlainApply


def layer(
    apply: PlainApply,
    init: Init | None = None,
    name: str | None = None,
    *,
    needs_rng: bool | None = None,
) -> Layer:
    """Make a layer of a plain function `(params, x) -> (y, vjp)`.

    Args:
        apply: the function. It is handed the generator where it has an argument named `rng`, or
            a third one without a default: `(params, x, slope=0.1)` has neither. Its vjp may take
            a second argument, `need_dx`, and does not have to.
        init: `(rng, in_shape) -> (params, out_shape)`. Without it the layer has no parameters,
            and its output shape is found by applying it to zeros.
        name: for errors and summaries; the function's own name without it.
        needs_rng: whether it acts otherwise in training, so that a training step needs a generator;
            without it, whether the function takes one.

    Raises:
        KindError: `apply` cannot be called, or `name` is not a string.

    >>> def double(params, x):
    ...     return x * 2, lambda dy: ((), dy * 2)
    >>> layer(double)
    double
    """
    if problem := instead_of_layer(apply):
        raise KindError(f"layer: expected a function (params, x) -> (y, vjp), {problem}")
    if name is not None and not isinstance(name, str):
        raise KindError(f"layer: expected a name, got {name!r}")
    label: str = name or getattr(apply, "__name__", None) or type(apply).__name__
    by_name, by_place = _takes_rng(apply)

    def run(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        drawn = {"rng": rng} if by_name else {}
        pair = apply(params, x, rng) if by_place else apply(params, x, **drawn)
        y, pull = expect_pair(label, "(y, vjp)", pair)
        if not callable(pull):
            raise KindError(f"{label}: expected a vjp to call, got {type(pull).__name__}")

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            dparams, dx = expect_pair(label, "(dparams, dx) from its vjp", pull(dy))
            return dparams, dx if need_dx else None

        return y, vjp

    def infer(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        try:
            y, _ = run((), zeros_of(in_shape, rng))
        except FuncdlError:
            raise
        except Exception as error:
            raise ShapeError(
                f"{label}: could not be applied to zeros of shape {in_shape} to find its output "
                f"shape ({error}); give it an init with layer({label}, init=...)"
            ) from error
        return (), shape_of(y)

    # What takes anything, by `*args`, may hand the generator on or not: it does not say.
    takes = by_name or (by_place and not _takes_anything(apply))
    needs = takes if needs_rng is None else needs_rng
    return Layer(label, init or infer, run, needs_rng=needs, watched=True)


def as_layer(candidate: LayerLike) -> Layer:
    """Return a layer unchanged, and a plain function as a layer.

    Raises:
        KindError: it is neither.

    >>> as_layer(lambda params, x: (x, lambda dy: ((), dy))).name
    '<lambda>'
    """
    return candidate if isinstance(candidate, Layer) else layer(candidate)


def _takes_rng(function: Callable[..., Any]) -> tuple[bool, bool]:
    """Tell whether a function takes the generator by its name, and whether as third argument.

    As third it takes `rng`, what it cannot do without, and anything by `*args`; where Python
    cannot tell, nothing.
    """
    try:
        found = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return False, False
    placed = [p for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(placed) > 2 and (placed[2].name == "rng" or placed[2].default is placed[2].empty):
        return False, True
    by_name = any(p.name == "rng" and p.kind is not p.POSITIONAL_ONLY for p in found)
    return by_name, not by_name and any(p.kind is p.VAR_POSITIONAL for p in found)


def _takes_anything(function: Callable[..., Any]) -> bool:
    """Tell whether a third argument goes into `*args`."""
    found = inspect.signature(function).parameters.values()
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in found) < 3


def zeros_of(shape: Shape, rng: Generator) -> Value:
    """Make zeros of a shape, or of a tuple of shapes, on the generator's device."""
    if any(isinstance(entry, tuple) for entry in shape):
        return tuple(zeros_of(entry, rng) for entry in shape)
    try:
        return empty(shape, device=rng.device).zero_()
    except (RuntimeError, TypeError, MemoryError) as error:
        raise exhausted(f"an input of shape {brief(shape)}", error) or error from None


def shape_of(value: Value) -> Shape:
    """Return the shape of a tensor, or those of a tuple of tensors.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(value, Tensor):
        return tuple(value.shape)
    if not isinstance(value, tuple):
        raise TypeError(f"expected a tensor or a tuple of tensors, got {type(value).__name__}")
    return tuple(shape_of(entry) for entry in value)
