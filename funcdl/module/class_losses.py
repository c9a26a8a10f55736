"""Losses on classes as modules, with the classes where PyTorch has them: (batch, classes, …)."""

from __future__ import annotations

from typing import Any

from funcdl.arguments import MOST, integer
from funcdl.contract import Layer, Params, Value, Vjp
from funcdl.losses import cross_entropy, nll
from funcdl.module.doors import around
from funcdl.module.losses import Loss
from funcdl.tensor import Generator, Tensor

__all__ = ["CrossEntropyLoss", "LossCrossEntropy", "LossNLL", "NLLLoss"]


class CrossEntropyLoss(Loss):
    """PyTorch's `CrossEntropyLoss`: of logits (batch, classes, …), or (classes,).

    Args:
        weight: of each class, as a tensor.
        ignore_index: the class whose targets do not count.
        reduction: "mean", "sum" or "none".
        label_smoothing: in [0, 1).

    Targets are classes, int64 of shape (batch, …), or probabilities in the shape of the output.

    >>> import torch
    >>> CrossEntropyLoss()(torch.zeros(1, 2), torch.tensor([1]))
    tensor(0.6931)
    """

    factory = staticmethod(cross_entropy)

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: None = None,
        ignore_index: int = -100,
        reduce: None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        integer("CrossEntropyLoss", "ignore_index", ignore_index, -MOST)
        how: dict[str, Any] = {"weights": weight, "label_smoothing": label_smoothing}
        hard = cross_entropy(reduction=reduction, **how)
        soft = cross_entropy(reduction=reduction, soft=True, **how)
        kept = cross_entropy(reduction=reduction, ignore=ignore_index, **how)
        layer = _by_target("CrossEntropyLoss", hard, soft, kept, ignore_index)
        super().__init__(locals(), layer)


class NLLLoss(Loss):
    """PyTorch's `NLLLoss`: of log-probabilities (batch, classes, …), or (classes,).

    Args:
        weight: of each class, as a tensor.
        ignore_index: the class whose targets do not count.
        reduction: "mean", "sum" or "none".

    >>> import torch
    >>> NLLLoss()(torch.tensor([[0.25, 0.75]]).log(), torch.tensor([0]))
    tensor(1.3863)
    """

    factory = staticmethod(nll)

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: None = None,
        ignore_index: int = -100,
        reduce: None = None,
        reduction: str = "mean",
    ) -> None:
        integer("NLLLoss", "ignore_index", ignore_index, -MOST)
        hard = nll(reduction=reduction, weights=weight)
        kept = nll(reduction=reduction, weights=weight, ignore=ignore_index)
        super().__init__(locals(), _by_target("NLLLoss", hard, None, kept, ignore_index))


class LossCrossEntropy(CrossEntropyLoss):
    """`CrossEntropyLoss` by a name as the assignment gives them."""


class LossNLL(NLLLoss):
    """`NLLLoss` by a name as the assignment gives them."""


def _by_target(name: str, hard: Layer, soft: Layer | None, ignoring: Layer, ignored: int) -> Layer:
    """Choose by the target: classes, with some that do not count, or probabilities.

    Args:
        name: of the module.
        hard: for classes.
        soft: for probabilities, where the loss takes them.
        ignoring: for classes with some that do not count.
        ignored: the class that does not.
    """

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        pair = isinstance(x, tuple) and len(x) == 2 and all(isinstance(v, Tensor) for v in x)
        if not pair or not x[0].ndim:
            return hard.at(name, params, x, rng)  # which says what is wrong
        y, t = x
        at = 1 if y.ndim > 1 else -1
        part, y = hard, y.movedim(at, -1)
        if soft is not None and t.is_floating_point():
            part, t = soft, t.movedim(at, -1) if t.ndim == y.ndim else t
        elif bool(t.eq(ignored).any()):
            part = ignoring
        value, pull = part.at(name, params, (y, t), rng)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Value]:
            _, back = pull(dy, need_dx)
            return params, None if back is None else (back[0].movedim(-1, at), None)

        return value, vjp

    return around(name, hard, None, apply)
