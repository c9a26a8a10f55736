"""Minimal filtering: a 3 × 3 convolution with half of the products, or fewer.

The outputs of a filter of 3 taps are values of a product of polynomials, and a product of degree
n − 1 is known from its values at n points. So m outputs take n = m + 2 products instead of 3 m:

    y = Aᵀ ((G g) · (Bᵀ d))        d: n numbers, g: the 3 taps, y: m outputs

G evaluates the filter at the points, Bᵀ the numbers, and Aᵀ interpolates. Down and across, with
K ⊗ K of each matrix, a tile of n × n pixels gives m × m outputs by n² products of what stands in
pixels: here matrices (batch, in) times (in, out). Transforms are products with a small matrix, too:

    V = (Bᵀ⊗Bᵀ) d        U = (G⊗G) w        P_k = V_k U_k, k = 1 … n²        y = (Aᵀ⊗Aᵀ) P

All four are linear or bilinear, so that the derivative is the same with transposed matrices:

    dP = (A⊗A) dy        dU_k = V_kᵀ dP_k        dw = (Gᵀ⊗Gᵀ) dU
                         dV_k = dP_k U_kᵀ        dd = (B⊗B) dV

Lavin and Gray, "Fast algorithms for convolutional neural networks" (2016); Winograd, "Arithmetic
complexity of computations" (1980); the matrices: Toom (1963) and Cook (1966), with points for which
the rounding errors are small, as sought by Barabasz, Anderson, Soodhalter and Gregg, "Error
analysis and improving the accuracy of Winograd convolution for deep neural networks" (2020).
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

from funcdl.tensor import Tensor, empty

__all__ = ["Filtering", "Minimal", "best_tile"]

POINTS = {
    2: (0, 1, -1),
    3: (0, Fraction(3, 4), Fraction(-3, 4), Fraction(3, 2)),
    4: (0, Fraction(5, 8), Fraction(-5, 8), Fraction(3, 2), Fraction(-3, 2)),
}
"""Beside infinity, which is a point too: the filter's last tap, and the highest power."""

WORTH = 1.3
"""How many times fewer products there have to be: transforms also move numbers about."""


class Filtering(NamedTuple):
    """The three matrices of tiles of m × m outputs, each K ⊗ K.

    Attributes:
        size: m.
        a: (m², n²), from the products to the outputs.
        g: (n², 9), from the filter to its values.
        b: (n², n²), from the pixels to their values.
    """

    size: int
    a: Tensor
    g: Tensor
    b: Tensor


def best_tile(rows: int, columns: int, inputs: int, outputs: int) -> int:
    """Return the m with the fewest products for so many outputs, 0 for none.

    Tiles that stick out are counted as whole ones.

    >>> best_tile(4, 4, 32, 64), best_tile(12, 12, 2, 32)
    (4, 0)
    """
    direct = 9 * rows * columns * inputs * outputs

    def products(m: int) -> int:
        tiles, n = -(-rows // m) * -(-columns // m), m + 2
        return tiles * n * n * (n * n * inputs + inputs * outputs + m * m * outputs)

    best = min(POINTS, key=products)
    return best if WORTH * products(best) < direct else 0


@lru_cache
def filtering(m: int, dtype: Any, device: Any) -> Filtering:
    """Make the matrices, by the construction of Toom and Cook."""
    points = [Fraction(p) for p in POINTS[m]]
    a = [[p**i for p in points] + [Fraction(i == m - 1)] for i in range(m)]
    g, b = [], []
    for p in points:
        others = [q for q in points if q != p]
        scale = Fraction(1)
        for q in others:
            scale *= p - q
        g.append([p**j / scale for j in range(3)])
        b.append([*_with_roots(others), Fraction(0)])
    g.append([Fraction(0), Fraction(0), Fraction(1)])
    b.append(_with_roots(points))
    return Filtering(m, *(_twice(k).to(device, dtype) for k in (a, g, b)))


def _with_roots(roots: list[Fraction]) -> list[Fraction]:
    """Give the coefficients of the polynomial with these roots, the constant first."""
    found = [Fraction(1)]
    for root in roots:
        pairs = zip([Fraction(0), *found], [*found, Fraction(0)])
        found = [high - root * low for high, low in pairs]
    return found


def _twice(k: list[list[Fraction]]) -> Tensor:
    """Compute K ⊗ K, for down and across."""
    rows = [[float(p * q) for p in down for q in across] for down in k for across in k]
    return empty(0).double().new_tensor(rows)


class Minimal:
    """3 × 3 windows on images pixel by pixel, (m, h, w, n, in), seen in tiles."""

    def __init__(self, x: Tensor, tile: int) -> None:
        self.of = filtering(tile, x.dtype, x.device)
        self.tiles = Tiles(x.shape, tile)
        points, inputs = len(self.of.b), x.shape[-1]
        values = self.of.b.mm(self.tiles.cut(x))
        self.values = values.view(points * x.shape[0], -1, inputs)

    def times(self, w: Tensor) -> tuple[Tensor, Any]:
        """Compute the convolution with w (m, 9 in, out): (m, h', w', n, out), and keep U."""
        u = filters(self.of, w)
        products = self.values.bmm(u).view(len(self.of.b), -1)
        return self.tiles.joined(self.of.a.mm(products), w.shape[-1]), u

    def against(self, d: Tensor) -> Tensor:
        """Compute dw (m, 9 in, out) of d (m, h', w', n, out)."""
        return self._filters_of(pulled(self.of, self.tiles, d), len(d))

    def pull(self, d: Tensor, w: Tensor, u: Any, need_dx: bool) -> tuple[Tensor, Tensor | None]:
        """Compute dw and dx, which have dP in common, of d and the U that was kept."""
        back = pulled(self.of, self.tiles, d)
        dw = self._filters_of(back, len(d))
        return dw, uncut(self.of, self.tiles, back, u) if need_dx else None

    def _filters_of(self, back: Tensor, models: int) -> Tensor:
        """Compute dw of dP."""
        inputs, outputs = self.values.shape[-1], back.shape[-1]
        dw = self.of.g.mT.mm(self.values.mT.bmm(back).view(len(self.of.b), -1))
        return dw.view(9, models, inputs, outputs).movedim(0, 1).reshape(models, -1, outputs)


def spread(d: Tensor, w: Tensor, shape: tuple[int, ...], tile: int) -> Tensor:
    """Compute dx of shape (m, h, w, n, in) of d (m, h', w', n, out): the adjoint in x."""
    of, tiles = filtering(tile, d.dtype, d.device), Tiles(shape, tile)
    return uncut(of, tiles, pulled(of, tiles, d), filters(of, w))


def uncut(of: Filtering, tiles: Tiles, back: Tensor, u: Tensor) -> Tensor:
    """Compute dx of dP and U."""
    return tiles.uncut(of.b.mT.mm(back.bmm(u.mT).view(len(of.b), -1)))


def filters(of: Filtering, w: Tensor) -> Tensor:
    """Compute U of w (m, 9 in, out): a matrix (in, out) for each point and model."""
    models, rows, outputs = w.shape
    taps = w.reshape(models, 9, rows // 9, outputs).movedim(1, 0).reshape(9, -1)
    return of.g.mm(taps).view(-1, rows // 9, outputs)


def pulled(of: Filtering, tiles: Tiles, d: Tensor) -> Tensor:
    """Compute dP of d (m, h', w', n, out): a matrix for each point and model."""
    return of.a.mT.mm(tiles.parted(d)).view(len(of.b) * d.shape[0], -1, d.shape[-1])


class Tiles:
    """How tiles of m × m outputs, and of (m + 2)² inputs, lie on images (models, h, w, n, c)."""

    def __init__(self, shape: tuple[int, ...], m: int) -> None:
        self.m, self.n, self.shape = m, m + 2, shape
        self.rows, self.columns = shape[1] - 2, shape[2] - 2
        self.down, self.across = -(-self.rows // m), -(-self.columns // m)
        self.single = self.down == self.across == 1

    def cut(self, x: Tensor) -> Tensor:
        """Copy the inputs of each tile, or view those of a single one: (n², models … channels)."""
        size = self.down * self.m + 2, self.across * self.m + 2
        x = _grown(x, size)
        seen = x.unfold(1, self.n, self.m).unfold(2, self.n, self.m)
        return seen.permute(5, 6, 0, 1, 2, 3, 4).reshape(self.n * self.n, -1)

    def uncut(self, parts: Tensor) -> Tensor:
        """Add the inputs of all tiles up where they overlap: the adjoint of `cut`."""
        models, rows, columns, batch, channels = self.shape
        m, n, down, across = self.m, self.n, self.down, self.across
        parts = parts.view(n, n, models, down, across, batch, channels)
        if self.single:
            x = parts.view(n, n, models, batch, channels).permute(2, 0, 1, 3, 4)
        else:
            # A tile has its first m rows and columns for itself; the last two, those of the next
            # tile are added to. Four calls, and in each no tile meets another.
            x = parts.new_zeros((models, down * m + 2, across * m + 2, batch, channels))
            for i, j in product((0, 1), repeat=2):
                high, wide = (2 if i else m), (2 if j else m)
                to = x.narrow(1, i * m, (down - 1) * m + high).unfold(1, high, m)
                to = to.narrow(2, j * m, (across - 1) * m + wide).unfold(2, wide, m)
                part = parts.narrow(0, i * m, high).narrow(1, j * m, wide)
                to.add_(part.permute(2, 3, 4, 5, 6, 0, 1))
        return x.narrow(1, 0, rows).narrow(2, 0, columns)

    def joined(self, parts: Tensor, outputs: int) -> Tensor:
        """Lay the outputs (m², models tiles batch out) side by side."""
        models, batch, m = self.shape[0], self.shape[3], self.m
        parts = parts.view(m, m, models, self.down, self.across, batch, outputs)
        y = parts.permute(2, 3, 0, 4, 1, 5, 6)
        y = y.reshape(models, self.down * m, self.across * m, batch, outputs)
        return y.narrow(1, 0, self.rows).narrow(2, 0, self.columns)

    def parted(self, d: Tensor) -> Tensor:
        """Cut cotangents of the outputs into tiles: the adjoint of `joined`."""
        models, batch, m = self.shape[0], self.shape[3], self.m
        d = _grown(d, (self.down * m, self.across * m))
        parts = d.reshape(models, self.down, m, self.across, m, batch, d.shape[-1])
        return parts.permute(2, 4, 0, 1, 3, 5, 6).reshape(m * m, -1)


def _grown(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Add rows and columns of zeros below and to the right."""
    models, rows, columns, batch, channels = x.shape
    if (rows, columns) == size:
        return x
    grown = x.new_zeros((models, *size, batch, channels))
    grown.narrow(1, 0, rows).narrow(2, 0, columns).copy_(x)
    return grown
