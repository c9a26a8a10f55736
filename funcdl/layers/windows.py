"""What the layers with windows share: how their images are declared and their calls written."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcdl.arguments import LONGEST, integer
from funcdl.errors import InputError, brief
from funcdl.ops.border import CONSTANT, MODES, Sides, shortest
from funcdl.ops.window import Windows

__all__ = [
    "CAUSAL",
    "SAME",
    "Along",
    "images",
    "mode_of",
    "paddings",
    "sides_of",
    "windows_of",
    "written",
]

SAME, CAUSAL = "same", "causal"


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


class Along(NamedTuple):
    """How windows lie along one axis.

    Attributes:
        size: the cells of a window.
        stride: the steps from one window to the next.
        padding: how many cells are added before and after; or "same", so many that there is a
            window for each step, half of them before, the odd one after; or "causal", so many
            before that no window sees what comes after its last step.
        dilation: the steps from one cell of a window to the next.
        ceil: whether a last window that sticks out is kept, if it begins before the end.
    """

    size: int
    stride: int = 1
    padding: str | tuple[int, int] = (0, 0)
    dilation: int = 1
    ceil: bool = False

    def span(self) -> int:
        """Count from the first cell of a window to its last."""
        return self.dilation * (self.size - 1) + 1

    def sides(self, length: int) -> tuple[int, int]:
        """Count what is added before and after so many.

        >>> Along(3, padding="causal").sides(8), Along(3, 2, "same").sides(8)
        ((2, 0), (0, 1))
        """
        if isinstance(self.padding, tuple):
            before, after = self.padding
            if not self.ceil:
                return before, after
            end = (self.count(length) - 1) * self.stride + self.span()
            return before, after + max(end - length - before - after, 0)
        if self.padding == CAUSAL:
            return self.span() - 1, 0
        short = max((-(-length // self.stride) - 1) * self.stride + self.span() - length, 0)
        return short // 2, short - short // 2

    def count(self, length: int) -> int:
        """Count the windows; 0 or less where none fits.

        >>> Along(3).count(14), Along(3, 2, "same").count(7)
        (12, 4)
        """
        if self.ceil and isinstance(self.padding, tuple):
            rest = length + sum(self.padding) - self.span()
            found = -(-rest // self.stride) + 1
            return found - ((found - 1) * self.stride >= length + self.padding[0])
        return (length + sum(self.sides(length)) - self.span()) // self.stride + 1

    def counts(self, length: int, include: bool) -> tuple[int, ...]:
        """Count the cells of each window, but for what sticks out; one number if all are alike.

        >>> Along(3, 2, (1, 1)).counts(6, False), Along(3, 2, (1, 1)).counts(6, True)
        ((2, 3, 3), (3,))
        """
        before = self.sides(length)[0]
        after = self.padding[1] if isinstance(self.padding, tuple) else self.sides(length)[1]
        first, last = (-before, length + after) if include else (0, length)
        starts = range(-before, self.count(length) * self.stride - before, self.stride)
        found = tuple(min(k + self.size, last) - max(k, first) for k in starts)
        return found[:1] if len(set(found)) == 1 else found

    def least(self, mode: str = CONSTANT) -> int:
        """Return the smallest length that has such a border and a window, at least 1.

        >>> Along(3, padding=(1, 0)).least(), Along(3, padding="same").least("reflect")
        (2, 2)
        """
        if isinstance(self.padding, tuple):
            kept = self.stride - 1 if self.ceil else 0
            return max(self.span() - sum(self.padding) - kept, shortest(self.padding, mode))
        widest = self.span() - 1 if self.padding == CAUSAL else self.span() // 2
        return shortest((widest, 0), mode)


def windows_of(along: tuple[Along, Along]) -> Windows:
    """Give the windows on images that have their border."""
    down, across = along
    return Windows(
        (down.size, across.size),
        (down.stride, across.stride),
        dilation=(down.dilation, across.dilation),
    )


def paddings(name: str, padding: Any, axes: int, words: tuple[str, ...]) -> tuple[Any, ...]:
    """Return, for each axis, the padding of `Along`.

    >>> paddings("conv1d", "causal", 1, (SAME, CAUSAL)), paddings("conv2d", 1, 2, (SAME,))
    (('causal',), ((1, 1), (1, 1)))
    """
    if not isinstance(padding, str):
        return sides_of(name, "padding", padding, axes, 0)
    if padding not in words:
        said = ", ".join(f'"{word}"' for word in words)
        raise InputError(f"{name}: expected padding to be {said} or numbers, got {padding!r}")
    return (padding,) * axes


def mode_of(name: str, what: str, mode: str) -> str:
    """Return `mode` if it is that of a border."""
    if mode not in MODES:
        *most, last = (f'"{each}"' for each in MODES)
        raise InputError(f"{name}: expected {what} to be {', '.join(most)} or {last}, got {mode!r}")
    return mode


def images(along: tuple[Along, Along], mode: str = CONSTANT) -> tuple[str, dict[str, Any]]:
    """Declare the height and width of images that windows fit on, and those of the output.

    >>> images((Along(3), Along(2)))[0]
    'height>=3 width>=2'
    """
    down, across = along
    grid = {"rows": ("height", down.count), "columns": ("width", across.count)}
    return f"height>={down.least(mode)} width>={across.least(mode)}", grid


def written(*given: Any, **settings: tuple[Any, Any]) -> str:
    """Write a call's arguments: those given by place, and each setting that is not its default.

    >>> written(8, 3, stride=(2, 1), padding=(0, 0))
    '8, 3, stride=2'
    """
    named = [
        f"{name}={brief(value)}" for name, (value, usual) in settings.items() if value != usual
    ]
    return ", ".join([*map(brief, given), *named])
