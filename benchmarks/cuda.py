"""Training steps on a GPU: the small network, both networks of pairs, and stacks of each.

Everyone starts from the same weights and sees the same batches, which lie on the device. PyTorch's
step is also captured by hand as one CUDA graph, as its manual shows. A stack's step is captured
too, and its time divided by the number of networks in it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import torch
import typer
from torch import Tensor, nn

from benchmarks import mlp, pairs, trainers
from benchmarks.harness import Entrant, Line, Options, Report, Train, agree, compare, measure
from benchmarks.trainers import NAMES, Affines, affines
from funcdl import Layer, Optimiser, adam, mse, sgd, stage, supervised, training_step, tree
from pairs.data import Pairs, draw_split, load_digits
from pairs.models import MODELS
from studykit.capture import cuda_graph
from studykit.seeds import generator

__all__ = ["run"]

STACKS = (1, 10, 100, 1000)
EPOCH, SIZE = 100, 100


def run(options: Options) -> Report:
    """Measure a step of each network, alone and in stacks.

    Raises:
        typer.Exit: PyTorch finds no CUDA device.
    """
    if not torch.cuda.is_available():
        typer.echo("Error: cuda: expected a CUDA device, PyTorch finds none", err=True)
        raise typer.Exit(2)
    lines: list[Line] = []
    for name, network in {"mlp": _mlp(), **{name: _pairs(name) for name in NAMES}}.items():
        torch._dynamo.reset()
        lines += _alone(name, network, options.repeats)
        lines += _stacked(name, network, options.repeats)
    return Report(
        f"cuda: a training step on {torch.cuda.get_device_name()}",
        "µs / network",
        1e6,
        lines,
        [
            "alone, ratio: the time of PyTorch eager divided by that of the line",
            "stacks, ratio: the time of a network in a stack of one divided by that of the line",
            "compilation and capture are not counted",
        ],
    )


class Network(NamedTuple):
    """What is trained, and the same for PyTorch and JAX.

    Attributes:
        net, optimiser, batches: ours; the batches lie on the device.
        loss: by the number of model axes.
        module, objective, descent: PyTorch's, from our weights.
        jitted: JAX's ways.
    """

    net: Layer
    optimiser: Optimiser
    batches: list[Any]
    loss: Callable[[int], Layer]
    module: Callable[[Affines], nn.Module]
    objective: Callable[[nn.Module], Callable[..., Tensor]]
    descent: Callable[[Any], torch.optim.Optimizer]
    jitted: Callable[[Affines], list[Entrant]]

    def drawn(self, i: int) -> Any:
        """Draw the weights of a network."""
        x = tree.leaves(self.batches[0])[0]
        params, _ = self.net.init(generator(i, "weights"), tuple(x.shape[1:]))
        return on_device(params)

    def ours(self, params: Any, batches: list[Any], models: int = 0, way: str = "plain") -> Train:
        """Train with funcdl: plain, staged or captured."""
        step: Any = training_step(supervised(self.net, self.loss(models)), self.optimiser)
        if way != "plain":
            step = stage(step, capture=cuda_graph() if way == "captured" else None)
        start = partial(_start, params, self.optimiser)
        return Train(step, start, batches, _waited, mode=torch.inference_mode)

    def torchs(self, weights: Affines, way: str = "eager") -> Train:
        """Train with PyTorch: eager, compiled, or captured by hand."""
        net = self.module(weights).cuda()
        objective, optimiser = self.objective(net), self.descent(net.parameters())
        batches = [tuple(tree.leaves(batch)) for batch in self.batches]
        if way == "captured":
            return _captured(net, objective, optimiser, batches)
        if way == "compiled":
            objective = torch.compile(objective, mode="reduce-overhead", dynamic=False)
        train = trainers.eager(net, objective, optimiser, batches)
        train.finish = _waited
        return train


def on_device(value: Any) -> Any:
    """Copy the tensors of a value to the device."""
    return tree.map(lambda t: t.cuda(), value)


def _start(params: Any, optimiser: Optimiser) -> tuple[Any, Any]:
    return params, optimiser.init(params)


def _waited(loss: Any) -> Any:
    """Wait for the device, and give the loss where numbers are compared."""
    return loss.cpu()


def _alone(name: str, network: Network, repeats: int) -> list[Line]:
    params = network.drawn(0)
    weights = affines(tree.map(lambda p: p.cpu(), params))
    entrants = [
        Entrant("PyTorch eager", network.torchs(weights)),
        Entrant("torch.compile, reduce-overhead", network.torchs(weights, "compiled")),
        Entrant("PyTorch, captured by hand", network.torchs(weights, "captured")),
        *(network.jitted(weights) if jax.default_backend() == "gpu" else []),
        Entrant("funcdl", network.ours(params, network.batches)),
        Entrant("funcdl staged", network.ours(params, network.batches, way="staged")),
        Entrant("funcdl captured", network.ours(params, network.batches, way="captured")),
    ]
    agree(entrants, steps=10, rtol=1e-3)
    return compare(name, entrants, measure(entrants, repeats))


def _stacked(name: str, network: Network, repeats: int) -> list[Line]:
    """Measure stacks, as far as the device's memory goes."""
    entrants, units = [], []
    for count in STACKS:
        try:
            params = tree.stack([network.drawn(i) for i in range(count)])
            shared = [tree.map(partial(_each, count), batch) for batch in network.batches[:10]]
            train = network.ours(params, shared, models=1, way="captured")
            train(2)
        except torch.cuda.OutOfMemoryError:
            break
        entrants.append(Entrant(f"funcdl captured, {count:,} in a stack", train))
        units.append(float(count))
    times = measure(entrants, repeats)
    return compare(f"{name}, stacks", entrants, times, units=units)


def _each(count: int, t: Tensor) -> Tensor:
    """Give each network of a stack a batch of its own."""
    return t.expand(count, *t.shape).contiguous()


def _captured(
    net: nn.Module,
    objective: Callable[..., Tensor],
    optimiser: torch.optim.Optimizer,
    batches: list[tuple[Tensor, ...]],
) -> Train:
    """Capture PyTorch's whole step: forward, backward and optimiser, on one batch's memory."""
    first = [p.detach().clone() for p in net.parameters()]
    held = [t.clone() for t in batches[0]]
    losses: list[Tensor] = []

    def calls() -> None:
        optimiser.zero_grad(set_to_none=False)
        losses[:] = [objective(*held)]
        losses[0].backward()
        optimiser.step()

    with torch.enable_grad():
        replay = cuda_graph()(calls)

    @torch.no_grad()
    def start() -> tuple[()]:
        for p, value in zip(net.parameters(), first):
            p.copy_(value)
        for state in optimiser.state.values():
            for value in state.values():
                value.zero_()
        return ()

    def step(batch: tuple[Tensor, ...]) -> tuple[Tensor]:
        for own, t in zip(held, batch):
            own.copy_(t)
        replay()
        return (losses[0].detach(),)

    return Train(step, start, batches, _waited, mode=torch.no_grad)


def _mlp() -> Network:
    batches = trainers.points(EPOCH, SIZE, generator(0, "points"))
    criterion = nn.MSELoss()
    return Network(
        net=mlp.NET,
        optimiser=sgd(mlp.LR),
        batches=[on_device(batch) for batch in batches],
        loss=lambda models: mse(models=models),
        module=trainers.mlp,
        objective=lambda net: lambda x, t: criterion(net(x), t),
        descent=lambda params: torch.optim.SGD(params, lr=mlp.LR),
        jitted=lambda weights: [
            Entrant("JAX jit", mlp.jitted(weights, batches)),
            Entrant("JAX epoch in lax.scan", mlp.scanned(weights, batches), len(batches)),
        ],
    )


def _pairs(name: str) -> Network:
    split = draw_split(load_digits(), 1000, 1, generator(0, "pairs", 0))
    data = [Pairs(*batch) for batch in zip(*(part.split(SIZE) for part in split.train))]
    model = MODELS[name]
    return Network(
        net=model.net,
        optimiser=adam(pairs.LR),
        batches=[on_device(batch) for batch in trainers.targets(name, data)],
        loss=lambda models: model.weighted(1.0, models=models),
        module=lambda weights: trainers.convnet(name, weights),
        objective=lambda net: pairs_objective(name, net),
        descent=lambda params: torch.optim.Adam(params, lr=pairs.LR, capturable=True),
        jitted=lambda weights: [
            Entrant("JAX jit", pairs.jitted(name, pairs.pool_by_reshape, weights, data))
        ],
    )


def pairs_objective(name: str, net: nn.Module) -> Callable[..., Tensor]:
    """Make the loss of a PyTorch network of pairs on the tensors of our batch."""
    objective = trainers.pairs_objective(name, net)
    outputs = MODELS[name].outputs

    def loss(images: Tensor, *targets: Tensor) -> Tensor:
        filled = (*targets, targets[0])[:2] if outputs == 1 else targets
        return objective(images, *filled)

    return loss
