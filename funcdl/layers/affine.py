"""What the layers with a weight and a bias share: their parameters and the words for a misfit."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcdl.arguments import generator, show
from funcdl.errors import FuncdlError, KindError, ShapeError
from funcdl.initialisers import Initialiser
from funcdl.tensor import Generator, Tensor

__all__ = ["Affine", "bias_of", "draw", "misfit"]


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
    w = w_init(generator(where, rng), shape)
    return Affine(w, () if b_init is None else b_init(rng, shape[-1:]))


def bias_of(b: Tensor | tuple[()]) -> Tensor | None:
    """Return the bias as the primitive takes it."""
    if b is None:
        raise TypeError("expected b to be a tensor or ()")
    return None if isinstance(b, tuple) and not b else b


def misfit(
    where: str, axes: int, params: Any, x: Any, error: Exception, groups: int = 1
) -> FuncdlError:
    """Say in one sentence why an affine layer could not be applied.

    `axes` is the number of axes of an input that the layer looks at: 1 for features, 2 for
    sequences, 3 for images.
    """
    if not (isinstance(params, tuple) and len(params) == 2 and isinstance(params[0], Tensor)):
        return KindError(f"{where}: expected params (w, b), got {type(params).__name__}")
    if not isinstance(x, Tensor):
        return KindError(f"{where}: expected a tensor, got {type(x).__name__}")
    w, b = params
    if not isinstance(b, Tensor) and not (isinstance(b, tuple) and not b):
        return KindError(f"{where}: expected b to be a tensor or (), got {type(b).__name__}")
    channels = w.shape[-2] * groups if w.ndim > 1 else "?"
    expected = ("", "length, ", "height, width, ")[axes - 1] + str(channels)
    if x.ndim < axes or x.shape[-1] != channels:
        return ShapeError(f"{where}: expected (…, {expected}), got {show(x.shape)}")
    for what, tensor in (("x", x), ("b", b)):
        if isinstance(tensor, Tensor) and tensor.dtype != w.dtype:
            return KindError(
                f"{where}: expected {what} to be {w.dtype} as w is, got {tensor.dtype}"
            )
    return ShapeError(f"{where}: w {show(w.shape)} does not fit x {show(x.shape)}: {error}")
