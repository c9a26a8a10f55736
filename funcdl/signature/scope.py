"""Which axes a signature has heard of, so that a wrong declaration is refused where it is made."""

from __future__ import annotations

from typing import Any

from funcdl.errors import InputError
from funcdl.signature.pattern import Anything, Each, Pattern, Star
from funcdl.tree import nodes

__all__ = ["expect_known", "names"]


def names(pattern: Any, known: set[str | int]) -> set[str | int]:
    """Add the names of the axes in a pytree of patterns to those that are known before it.

    Raises:
        InputError: two stars or two factors are unknown, and no shape tells them apart.

    >>> sorted(names(Pattern("", "", (Star("models"),)), {"in"}))
    ['in', 'models']
    """
    known = set(known)
    for leaf in _leaves(pattern):
        stars = [a.name for a in leaf.axes if isinstance(a, Star) and a.name not in known]
        if len(stars) > 1:
            raise InputError(
                "Signature: expected one unknown number of axes at most, got "
                f"{' and '.join(stars)} in {leaf.text!r}"
            )
        known |= set(stars)
        for axis in leaf.axes:
            if isinstance(axis, Star):
                continue
            new = [f for f in axis.factors if isinstance(f, str) and f not in known]
            if len(new) > 1:
                raise InputError(
                    f"Signature: expected one unknown factor at most, got {' and '.join(new)} "
                    f"in {leaf.text!r}"
                )
            known |= {f"{name}+" if axis.varies else name for name in new}
    return known


def expect_known(pattern: Any, known: set[str | int]) -> None:
    """Refuse a name that nothing before it gives a length.

    Raises:
        InputError: there is one.
    """
    for leaf in _leaves(pattern):
        wanted = [leaf.below] if leaf.below else []
        for axis in leaf.axes:
            if isinstance(axis, Star):
                wanted.append(axis.name)
            else:
                end = "+" if axis.varies else ""
                wanted += [f"{name}{end}" for name in axis.factors if isinstance(name, str)]
        for name in wanted:
            if name not in known:
                raise InputError(
                    f"Signature: expected the axis {name} of {leaf.text!r} to be one of params, "
                    "of x or a length that is given"
                )


def _leaves(pattern: Any) -> list[Pattern]:
    """List the patterns of tensors in a pytree."""
    if isinstance(pattern, Pattern):
        return [pattern]
    if isinstance(pattern, Anything):
        return []
    if isinstance(pattern, Each):
        return _leaves(pattern.pattern)
    return [leaf for entry in nodes.entries(pattern) for leaf in _leaves(entry)]
