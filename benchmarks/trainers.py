"""Training with funcdl and with PyTorch, which every section measures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

import disc
from benchmarks import eager_study
from benchmarks.harness import Train
from funcdl import Layer, Optimiser, stage, supervised, training_step, tree
from pairs.data import Pairs
from pairs.models import MODELS

__all__ = [
    "NAMES",
    "Affines",
    "Batches",
    "affines",
    "convnet",
    "eager",
    "funcdl",
    "mlp",
    "pairs_objective",
    "points",
    "targets",
    "vmapped",
]

NAMES = ("conv-plain", "conv-shared-aux")
"""The networks of pairs that are measured."""

Batches = list[tuple[Tensor, Tensor]]
Affines = list[tuple[Tensor, Tensor]]
Objective = Callable[..., Tensor]


def funcdl(
    net: Layer,
    loss: Layer,
    optimiser: Optimiser,
    params: Any,
    batches: Iterable[Any],
    *,
    staged: bool = False,
) -> Train:
    """Train with funcdl."""
    step = training_step(supervised(net, loss), optimiser)
    step = stage(step) if staged else step
    return Train(step, lambda: (params, optimiser.init(params)), batches, mode=torch.inference_mode)


def eager(
    net: nn.Module,
    objective: Objective,
    optimiser: torch.optim.Optimizer,
    batches: Iterable[Any],
    descend: Callable[[], Any] | None = None,
) -> Train:
    """Train with PyTorch's modules, autograd and optimiser; `descend` is the optimiser's step."""
    first = [p.detach().clone() for p in net.parameters()]
    descend = descend or optimiser.step

    @torch.no_grad()
    def start() -> tuple[()]:
        for p, value in zip(net.parameters(), first):
            p.copy_(value)
        for state in optimiser.state.values():
            for value in state.values():
                if isinstance(value, Tensor):
                    value.zero_()
        return ()

    def step(batch: Any) -> tuple[Tensor]:
        optimiser.zero_grad()
        loss = objective(*batch)
        loss.backward()
        descend()
        return (loss.detach(),)

    return Train(step, start, batches)


def vmapped(
    nets: Sequence[nn.Module], lr: float, batches: Batches, *, compiled: bool = False
) -> Train:
    """Train many networks with torch.func: the gradient mapped over them, and SGD by hand."""
    params, _ = stack_module_state(list(nets))

    def loss(params: dict[str, Tensor], x: Tensor, t: Tensor) -> Tensor:
        return nn.functional.mse_loss(functional_call(nets[0], params, (x,)), t)

    def step(params: dict[str, Tensor], batch: tuple[Tensor, Tensor]) -> tuple[Any, Tensor]:
        grads, losses = vmap(grad_and_value(loss))(params, *batch)
        return {name: p - lr * grads[name] for name, p in params.items()}, losses

    start = {name: p.detach() for name, p in params.items()}
    made = torch.compile(step, fullgraph=True, dynamic=False) if compiled else step
    return Train(made, lambda: (start,), batches, mode=torch.no_grad)


def points(count: int, size: int, rng: torch.Generator) -> Batches:
    """Draw batches of points of the disc."""
    drawn = disc.draw(count * size, rng)
    return list(zip(drawn.x.split(size), drawn.target.split(size)))


def targets(name: str, batches: Iterable[Pairs]) -> list[tuple[Tensor, tuple[Tensor, ...]]]:
    """Write batches of pairs as funcdl's model of that name takes them."""
    outputs = MODELS[name].outputs
    return [(images, tuple(rest[:outputs])) for images, *rest in batches]


def pairs_objective(name: str, net: nn.Module) -> Objective:
    """Make the loss of a PyTorch network of pairs on a batch."""
    loss = eager_study.objective(name)
    return lambda images, target, classes: loss(net(images), target, classes)


def affines(params: Any) -> Affines:
    """List the weight and the bias of each layer."""
    leaves = tree.leaves(params)
    return list(zip(leaves[::2], leaves[1::2]))


def mlp(weights: Affines) -> nn.Sequential:
    """Make a network with ReLU of PyTorch's modules, with our weights."""
    layers: list[nn.Module] = []
    for w, _ in weights:
        layers += [nn.Linear(*w.shape), nn.ReLU()]
    return _load(nn.Sequential(*layers[:-1]), weights)


def convnet(name: str, weights: Affines) -> nn.Module:
    """Make a network of pairs of PyTorch's modules, with our weights."""
    return _load(eager_study.build(name), weights)


@torch.no_grad()
def _load(net: Any, weights: Affines) -> Any:
    layers = [part for part in net.modules() if isinstance(part, (nn.Conv2d, nn.Linear))]
    for i, (layer, (w, b)) in enumerate(zip(layers, weights)):
        if isinstance(layer, nn.Conv2d):
            layer.weight.copy_(w.permute(3, 2, 0, 1))
        elif i and isinstance(layers[i - 1], nn.Conv2d):
            # We flatten (height, width, channels), PyTorch (channels, height, width).
            image = w.unflatten(0, (2, 2, -1)).permute(2, 0, 1, 3)
            layer.weight.copy_(image.flatten(0, 2).T)
        else:
            layer.weight.copy_(w.T)
        layer.bias.copy_(b)
    return net
