"""The pattern language: the shape of one tensor in a line, its axes by name.

    x: *models … in        a name, and the axes of its shape
    in                     one axis of length 1 or more; `in>=0`, `height>=3`: of as many or more
    *models                any number of axes; equal names are equal lengths, everywhere
    …                      any number of axes, which nobody looks at (or `...`)
    3*hidden  heads*size   a product; where one factor is not known, the others divide the length
    n+                     lengths that may differ among the tensors of `each`, whose sum comes out
    *models?               axes that may be missing
    … <classes             integers (int64) from 0 to below `classes`
    … ~                    real numbers of any dtype
    *models out | ()       a tensor, or `()` in its place

In the spirit of einops (Rogozhnikov, 2022) and jaxtyping.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from funcdl.errors import InputError

__all__ = [
    "ANYTHING",
    "REST",
    "Axes",
    "Axis",
    "Pattern",
    "Star",
    "anything",
    "each",
    "numbered",
    "of",
    "parsed",
]

REST = "…"


class Axis(NamedTuple):
    """One axis: the product of its factors, names and numbers.

    Attributes:
        factors: whose product is the length.
        least: the smallest length.
        varies: whether the entries of `each` may differ in it.
    """

    factors: tuple[str | int, ...]
    least: int = 1
    varies: bool = False


class Star(NamedTuple):
    """Any number of axes under one name; `…` is one too.

    Attributes:
        name: without the star.
        optional: whether they may be missing.
    """

    name: str
    optional: bool = False


Axes = tuple[Axis | Star, ...]


class Pattern(NamedTuple):
    """What one tensor is like.

    Attributes:
        text: as it was written, without the name.
        name: of the argument; empty for that of its place.
        axes: of its shape.
        below: of integers, the axis that they are an index of; empty for floats.
        real: whether it may be of any real dtype.
        optional: whether `()` may stand in its place.
    """

    text: str
    name: str
    axes: Axes
    below: str = ""
    real: bool = False
    optional: bool = False

    def __str__(self) -> str:
        return self.text


class Anything(NamedTuple):
    """Any value: what a combinator hands on without looking at it."""

    name: str = ""

    def __str__(self) -> str:
        return self.name or "any"


class Each(NamedTuple):
    """A tuple of one or more entries of one pattern.

    Attributes:
        pattern: of each entry.
        number: of the entries; None for any number of at least 1, which is the axis `count` then.
        name: of the tuple.
    """

    pattern: Any
    number: int | None = None
    name: str = ""

    def __str__(self) -> str:
        return f"{self.name or 'each'} {self.pattern}".strip()


ANYTHING = Anything()


def anything(name: str) -> Anything:
    """Give a value that is not looked at a name."""
    return Anything(name)


def each(pattern: Any, count: int | None = None, name: str = "") -> Each:
    """Stand for a tuple whose entries are all of one pattern."""
    return Each(parsed(pattern), count, name)


def numbered(count: int, name: str = "axis", least: str = "") -> list[str]:
    """Name so many last axes, counted from the end; one alone is the features.

    >>> numbered(3), numbered(1)
    (['axis3', 'axis2', 'axis1'], ['features'])
    """
    if count == 1 and name == "axis":
        return [f"features{least}"]
    return [f"{name}{i}{least}" for i in range(count, 0, -1)]


def of(kind: type[tuple[Any, ...]], *entries: Any) -> Any:
    """Make a NamedTuple of patterns, or of initialisers, in the place of its tensors."""
    return kind._make(entries)  # type: ignore[attr-defined]


def parsed(pattern: Any) -> Any:
    """Read the patterns in a pytree of them.

    Raises:
        InputError: a pattern is not written in the language.

    >>> parsed("w: *models in 3*hidden").axes
    (Star(name='models', ...), Axis(factors=('in',), ...), Axis(factors=(3, 'hidden'), ...))
    """
    if isinstance(pattern, str):
        return _read(pattern)
    if isinstance(pattern, (Pattern, Anything, Each)):
        return pattern
    if isinstance(pattern, dict):
        return {key: parsed(entry) for key, entry in pattern.items()}
    if hasattr(pattern, "_fields"):
        return type(pattern)(*map(parsed, pattern))
    if isinstance(pattern, (tuple, list)):
        return type(pattern)(map(parsed, pattern))
    raise InputError(f"Signature: expected patterns such as 'w: in out', got {pattern!r}")


def _read(text: str) -> Pattern:
    name, colon, rest = text.rpartition(":")
    if colon and not name.strip().isidentifier():
        raise InputError(f"Signature: expected a name before ':', got {text!r}")
    body, bar, other = rest.partition("|")
    if bar and other.strip() != "()":
        raise InputError(f"Signature: expected '| ()' after the axes, got {text!r}")
    below, real, axes = "", False, []
    for word in body.replace("...", REST).split():
        if word == "~":
            real = True
        elif word.startswith("<"):
            below = _named(word[1:], text)
        else:
            axes.append(_axis(word, text))
    return Pattern(body.strip(), name.strip(), tuple(axes), below, real, bool(bar))


def _axis(word: str, text: str) -> Axis | Star:
    if word == REST:
        return Star(REST)
    if word.startswith("*"):
        return Star(_named(word[1:].removesuffix("?"), text), word.endswith("?"))
    length, relation, least = word.partition(">=")
    varies = length.endswith("+")
    factors = tuple(
        int(factor) if factor.isdecimal() else _named(factor, text)
        for factor in length.removesuffix("+").split("*")
    )
    if relation and not least.isdecimal():
        raise InputError(f"Signature: expected a number after '>=', got {text!r}")
    return Axis(factors, int(least) if relation else 1, varies)


def _named(name: str, text: str) -> str:
    if not name.replace("'", "").isidentifier():
        raise InputError(f"Signature: expected axes by name, such as '*models … in', got {text!r}")
    return name
