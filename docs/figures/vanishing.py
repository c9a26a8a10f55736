"""Where gradients vanish: their norms in twenty layers, by the scale of what is in each."""

from __future__ import annotations

import math
import re

import torch

from funcdl import Layer, debug, linear, residual, serial, sigmoid, tanh
from funcdl.initialisers import lecun_normal
from studykit.svg.diagram import diagram, path, straight, words
from studykit.svg.elements import element

__all__ = ["vanishing"]

DEPTH, SIZE, BATCH = 20, 25, 10
LEFT, RIGHT, TOP, BOTTOM, LOWEST, HIGHEST = 64, 360, 24, 284, -17, 4
CHAINS: dict[str, tuple[Layer, str, str]] = {
    "tanh, residual": (residual(serial(linear(SIZE), tanh)), "accent", "ink"),
    "tanh, larger weights": (serial(linear(SIZE, w_init=lecun_normal), tanh), "accent", "ink"),
    "tanh": (serial(linear(SIZE), tanh), "back", "minus"),
    "sigmoid": (serial(linear(SIZE), sigmoid), "back", "minus"),
}
NORM = re.compile(r" dx .+‖(.+)‖")


def norms(part: Layer) -> list[float]:
    """Ask `debug` for the norm of the cotangent that each layer hands back, from the first on."""
    told: list[str] = []
    net = serial(*(debug(part, told.append) for _ in range(DEPTH)))
    rng = torch.Generator().manual_seed(0)
    params, _ = net.init(rng, (SIZE,))
    _, vjp = net(params, torch.randn(BATCH, SIZE, generator=rng))
    vjp(torch.randn(BATCH, SIZE, generator=rng))
    return [float(found[1]) for line in reversed(told) if (found := NORM.search(line))]


def vanishing() -> str:
    """Draw the norms on a logarithmic scale, the last layer first, as the backward pass goes."""
    return drawn({name: norms(part) for name, (part, _, _) in CHAINS.items()})


def drawn(found: dict[str, list[float]]) -> str:
    """Draw the norms of each chain, and write what arrives at the first layer."""
    parts = []
    for power in range(LOWEST + 2, HIGHEST, 3):
        parts.append(straight(LEFT, _y(power), RIGHT, _y(power), "quiet"))
        parts.append(words(LEFT - 8, _y(power) + 5, _power(power), "quiet", "end"))
    parts += [words(_x(i), BOTTOM + 20, str(i), "quiet") for i in (20, 15, 10, 5, 1)]
    parts.append(words((LEFT + RIGHT) / 2, BOTTOM + 40, "layer, as the cotangent goes", "quiet"))
    title = "Norms of the cotangents that twenty layers hand back. Of the first layer, "
    ends = []
    for name, values in found.items():
        _, kind, mark = CHAINS[name]
        points = (f"{_x(i + 1):.1f} {_y(math.log10(v)):.1f}" for i, v in enumerate(values))
        parts.append(path("M" + "L".join(points), kind))
        end = _y(math.log10(values[0]))
        parts.append(element("circle", kind=mark, cx=RIGHT + 14, cy=f"{end:.1f}", r=4))
        ends.append(f"{name}: {_written(values[0])}")
        parts.append(words(RIGHT + 24, end + 5, ends[-1], "", "start"))
    return diagram(620, BOTTOM + 54, title + "; ".join(ends) + ".", parts)


def _written(value: float) -> str:
    """Write a number as a digit times a power of ten."""
    digit, power = f"{value:.0e}".split("e")
    return f"{digit}·{_power(int(power))}"


def _power(power: int) -> str:
    """Write a power of ten with raised digits."""
    return "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _x(layer: float) -> float:
    return RIGHT - (RIGHT - LEFT) * (layer - 1) / (DEPTH - 1)


def _y(power: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * (power - LOWEST) / (HIGHEST - LOWEST)
