"""What a module remembers of its forward passes, and which of them a backward pass goes with.

A pass is remembered until it has gone back and another one has been made. Before that the latest is
remembered always, and earlier ones, made in training, as long as somebody keeps their output: a
module that stands twice in a network, or sees two inputs before it goes back, has them all, and a
loop of evaluations leaves one behind.

A gradient that a module returns knows which output it belongs to, and so which pass it goes with.
Any other gradient goes with the latest pass that has not gone back yet.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any
from weakref import ref

from funcdl.contract import Value
from funcdl.errors import UsageError
from funcdl.module.versions import Seen, holds, seen
from funcdl.tensor import Tensor

__all__ = [
    "Pass",
    "Passes",
    "Pull",
    "is_written",
    "leaves",
    "marked_as",
    "picked",
    "remembered",
    "written",
]

Pull = Callable[[Value], Value]
_NUMBERS = count(1)


Made = tuple[int, int, bool]
"""Where a tensor comes from, or the tensor that a gradient belongs to: the `id` of the module whose
output it is, the number of the forward pass, and whether all modules so far were in training mode.
Numbers alone, which any pickle takes."""


class Pass:
    """One forward pass of a module.

    Attributes:
        pull: from the gradient of the output to that of the input.
        x: the input, kept so that the passes that it came from are remembered too.
        made: what its output is marked with.
        trains: whether it was made in training.
        noted: the writes to its input and output.
        outputs: weak references to the tensors that the caller got.
        shape: of the output, where it is one tensor.
        gone: whether a backward pass went with it.
        gap: the number of the first pass that was forgotten before it had gone back; else 0.
    """

    _needs = ("pull",)
    __slots__ = ("gap", "gone", "made", "noted", "outputs", "pull", "shape", "trains", "x")

    def __init__(self, pull: Pull, x: Value, y: Value, module: Any) -> None:
        before, trains = leaves(x), module.training
        for leaf in before:
            mark = made(leaf)
            if mark is not None and not mark[2]:
                trains = False
        self.noted = seen((*before, *leaves(y)))
        self.pull, self.x, self.trains = pull, x, trains
        self.made = (id(module), next(_NUMBERS), trains)
        self.outputs: Any = ()
        self.shape: Any = None
        self.gone, self.gap = False, 0

    def is_awaited(self) -> bool:
        """Tell whether somebody still has what came out."""
        return not self.gone and any(output() is not None for output in self.outputs)


Passes = tuple[Pass, ...]


def remembered(passes: Passes, new: Pass, y: Value) -> tuple[Passes, Value]:
    """Add a pass to those that are still awaited; return them, and its output for the caller.

    The output is another tensor with the same numbers, which the vjp does not keep alive.
    """
    out = marked(y, new.made)
    if type(out) is Tensor:
        new.outputs, new.shape = (ref(out),), out.shape
    else:
        new.outputs = [ref(leaf) for leaf in leaves(out) if isinstance(leaf, Tensor)]
    if not passes or (len(passes) == 1 and passes[0].gone):
        return (new,), out
    # In inference the last pass is enough: outputs are kept there, and never go back.
    kept = tuple(old for old in passes if old.is_awaited() and (old.trains or new.trains))
    for old in passes:
        if old not in kept:
            lost = kept and old.gap if old.gone else old.trains == new.trains and old.made[1]
            new.gap = min(filter(None, (new.gap, old.gap, lost)), default=0) if lost else new.gap
    return (*kept, new), out


def picked(name: str, passes: Passes, training: bool, owner: int, dy: Value) -> Pass:
    """Choose the pass that a gradient goes with.

    Raises:
        UsageError: there is none, it was forgotten, or it cannot be known which it is.
    """
    if not passes:
        raise UsageError(f"{name}: expected forward before backward")
    if len(passes) == 1 and not passes[0].gone and type(dy) is Tensor:
        mark = made(dy)
        if mark is None or mark == passes[0].made:
            return passes[0]
    own = {mark for leaf in leaves(dy) if (mark := made(leaf)) and mark[0] == owner}
    if own and (one := _marked_one(name, passes, training, own)) is not None:
        return one
    # Where it trains, an evaluation in between does not matter.
    group = [one for one in passes if one.trains] if training else []
    group = group or list(passes)
    waiting = [one for one in group if not one.gone]
    if any(one.gone and one.gap for one in group):
        raise _forgotten(name)
    if not waiting:  # once more, all of them
        for one in group:
            one.gone = False
        waiting = group
    if not training and len({one.trains for one in waiting}) > 1:
        raise _two_modes(name)
    return waiting[-1]


def _marked_one(name: str, passes: Passes, training: bool, own: set[Made]) -> Pass | None:
    """Find the pass by its mark; None where that has gone back, and there was another since."""
    if len(own) > 1:
        raise UsageError(f"{name}: expected the gradient of one forward pass, got that of two")
    (mark,) = own
    found = [one for one in passes if one.made == mark]
    if not found and any(0 < one.gap <= mark[1] for one in passes):
        raise _forgotten(name)
    if not found:
        return None
    others = (one for one in passes if not one.gone and one.trains == training)
    if mark[2] != training and any(others):
        raise _two_modes(name)
    return found[0]


def is_written(noted: Seen, pull: Any) -> bool:
    """Tell whether a tensor was written to that a backward pass needs."""
    for get, version in noted:
        tensor = get()
        if tensor is not None and tensor._version != version and holds(pull, tensor):
            return True
    return False


def written(name: str, what: str) -> UsageError:
    """Say that it was."""
    return UsageError(
        f"{name}: expected {what} as in the forward pass, got some of it written to since: go back "
        "before a step, or forward again"
    )


def _forgotten(name: str) -> UsageError:
    return UsageError(
        f"{name}: expected a forward pass that is remembered, got a backward pass for one that was "
        "forgotten: in training, keep its output until it has gone back; in eval mode, the last "
        "pass alone is remembered"
    )


def _two_modes(name: str) -> UsageError:
    return UsageError(
        f"{name}: expected to know which forward pass to go back from, got one in training and one "
        "in eval mode that wait: be in the mode of the one that is meant"
    )


def made(leaf: Any) -> Made | None:
    """Return the mark of a tensor, None where no module made it."""
    return getattr(leaf, "_made", None)


def marked(value: Value, mark: Made) -> Value:
    """Give other tensors with the same numbers, with a mark."""
    if type(value) is tuple:
        return tuple(marked(entry, mark) for entry in value)
    if not isinstance(value, Tensor):
        return value
    other: Any = value.detach()
    other._made = mark
    return other


def marked_as(x: Value, dx: Value, dy: Value) -> Value:
    """Mark each gradient by the tensor that it belongs to, if a module made that."""
    if type(x) is tuple and type(dx) is tuple and len(x) == len(dx):
        return tuple(marked_as(entry, d, dy) for entry, d in zip(x, dx))
    mark = made(x)
    if mark is None or not isinstance(dx, Tensor):
        return dx
    if any(dx is d for d in leaves(dy)):  # what came in is not to be marked
        return marked(dx, mark)
    fresh: Any = dx
    fresh._made = mark
    return dx


def leaves(value: Value) -> tuple[Any, ...]:
    """List the entries of a value, and of the tuples in it."""
    if type(value) is not tuple:
        return (value,)
    for entry in value:
        if type(entry) is tuple:
            return tuple(leaf for part in value for leaf in leaves(part))
    return value
