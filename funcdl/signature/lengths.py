"""The lengths of the axes that are known, and how a shape makes more of them known."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from funcdl.errors import InputError
from funcdl.signature.pattern import REST, Axes, Axis, Star

__all__ = ["Length", "Lengths"]

Length = int | tuple[str, Callable[[Any], Any]]
"""A number, or the name of another axis and a function that computes it from that one's length; of
stars, tuples of numbers."""


class Lengths:
    """What the names of a signature stand for, as far as it is known.

    Attributes:
        known: the length of each axis, the tuple of lengths of each star.
        rules: those that are computed from others.
        counts: of how many axes a star is, where that is given.
        partly: what is known too if the axes are right that come before the first wrong one.
    """

    def __init__(self, given: dict[str, Length], counts: dict[str, int]) -> None:
        self.known: dict[str, Any] = {k: v for k, v in given.items() if isinstance(v, int)}
        self.rules = {k: v for k, v in given.items() if isinstance(v, tuple)}
        self.counts = counts
        self.partly: dict[str, Any] = {}

    def copy(self) -> Lengths:
        """Copy what is known, so that one may go on from here in two ways."""
        other = Lengths({}, self.counts)
        other.known, other.rules = dict(self.known), self.rules
        return other

    def look_up(self, name: str | int) -> Any:
        """Look up, or compute, a length or those of a star; None where it is not known."""
        if isinstance(name, int):
            return name
        if name in self.rules:
            source, rule = self.rules[name]
            return None if (given := self.look_up(source)) is None else rule(given)
        return self.known.get(name)

    def match(self, axes: Axes, shape: tuple[int, ...]) -> bool:
        """Fit a shape to a pattern and keep what that tells; False where it does not fit."""
        there = tuple(axis for axis in axes if not (isinstance(axis, Star) and axis.optional))
        for wanted in (axes, there) if len(there) < len(axes) else (axes,):
            trial = self.copy()
            if trial._match(wanted, shape):
                self.known = trial.known
                return True
            self.partly = trial.known
        return False

    def _match(self, axes: Axes, shape: tuple[int, ...]) -> bool:
        unknown = len(shape) - sum(self._count(axis) or 0 for axis in axes)
        open_stars = [a for a in axes if self._count(a) is None]
        if unknown < 0 or len(open_stars) > 1 or (unknown and not open_stars):
            return False
        at = 0
        for axis in axes:
            count = self._count(axis)
            lengths = shape[at : at + (unknown if count is None else count)]
            at += len(lengths)
            if isinstance(axis, Star):
                if tuple(self.known.setdefault(axis.name, lengths)) != lengths:
                    return False
            elif not self._fits(axis, lengths[0]):
                return False
        return True

    def _count(self, axis: Axis | Star) -> int | None:
        if isinstance(axis, Axis):
            return 1
        known = self.known.get(axis.name)
        return self.counts.get(axis.name) if known is None else len(known)

    def _fits(self, axis: Axis, length: int) -> bool:
        if length < axis.least:
            return False
        if axis.varies:
            self.known.setdefault(f"{axis.factors[0]}+", []).append(length)
            return True
        lengths = [self.look_up(factor) for factor in axis.factors]
        missing = [f for f, known in zip(axis.factors, lengths) if known is None]
        rest = prod(known for known in lengths if known is not None)
        if not missing:
            return bool(rest == length)
        if rest == 0 or length % rest:
            return False
        self.known[str(missing[0])] = length // rest
        return True

    def shape(self, axes: Axes) -> tuple[int, ...]:
        """Compute the shape of a pattern all of whose lengths are known."""
        found: list[int] = []
        for axis in axes:
            if isinstance(axis, Star):
                found += self.look_up(axis.name) or ()
            elif axis.varies:
                found.append(sum(self.known[f"{axis.factors[0]}+"]))
            else:
                lengths = [self.look_up(factor) for factor in axis.factors]
                if None in lengths:
                    raise InputError(f"Signature: expected the axis {axis.factors[0]} to be known")
                found.append(prod(lengths))
        return tuple(found)

    def words(self, axes: Axes, shape: tuple[int, ...] = ()) -> str:
        """Write a pattern with the lengths that are known, as a message shows it."""
        found: list[str] = []
        for axis in axes:
            if isinstance(axis, Star):
                known = self.known.get(axis.name)
                if known is not None:
                    found += map(str, known)
                elif axis.name in self.counts:
                    found += [axis.name] * self.counts[axis.name]
                elif found[-1:] != [REST]:
                    found.append(REST)
            else:
                found.append(self._words(axis, 0 in shape))
        return f"({', '.join(found)}{',' if len(found) == 1 else ''})"

    def _words(self, axis: Axis, empty: bool) -> str:
        lengths = [self.look_up(factor) for factor in axis.factors]
        missing = [f for f, length in zip(axis.factors, lengths) if length is None]
        product = prod(length for length in lengths if length is not None)
        if not missing and product >= axis.least:
            return str(product)
        if missing and product != 1:
            return f"a multiple of {product}" + " above 0" * empty
        name = "*".join(map(str, missing or axis.factors))
        least = axis.least if axis.least > 1 or empty else 0
        return f"{name} ≥ {least}" if least else name
