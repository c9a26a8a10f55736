"""A generator that may be none: its state, and how it is handed on."""

from __future__ import annotations

from typing import Any

from funcdl.tensor import Generator

__all__ = ["given", "set_state", "state_of"]


def given(rng: Generator | None) -> tuple[Generator, ...]:
    """Give the arguments of a call that is handed a generator, or none."""
    return () if rng is None else (rng,)


def state_of(rng: Generator | None) -> Any:
    """Give a generator's state; None without one."""
    return None if rng is None else rng.get_state()


def set_state(rng: Generator | None, state: Any) -> None:
    """Put a generator, where there is one, into a state."""
    if rng is not None:
        rng.set_state(state)
