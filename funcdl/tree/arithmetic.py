"""Pytrees of tensors as vectors: sums, multiples, norms, and many of them as one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import Any

from funcdl.errors import FuncdlError, KindError, ShapeError, TreeError, exhausted
from funcdl.tensor import Tensor, empty
from funcdl.tree.flat import paths
from funcdl.tree.nodes import Tree
from funcdl.tree.structure import from_leaves, leaves, map, to_leaves
from funcdl.tree.trouble import odd

__all__ = ["add", "multiply", "norm", "ravel", "size", "stack", "unstack", "zeros_like"]


def zeros_like(tree: Tree) -> Tree:
    """Replace each tensor by zeros of its shape, dtype and device.

    >>> import torch
    >>> zeros_like((torch.ones(2), {"b": torch.ones(1)}))
    (tensor([0., 0.]), {'b': tensor([0.])})
    """
    return _over("zeros_like", lambda leaf: leaf.new_zeros(leaf.shape), tree)


def add(a: Tree, b: Tree) -> Tree:
    """Add two pytrees leaf by leaf; the sum of cotangents.

    >>> add((1, {"w": 2}), (10, {"w": 20}))
    (11, {'w': 22})
    """
    return _over("add", lambda p, q: p + q, a, b)


def multiply(factor: Any, tree: Tree) -> Tree:
    """Multiply each leaf by one factor.

    >>> multiply(2, (1, [3]))
    (2, [6])
    """
    return _over("multiply", lambda leaf: leaf * factor, tree)


def size(tree: Tree) -> int:
    """Count the numbers in all the tensors of a pytree.

    >>> import torch
    >>> size((torch.ones(2, 3), {"b": torch.ones(4)}))
    10
    """
    with _naming("size", tree):
        return sum(leaf.numel() for leaf in leaves(tree))


def norm(tree: Tree) -> Tensor:
    """Compute the 2-norm of all the numbers in a pytree, √Σ x²: a tensor without axes.

    The norm of leaves of one dtype has that dtype; the squares are summed up in float64.

    >>> import torch
    >>> norm((torch.tensor([2.0, 3.0]), {"b": torch.tensor(6.0)}))
    tensor(7.)
    """
    found = leaves(tree)
    # Not torch's norm, which adds one square to another: of a million equal numbers it is 4 · 10⁻⁴
    # off. And hypot, since the square of a large norm may overflow.
    with _naming("norm", tree):
        norms: list[Tensor] = [leaf.double().square().sum().sqrt() for leaf in found]
    if not norms:
        return empty(()).zero_()
    total = reduce(lambda a, b: a.hypot(b), norms)
    kinds = {leaf.dtype for leaf in found}
    return total.to(found[0].dtype) if len(kinds) == 1 and found[0].is_floating_point() else total


def ravel(tree: Tree) -> tuple[Tensor, Callable[[Tensor], Tree]]:
    """Copy all leaves into one vector; return it and the inverse.

    Returns:
        The vector of shape (size,), from the left leaf to the right one, and `unravel`: from such
        a vector, of any dtype, to the pytree, whose leaves are views of the vector.

    Raises:
        KindError: the leaves are not tensors, or not of one dtype.
        ShapeError: by `unravel`, for a vector of another shape.

    >>> import torch
    >>> vector, unravel = ravel({"w": torch.ones(2, 2), "b": torch.zeros(1)})
    >>> vector
    tensor([0., 1., 1., 1., 1.])
    >>> unravel(2 * vector)
    {'b': tensor([0.]), 'w': tensor([[2., 2.],
            [2., 2.]])}
    """
    found, structure = to_leaves(tree)
    with _naming("ravel", tree):
        dtypes = sorted({str(leaf.dtype) for leaf in found})
        shapes, lengths = [leaf.shape for leaf in found], [leaf.numel() for leaf in found]
    if len(dtypes) > 1:
        raise KindError(f"ravel: expected leaves of one dtype, got {' and '.join(dtypes)}")
    total = sum(lengths)

    def split(vector: Tensor) -> list[Tensor]:
        parts, start = [], 0
        for shape, length in zip(shapes, lengths):
            parts.append(vector.narrow(0, start, length).view(shape))
            start += length
        return parts

    def unravel(vector: Tensor) -> Tree:
        if vector.shape != (total,):
            raise ShapeError(f"unravel: expected ({total},), got {tuple(vector.shape)}")
        return from_leaves(structure, split(vector.contiguous()))

    with _naming("ravel", tree):
        vector = found[0].new_empty(total) if found else empty(0)
        for part, leaf in zip(split(vector), found):
            part.copy_(leaf.detach())
    return vector, unravel


def stack(trees: Sequence[Tree]) -> Tree:
    """Stack pytrees of equal structure along a new leading axis: R inits make an ensemble.

    Raises:
        TreeError: there is none, or two differ in structure or in a leaf's shape.

    >>> import torch
    >>> stack([{"w": torch.zeros(2)}, {"w": torch.ones(2)}])
    {'w': tensor([[0., 0.],
            [1., 1.]])}
    """
    if not trees:
        raise TreeError("stack: expected one pytree or more, got none")
    return _over("stack", _stack, *trees)


def unstack(tree: Tree) -> list[Tree]:
    """Split a pytree along the leading axis of its leaves: the inverse of `stack`.

    Raises:
        TreeError: there is no leaf, or the leaves' leading axes differ in length.

    >>> import torch
    >>> unstack({"w": torch.eye(2)})
    [{'w': tensor([1., 0.])}, {'w': tensor([0., 1.])}]
    """
    with _naming("unstack", tree):
        lengths = sorted({leaf.shape[0] if leaf.ndim else 0 for leaf in leaves(tree)})
    if len(lengths) != 1 or lengths[0] == 0:
        raise TreeError(f"unstack: expected one common leading axis, got lengths {lengths}")
    return [map(lambda leaf, i=i: leaf.select(0, i), tree) for i in range(lengths[0])]


def _over(where: str, function: Callable[..., Any], *trees: Tree) -> Tree:
    """Map a function, and name the leaf that it is not for."""
    with _naming(where, *trees):
        return map(function, *trees)


@contextmanager
def _naming(where: str, *trees: Tree) -> Iterator[None]:
    """Name the leaf that cannot be computed with, in place of what torch says of it."""
    try:
        yield
    except FuncdlError:
        raise
    except (AttributeError, TypeError, RuntimeError) as error:
        for tree in trees:
            for path, leaf in zip(paths(tree), leaves(tree)):
                if isinstance(leaf, Tensor):
                    if (kind := odd(leaf)) is not None:
                        raise KindError(
                            f"{where}: expected plain tensors, got a {kind} one at tree{path}"
                        ) from None
                elif not (where in ("add", "multiply") and isinstance(leaf, (int, float, complex))):
                    hint = "; () stands for nothing" if leaf is None else ""
                    raise KindError(
                        f"{where}: expected a tensor at tree{path}, got {type(leaf).__name__}{hint}"
                    ) from None
        said = str(error).strip().partition("\n")[0]
        raise exhausted(where, error) or KindError(
            f"{where}: expected tensors that can be computed with, got others: {said}"
        ) from error


def _stack(*tensors: Tensor) -> Tensor:
    first = tensors[0]
    for tensor in tensors:
        if tensor.shape != first.shape:
            raise TreeError(
                f"stack: expected every tensor to be of shape {tuple(first.shape)} as the first "
                f"one's, got {tuple(tensor.shape)}"
            )
    stacked = first.new_empty((len(tensors), *first.shape))
    for i, tensor in enumerate(tensors):
        stacked.select(0, i).copy_(tensor)
    return stacked
