"""Tensors of a PyTorch module beside those of a pytree, and copies from one to the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any, NamedTuple

from funcdl import tree
from funcdl.arguments import show
from funcdl.contract import Params
from funcdl.errors import KindError, ShapeError, TreeError
from funcdl.interop.follow import Follower, Part
from funcdl.interop.rules import RULES, rules_of
from funcdl.tensor import Tensor
from funcdl.tree.nodes import entries, is_node, labels

__all__ = ["from_torch", "to_torch"]


class _Entry(NamedTuple):
    """A tensor of a module, and what it is here.

    Attributes:
        path: its name there.
        owner: the class of parameters that it belongs to here.
        field: its name in that.
        view: it, in our order of axes, where axes may be apart that are merged here.
        shape: what it has here.
        other: the view in the order of axes that it would have otherwise, where nothing tells
            whether it belongs to an image.
    """

    path: str
    owner: str
    field: str
    view: Tensor
    shape: tuple[int, ...]
    other: Tensor | None = None


class _Leaf(NamedTuple):
    """A tensor here: its path, the class of parameters around it, and its path in that."""

    path: str
    owner: str
    field: str
    tensor: Tensor


def from_torch(module: Any, like: Params, *, flattened: Mapping[str, int] | None = None) -> Params:
    """Copy the parameters of a PyTorch module into the structure of our own.

    The tensors on both sides are taken in order, module by module, and have to fit one by one,
    in kind and shape; modules and layers without parameters do not matter, nor does nesting.
    Weights get the order of axes that they have here: a linear one (in, out), a convolution's
    (*kernel, in, out).

    Images have their channels last here. What is fed by a flattened image, as a `Linear` behind
    `Conv2d` and `Flatten`, therefore gets its rows in the order in which `flatten` lays them. A
    `Sequential` tells what feeds what. Where a module has a forward of its own, a list of modules
    is all there is, or a `Flatten` comes first, that may not be known: then say it by `flattened`.

    Args:
        module: a `torch.nn.Sequential`, or any module that registers its parts in the order in
            which our network has its layers.
        like: parameters of the same network here, as `init` makes them.
        flattened: the path of each module that is fed by a flattened image, with the number of its
            channels, as `{"fc1": 16}`; `{}` for none. What a `Sequential` shows need not be named.

    Returns:
        New parameters with the structure of `like`, and the module's values, dtypes and device.

    Raises:
        KindError: a module has parameters of its own and is of no class that is known here, or
            does what our layers do not; or it cannot be known whether a flattened image feeds it.
        TreeError: a tensor has none beside it on the other side, or another kind of tensor.
        ShapeError: two tensors differ in shape, or an image does not fit what it feeds.

    >>> import torch
    >>> from torch import nn
    >>> from funcdl import linear, relu, serial
    >>> theirs = nn.Sequential(nn.Linear(2, 25), nn.ReLU(), nn.Linear(25, 1))
    >>> net, x = serial(linear(25), relu, linear(1)), torch.ones(5, 2)
    >>> params = from_torch(theirs, net.init(torch.Generator(), (2,))[0])
    >>> torch.allclose(net(params, x)[0], theirs(x))
    True
    """
    leaves = []
    for entry, leaf in _beside("from_torch", module, like, flattened):
        copy = entry.view.new_empty(entry.view.shape).copy_(entry.view)
        leaves.append(copy.view(leaf.tensor.shape))
    return tree.from_leaves(tree.to_leaves(like)[1], leaves)


def to_torch(params: Params, module: Any, *, flattened: Mapping[str, int] | None = None) -> None:
    """Copy our parameters into those of a PyTorch module, in place: the inverse of `from_torch`.

    Args:
        params: the parameters of a network here.
        module: that of the same network, of any dtype and on any device.
        flattened: as `from_torch` takes it.

    Raises:
        KindError, TreeError, ShapeError: as `from_torch`, or two of our tensors that differ belong
            into one of the module's. Nothing is written then.

    >>> import torch
    >>> from funcdl import Affine
    >>> theirs = torch.nn.Linear(2, 1)
    >>> to_torch(Affine(torch.tensor([[3.0], [4.0]]), torch.tensor([5.0])), theirs)
    >>> theirs(torch.ones(2)).item()
    12.0
    """
    pairs = list(_beside("to_torch", module, params, flattened))
    written: dict[int, tuple[str, Tensor]] = {}
    for entry, leaf in pairs:
        values = _as_in_memory(leaf.tensor.detach().reshape(entry.view.shape), entry.view)
        path, same = written.setdefault(entry.view.data_ptr(), (leaf.path, values))
        if values is not same and not values.equal(same):
            raise TreeError(
                f"to_torch: expected {path} and {leaf.path} to be equal, which both go into "
                f"{entry.path}, got different numbers"
            )
    for entry, leaf in pairs:
        entry.view.copy_(leaf.tensor.detach().reshape(entry.view.shape))


def _as_in_memory(values: Tensor, view: Tensor) -> Tensor:
    """Lay numbers in the order in which those of a view lie in memory."""
    order = sorted(range(view.ndim), key=view.stride, reverse=True)
    return values.permute(order).flatten()


def _beside(
    where: str, module: Any, params: Params, flattened: Mapping[str, int] | None
) -> Iterator[tuple[_Entry, _Leaf]]:
    """Give each tensor of a module with the leaf that it belongs to."""
    leaves = list(_leaves(where, params, "", "", ""))
    if flattened is not None and not isinstance(flattened, Mapping):
        raise KindError(
            f"{where}: expected flattened to be a dictionary from a module's path to channels, "
            f"got {type(flattened).__name__}"
        )
    parts = Follower(where, flattened).parts(module)
    found = [entry for part in parts for entry in _entries(where, part)]
    if len(found) != len(leaves):
        # One copy here of what stands there twice.
        once = {id(part.module): part for part in reversed(parts)}
        shared = [part for part in parts if once[id(part.module)] is part]
        fewer = [entry for part in shared for entry in _entries(where, part)]
        found = fewer if len(fewer) == len(leaves) else found
    for entry, leaf in zip(found, leaves):
        if (leaf.owner, leaf.field) != (entry.owner, entry.field) and (
            leaf.owner or not f".{leaf.field}".endswith(f".{entry.field}")
        ):
            raise TreeError(f"{where}: expected a tensor that fits {leaf.path}, got {entry.path}")
        yield _settled(where, entry, leaf, flattened is not None), leaf
    if len(found) != len(leaves):
        raise TreeError(
            f"{where}: expected as many tensors on both sides, got "
            f"{', '.join(entry.path for entry in found)} beside "
            f"{', '.join(leaf.path for leaf in leaves)}"
        )


def _settled(where: str, entry: _Entry, leaf: _Leaf, told: bool) -> _Entry:
    """Decide between two orders of axes by the shape here, and refuse what has another shape."""
    shape = leaf.tensor.shape
    if entry.other is not None and entry.other.shape == shape:
        if entry.shape != shape:
            return entry._replace(view=entry.other, shape=tuple(shape))
        if not told:
            place = entry.path.rpartition(".")[0]
            raise KindError(
                f"{where}: expected to know whether {entry.path} belongs to an image, with its "
                f"channels first, got axes of equal lengths, {show(shape)}: pass "
                f"flattened={{{place!r}: its channels}}, or flattened={{}} if it does not"
            )
    if entry.shape != shape and not entry.view.numel() == leaf.tensor.numel() == 1:
        raise ShapeError(
            f"{where}: expected {entry.path}, here {leaf.path}, to be of shape {show(shape)} "
            f"in our order of axes, got {show(entry.shape)}"
        )
    return entry


def _leaves(where: str, node: Any, path: str, owner: str, field: str) -> Iterator[_Leaf]:
    """List the tensors here, with the outermost parameters of a layer that they are in."""
    if is_node(node):
        known = type(node).__name__
        if not owner and known in OWNERS and hasattr(node, "_fields"):
            owner, field = known, ""
        for label, entry in zip(labels(node), entries(node)):
            yield from _leaves(where, entry, path + label, owner, field + label)
        return
    if not isinstance(node, Tensor):
        raise KindError(f"{where}: expected a tensor at {path}, got {type(node).__name__}")
    yield _Leaf(path, owner, field.removeprefix("."), _full(where, path, node))


OWNERS = {kind.owner for kind in RULES.values()} | {"Scale", "Bias"}


def _entries(where: str, part: Part) -> Iterator[_Entry]:
    """List the tensors of a part."""
    kind = RULES[part.kind]
    for rule in rules_of(part.kind, part.module):
        path = part.path + rule.attribute
        theirs = reduce(
            lambda at, name: getattr(at, name, None), rule.attribute.split("."), part.module
        )
        if theirs is None:
            continue
        if not isinstance(theirs, Tensor) or type(theirs).__name__.startswith("Uninitialized"):
            raise KindError(f"{where}: expected {path} to be a tensor, got {type(theirs).__name__}")
        view, other = _full(where, path, theirs).detach(), None
        if len(rule.axes) == view.ndim:
            view = view.permute(rule.axes)
        elif part.image == view.ndim - 1:
            # A norm over a whole image, channels first.
            view = view.movedim(0, -1)
        elif part.image < 0 and view.ndim < 4:
            other = view.movedim(0, -1)
        shape = tuple(view.shape)
        if rule.fed and part.channels > 1:
            # Of (channels, cells) merged into rows, we have (cells, channels).
            view = view.unflatten(0, (part.channels, -1)).movedim(0, 1)  # type: ignore[no-untyped-call]
        yield _Entry(path, kind.owner, rule.field, view, shape, other)


def _full(where: str, path: str, tensor: Tensor) -> Tensor:
    """Refuse a tensor that has no numbers."""
    if tensor.is_meta:
        raise KindError(f"{where}: expected {path} to have numbers, got a tensor on meta")
    return tensor
