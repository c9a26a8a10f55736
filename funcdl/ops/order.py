"""The order in memory of a batch of images: a shape says nothing of it, its strides do.

Images (…, h, w, c) may be kept pixel by pixel, with the batch inside: memory runs (h, w, batch, c).
Each pixel is then a matrix (batch, c), and whatever moves a window moves whole rows of them: what
every window sees at one cell of itself is a view with long runs, of a row's width times batch times
channels. With few channels the batch goes last instead, plane by plane: (c, h, w, batch).

    shape (100, 6, 6, 32)        memory as usual      (100, 6, 6, 32)
                                 pixel by pixel       (6, 6, 100, 32)
                                 plane by plane       (32, 6, 6, 100)

Turning memory costs a copy, so convolutions and pools leave what they make in the order in which
they made it, and elementwise operations follow their input.
"""

from __future__ import annotations

from math import prod

from funcdl.tensor import Tensor

__all__ = ["Rows", "alike", "images", "pixels", "planes"]


def pixels(x: Tensor, models: int) -> Tensor:
    """View, or copy, images (*models, …, h, w, c) pixel by pixel: contiguous (m, h, w, n, c)."""
    lead = x.ndim - 3
    order = (*range(models), lead, lead + 1, *range(models, lead), lead + 2)
    h, w, c = x.shape[-3:]
    shape = prod(x.shape[:models]), h, w, prod(x.shape[models:-3]), c
    return x.permute(order).reshape(shape).contiguous()


def planes(x: Tensor, models: int) -> Tensor:
    """View, or copy, images (*models, …, h, w, c) plane by plane: contiguous (m, c, h, w, n)."""
    lead = x.ndim - 3
    order = (*range(models), lead + 2, lead, lead + 1, *range(models, lead))
    h, w, c = x.shape[-3:]
    shape = prod(x.shape[:models]), c, h, w, prod(x.shape[models:-3])
    return x.permute(order).reshape(shape).contiguous()


def images(t: Tensor, lead: tuple[int, ...]) -> Tensor:
    """View (m, h, w, n, c) as images (*lead, h, w, c)."""
    _, h, w, _, c = t.shape
    return t.permute(0, 3, 1, 2, 4).reshape(*lead, h, w, c)


def alike(t: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Make room for a tensor of as many axes that is kept in the order in which `t` is."""
    order = sorted(range(t.ndim), key=lambda axis: -int(t.stride(axis)))  # type: ignore[call-overload]
    room = t.new_empty([shape[axis] for axis in order])
    return room.permute([order.index(axis) for axis in range(t.ndim)])


class Rows:
    """The axes between the models' and the last of a tensor as one, in their order in memory.

    For what looks at the numbers of a feature alone, in whatever order: nothing is copied then.
    """

    def __init__(self, x: Tensor, models: int) -> None:
        between = sorted(range(models, x.ndim - 1), key=lambda axis: -int(x.stride(axis)))  # type: ignore[call-overload]
        self.order = [*range(models), *between, x.ndim - 1]
        self.turned = [x.shape[axis] for axis in self.order]
        count = prod(x.shape[models:-1])
        self.shape = (*x.shape[:models], count, x.shape[-1])

    def of(self, x: Tensor) -> Tensor:
        """View, or copy, a tensor of that shape: (*models, rows, features)."""
        return x.permute(self.order).reshape(self.shape)

    def back(self, y: Tensor) -> Tensor:
        """View such rows as they were."""
        places = [self.order.index(axis) for axis in range(len(self.order))]
        return y.view(self.turned).permute(places)
