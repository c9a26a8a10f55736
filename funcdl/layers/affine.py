"""What the layers with a weight and a bias share: their parameters."""

from __future__ import annotations

from typing import NamedTuple

from funcdl.tensor import Tensor

__all__ = ["Affine"]


class Affine(NamedTuple):
    """Parameters of an affine map: `w` (*models, *kernel, in, out) and `b` (*models, out).

    `b` is `()` in a layer without bias.
    """

    w: Tensor
    b: Tensor | tuple[()]
