"""The module of an activation that is asked for by name, or handed over."""

from __future__ import annotations

from typing import Any

from funcdl.errors import InputError, KindError
from funcdl.misuse import short
from funcdl.module.base import Module
from funcdl.module.parts import is_module
from funcdl.module.rectifiers import GELU, ReLU

__all__ = ["activated"]

READY = {"relu": ReLU, "gelu": GELU}


def activated(name: str, activation: Any) -> Any:
    """Return a module of an activation: of one by name, of a layer, or a module as it is.

    PyTorch's functions of these names are taken too.

    >>> activated("TransformerEncoderLayer", "gelu")
    GELU()
    """
    if isinstance(activation, str):
        if activation not in READY:
            raise InputError(
                f'{name}: expected activation to be "relu", "gelu" or a layer, '
                f"got {short(activation)}"
            )
        return READY[activation]()
    if is_module(activation):
        return activation
    home = getattr(activation, "__module__", None) or ""
    called = getattr(activation, "__name__", "")
    if home.partition(".")[0] == "torch" and called in READY:
        return READY[called]()
    if not callable(activation):
        raise KindError(f"{name}: expected activation to be a layer, got {short(activation)}")
    return Module(activation, None)
