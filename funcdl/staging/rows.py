"""A column of ones: [x 1] [w; b] is x w + b in one product, and [x 1]ᵀ dy is dw and db."""

from __future__ import annotations

from typing import Any

from funcdl.tensor import Tensor

__all__ = ["Rows", "fits"]


class Rows:
    """Memory for a matrix with one column more than was recorded.

    Attributes:
        width: the columns that were recorded.
        matrix: (rows, width + 1); the last column is ones, or with `ones=False` nobody reads it.
    """

    def __init__(self, like: Tensor, width: int, ones: bool) -> None:
        self.width, self.ones = width, ones
        # Long rows begin at a multiple of 16 numbers: products of matrices are a tenth faster.
        self.stride = width + 1 if width < 64 else -(-(width + 1) // 16) * 16
        memory: Tensor = like.new_ones((like.numel() // width, self.stride))
        self.matrix = memory.narrow(-1, 0, width + 1)

    def view(self, t: Tensor, shift: Any) -> Tensor:
        """View a recorded tensor's numbers, which were `shift` further on in their memory."""
        places = [self._place(stride) for stride in t.stride()]
        return self.matrix.as_strided(t.shape, places, self._place(t.storage_offset() + shift))

    def _place(self, offset: Any) -> Any:
        return offset // self.width * self.stride + offset % self.width

    def whole(self, t: Tensor) -> Tensor | None:
        """Widen a view of the matrix by the last column; None where it is no view of rows."""
        if t.shape[-1] != self.width or t.stride(-1) != 1:
            return None
        return t.as_strided((*t.shape[:-1], self.width + 1), t.stride(), t.storage_offset())


def fits(t: Tensor, shift: Any, width: int) -> bool:
    """Tell whether a view can be had of memory with a column more: each axis is along or across."""
    start = (t.storage_offset() + shift) % width
    for length, stride in zip(t.shape, t.stride()):
        along = stride == 1 and start + length <= width
        if length > 1 and not along and stride % width:
            return False
    return True
