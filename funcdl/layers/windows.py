"""What the layers with windows share: the words for what does not fit, and how they are written."""

from __future__ import annotations

from typing import Any

from funcdl.arguments import image_shape, show
from funcdl.contract import Shape
from funcdl.errors import ShapeError, brief
from funcdl.ops.window import Pair, Windows

__all__ = ["along", "outer", "written"]


def outer(where: str, windows: Windows, shape: Shape) -> Pair:
    """Count the windows down and across on images (…, height, width, channels); at least one."""
    height, width, _ = image_shape(where, shape)
    grid = windows.grid(height, width)
    if min(grid) < 1:
        (sh, sw), (ph, pw) = windows.span(), windows.padding
        border = f" and padding {ph}" if ph == pw and ph else f" and padding {ph}, {pw}"
        raise ShapeError(
            f"{where}: expected images of at least {max(sh - 2 * ph, 1)} × "
            f"{max(sw - 2 * pw, 1)} for windows of {sh} × {sw}"
            f"{border if (ph, pw) != (0, 0) else ''}, got {show(shape)}"
        )
    return grid


def along(where: str, windows: Windows, shape: Shape) -> int:
    """Count the windows along sequences (…, length, channels); at least one."""
    if len(shape) < 2 or not all(isinstance(length, int) for length in shape):
        raise ShapeError(
            f"{where}: expected sequences of shape (…, length, channels), got {show(shape)}"
        )
    count = windows.grid(1, shape[-2])[1]
    if count < 1:
        span, border = windows.span()[1], windows.padding[1]
        raise ShapeError(
            f"{where}: expected sequences of at least {max(span - 2 * border, 1)} for windows of "
            f"{span}{f' and padding {border}' if border else ''}, got {show(shape)}"
        )
    return count


def written(*given: Any, **settings: tuple[Any, Any]) -> str:
    """Write a call's arguments: those given by place, and each setting that is not its default.

    >>> written(8, 3, stride=(2, 1), padding=(0, 0))
    '8, 3, stride=2'
    """
    named = [
        f"{name}={brief(value)}" for name, (value, usual) in settings.items() if value != usual
    ]
    return ", ".join([*map(brief, given), *named])
