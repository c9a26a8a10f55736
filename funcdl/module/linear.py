"""Modules of affine maps on the last axis."""

from __future__ import annotations

from typing import Any

from funcdl.initialisers import Initialiser
from funcdl.layers.affine import Affine
from funcdl.layers.elementwise import Bias, Scale, bias, scale
from funcdl.layers.linear import linear
from funcdl.layers.maxout import maxout
from funcdl.module.draws import Draw
from funcdl.module.named import Named, flag, size
from funcdl.tensor import Generator

__all__ = ["BiasFeatures", "Linear", "Maxout", "ScaleFeatures"]


class Linear(Named):
    """PyTorch's `Linear`: y = x Wᵀ + b, from (…, in_features) to (…, out_features).

    Args:
        in_features, out_features, bias, device, dtype: as in PyTorch.
        rng: the generator to draw from; torch's own without it.
        w_init, b_init: draw the parameters instead, as those of `linear` do.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> Linear(2, 25, bias=False)
    Linear(2, 25, bias=False)
    """

    factory = staticmethod(linear)

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        rng: Generator | None = None,
        w_init: Initialiser | None = None,
        b_init: Initialiser | None = None,
    ) -> None:
        self.in_features = size("Linear", "in_features", in_features)
        self.out_features = size("Linear", "out_features", out_features)
        flag("Linear", "bias", bias)
        super().__init__(locals(), linear(out_features))

    def _start(self, draw: Draw) -> Affine:
        given = self.arguments
        shape = self.out_features, self.in_features
        inits = given["w_init"], given["b_init"]
        return draw.affine(shape, self.out_features, (1, 0), given["bias"], *inits)


class Maxout(Named):
    """`maxout` as a module: the largest of `pieces` affine maps for each of `out_features`.

    Args:
        in_features, out_features, pieces, bias: as `maxout` and `Linear` have them.
        device, dtype, rng, w_init, b_init: as in `Linear`.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> Maxout(5, 3, 2)
    Maxout(5, 3, 2)
    """

    factory = staticmethod(maxout)

    def __init__(
        self,
        in_features: int,
        out_features: int,
        pieces: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        rng: Generator | None = None,
        w_init: Initialiser | None = None,
        b_init: Initialiser | None = None,
    ) -> None:
        self.in_features = size("Maxout", "in_features", in_features)
        self.out_features = size("Maxout", "out_features", out_features)
        self.pieces = size("Maxout", "pieces", pieces)
        flag("Maxout", "bias", bias)
        super().__init__(locals(), maxout(out_features, pieces))

    def _start(self, draw: Draw) -> Affine:
        given, out = self.arguments, self.out_features * self.pieces
        inits = given["w_init"], given["b_init"]
        return draw.affine((out, self.in_features), out, (1, 0), given["bias"], *inits)


class ScaleFeatures(Named):
    """`scale` as a module: one factor for each of `num_features`, 1 to begin with.

    >>> ScaleFeatures(3)
    ScaleFeatures(3)
    """

    factory = staticmethod(scale)

    def __init__(self, num_features: int, device: Any = None, dtype: Any = None) -> None:
        self.num_features = size("ScaleFeatures", "num_features", num_features)
        super().__init__(locals(), scale())

    def _start(self, draw: Draw) -> Scale:
        return Scale(draw.full(1.0, self.num_features))


class BiasFeatures(Named):
    """`bias` as a module: one summand for each of `num_features`, 0 to begin with.

    >>> BiasFeatures(3)
    BiasFeatures(3)
    """

    factory = staticmethod(bias)

    def __init__(self, num_features: int, device: Any = None, dtype: Any = None) -> None:
        self.num_features = size("BiasFeatures", "num_features", num_features)
        super().__init__(locals(), bias())

    def _start(self, draw: Draw) -> Bias:
        return Bias(draw.full(0.0, self.num_features))
