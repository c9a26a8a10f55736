"""What the layers with windows share: how their images are declared and their calls written."""

from __future__ import annotations

from typing import Any

from funcdl.arguments import LONGEST, integer
from funcdl.errors import brief
from funcdl.ops.border import Sides
from funcdl.ops.window import Windows

__all__ = ["images", "sides_of", "written"]


def sides_of(name: str, what: str, value: Any, axes: int, least: int) -> Sides:
    """Return what is before and after, for each axis.

    One number stands for all of them, and of several axes one number each for both sides.

    >>> sides_of("pad2d", "amount", (1, (2, 0)), 2, 0), sides_of("pad1d", "amount", (1, 2), 1, 0)
    (((1, 1), (2, 0)), ((1, 2),))
    """
    given = value
    if axes == 1:
        given = (value,)
    elif not isinstance(value, tuple) or len(value) != axes:
        given = (value,) * axes
    found = []
    for side in given:
        both = side if isinstance(side, tuple) and len(side) == 2 else (side, side)
        before, after = (integer(name, what, each, least, LONGEST) for each in both)
        found.append((before, after))
    return tuple(found)


def images(windows: Windows) -> tuple[str, dict[str, Any]]:
    """Declare the height and width of images that windows fit on, and those of the output.

    >>> images(Windows((3, 2)))[0]
    'height>=3 width>=2'
    """
    high, wide = windows.least()
    grid = {"rows": ("height", windows.rows), "columns": ("width", windows.columns)}
    return f"height>={high} width>={wide}", grid


def written(*given: Any, **settings: tuple[Any, Any]) -> str:
    """Write a call's arguments: those given by place, and each setting that is not its default.

    >>> written(8, 3, stride=(2, 1), padding=(0, 0))
    '8, 3, stride=2'
    """
    named = [
        f"{name}={brief(value)}" for name, (value, usual) in settings.items() if value != usual
    ]
    return ", ".join([*map(brief, given), *named])
