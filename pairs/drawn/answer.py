"""What a trained model says of two digits."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from pairs.model_file import ModelFile, ModelFileError

__all__ = ["Answer", "ask", "told"]


class Answer(NamedTuple):
    """The probability that the first digit is at most the second, and what each digit is.

    `digits` are the probabilities of 0 to 9, a list for each digit; None where the model learns no
    digits.
    """

    at_most: float
    digits: tuple[list[float], list[float]] | None


def ask(model: ModelFile, first: Tensor, second: Tensor) -> Answer:
    """Ask a model about a pair of digits.

    Args:
        model: a trained one.
        first: (14, 14) uint8, 0 (background) to 255 (ink).
        second: likewise.

    Raises:
        ModelFileError: the model's parameters, finite as they are, lead to no number.

    The digits' probabilities are those of the outputs; see `pairs.models`.
    """
    images = torch.stack([first, second]).float() / 255
    outputs, _ = model.model.net(model.params, ((images - model.mean) / model.deviation)[None])
    if not all(output.isfinite().all() for output in outputs):
        raise ModelFileError(
            f"expected parameters of {model.model.name} that lead to an answer, got some that lead "
            "to no number"
        )
    probabilities = [output[0].double().softmax(-1) for output in outputs]
    at_most = float(probabilities[0][1])
    if len(probabilities) == 1:
        return Answer(at_most, None)
    left, right = probabilities[1].tolist()
    return Answer(at_most, (left, right))


def told(
    name: str, answer: Answer, doubts: tuple[str | None, str | None] = (None, None)
) -> list[str]:
    """Put the answer of a model of some name into words, a line each.

    Where there is doubt about a side, why, then what it may be, and no answer about the two.

    >>> even = [0.1] * 10
    >>> one = [0.0, 1.0] + [0.0] * 8
    >>> told("champion", Answer(0.55, (even, one)))[2:]
    ['right: 1 (over 99.99 %)', 'P(left ≤ right) = 55.00 %', 'Yes: left ≤ right.']
    >>> told("champion", Answer(0.55, (one, one)), ("it is empty", None))[1]
    'left: no digit that I know: it is empty'
    """
    lines = [f"{name} says:"]
    for i, side in enumerate(("left", "right")):
        likely = _likely(answer.digits[i]) if answer.digits else ""
        if doubts[i]:
            lines.append(f"{side}: no digit that I know: {doubts[i]}")
            if likely:
                lines.append(f"  (if it were one: {likely})")
        elif likely:
            lines.append(f"{side}: {likely}")
    if any(doubts):
        return [*lines, "No answer: there is not one digit that I know on each picture."]
    lines.append(f"P(left ≤ right) = {_percent(answer.at_most)}")
    lines.append("Yes: left ≤ right." if answer.at_most > 0.5 else "No: left > right.")
    return lines


def _likely(digits: list[float]) -> str:
    ranked = sorted(range(len(digits)), key=lambda i: -digits[i])
    likely = [i for i in ranked[:3] if digits[i] >= WORTH_SAYING]
    return ", or ".join(f"{i} ({_percent(digits[i])})" for i in likely)


WORTH_SAYING = 0.005
"""The least probability of a digit that is named."""


def _percent(p: float) -> str:
    if p >= 0.99995:
        return "over 99.99 %"
    return f"{100 * p:.2f} %" if p >= 0.00005 else "under 0.01 %"
