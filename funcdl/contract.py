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
from typing import Any, ClassVar, Generic, Protocol

from funcdl.answer import answered, expect_pair, initialised
from funcdl.cotangent import RAW, guarded, placed
from funcdl.errors import ContractError, FuncdlError, KindError, brief, exhausted
from funcdl.fitted import Composition, Fitted, kinds_key, worded_again
from funcdl.generic import XT, YT, ParamsT, ParamsT_co, XT_co, YT_contra
from funcdl.misuse import generator, no_arguments, short
from funcdl.portable import packed
from funcdl.shown import LayerText
from funcdl.signature import Signature
from funcdl.signature.kinds import kinds_of, shapes
from funcdl.tensor import Generator, Tensor, empty

__all__ = [
    "Apply",
    "Init",
    "Layer",
    "LayerLike",
    "Params",
    "PlainApply",
    "Shape",
    "Value",
    "Vjp",
    "declared",
    "shape_of",
    "zeros_of",
]

Params = Any
"""A pytree of tensors; `()` for none."""

Value = Any
"""A tensor, or a (possibly nested) tuple or dictionary of tensors."""

Shape = tuple[Any, ...]
"""The shape of a tensor, or a tuple (or dictionary) of such shapes. Only trailing axes are looked
at, so that leading axes (batch, model) may be there or not."""


class Vjp(Protocol[ParamsT_co, XT_co, YT_contra]):
    """`vjp(dy) -> (dparams, dx)`; with `need_dx=False`, dx is None and is not computed."""

    def __call__(self, dy: YT_contra, need_dx: bool = True) -> tuple[ParamsT_co, XT_co]:
        """Pull the cotangent `dy` of the output back to the parameters and the input."""


class Apply(Protocol):
    """`apply(params, x, rng=None) -> (y, vjp)`; `rng=None` means inference."""

    def __call__(self, params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        """Compute the output and the closure that pulls a cotangent back."""


Init = Callable[[Generator, Shape], tuple[ParamsT, Shape]]
"""`init(rng, in_shape) -> (params, out_shape)`."""


class _Nothing:
    """Stands for an argument that was left out, which has a sentence of its own."""

    def __repr__(self) -> str:
        return "..."


_NOTHING: Any = _Nothing()


@dataclass(frozen=True, eq=False, repr=False)
class Layer(Generic[ParamsT_co, XT, YT]):
    """A named pair of pure functions, `init` and `apply`; calling a layer applies it.

    For type checkers it is generic in its parameters, its input and its output: `linear(3)` is a
    `Layer[Affine, Tensor, Tensor]`, and `Layer` alone one of anything.

    Attributes:
        name: the factory's name, used in errors and summaries.
        init: `(rng, in_shape) -> (params, out_shape)`. Draws parameters from the generator `rng`,
            on its device and in torch's default dtype. `in_shape` may have leading axes.
        apply: `(params, x, rng=None) -> (y, vjp)`; of a combinator perhaps a `Composition`, which
            looks at what its parts take until it fits (see `funcdl.fitted`).
        args: the factory's hyperparameters as they would be written in a call.
        layers: for a combinator, its parts in the order of their parameters.
        recorded: whether a staged step may record the calls that it makes; otherwise it calls the
            layer itself in each step (see `funcdl.staging`).
        needs_rng: the path to the first part that acts otherwise in training, where a generator is
            handed in: one that draws numbers, or looks across the batch. A training step without a
            generator is refused in its name. True stands for the layer's own name; empty for none.
        watched: whether what its vjp gives is compared with its params and x: so for a layer of a
            user's own, which the next one would be blamed for.
        signature: what it takes and gives, where that is declared (see `funcdl.signature`): checked
            at each call, and by `init`.

    Raises:
        KindError: `name` is not a string, or `init` or `apply` not such a function.
    """

    name: str
    init: Init[ParamsT_co]
    apply: Apply
    args: str = ""
    layers: tuple[Layer, ...] = ()
    recorded: bool = True
    needs_rng: bool | str = ""
    watched: bool = False
    signature: Signature | None = None

    _fitted: ClassVar[Fitted | None] = None

    def __post_init__(self) -> None:
        if not isinstance(self.needs_rng, str):
            object.__setattr__(self, "needs_rng", self.name if self.needs_rng else "")
        if not isinstance(self.name, str) or not callable(self.init):
            got = f"{short(self.name)}, {short(self.init)}"
            raise KindError(f"Layer: expected (name, init, apply), got {got}")
        object.__setattr__(
            self, "init", initialised(self.name, self.init, self.layers and self.signature)
        )
        if not str(getattr(self.apply, "__module__", "")).startswith("funcdl."):
            _expect_apply(self.name, self.apply)
            object.__setattr__(self, "watched", True)
        if isinstance(self.apply, Composition):
            object.__setattr__(self, "_fitted", Fitted(self.apply.bare, set()))

    def __call__(
        self,
        params: ParamsT_co = _NOTHING,  # type: ignore[misc]  # so lists of layers have a type
        x: XT = _NOTHING,
        rng: Generator | None = None,
    ) -> tuple[YT, Vjp[ParamsT_co, XT, YT]]:
        """Apply the layer: `(y, vjp)`, where the vjp refuses a dy that is not as y is.

        Tensors that are being recorded (see `funcdl.staging`) have a recorder, which makes the
        call, since it may be one that cannot be recorded.
        """
        if x is _NOTHING:
            raise no_arguments(self.name, params, _NOTHING)
        return self.at("", params, x, rng)

    def at(
        self, place: str, params: Params, x: Value, rng: Generator | None = None
    ) -> tuple[Value, Vjp]:
        """Apply the layer as a part of another: errors begin with its place, the vjp's too.

        So all combinators call their parts, and have no errors to handle.
        """
        key, fitted = None, self._fitted
        if fitted is not None and (key := kinds_key(params, x)) in fitted.keys:
            try:
                if rng is None or hasattr(rng, "initial_seed"):
                    y, pull = fitted.apply(params, x, rng)
                    pull = worded_again(pull, lambda: self._looked_at("", params, x, rng))
                    return y, guarded(self, place, params, y, None, pull)
            except RAW:  # said below
                pass
        applied = self._looked_at(place, params, x, rng)
        if fitted is not None and key is not None:
            fitted.keep(key)
        return applied

    def _looked_at(self, place: str, params: Params, x: Value, rng: Any) -> tuple[Value, Vjp]:
        """Apply the layer to arguments that may not fit."""
        kinds = None
        try:
            if rng is not None and not self.watched and not hasattr(rng, "initial_seed"):
                generator(self.name, rng)
            if (signature := self.signature) is not None:
                kinds = signature.fit(self.name, params, x)
            if type(x) is not Tensor and (recorder := _recorder(x)) is not None:
                return placed(place, recorder.layer(self, params, x, rng))
            if self.watched:
                y, pull = self._applied(params, x, rng, kinds)
            else:
                y, pull = self.apply(params, x, rng)
            return y, guarded(self, place, params, y, kinds, pull)
        except FuncdlError as error:
            raise error.within(place) if place else error from error.__cause__
        except RAW as error:
            worded = self._worded(params, x, error)
            if worded is error:
                raise
            raise worded.within(place) if place else worded from error

    @property
    def bare(self) -> Apply:
        """`apply` without a look at what it takes, for arguments that are known to fit.

        A user's own function, and a combinator that has none, look all the same.
        """
        if self._fitted is not None:
            return self._fitted.apply
        return self if self.watched or self.layers else self.apply

    def _applied(self, params: Params, x: Value, rng: Any, kinds: Any) -> tuple[Value, Any]:
        """Apply a user's own function, and look at what it gives."""
        y, pull = expect_pair(self.name, "(y, vjp)", self.apply(params, x, rng))
        if kinds is not None and kinds_of(y) != kinds:
            wanted = f"{shapes(kinds)} as its signature says"
            raise ContractError(f"{self.name}: expected y {wanted}, got {shapes(y)}")
        return y, answered(self.name, params, x, pull)

    def _worded(self, params: Params, x: Value, error: Exception) -> Any:
        """Say what an error means that is none of funcdl's: one of a user's own stays as it is.

        A layer of the library that declares what it takes can fail for lack of room alone, or for
        numbers that are out of range.
        """
        if self.signature is None or self.watched or self.layers:
            return exhausted(self.name, error) or error
        return self.signature.explained(self.name, params, x, error)

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
        rest = self.args, self.layers, self.recorded, self.needs_rng, self.watched, self.signature
        return _loaded, (_inside(self), type(self), self.name, *functions, *rest)


Layer.__doc__ = LayerText(str(Layer.__doc__))  # type: ignore[assignment]


def declared(
    name: str,
    signature: Signature,
    apply: Apply,
    draw: Any = (),
    args: str = "",
    *,
    needs_rng: bool = False,
) -> Layer:
    """Make a layer of what it takes and of its formulas.

    Args:
        name: of the factory.
        signature: its shapes; `init` and the check of each call come from it.
        apply: `(params, x, rng=None) -> (y, vjp)`.
        draw: an initialiser for each parameter, in a pytree like them.
        args: the factory's hyperparameters as they would be written in a call.
        needs_rng: whether it acts otherwise in training.
    """

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        return signature.draw(name, rng, in_shape, draw)

    return Layer(name, init, apply, args, needs_rng=needs_rng, signature=signature)


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
    while isinstance(x, (tuple, dict)) and x:
        x = next(iter(x.values())) if isinstance(x, dict) else x[0]
    return getattr(x, "recorder", None)


PlainApply = Callable[..., tuple[Value, Callable[..., tuple[Params, Value]]]]
LayerLike = Callable[[ParamsT, XT], tuple[YT, Any]] | Callable[[ParamsT, XT, Any], tuple[YT, Any]]
"""What goes wherever a layer goes: a layer, or a function, with a generator or without."""


def zeros_of(shape: Shape, rng: Generator) -> Value:
    """Make zeros of a shape, or of a container of shapes, on the generator's device."""
    if isinstance(shape, dict):
        return {key: zeros_of(entry, rng) for key, entry in shape.items()}
    if any(isinstance(entry, (tuple, dict)) for entry in shape):
        return tuple(zeros_of(entry, rng) for entry in shape)
    try:
        return empty(shape, device=rng.device).zero_()
    except (RuntimeError, TypeError, MemoryError) as error:
        raise exhausted(f"an input of shape {brief(shape)}", error) or error from None


def shape_of(value: Value, where: str = "") -> Shape:
    """Return the shape of a tensor, or those of a container of tensors.

    Args:
        value: the tensor, or the tuple or dictionary.
        where: what an error begins with.

    Raises:
        TypeError: it is neither; where there is a `where`, a KindError.
    """
    if isinstance(value, Tensor):
        return tuple(value.shape)
    if isinstance(value, dict):
        shapes: Any = {key: shape_of(entry, where) for key, entry in value.items()}
        return shapes  # type: ignore[no-any-return]
    if not isinstance(value, tuple):
        said = f"expected a tensor or a tuple of tensors, got {type(value).__name__}"
        raise KindError(f"{where}: {said}") if where else TypeError(said)
    return tuple(shape_of(entry, where) for entry in value)
