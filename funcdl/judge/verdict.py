"""The judge: every property of the contract, tried on one layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from funcdl.arguments import generator
from funcdl.contract import LayerLike, Params, Shape, Value
from funcdl.cotangent import RAW
from funcdl.errors import ContractError, FuncdlError
from funcdl.function import as_layer
from funcdl.judge.axes import batches
from funcdl.judge.axes import models as of_models
from funcdl.judge.cotangents import derivative, linear, nothing, part_of_nothing, unasked
from funcdl.judge.purity import again, graph, purity, repeatable
from funcdl.judge.shapes import cotangents, dtypes, initialisation, shapes
from funcdl.judge.staged import staged
from funcdl.judge.trial import BrokenError, SkippedError, Trial
from funcdl.signature.kinds import first_line
from funcdl.tensor import Generator

__all__ = ["PROPERTIES", "Verdict", "judge", "judged"]

PROPERTIES: dict[str, Callable[[Trial], None]] = {
    "shapes": shapes,
    "initialisation": initialisation,
    "cotangents": cotangents,
    "purity": purity,
    "repeatable": repeatable,
    "again": again,
    "linear": linear,
    "need_dx": unasked,
    "None": nothing,
    "None in a tuple": part_of_nothing,
    "derivative": derivative,
    "dtypes": dtypes,
    "no graph": graph,
    "batches": batches,
    "models": of_models,
    "staging": staged,
}
"""The properties by their names, the plainest first: what breaks one mostly breaks later ones."""


class Verdict(NamedTuple):
    """What became of each property: `broken` and `skipped` say why, by its name."""

    name: str
    held: tuple[str, ...]
    broken: dict[str, str]
    skipped: dict[str, str]

    def __str__(self) -> str:
        words = {**dict.fromkeys(self.held, "holds"), **self.broken}
        words |= {name: f"skipped: {why}" for name, why in self.skipped.items()}
        width = max(map(len, PROPERTIES))
        lines = [f"  {name:<{width}}  {words[name]}" for name in PROPERTIES if name in words]
        return "\n".join([self.name, *lines])


def judge(
    layer: LayerLike,
    in_shape: Shape,
    rng: Generator,
    *,
    draw: Callable[[Generator], Value] | None = None,
    params: Callable[[Generator], Params] | None = None,
    models: bool | LayerLike = True,
    training: bool = False,
    target: bool = False,
) -> Verdict:
    """Try the complete contract on a layer, in float64, with random numbers: see `PROPERTIES`.

    They are those of the library's own layers: `init` says the output's shape; nothing is written
    to; a vjp can be called again, is linear and fits the values; None stands for no cotangent;
    float32 stays float32; leading axes are a batch, or models; a staged step is the pure step.

    Args:
        layer: a layer, or a plain function `(params, x) -> (y, vjp)`.
        in_shape: the shape of its input, with an axis of a batch in front.
        rng: where parameters, inputs and directions are drawn from, from copies of it.
        draw: `rng -> x`, where normal numbers will not do: for indices, or a loss's targets.
        params: `rng -> params`, where those of `init` will not do, off their first values.
        models: False for a layer that knows no axis of models; or the layer that does instead of
            it, as `mse(models=1)` for `mse()`.
        training: whether to apply it with a generator.
        target: whether the last entry of the input is data: a loss's target has no cotangent.

    Returns:
        The verdict: which properties held, and which could not be asked.

    Raises:
        ContractError: one or more are broken; it says which, the plainest first, and why.
        KindError: `rng` is not a generator, or the layer not a layer.

    >>> import torch
    >>> rng = torch.Generator().manual_seed(0)
    >>> def square(params, x):
    ...     return x * x, lambda dy: ((), 2 * x * dy)
    >>> "derivative" in judge(square, (4, 3), rng).held
    True
    >>> def hasty(params, x):
    ...     return x * x, lambda dy: ((), dy.mul_(x) * 2)
    >>> judge(hasty, (4, 3), rng)
    Traceback (most recent call last):
    funcdl.errors.ContractError: hasty: breaks purity: its vjp writes to dy ...
    """
    part = as_layer(layer)
    stacked = part if models is True else None if models is False else as_layer(models)
    start = generator("judge", rng).clone_state()
    verdict = judged(Trial(part, in_shape, start, draw, params, stacked, training, target))
    if verdict.broken:
        (first, why), *others = verdict.broken.items()
        rest = f" (and breaks {', '.join(name for name, _ in others)})" if others else ""
        raise ContractError(f"{part.name}: breaks {first}: {why}{rest}")
    return verdict


def judged(trial: Trial) -> Verdict:
    """Try every property; what is broken is in the verdict."""
    held, broken, skipped = [], {}, {}
    for name, holds in PROPERTIES.items():
        try:
            holds(trial)
            held.append(name)
        except BrokenError as error:
            broken[name] = str(error)
        except SkippedError as error:
            skipped[name] = str(error)
        except RAW as error:
            why = str(error).removeprefix(f"{trial.layer.name}: ")
            if not isinstance(error, FuncdlError):
                why = f"{type(error).__name__}: {first_line(error)}"
            if why in broken.values():  # said already: what came of it cannot be asked
                skipped[name] = "it cannot be applied"
            else:
                broken[name] = why
    return Verdict(trial.layer.name, tuple(held), broken, skipped)
