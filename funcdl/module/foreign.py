"""Passes through modules that keep what they remember in attributes of their own."""

from __future__ import annotations

from typing import Any

from funcdl.contract import Value
from funcdl.module.base import Module
from funcdl.module.memory import Pull
from funcdl.module.parts import within

__all__ = ["is_plain", "passed", "run"]

_NOTHING = object()


def is_plain(module: Any) -> bool:
    """Tell whether all that a module remembers of a pass is in what its `_apply` returns."""
    if not getattr(module, "_is_plain", False):
        return False
    own = vars(module)
    return "forward" not in own and "backward" not in own


def passed(module: Any, x: Value) -> tuple[Value, Pull]:
    """Do a forward pass that the caller remembers, through a module of any kind."""
    return module._apply(x) if is_plain(module) else run(module, x)


def run(module: Any, x: Value, **named: Any) -> tuple[Value, Pull]:
    """Do a forward pass that the caller remembers: the output, and its backward pass.

    What `forward` sets on a module, or on one inside it, is there again when it goes back, whatever
    passes there were in between.

    Args:
        module: with attributes of its own.
        x: its input; a tuple is its arguments.
        named: arguments by name.
    """
    parts = [part for _, part in within(module) if hasattr(part, "__dict__")]
    before = [dict(vars(part)) for part in parts]
    for part in parts:
        if isinstance(part, Module):
            part._passes = ()
    try:
        inputs = x if isinstance(x, tuple) else (x,)
        y = module.forward(*inputs, **named)
        kept = [
            {k: v for k, v in vars(part).items() if old.get(k, _NOTHING) is not v}
            for part, old in zip(parts, before)
        ]
    finally:
        for part, old in zip(parts, before):
            if isinstance(part, Module):
                part._passes = old.get("_passes", ())

    def pull(dy: Value) -> Value:
        now = [dict(vars(part)) for part in parts]
        for part, attributes in zip(parts, kept):
            vars(part).update(attributes)
        try:
            back: Value = module.backward(*dy) if isinstance(dy, tuple) else module.backward(dy)
            return back
        finally:
            for part, attributes, then in zip(parts, kept, now):
                own = vars(part)
                for name, value in attributes.items():
                    if name != "_passes" and own.get(name, _NOTHING) is not value:
                        continue  # the backward pass has set it
                    if name in then:
                        own[name] = then[name]
                    else:
                        own.pop(name, None)

    return y, pull
