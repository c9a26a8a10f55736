"""Doubt: whether a drawing is a digit at all, and whether a model is sure enough which.

A small network, `knower`, has learned digits from what is none (letters, scribbles, dots, lines,
two digits); `python -m pairs.scenes.teach` teaches it. The least that it and a model have to say
is in doubt.json; `python -m pairs.scenes.measure` chooses it on scenes, for the champion.
"""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor

from funcdl import Layer, conv2d, expand_dims, flatten, linear, max_pool2d, relu, serial, tree
from pairs.drawn.digit import Drawn
from pairs.model_file import ModelFileError, missing

__all__ = ["KNOWER", "Least", "doubt_of", "knower", "known", "least"]

KNOWER: Layer = serial(
    *(expand_dims(-1), conv2d(16, 3), relu, max_pool2d(2), conv2d(32, 3), relu),
    *(flatten(3), linear(2)),
)
"""(…, 14, 14) from 0 to 1, to the logits of "no digit" and "a digit"."""

FILE, LEAST = "knower.safetensors", "doubt.json"


class Least(NamedTuple):
    """The least probability of being a digit, and the least of the likeliest digit."""

    known: float
    likeliest: float


def knower() -> Any:
    """Load the parameters of `KNOWER` that come with the package.

    Raises:
        ModelFileError: the package safetensors is missing, or the file is not what it was.
    """
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError:
        raise missing() from None
    like, _ = KNOWER.init(Generator(), (14, 14))
    with as_file(files("pairs.data") / FILE) as path:
        try:
            flat = {key: leaf.float() for key, leaf in load_file(path).items()}
        except (OSError, SafetensorError) as error:
            raise ModelFileError(f"{path}: expected the package's knower, got: {error}") from None
    wanted = tree.to_dict(like)
    if {k: v.shape for k, v in flat.items()} != {k: v.shape for k, v in wanted.items()}:
        raise ModelFileError(f"{path}: expected the parameters of the knower, got others")
    return tree.from_dict(flat, like)


def least() -> Least:
    """Read the least that has to be said for an answer to be sure."""
    told = json.loads((files("pairs.data") / LEAST).read_text(encoding="utf-8"))
    return Least(**told["least"])


def known(params: Any, digits: Tensor) -> Tensor:
    """Give the probability that each is a digit: from (n, 14, 14) uint8 to (n,)."""
    logits, _ = KNOWER(params, digits.float() / 255)
    return torch.as_tensor(logits).double().softmax(-1)[:, 1]


def doubt_of(
    drawn: Drawn, is_digit: float, probabilities: list[float] | None, least: Least
) -> str | None:
    """Say why an answer about a drawing is not sure; None if it is.

    Args:
        drawn: what was made of the picture.
        is_digit: the probability that it is a digit.
        probabilities: a model's of 0 to 9, None where it gives none.
        least: what they have to reach.
    """
    if drawn.doubt:
        return drawn.doubt
    if is_digit < least.known:
        return "it is like none of the digits that it was taught"
    if probabilities is not None and max(probabilities) < least.likeliest:
        return "it may be one digit or another"
    return None
