"""Doubt: whether a drawing is a digit at all, and whether a model is sure enough which.

A small network, `KNOWER`, has learned the ten digits and, as an eleventh class, what is none of
them (letters, scribbles, dots, lines, two digits); `python -m pairs.scenes.teach` teaches it. An
answer is sure where it and a model agree; how sure each has to be is in doubt.json, which
`python -m pairs.scenes.measure` chooses on scenes, for the champion.
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

__all__ = ["KNOWER", "NONE", "Least", "doubt_of", "knower", "least", "opinions"]

KNOWER: Layer = serial(
    *(expand_dims(-1), conv2d(16, 3), relu, conv2d(32, 3), relu, max_pool2d(2)),
    *(conv2d(32, 3, padding=1), relu, conv2d(32, 3), relu, flatten(3), linear(11)),
)
"""(…, 14, 14) from 0 to 1, to the logits of the digits 0 to 9 and of `NONE`."""

NONE = 10
"""The class of what is no digit."""

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


def opinions(params: Any, digits: Tensor) -> Tensor:
    """Give the probabilities of 0 to 9 and of `NONE`: from (n, 14, 14) uint8 to (n, 11)."""
    logits, _ = KNOWER(params, digits.float() / 255)
    return torch.as_tensor(logits).double().softmax(-1)


def doubt_of(
    drawn: Drawn, opinion: list[float], probabilities: list[float] | None, least: Least
) -> str | None:
    """Say why an answer about a drawing is not sure; None if it is.

    Args:
        drawn: what was made of the picture.
        opinion: the knower's probabilities of 0 to 9 and of `NONE`.
        probabilities: a model's of 0 to 9, None where it gives none.
        least: what they have to reach.
    """
    if drawn.doubt:
        return drawn.doubt
    if 1 - opinion[NONE] < least.known:
        return "it is like none of the digits that it was taught"
    if probabilities is None:
        return None
    likeliest = max(probabilities)
    if likeliest < least.likeliest or opinion[probabilities.index(likeliest)] < least.known:
        return "it may be one digit or another"
    return None
