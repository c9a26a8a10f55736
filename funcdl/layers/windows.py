"""What the layers with windows share: how their images are declared and their calls written."""

from __future__ import annotations

from typing import Any

from funcdl.errors import brief
from funcdl.ops.window import Windows

__all__ = ["images", "written"]


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
