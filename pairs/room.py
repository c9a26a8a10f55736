"""How many rounds of a model a device has room for."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Any

from torch import Generator

from funcdl import summary
from pairs.models import MODELS
from pairs.study import Task
from pairs.training import Settings
from studykit.devices import DeviceError, free

__all__ = ["bytes_of", "fitting", "most_of"]

NUMBER = 4
"""Bytes of a float32."""

IMAGES, OUTPUTS, PARAMETERS = 8, 8, 24
"""How often memory holds the images to train on, what layers give for a batch, and parameters.

Measured as the peak of a stack's first epoch, in which steps are recorded and proven, and rounded
up. Where it is too little, the stack is halved.
"""

SPARE = 0.8
"""The share of what is free that a stack may take."""

LARGEST = 1_000
"""Rounds in one pass at most, since it is what a kill loses."""

REMOTE = 100
"""Rounds in one pass on a cluster, whose devices are not known here."""


def most_of(
    device: str, stack: int | None = None, workers: int = 1, remote: bool = False
) -> Callable[[Task], int]:
    """Choose how many rounds are trained in one pass, beside a task.

    Args:
        device: where workers train.
        stack: what was asked for; None for a good choice: one round on a processor, whose cores
            work on rounds of their own; on CUDA as many as fit.
        workers: how many share the device.
        remote: whether the device is that of a cluster's workers.

    Raises:
        DeviceError: the device cannot be used; or, where the choice is called, it has no room for
            one round.
    """
    if device == "cpu" or remote:
        alone = REMOTE if remote and device != "cpu" else 1
        return lambda task: stack or alone
    room = int(free(device) * SPARE / workers)

    def most(task: Task) -> int:
        found = fitting(device, task.model, task.settings, room)
        return stack or found

    return most


def fitting(device: str, name: str, settings: Settings, room: int) -> int:
    """Count the rounds of a model that so many bytes of a device have room for.

    Raises:
        DeviceError: not for one.
    """
    if not MODELS[name].stackable:
        return 1
    needed = bytes_of(name, settings)
    if needed > room:
        raise DeviceError(
            f"{device}: expected {needed / 1e6:,.0f} MB for a round of {name}, "
            f"got {room / 1e6:,.0f} MB"
        )
    return min(room // needed, LARGEST)


@lru_cache
def bytes_of(name: str, settings: Settings) -> int:
    """Estimate the memory that a round takes beside others.

    >>> bytes_of("conv-shared", Settings()) > bytes_of("fc-shared", Settings()) > 10**7
    True
    """
    rows = summary(MODELS[name].net, (2, 14, 14), Generator()).rows
    paths = [*(row.path for row in rows), ""]
    parts = [row for row, (own, after) in zip(rows, pairwise(paths)) if not _within(after, own)]
    outputs = min(settings.batch_size, settings.train_pairs) * sum(
        _numbers(row.out_shape) for row in parts
    )
    images = 2 * 14 * 14 * (settings.train_pairs + settings.test_pairs)
    return NUMBER * (IMAGES * images + OUTPUTS * outputs + PARAMETERS * rows[0].params)


def _within(path: str, whole: str) -> bool:
    return path.startswith(f"{whole}[")


def _numbers(shape: Any) -> int:
    """Count the numbers of an output, or of several."""
    if any(isinstance(part, tuple) for part in shape):
        return sum(map(_numbers, shape))
    return math.prod(shape)
