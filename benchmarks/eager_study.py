"""The pairs study as a PyTorch user would write it: eager, one round after another.

The same models, pairs, augmentation, batches, optimiser and rates as `funcdl-cli pairs`, with
`nn.Module`, autograd and PyTorch's default number of threads. Run it as
`python -m benchmarks.eager_study`.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from pairs.augment import augmented
from pairs.data import Mnist, Pairs, draw_split, load_digits
from pairs.rates import rate
from pairs.training import Settings
from studykit.seeds import generator

__all__ = ["MODELS", "Explicit", "Plain", "Separate", "Shared", "build", "objective"]

SETTINGS = Settings()


def conv(channels: int, first: int, second: int, width: int) -> list[nn.Module]:
    """(N, channels, 14, 14) to (N, width): two convolutions, each pooled, and a ReLU layer."""
    return [
        *(nn.Conv2d(channels, first, 3), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Conv2d(first, second, 3), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(4 * second, width), nn.ReLU()),
    ]


def digit(first: int, second: int, width: int) -> nn.Sequential:
    """(N, 1, 14, 14) to the logits of a digit."""
    return nn.Sequential(*conv(1, first, second, width), nn.Linear(width, 10))


def boolean() -> nn.Sequential:
    """(N, 2, 10) to the two logits of the answer."""
    return nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(20, 60), nn.ReLU(), nn.Linear(60, 2))


class Plain(nn.Module):
    """One network of both digits."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(*conv(2, 32, 64, 200), nn.Linear(200, 2))

    def forward(self, images: Tensor) -> tuple[Tensor, None]:
        """Answer; there are no digits."""
        return self.net(images), None


class Separate(nn.Module):
    """A network a digit."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = digit(24, 40, 146), digit(24, 40, 146)
        self.answer = boolean()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Answer, and tell the digits."""
        digits = torch.stack([self.first(images[:, :1]), self.second(images[:, 1:])], 1)
        return self.answer(digits), digits


class Shared(nn.Module):
    """The same network for each digit."""

    def __init__(self) -> None:
        super().__init__()
        self.digit = digit(32, 64, 185)
        self.answer = boolean()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Answer, and tell the digits."""
        digits = self.digit(images.flatten(0, 1).unsqueeze(1)).unflatten(0, (-1, 2))
        return self.answer(digits), digits


class Explicit(nn.Module):
    """Learns the digits; the answer is the sum of p_i q_j over i ≤ j."""

    later: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.digit = digit(32, 64, 185)
        self.register_buffer("later", torch.ones(10, 10, dtype=torch.bool).tril(-1))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Answer, and tell the digits."""
        digits = self.digit(images.flatten(0, 1).unsqueeze(1)).unflatten(0, (-1, 2))
        log_p = digits.log_softmax(-1)
        joint = log_p[:, 0, :, None] + log_p[:, 1, None, :]
        greater = joint.masked_fill(~self.later, -torch.inf).flatten(1).logsumexp(1)
        at_most = joint.masked_fill(self.later, -torch.inf).flatten(1).logsumexp(1)
        return torch.stack([greater, at_most], 1), digits


MODELS: dict[str, tuple[type[nn.Module], bool, bool]] = {
    "conv-plain": (Plain, True, False),
    "conv-separate": (Separate, True, False),
    "conv-separate-aux": (Separate, True, True),
    "conv-shared": (Shared, True, False),
    "conv-shared-aux": (Shared, True, True),
    "conv-shared-explicit-digits": (Explicit, False, True),
    "conv-shared-explicit-aux": (Explicit, True, True),
}
"""The class of each model, and whether its loss has the answer and the digits in it."""


def build(name: str) -> nn.Module:
    """Make a model with new weights, drawn half as wide as PyTorch does and without biases."""
    net = MODELS[name][0]()
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            with torch.no_grad():
                layer.weight.div_(2)
                layer.bias.zero_()
    return net


def objective(name: str) -> Callable[..., Tensor]:
    """Make the loss of (answer, digits), target and classes."""
    _, answers, learns_digits = MODELS[name]

    def loss(outputs: tuple[Tensor, Tensor], target: Tensor, classes: Tensor) -> Tensor:
        answer, digits = outputs
        terms = []
        if answers:
            terms.append(cross_entropy(answer, target))
        if learns_digits:
            terms.append(cross_entropy(digits.flatten(0, 1), classes.flatten()))
        return sum(terms[1:], terms[0])

    return loss


def one_cycle(steps: int, warm_up: float = 0.1) -> Callable[[int], float]:
    """Rise from 1/25 to 1 along a line, then fall to 0 along a cosine."""

    def factor(count: int) -> float:
        done = count / steps
        if done < warm_up:
            return 0.04 + 0.96 * done / warm_up
        return 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up)))

    return factor


def train(name: str, net: nn.Module, pairs: Pairs, round: int) -> None:
    """Train with Adam on the one-cycle rate."""
    rng, loss = generator(SETTINGS.seed, "batches", round), objective(name)
    optimiser = torch.optim.Adam(net.parameters(), lr=rate(name))
    steps = SETTINGS.epochs * math.ceil(len(pairs.target) / SETTINGS.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, one_cycle(steps))
    for _ in range(SETTINGS.epochs):
        images = augmented(pairs.images, SETTINGS.augment, [rng])
        for batch in torch.randperm(len(images), generator=rng).split(SETTINGS.batch_size):
            optimiser.zero_grad()
            loss(net(images[batch]), pairs.target[batch], pairs.classes[batch]).backward()
            optimiser.step()
            schedule.step()


@torch.no_grad()
def error(net: nn.Module, pairs: Pairs) -> float:
    """Count the pairs answered wrongly, as a fraction."""
    answer, _ = net(pairs.images)
    return (answer.argmax(-1) != pairs.target).float().mean().item()


def run_round(name: str, round: int, mnist: Mnist) -> tuple[float, float]:
    """Train a model on the pairs of a round; return its training and its test error."""
    rng = generator(SETTINGS.seed, "pairs", round)
    split = draw_split(mnist, SETTINGS.train_pairs, SETTINGS.test_pairs, rng)
    center, deviation = split.train.images.mean(), split.train.images.std()
    scaled, tests = (p._replace(images=(p.images - center) / deviation) for p in split)
    torch.manual_seed(round)
    net = build(name)
    train(name, net, scaled, round)
    return error(net, scaled), error(net, tests)


def main() -> None:
    """Run the study and print the errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default=",".join(MODELS), help="names separated by commas")
    parser.add_argument("--rounds", type=int, default=10, help="rounds of each model")
    parser.add_argument("--out", type=Path, help="JSON file for the test errors")
    asked = parser.parse_args()
    mnist, errors = load_digits(), {}
    for name in asked.models.split(","):
        errors[name] = [run_round(name, i, mnist)[1] for i in range(asked.rounds)]
        print(f"{name}: test error {100 * mean(errors[name]):.2f} %", flush=True)
    if asked.out is not None:
        asked.out.write_text(json.dumps(errors) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
