"""What a module remembers of its forward passes, and which of them a backward pass goes with.

A pass is remembered until it has gone back and another one has been made. Before that the latest is
remembered always, and earlier ones, made in training, as long as somebody keeps their output: a
module that stands twice in a network, or sees two inputs before it goes back, has them all, and a
loop of evaluations leaves one behind.

A gradient that a module returns knows which output it belongs to, and so which pass it goes with.
Any other gradient goes with the latest pass that has not gone back yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, NamedTuple
from weakref import ref

from funcdl.contract import Value
from funcdl.errors import UsageError
from funcdl.tensor import Tensor

__all__ = ["Made", "Pass", "Versions", "leaves", "made", "marked", "picked", "remembered"]

Pull = Callable[[Value], Value]
_NUMBERS = count()


class Made(NamedTuple):
    """Where a tensor comes from, or the tensor that a gradient belongs to: numbers, to be pickled.

    Attributes:
        module: the `id` of the module whose output it is.
        number: of the forward pass.
        training: whether all modules so far were in training mode.
    """

    module: int
    number: int
    training: bool


class Pass:
    """One forward pass of a module.

    Attributes:
        pull: from the gradient of the output to that of the input.
        x: the input, kept so that the passes that it came from are remembered too.
        made: what its output is marked with.
        outputs: weak references to the tensors that the caller got.
        shape: of the output, where it is one tensor.
        gone: whether a backward pass went with it.
        gap: whether a pass before it was forgotten that had not gone back.
    """

    __slots__ = ("gap", "gone", "made", "outputs", "pull", "shape", "x")

    def __init__(self, pull: Pull, x: Value, made: Made) -> None:
        self.pull, self.x, self.made = pull, x, made
        self.outputs: list[Any] = []
        self.shape: Any = None
        self.gone = self.gap = False

    def is_awaited(self) -> bool:
        """Tell whether somebody still has what came out."""
        return not self.gone and any(output() is not None for output in self.outputs)


Passes = tuple[Pass, ...]


def remembered(passes: Passes, new: Pass, y: Value) -> tuple[Passes, Value]:
    """Add a pass to those that are still awaited; return them, and its output for the caller.

    The output is another tensor with the same numbers, which the vjp does not keep alive.
    """
    out = marked(y, lambda leaf: new.made)
    new.outputs = [ref(leaf) for leaf in leaves(out)]
    if type(y) is Tensor:
        new.shape = y.shape
    kept = []
    for old in passes:
        # In inference the last pass is enough: outputs are kept there, and never go back.
        if old.is_awaited() and (old.made.training or new.made.training):
            kept.append(old)
        elif (not old.gone and old.made.training == new.made.training) or old.gap:
            new.gap = True
    return (*kept, new), out


def picked(name: str, passes: Passes, training: bool, owner: int, dy: Value) -> Pass:
    """Choose the pass that a gradient goes with.

    Raises:
        UsageError: there is none, it was forgotten, or it cannot be known which it is.
    """
    if not passes:
        raise UsageError(f"{name}: expected forward before backward")
    own = {mark for leaf in leaves(dy) if (mark := made(leaf)) and mark.module == owner}
    if own:
        return _marked_one(name, passes, training, own)
    # Where it trains, an evaluation in between does not matter.
    group = [one for one in passes if one.made.training] if training else []
    group = group or list(passes)
    waiting = [one for one in group if not one.gone]
    if any(one.gone and one.gap for one in group):
        raise _forgotten(name)
    if not waiting:  # once more, all of them
        for one in group:
            one.gone = False
        waiting = group
    if not training and len({one.made.training for one in waiting}) > 1:
        raise _two_modes(name)
    return waiting[-1]


def _marked_one(name: str, passes: Passes, training: bool, own: set[Made]) -> Pass:
    if len(own) > 1:
        raise UsageError(f"{name}: expected the gradient of one forward pass, got that of two")
    (mark,) = own
    found = [one for one in passes if one.made.number == mark.number]
    if not found:
        raise _forgotten(name)
    others = (one for one in passes if not one.gone and one.made.training == training)
    if mark.training != training and any(others):
        raise _two_modes(name)
    return found[0]


def _forgotten(name: str) -> UsageError:
    return UsageError(
        f"{name}: expected a forward pass that is remembered, got a backward pass for one that was "
        "forgotten: keep its output until it has gone back, and evaluate in eval mode"
    )


def _two_modes(name: str) -> UsageError:
    return UsageError(
        f"{name}: expected to know which forward pass to go back from, got one in training and one "
        "in eval mode that wait: be in the mode of the one that is meant"
    )


def made(leaf: Any) -> Made | None:
    """Return the mark of a tensor, None where no module made it."""
    mark = getattr(leaf, "_made", None)
    return None if mark is None else Made(*mark)


def marked(value: Value, mark: Callable[[Any], Any]) -> Value:
    """Give other tensors with the same numbers, and a mark each."""
    if type(value) is tuple:
        return tuple(marked(entry, mark) for entry in value)
    said = mark(value)
    if not isinstance(value, Tensor) or said is None:
        return value
    other: Any = value.detach()
    other._made = tuple(said)
    return other


def leaves(value: Value) -> Iterator[Any]:
    """List the entries of a value, and of the tuples in it."""
    if type(value) is tuple:
        for entry in value:
            yield from leaves(entry)
    else:
        yield value


def number() -> int:
    """Give the next pass its number."""
    return next(_NUMBERS)
