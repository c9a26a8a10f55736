"""More optimisers that have a name: Adam's kin, and one for matrices."""

from __future__ import annotations

from funcdl.arguments import each_number, integer, number
from funcdl.optimisers.groups import grouped
from funcdl.optimisers.kin import scale_by_adadelta, scale_by_adamax, scale_by_nadam
from funcdl.optimisers.moments import Betas, checked
from funcdl.optimisers.optimiser import Optimiser, Rate, checked_rate, optimiser
from funcdl.optimisers.orthogonal import orthogonalise
from funcdl.optimisers.rates import Each
from funcdl.optimisers.ready import Where, adamw, decayed, some
from funcdl.optimisers.simple import momentum as heavy

__all__ = ["adadelta", "adamax", "muon", "nadam"]


def adadelta(
    lr: Rate = 1.0, *, rate: float = 0.9, eps: float = 1e-6, weight_decay: Each = 0.0
) -> Optimiser:
    """Adadelta, as in `torch.optim.Adadelta`: see `scale_by_adadelta`.

        g ← g + weight_decay p        p ← p − lr g √(d + eps) / √(v + eps)

    Args:
        lr: the learning rate, at least 0, or a schedule; one, or (*models,).
        rate: of the moving means, in [0, 1).
        eps: at least 0.
        weight_decay: at least 0; one, or (*models,).

    Raises:
        InputError, KindError: an argument is out of its range.
        TreeError: `grads` has another structure than `params`.

    Zeiler, "ADADELTA: an adaptive learning rate method" (2012).

    >>> import torch
    >>> params = (torch.tensor([1.0]),)
    >>> descend = adadelta(0.5, rate=0.75, eps=1.0)
    >>> descend.update(params, (torch.tensor([2.0]),), descend.init(params))[0]
    (tensor([0.2929]),)
    """
    checked_rate("adadelta", lr)
    number("adadelta", "rate", rate, 0, 1)
    number("adadelta", "eps", eps, 0)
    return optimiser(*decayed("adadelta", weight_decay), scale_by_adadelta(rate, eps=eps), lr=lr)


def adamax(
    lr: Rate = 2e-3,
    *,
    betas: Betas = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: Each = 0.0,
    where: Where = None,
) -> Optimiser:
    """AdaMax, as in `torch.optim.Adamax` with decoupled decay: see `scale_by_adamax`.

    Args:
        lr: the learning rate, at least 0, or a schedule; one, or (*models,).
        betas: each in [0, 1).
        eps: at least 0.
        weight_decay: at least 0, decoupled; one, or (*models,).
        where: which parameters decay, by their paths: see `decay`.

    Raises:
        InputError, KindError: an argument is out of its range.
        TreeError: `grads` has another structure than `params`.

    Kingma and Ba, "Adam: a method for stochastic optimization" (2015), section 7.1.

    >>> import torch
    >>> params = (torch.tensor([1.0]),)
    >>> descend = adamax(0.1)
    >>> descend.update(params, (torch.tensor([5.0]),), descend.init(params))[0]
    (tensor([0.9000]),)
    """
    checked_rate("adamax", lr)
    checked("adamax", betas)
    number("adamax", "eps", eps, 0)
    largest = scale_by_adamax(betas=betas, eps=eps)
    return optimiser(largest, *decayed("adamax", weight_decay, where), lr=lr)


def nadam(
    lr: Rate = 2e-3,
    *,
    betas: Betas = (0.9, 0.999),
    eps: float = 1e-8,
    warming: float = 4e-3,
    weight_decay: Each = 0.0,
    where: Where = None,
) -> Optimiser:
    """Adam with Nesterov's momentum, as in `torch.optim.NAdam` with decoupled decay.

    See `scale_by_nadam`.

    Args:
        lr: the learning rate, at least 0, or a schedule; one, or (*models,).
        betas: the decay of the two means, each in [0, 1).
        eps: at least 0.
        warming: how fast the momentum rises, at least 0.
        weight_decay: at least 0, decoupled; one, or (*models,).
        where: which parameters decay, by their paths: see `decay`.

    Raises:
        InputError, KindError: an argument is out of its range.
        TreeError: `grads` has another structure than `params`.

    Dozat, "Incorporating Nesterov momentum into Adam" (2016).

    >>> import torch
    >>> params = (torch.tensor([1.0]),)
    >>> descend = nadam(0.1, betas=(0.0, 0.999))
    >>> descend.update(params, (torch.tensor([5.0]),), descend.init(params))[0]
    (tensor([0.9000]),)
    """
    checked_rate("nadam", lr)
    checked("nadam", betas)
    number("nadam", "eps", eps, 0)
    number("nadam", "warming", warming, 0)
    ahead = scale_by_nadam(betas=betas, eps=eps, warming=warming)
    return optimiser(ahead, *decayed("nadam", weight_decay, where), lr=lr)


def muon(
    lr: Rate = 2e-2,
    *,
    matrices: tuple[str, ...] = ("*.w",),
    rest: Optimiser | None = None,
    momentum: Each = 0.95,
    nesterov: bool = True,
    weight_decay: Each = 0.0,
    steps: int = 5,
    models: int = 0,
) -> Optimiser:
    """Move matrices along the momentum with all its directions of equal weight.

        v ← momentum v + g        w ← w − lr (orthogonalise(g + momentum v) + weight_decay w)

    Args:
        lr: the learning rate of the matrices, at least 0, or a schedule; one, or (*models,).
        matrices: patterns as `tree.find` takes them of the parameters (*kernel, in, out) that are
            moved so. The first layer of a network, its last one and tables of vectors are usually
            left to the rest.
        rest: of the other parameters; `adamw()` without it.
        momentum: in [0, 1); one, or (*models,).
        nesterov: whether to look ahead.
        weight_decay: of the matrices, decoupled, at least 0; one, or (*models,).
        steps: of the iteration that orthogonalises.
        models: leading axes of the parameters that count models.

    Returns:
        An optimiser whose state is `Grouped`, a group for each pattern and one for the rest.

    Raises:
        InputError, KindError: an argument is out of its range, or a pattern fits no parameter.
        ShapeError: what a pattern fits is no matrix.
        TreeError: `grads` has another structure than `params`.

    Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024).

    >>> import torch
    >>> from funcdl import Affine
    >>> params = Affine(torch.zeros(2, 2), torch.zeros(2))
    >>> descend = muon(0.5)
    >>> moved, _ = descend.update(params, Affine(torch.eye(2), torch.ones(2)), descend.init(params))
    >>> bool((moved.w.diag() < -0.3).all()), moved.b
    (True, tensor([-0.0010, -0.0010]))
    """
    checked_rate("muon", lr)
    each_number("muon", "momentum", momentum, 0, 1)
    integer("muon", "steps", steps, 1)
    along = [heavy(momentum, nesterov=nesterov)] if some(momentum) else []
    turned = orthogonalise(steps, models=models)
    one = optimiser(*along, turned, *decayed("muon", weight_decay), lr=lr)
    which = (matrices,) if isinstance(matrices, str) else matrices
    return grouped(dict.fromkeys(which, one), adamw() if rest is None else rest)
