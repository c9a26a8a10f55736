"""Convolution and its two adjoints, each by the way that fits the size of the images.

Each of the three products is a derivative of the others, so that they make up both convolution and
its transpose, with P(x) for the windows of an image x as the rows of a matrix:

    y = P(x) w        dw = P(x)ᵀ dy        dx = Pᵀ(dy wᵀ)

P(x) as a whole is never made: see `funcdl.ops.patches`, `funcdl.ops.taps` and, for windows of
3 × 3, `funcdl.ops.minimal`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from funcdl.ops import minimal, taps
from funcdl.ops.affine import Bias
from funcdl.ops.blocks import usual
from funcdl.ops.layout import cat
from funcdl.ops.leading import align
from funcdl.ops.order import images, pixels, planes
from funcdl.ops.patches import Patches, spread_patches
from funcdl.ops.window import Windows
from funcdl.tensor import Tensor

__all__ = ["Pull", "Seen", "convolve", "spread"]

FEW = 8
"""Up to so many channels, planes are copied; from more on, patches, or pixels are viewed."""

MANY = 2**16
"""For fewer numbers, joining weights and bias would take longer than adding the bias to them."""

PLAIN = Windows((3, 3))

Pull = Callable[[Tensor, bool], "tuple[Tensor, Bias, Tensor | None]"]


def way(windows: Windows, shape: tuple[int, ...], outputs: int, exact: bool) -> int:
    """Choose how to convolve images that have their border: 0 by planes, 1 by taps, else m."""
    height, width, inputs = shape[-3:]
    tiled = windows == PLAIN and not exact
    tile = minimal.best_tile(height - 2, width - 2, inputs, outputs) if tiled else 0
    return tile or int(inputs > FEW)


class Seen:
    """What the windows see of images (*models, …, h, w, in) with their border.

    Args:
        x: the images.
        windows: how the windows lie; their padding is not looked at.
        models: the number of model axes.
        outputs: of the weights that it will be multiplied with.
        exact: whether to take the direct way, whatever it costs.
        bias: whether a bias may be made with the products, as one row more of the weights.

    Attributes:
        biased: whether it is.
    """

    def __init__(
        self,
        x: Tensor,
        windows: Windows,
        models: int,
        outputs: int,
        exact: bool = False,
        bias: bool = False,
    ) -> None:
        windows = windows._replace(padding=(0, 0))
        self.lead, self.models = x.shape[:-3], x.shape[:models]
        chosen = way(windows, x.shape, outputs, exact)
        self.biased = bias and not chosen and x.numel() // x.shape[-1] * outputs > MANY
        self.usual = chosen == 1 and usual(x)
        self.by: minimal.Minimal | taps.Taps | taps.Planes | Patches
        if chosen > 1:
            self.by = minimal.Minimal(pixels(x, models), chosen)
        elif self.usual:
            self.by = Patches(batches(x, models), windows)
        elif chosen:
            self.by = taps.Taps(pixels(x, models), windows)
        else:
            self.by = taps.Planes(planes(x, models), windows, self.biased)

    def times(self, w: Tensor) -> Tensor:
        """Compute P(x) w, (*models, …, h', w', out), of w (*models, cells in, out)."""
        return self.back(self.by.times(flat(w))[0])

    def against(self, d: Tensor) -> Tensor:
        """Compute P(x)ᵀ d, (*models, cells in, out), of d (*models, …, h', w', out)."""
        dw = self.by.against(self.turned(d))
        return dw.reshape(*self.models, *dw.shape[-2:])

    def both(self, w: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
        """Compute P(x) w and P(x)ᵀ d."""
        if not isinstance(self.by, Patches):
            return self.times(w), self.against(d)
        y, dw = self.by.both(flat(w), self.turned(d))
        return self.back(y), dw.view(w.shape)

    def turned(self, d: Tensor) -> Tensor:
        """View, or copy, images (*models, …, h', w', out) as this way takes them."""
        return (batches if self.usual else pixels)(d, len(self.models))

    def back(self, made: Tensor) -> Tensor:
        """View what this way has made as images (*models, …, h', w', out)."""
        return made.view(*self.lead, *made.shape[2:]) if self.usual else images(made, self.lead)


def convolve(
    x: Tensor, w: Tensor, b: Bias, windows: Windows, exact: bool = False
) -> tuple[Tensor, Pull]:
    """Compute `y = P(x) w + b`.

    Args:
        x: padded images (*models, …, h, w, in).
        w: (cells in, out), or (*models, cells in, out).
        b: (out,), or (*models, out); `()` for no bias.
        windows: how the windows lie.
        exact: whether each output is summed up from its products alone.

    Returns:
        `y` of shape (*models, …, h', w', out), and `pull(dy, need_dx) -> (dw, db, dx)` with
        `dw = P(x)ᵀ dy`, `db = Σ dy` and `dx = Pᵀ(dy wᵀ)`.
    """
    models, matrix = w.ndim - 2, flat(w)
    seen = Seen(x, windows, models, w.shape[-1], exact, bias=not isinstance(b, tuple))
    if not isinstance(b, tuple) and seen.biased:
        matrix = cat([matrix, b.reshape(len(matrix), 1, -1)], 1)
    made, kept = seen.by.times(matrix)
    y = seen.back(made)
    if not isinstance(b, tuple) and not seen.biased:
        y.add_(align(b, y))

    def pull(dy: Tensor, need_dx: bool) -> tuple[Tensor, Bias, Tensor | None]:
        d = seen.turned(dy)
        # The bias's first, so that a staged step needs d no longer once it is transformed.
        db = b if isinstance(b, tuple) or seen.biased else d.flatten(1, 3).sum(1).reshape(b.shape)
        dw, dx = seen.by.pull(d, matrix, kept, need_dx)
        if not isinstance(b, tuple) and seen.biased:
            # Each a tensor of its own, as an optimiser has them best.
            db = dw.select(1, -1).reshape(b.shape).clone()
            dw = dw.narrow(1, 0, dw.shape[1] - 1).clone()
        return dw.reshape(w.shape), db, None if dx is None else seen.back(dx)

    return y, pull


def batches(x: Tensor, models: int) -> Tensor:
    """View, or copy, images (*models, …, h, w, c) as usual: contiguous (m, n, h, w, c)."""
    shape = prod(x.shape[:models]), prod(x.shape[models:-3]), *x.shape[-3:]
    return x.reshape(shape).contiguous()


def flat(w: Tensor) -> Tensor:
    """View weights (*models, cells in, out) as (m, cells in, out)."""
    return w.reshape(-1, *w.shape[-2:])


def spread(
    d: Tensor, w: Tensor, windows: Windows, shape: tuple[int, ...], exact: bool = False
) -> Tensor:
    """Compute `Pᵀ(d wᵀ)`: what `d` gives to each cell of its windows, added up.

    Args:
        d: (*models, …, h', w', out).
        w: (cells in, out), or (*models, cells in, out).
        windows: how the windows lie.
        shape: that of the padded images, (*models, …, h, w, in).
        exact: as in `convolve`.
    """
    models, windows = w.ndim - 2, windows._replace(padding=(0, 0))
    chosen, matrix = way(windows, shape, w.shape[-1], exact), flat(w)
    height, width, inputs = shape[-3:]
    if chosen == 1 and usual(d):
        rows = batches(d, models)
        whole = (*rows.shape[:2], height, width, inputs)
        return spread_patches(rows, matrix, windows, whole).view(shape)
    rows = pixels(d, models)
    turned = (len(rows), height, width, rows.shape[3], inputs)
    if chosen > 1:
        dx = minimal.spread(rows, matrix, turned, chosen)
    else:
        dx = (taps.spread_taps if chosen else taps.spread_planes)(rows, matrix, windows, turned)
    return images(dx, tuple(shape[:-3]))
