"""Guards at the boundary: what fitted once is not looked at again inside of a combinator.

Whether arguments fit is said by their kinds alone: their containers, shapes and dtypes. A
combinator that has once called all its parts with arguments of some kinds, each with its guards,
calls them without from then on for arguments of these kinds. It looks at what comes in, and at the
cotangent; what passes from part to part is not looked at, but for a user's own. Where something
fails all the same, for lack of room say, it is done again with the guards, for their words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

from funcdl.cotangent import RAW
from funcdl.portable import packed
from funcdl.tensor import Tensor

__all__ = ["Composition", "Fitted", "kinds_key", "worded_again"]

MOST = 1024
"""So many kinds of arguments are remembered; then it is begun anew."""


Call = Callable[..., tuple[Any, Callable[..., Any]]]
"""`apply` of the contract."""


class Part(Protocol):
    """What is called of a part."""

    @property
    def bare(self) -> Any:
        """Return its `apply`, which does not look at what it takes."""

    def at(self, place: str, params: Any, x: Any, rng: Any = None) -> Any:
        """Apply it with guards."""


class Composition:
    """The `apply` of a combinator, made of how its parts are called.

    Args:
        compose: makes it of functions `(params, x, rng) -> (y, vjp)`, one a part. A cotangent that
            is None need not come to them: see `pulled`.
        parts: the layers.
        places: where each stands, which errors begin with.

    Attributes:
        bare: the same of parts that do not look at what they take.
    """

    __slots__ = ("bare", "compose", "guarded", "parts", "places")

    def __init__(
        self,
        compose: Callable[[Sequence[Call]], Call],
        parts: Sequence[Part],
        places: Sequence[str],
    ) -> None:
        self.compose, self.parts, self.places = compose, parts, places
        self.guarded = compose([partial(part.at, place) for part, place in zip(parts, places)])
        self.bare = compose([part.bare for part in parts])

    def __call__(self, params: Any, x: Any, rng: Any = None) -> tuple[Any, Callable[..., Any]]:
        """Apply the parts with their guards."""
        return self.guarded(params, x, rng)

    def __reduce__(self) -> Any:
        return Composition, (packed(self.compose), self.parts, self.places)


class Fitted(NamedTuple):
    """A function without guards, and the kinds of arguments that it may be called with."""

    apply: Call
    keys: set[tuple[Any, ...] | None]

    def keep(self, key: tuple[Any, ...]) -> None:
        """Remember kinds of arguments that fitted."""
        if len(self.keys) >= MOST:
            self.keys.clear()
        self.keys.add(key)


def kinds_key(params: Any, x: Any) -> tuple[Any, ...] | None:
    """Give what tells arguments of one kind from those of others; None where that is not known.

    It is not for a tensor of another class than torch's own, such as one that is being recorded,
    and for containers other than tuples, lists and dicts.
    """
    found: list[Any] = []
    try:
        return tuple(found) if _collect((params, x), found) else None
    except (RuntimeError, AttributeError, TypeError):  # a nested tensor has no shape
        return None


def _collect(node: Any, found: list[Any]) -> bool:
    """Append the kinds of a container's entries, which can be read in one way alone."""
    kind = type(node)
    if kind is dict:
        found.append(tuple(node))
        node = node.values()
    elif not issubclass(kind, (tuple, list)):
        return False
    found.append(kind)
    found.append(len(node))
    for entry in node:
        if type(entry) is Tensor:
            found += entry.shape, entry.dtype, entry.layout, entry.is_meta
        elif not _collect(entry, found):
            return False
    return True


def worded_again(
    pull: Callable[..., Any], guarded: Callable[[], tuple[Any, Callable[..., Any]]]
) -> Callable[..., Any]:
    """Have a vjp that looks at nothing say what an error means as one with guards does.

    Args:
        pull: the vjp.
        guarded: makes the call again, with guards; what it gives is of no interest, its errors are.
    """

    def vjp(dy: Any, need_dx: bool = True) -> Any:
        try:
            return pull(dy, need_dx)
        except RAW:
            guarded()[1](dy, need_dx)
            raise

    return vjp
