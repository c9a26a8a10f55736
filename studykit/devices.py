"""Where numbers are computed: the processor, or a device of CUDA's."""

from __future__ import annotations

import re
import warnings
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from funcdl import FuncdlError

__all__ = ["DeviceError", "check", "free", "here", "named", "on"]

NAMES = re.compile(r"cpu|cuda(:\d{1,3})?")


class DeviceError(FuncdlError, ValueError):
    """A device that there is not, or that has no room; the message is one sentence."""


def named(text: str) -> str:
    """Read the name of a device: cpu, cuda or cuda:1.

    Raises:
        DeviceError: it is none.

    >>> named(" cuda:1 ")
    'cuda:1'
    >>> named("gpu")
    Traceback (most recent call last):
    studykit.devices.DeviceError: expected the device cpu, cuda or one such as cuda:1, got 'gpu'
    """
    name = text.strip()
    if not NAMES.fullmatch(name):
        raise DeviceError(f"expected the device cpu, cuda or one such as cuda:1, got {text!r}")
    return name


def check(device: str) -> None:
    """Look, before any work is done, whether a device is there.

    Raises:
        DeviceError: it is not.
    """
    if device == "cpu":
        return
    if torch.version.cuda is None:
        raise DeviceError(f"{device}: expected a PyTorch with CUDA, got {torch.__version__}")
    count = _count()
    if not count:
        raise DeviceError(f"{device}: expected a CUDA device, PyTorch finds none")
    if int(device.partition(":")[2] or 0) >= count:
        last = f" to cuda:{count - 1}" if count > 1 else ""
        raise DeviceError(f"{device}: expected a CUDA device that is there, cuda:0{last}")


def here(device: str) -> str:
    """Return a device where this machine has it, else its processor."""
    try:
        check(device)
    except DeviceError:
        return "cpu"
    return device


def on(device: str) -> AbstractContextManager[Any]:
    """Have a device be the current one within the block: of several, streams and graphs are its."""
    if device == "cpu":
        return nullcontext()
    current: AbstractContextManager[Any] = torch.cuda.device(device)
    return current


def free(device: str) -> int:
    """Count the bytes that are free on a device of CUDA's.

    Raises:
        DeviceError: it cannot be used.
    """
    try:
        found: int = torch.cuda.mem_get_info(device)[0]
    except RuntimeError as error:
        said = str(error).partition("\n")[0]
        raise DeviceError(f"{device}: expected a device that can be used, got: {said}") from None
    return found


def _count() -> int:
    """Count CUDA's devices; of a driver that is no good PyTorch warns, and there are none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.cuda.device_count() if torch.cuda.is_available() else 0
