"""Parameters from PyTorch's modules and back into them, by their attributes alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any, NamedTuple

from funcdl import tree
from funcdl.arguments import show
from funcdl.contract import Params
from funcdl.errors import KindError, ShapeError, TreeError
from funcdl.tensor import Tensor

__all__ = ["from_torch", "to_torch"]

Rule = tuple[str, str, tuple[int, ...]]

VECTOR = (0,)
BIAS = ("bias", "b", VECTOR)
NORM = (("weight", "scale", VECTOR), ("bias", "bias", VECTOR))
BATCH_NORM = (*NORM, ("running_mean", "mean", VECTOR), ("running_var", "var", VECTOR))
GRU = (
    ("weight_ih", "x.w", (1, 0)),
    ("bias_ih", "x.b", VECTOR),
    ("weight_hh", "h.w", (1, 0)),
    ("bias_hh", "h.b", VECTOR),
)

# Of each class: the attribute, the field that it is here, and the order of its axes here.
RULES: dict[str, tuple[Rule, ...]] = {
    "Linear": (("weight", "w", (1, 0)), BIAS),
    "Conv1d": (("weight", "w", (2, 1, 0)), BIAS),
    "Conv2d": (("weight", "w", (2, 3, 1, 0)), BIAS),
    "ConvTranspose2d": (("weight", "w", (2, 3, 1, 0)), BIAS),
    "Embedding": (("weight", "w", (0, 1)),),
    "GRUCell": GRU,
    "GRU": tuple((f"{theirs}_l0", ours, axes) for theirs, ours, axes in GRU),
    "MultiheadAttention": (
        ("in_proj_weight", "qkv.w", (1, 0)),
        ("in_proj_bias", "qkv.b", VECTOR),
        ("out_proj.weight", "out.w", (1, 0)),
        ("out_proj.bias", "out.b", VECTOR),
    ),
    "PReLU": (("weight", "a", VECTOR),),
    "LayerNorm": NORM,
    "GroupNorm": NORM,
    "RMSNorm": NORM[:1],
    "BatchNorm1d": BATCH_NORM,
    "BatchNorm2d": BATCH_NORM,
}


class _Entry(NamedTuple):
    """A tensor of a module: its path, its field here, and a view of it in our order of axes.

    `shape` is what it has here, where axes may be merged that the view has apart.
    """

    path: str
    field: str
    view: Tensor
    shape: tuple[int, ...]


def from_torch(module: Any, like: Params) -> Params:
    """Copy the parameters of a PyTorch module into the structure of our own.

    The tensors on both sides are taken in order, module by module, and have to fit one by one;
    modules and layers without parameters do not matter, nor does nesting. Weights get the order of
    axes that they have here: a linear one (in, out), a convolution's (*kernel, in, out). Images
    have their channels last here, so that the first `Linear` behind a convolution gets its rows in
    the order in which `flatten` lays them.

    Args:
        module: a `torch.nn.Sequential`, or any module that registers its parts in their order.
        like: parameters of the same network here, as `init` makes them.

    Returns:
        New parameters with the structure of `like`, and the module's values, dtypes and device.

    Raises:
        KindError: a module has parameters of its own and is of no class that is known here.
        TreeError: a tensor has none beside it on the other side, or another kind of tensor.
        ShapeError: two tensors differ in shape.

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
    for entry, leaf in _beside("from_torch", module, like):
        copy = entry.view.new_empty(entry.view.shape).copy_(entry.view)
        leaves.append(copy.view(leaf.shape))
    return tree.unflatten(tree.flatten(like)[1], leaves)


def to_torch(params: Params, module: Any) -> None:
    """Copy our parameters into those of a PyTorch module, in place: the inverse of `from_torch`.

    Args:
        params: the parameters of a network here.
        module: that of the same network, of any dtype and on any device.

    Raises:
        KindError, TreeError, ShapeError: as `from_torch`. Nothing is written then.

    >>> import torch
    >>> from funcdl import Affine
    >>> theirs = torch.nn.Linear(2, 1)
    >>> to_torch(Affine(torch.tensor([[3.0], [4.0]]), torch.tensor([5.0])), theirs)
    >>> theirs(torch.ones(2)).item()
    12.0
    """
    for entry, leaf in list(_beside("to_torch", module, params)):
        entry.view.copy_(leaf.detach().reshape(entry.view.shape))


def _beside(where: str, module: Any, params: Params) -> Iterator[tuple[_Entry, Tensor]]:
    """Give each tensor of a module with the leaf that it belongs to."""
    entries, paths, leaves = list(_entries(where, module)), tree.paths(params), tree.leaves(params)
    for entry, path, leaf in zip(entries, paths, leaves):
        if not f".{path}".endswith(f".{entry.field}"):
            raise TreeError(f"{where}: expected a tensor that fits {path}, got {entry.path}")
        if entry.shape != leaf.shape and not entry.view.numel() == leaf.numel() == 1:
            raise ShapeError(
                f"{where}: expected {entry.path}, here {path}, to be of shape {show(leaf.shape)} "
                f"in our order of axes, got {show(entry.shape)}"
            )
        yield entry, leaf
    if len(entries) != len(leaves):
        raise TreeError(
            f"{where}: expected as many tensors on both sides, got "
            f"{', '.join(entry.path for entry in entries)} beside {', '.join(paths)}"
        )


def _entries(where: str, module: Any) -> Iterator[_Entry]:
    """List the tensors of a module and of those below it."""
    channels = 1
    for path, kind, part in _modules(where, module, ""):
        for attribute, field, axes in RULES[kind]:
            theirs = reduce(getattr, attribute.split("."), part)
            if theirs is None:
                continue
            view = theirs.detach()
            if len(axes) == view.ndim:
                view = view.permute(axes)
            elif view.ndim == 3:
                # A norm over a whole image, channels first.
                view = view.movedim(0, -1)
            shape = tuple(view.shape)
            if kind == "Linear" and view.ndim == 2 and view.shape[0] % channels == 0:
                # Of (channels, cells) merged into rows, we have (cells, channels).
                view = view.unflatten(0, (channels, -1)).movedim(0, 1)
            yield _Entry(path + attribute, field, view, shape)
        if kind.startswith("Conv"):
            channels = part.out_channels
        elif kind == "Linear":
            channels = 1


def _modules(where: str, module: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    """Find the modules that have a rule, with their paths and classes, in their order."""
    kind = next((c.__name__ for c in type(module).__mro__ if c.__name__ in RULES), None)
    if not hasattr(module, "named_children"):
        raise KindError(f"{where}: expected a torch.nn.Module, got {type(module).__name__}")
    known = [attribute for attribute, _, _ in RULES[kind]] if kind else []
    for name, _ in module.named_parameters(recurse=kind is not None):
        if name not in known:
            raise KindError(
                f"{where}: expected parameters of {', '.join(RULES)}, "
                f"got {path}{name} of {type(module).__name__}"
            )
    if kind:
        yield path, kind, module
        return
    for name, child in module.named_children():
        yield from _modules(where, child, f"{path}{name}.")
