"""The words for windows that do not fit an image."""

from __future__ import annotations

from funcdl.arguments import image_shape, show
from funcdl.contract import Shape
from funcdl.errors import ShapeError
from funcdl.ops.window import Pair, Windows

__all__ = ["outer"]


def outer(where: str, windows: Windows, shape: Shape) -> Pair:
    """Count the windows down and across on images (…, height, width, channels); at least one."""
    height, width, _ = image_shape(where, shape)
    count = windows.grid(height, width)
    if min(count) < 1:
        (sh, sw), (ph, pw) = windows.span(), windows.padding
        border = f" and padding {ph}" if ph == pw and ph else f" and padding {ph}, {pw}"
        raise ShapeError(
            f"{where}: expected images of at least {max(sh - 2 * ph, 1)} × "
            f"{max(sw - 2 * pw, 1)} for windows of {sh} × {sw}"
            f"{border if (ph, pw) != (0, 0) else ''}, got {show(shape)}"
        )
    return count
