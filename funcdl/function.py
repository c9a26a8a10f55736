"""A plain function `(params, x) -> (y, vjp)` as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from funcdl.answer import expect_pair
from funcdl.contract import (
    Init,
    Layer,
    LayerLike,
    Params,
    PlainApply,
    Shape,
    Value,
    Vjp,
    shape_of,
    zeros_of,
)
from funcdl.errors import FuncdlError, KindError, ShapeError
from funcdl.misuse import instead_of_layer
from funcdl.signature import Signature
from funcdl.tensor import Generator

__all__ = ["as_layer", "layer"]


def layer(
    apply: PlainApply,
    init: Init | None = None,
    name: str | None = None,
    *,
    signature: Signature | None = None,
    draw: Any = (),
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
        signature: what it takes and gives: each call is checked by it, and `init` may go.
        draw: where there is a signature and no init, an initialiser `(rng, shape) -> tensor` for
            each parameter, in a pytree like them.
        needs_rng: whether it acts otherwise in training, so that a training step needs a generator;
            without it, whether the function takes one.

    Raises:
        KindError: `apply` cannot be called, or `name` is not a string.

    >>> def double(params, x):
    ...     return x * 2, lambda dy: ((), dy * 2)
    >>> layer(double)
    double

    With a signature, what does not fit is refused before it is computed:

    >>> import torch
    >>> from funcdl.initialisers import ones
    >>> def times(params, x):
    ...     (a,) = params
    ...     return x * a, lambda dy: (((dy * x).sum(0),), dy * a)
    >>> takes = Signature(("a: features",), "batch features", "batch features")
    >>> scaled = layer(times, signature=takes, draw=(ones,))
    >>> params, _ = scaled.init(torch.Generator(), (5, 3))
    >>> scaled(params, torch.ones(5, 1))
    Traceback (most recent call last):
    funcdl.errors.ShapeError: times: expected x (batch, 3), got (5, 1)
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
        if signature is not None:
            return signature.draw(label, rng, in_shape, draw)
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
    return Layer(label, init or infer, run, needs_rng=needs, watched=True, signature=signature)


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
