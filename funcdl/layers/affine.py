"""What the layers with a weight and a bias share: their parameters and the words for a misfit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from funcdl.arguments import filled, show
from funcdl.errors import FuncdlError, KindError, ShapeError, exhausted
from funcdl.initialisers import Initialiser
from funcdl.misfit import apart
from funcdl.misuse import short
from funcdl.tensor import Generator, Tensor

__all__ = ["Affine", "bias_of", "draw", "fitting_bias", "misfit", "misfit_parts"]


class Affine(NamedTuple):
    """Parameters of an affine map: `w` (*models, *kernel, in, out) and `b` (*models, out).

    `b` is `()` in a layer without bias.
    """

    w: Tensor
    b: Tensor | tuple[()]


def draw(
    where: str,
    rng: Generator,
    shape: tuple[int, ...],
    w_init: Initialiser,
    b_init: Initialiser | None,
) -> Affine:
    """Draw the parameters of an affine map with `w` of the given shape."""
    for name, how in (("w_init", w_init), ("b_init", w_init if b_init is None else b_init)):
        if not callable(how):
            raise KindError(
                f"{where}: expected {name} to be a function (rng, shape) -> tensor, "
                f"got {short(how)}"
            )
    w = w_init(rng, shape)
    return Affine(w, () if b_init is None else b_init(rng, shape[-1:]))


def bias_of(b: Tensor | tuple[()]) -> Tensor | None:
    """Return the bias as the primitive takes it."""
    if b is None:
        raise TypeError("expected b to be a tensor or ()")
    return None if isinstance(b, tuple) and not b else b


def fitting_bias(b: Tensor | tuple[()], w: Tensor, shape: tuple[int, ...]) -> Tensor | None:
    """Return the bias, if it is of this shape, and as w is: torch would broadcast, or promote.

    Raises:
        TypeError, ValueError: it is not.
    """
    bias = bias_of(b)
    if bias is not None:
        if bias.shape != shape:
            raise ValueError(f"b {show(bias.shape)} is of another shape")
        if bias.dtype is not w.dtype or bias.is_meta is not w.is_meta:
            raise ValueError("b is of another dtype, or elsewhere")
    return bias


def misfit(
    where: str,
    axes: int,
    params: Any,
    x: Any,
    error: Exception,
    inputs: Callable[[Tensor], int] = lambda w: w.shape[-2],
) -> FuncdlError:
    """Say in one sentence why an affine layer could not be applied.

    `axes` is the number of axes of an input that the layer looks at: 1 for features, 2 for
    sequences, 3 for images. `inputs` tells from `w`, which has two axes or more, how many features
    the input has.
    """
    if (problem := exhausted(where, error)) is not None:
        return problem
    if not (isinstance(params, tuple) and len(params) == 2 and isinstance(params[0], Tensor)):
        return KindError(f"{where}: expected params (w, b), got {type(params).__name__}")
    if not isinstance(x, Tensor):
        return KindError(f"{where}: expected a tensor, got {type(x).__name__}")
    w, b = params
    if not isinstance(b, Tensor) and not (isinstance(b, tuple) and not b):
        return KindError(f"{where}: expected b to be a tensor or (), got {type(b).__name__}")
    channels = inputs(w) if w.ndim > 1 else "?"
    expected = ("", "length, ", "height, width, ")[axes - 1] + str(channels)
    if x.ndim < axes or x.shape[-1] != channels:
        return ShapeError(f"{where}: expected (…, {expected}), got {show(x.shape)}")
    for what, tensor in (("x", x), ("b", b)):
        if isinstance(tensor, Tensor) and tensor.dtype != w.dtype:
            return KindError(
                f"{where}: expected {what} to be {w.dtype} as w is, got {tensor.dtype}"
            )
    if (problem := apart(where, params, x)) is not None:
        return problem
    filled(where, x.shape)
    return ShapeError(f"{where}: w {show(w.shape)} does not fit x {show(x.shape)}: {error}")


def misfit_parts(
    where: str, parts: dict[str, tuple[Affine, int, int]], x: Any
) -> FuncdlError | None:
    """Say which of the affine maps of a layer with several is not as it should be; None if all are.

    `parts` has each by its field, with the features that it takes and gives; `x` is what the layer
    is applied to, tensors of the dtype of the first `w`.
    """
    (first, *_), *_ = parts.values()
    dtype = first.w.dtype
    if (problem := apart(where, [part for part, _, _ in parts.values()], x)) is not None:
        return problem
    for name, ((w, b), taken, given) in parts.items():
        if w.shape[-2:] != (taken, given):
            expected = f"(…, {taken}, {given})"
            return ShapeError(
                f"{where}: expected params.{name}.w to be {expected}, got {show(w.shape)}"
            )
        if isinstance(b, Tensor) and b.shape != w.shape[:-2] + w.shape[-1:]:
            expected = show(w.shape[:-2] + w.shape[-1:])
            return ShapeError(
                f"{where}: expected params.{name}.b to be {expected}, got {show(b.shape)}"
            )
        for field, tensor in (("w", w), ("b", b)):
            if isinstance(tensor, Tensor) and tensor.dtype != dtype:
                return KindError(
                    f"{where}: expected params.{name}.{field} to be {dtype}, got {tensor.dtype}"
                )
    return None
