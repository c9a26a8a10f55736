"""Parameters by groups, which their paths tell: transforms, or optimisers, of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from funcdl import tree
from funcdl.arguments import each_number
from funcdl.contract import Params
from funcdl.errors import InputError, KindError
from funcdl.misuse import kind_of, short
from funcdl.optimisers.optimiser import Optimiser, Rate, expect_state
from funcdl.optimisers.rates import fitted
from funcdl.optimisers.transform import Transform, chain, count
from funcdl.tensor import Tensor, as_dtype_of, wide

__all__ = ["Grouped", "by_path", "grouped", "scaled"]

Split = Callable[[Params], "list[list[bool]]"]


class Grouped(NamedTuple):
    """The states of the groups, in the order of their patterns, that of the rest last."""

    groups: tuple[Any, ...]


def by_path(groups: Mapping[str, Transform], rest: Transform | None = None) -> Transform:
    """Transform the gradients of some parameters in one way, those of others in another.

    A parameter belongs to the first pattern that fits its path.

    Args:
        groups: from patterns as `tree.find` takes them, `"*.b"` or `"[0]"`, to transforms.
        rest: for the other parameters; without it their gradients stay as they are.

    Returns:
        A transform whose state is `Grouped`.

    Raises:
        KindError: an argument is none of these.
        InputError: a pattern fits no parameter, or none that is left.

    >>> import torch
    >>> from funcdl import Affine, decay, sgd
    >>> params = Affine(torch.tensor([2.0]), torch.tensor([2.0]))
    >>> slow = by_path({"*.b": scaled(0.1), "*.w": decay(0.5)})
    >>> slow.update(Affine(torch.ones(1), torch.ones(1)), slow.init(params), params)[0]
    Affine(w=tensor([2.]), b=tensor([0.1000]))
    """
    parts = _parts("by_path", "a transform", Transform, groups, chain() if rest is None else rest)

    def init(params: Params) -> Grouped:
        which = _split("by_path", groups, params)
        return Grouped(tuple(p.init(_only(params, w)) for p, w in zip(parts, which)))

    def update(grads: Params, state: Grouped, params: Params) -> tuple[Params, Grouped]:
        expect_state("by_path", Grouped, state)
        which = _split("by_path", groups, params)
        done = [
            part.update(_only(grads, chosen), kept, _only(params, chosen))
            for part, kept, chosen in zip(parts, state.groups, which)
        ]
        updates, states = zip(*done)
        return _merged(grads, which, updates), Grouped(states)

    return Transform(init, update)


def grouped(groups: Mapping[str, Optimiser], rest: Optimiser) -> Optimiser:
    """Move some parameters by one optimiser, others by another: rates and decays by group.

    A parameter belongs to the first pattern that fits its path.

    Args:
        groups: from patterns as `tree.find` takes them, `"*.b"` or `"[0]"`, to optimisers.
        rest: of the other parameters.

    Returns:
        An optimiser whose state is `Grouped(groups)`: `state.groups[0].lr` is a rate.

    Raises:
        KindError: an argument is none of these.
        InputError: a pattern fits no parameter, or none that is left.

    >>> import torch
    >>> from funcdl import Affine, sgd
    >>> descend = grouped({"*.b": sgd(0.1)}, rest=sgd(1.0, weight_decay=0.5))
    >>> params = Affine(torch.tensor([2.0]), torch.tensor([2.0]))
    >>> ones = Affine(torch.ones(1), torch.ones(1))
    >>> descend.update(params, ones, descend.init(params))[0]
    Affine(w=tensor([0.]), b=tensor([1.9000]))
    """
    parts = _parts("grouped", "an optimiser", Optimiser, groups, rest)

    def init(params: Params) -> Grouped:
        which = _split("grouped", groups, params)
        return Grouped(tuple(p.init(_only(params, w)) for p, w in zip(parts, which)))

    def update(params: Params, grads: Params, state: Grouped) -> tuple[Params, Grouped]:
        expect_state("grouped", Grouped, state)
        tree.map(lambda p, g: None, params, grads)  # which says where they differ
        which = _split("grouped", groups, params)
        done = [
            part.update(_only(params, chosen), _only(grads, chosen), kept)
            for part, kept, chosen in zip(parts, state.groups, which)
        ]
        moved, states = zip(*done)
        return _merged(params, which, moved), Grouped(states)

    return Optimiser(init, update)


def scaled(factor: Rate) -> Transform:
    """Multiply the gradient: u = factor g. Of a group it is the share of the learning rate.

    Args:
        factor: at least 0, one or (*models,); or a schedule.

    Raises:
        InputError, KindError: `factor` is none of these.

    >>> import torch
    >>> scaled(0.5).update((torch.tensor([3.0]),), (), ())[0]
    (tensor([1.5000]),)
    """
    if not callable(factor):
        each_number("scaled", "factor", factor, 0)

    def update(grads: Params, steps: Any, params: Params) -> tuple[Params, Any]:
        rate = factor(steps) if callable(factor) else factor

        def times(g: Tensor) -> Tensor:
            by: Any = rate
            if isinstance(by, Tensor):
                by = as_dtype_of(fitted(by, g, "scaled", "factor"), wide(g))
            return as_dtype_of(wide(g).mul(by), g)

        return tree.map(times, grads), steps + 1 if callable(factor) else steps

    return Transform(lambda params: count(params) if callable(factor) else (), update)


def _parts(where: str, what: str, kind: Any, groups: Any, rest: Any) -> list[Any]:
    if not isinstance(groups, Mapping):
        raise KindError(f"{where}: expected a dictionary of patterns, got {short(groups)}")
    for pattern, part in groups.items():
        if not isinstance(pattern, str):
            raise KindError(f"{where}: expected patterns such as '*.b', got {short(pattern)}")
        if not isinstance(part, kind):
            raise KindError(f"{where}: expected {what} for {pattern!r}, got {kind_of(part)}")
    if not isinstance(rest, kind):
        raise KindError(f"{where}: expected rest to be {what}, got {kind_of(rest)}")
    return [*groups.values(), rest]


def _split(where: str, groups: Any, params: Params) -> list[list[bool]]:
    """Tell for each group, and for the rest, which leaves are its own."""
    paths = tree.paths(params)
    left, which = set(paths), []
    for pattern in groups:
        own = left & set(tree.find(params, pattern))
        if not own:
            raise InputError(
                f"{where}: expected a path of the parameters that no other group has, "
                f"{', '.join(sorted(left)) or 'of none'}, got {pattern!r}"
            )
        left -= own
        which.append([path in own for path in paths])
    return [*which, [path in left for path in paths]]


def _only(params: Params, chosen: list[bool]) -> Params:
    """Put `()`, which has no leaves, in the place of the others: all keeps its path."""
    each = iter(chosen)
    return tree.map(lambda p: p if next(each) else (), params)


def _merged(like: Params, which: list[list[bool]], parts: Any) -> Params:
    """Put the leaves of the groups together again."""
    found = [iter(tree.leaves(part)) for part in parts]
    owners = iter([own.index(True) for own in zip(*which)])
    return tree.map(lambda _: next(found[next(owners)]), like)
