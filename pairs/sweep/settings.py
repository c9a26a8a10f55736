"""A sweep, the study once for each value of one setting: of which, and of what models."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from pairs.models import MODELS, find
from pairs.training import Settings

__all__ = [
    "SWEPT",
    "SweepError",
    "Swept",
    "command",
    "models",
    "steps",
    "text",
    "value_of",
    "values",
]

MOST = 1_000_000
"""A larger number of pairs or epochs is a slip of the finger."""

IDEAS = ("separate", "separate-aux", "shared", "shared-aux")
"""The kinds of models that weight sharing and the auxiliary loss make, apart and together."""


class Swept(NamedTuple):
    """A setting that can be swept: its name in `Settings`, in words, and what is tried of it."""

    field: str
    about: str
    values: tuple[float, ...]
    kinds: tuple[str, ...]


SWEPT = {
    "train-pairs": Swept(
        "train_pairs", "number of training pairs", (125, 250, 500, 1000, 2000, 4000, 8000), IDEAS
    ),
    "aux-weight": Swept(
        "aux_weight",
        "weight of the auxiliary loss",
        (0, 0.1, 0.3, 1, 3, 10),
        ("separate-aux", "shared-aux", "explicit-bool"),
    ),
    "epochs": Swept("epochs", "number of epochs", (5, 10, 25, 50, 100), IDEAS),
}
"""Every setting that can be swept, by its name on the command line."""


class SweepError(ValueError):
    """A value that a setting cannot have, or a model that does not depend on the setting."""


def values(setting: str, asked: str | None) -> list[float]:
    """Read values with commas between them, or take the setting's own; each once, ascending.

    Raises:
        SweepError: a value is none that the setting can have.

    >>> values("train-pairs", "500, 250"), values("aux-weight", None)
    ([250, 500], [0.0, 0.1, 0.3, 1.0, 3.0, 10.0])
    """
    if asked is None:
        asked = ",".join(map(str, SWEPT[setting].values))
    try:
        found = sorted({value_of(setting, part) for part in asked.split(",")})
    except ValueError:
        kind = "numbers from 0 to 3.4e38" if setting == "aux-weight" else "whole numbers from 1"
        raise SweepError(
            f"{setting}: expected {kind} with commas between them, got {asked!r}"
        ) from None
    if setting != "aux-weight" and found[-1] > MOST:
        raise SweepError(f"{setting}: expected numbers of at most {MOST}, got {found[-1]}")
    return found


def text(value: float) -> str:
    """Write a value as it stands in the name of its folder.

    >>> text(125), text(1.0), text(0.1)
    ('125', '1', '0.1')
    """
    return str(value).removesuffix(".0")


def models(setting: str, asked: str | None) -> list[str]:
    """Read names of models that depend on the setting, or take its own of each backbone.

    Raises:
        UnknownModelError: a name is none.
        SweepError: a model has the same result whatever the setting is.

    >>> models("aux-weight", None)[:2], models("epochs", "conv-shared,fc-plain")
    (['fc-separate-aux', 'fc-shared-aux'], ['fc-plain', 'conv-shared'])
    """
    if asked is None:
        return [name for name in MODELS if name.partition("-")[2] in SWEPT[setting].kinds]
    names = find(asked)
    for name in names:
        if setting == "aux-weight" and not MODELS[name].auxiliary:
            raise SweepError(f"{setting}: expected models with an auxiliary loss, got {name!r}")
        if setting == "epochs" and MODELS[name].recipe is not None:
            raise SweepError(
                f"{setting}: expected models without epochs of their own, got {name!r}"
            )
    return names


def steps(setting: str, asked: Sequence[float], base: Settings) -> list[Settings]:
    """Return the settings of each value.

    >>> steps("epochs", [5, 10], Settings(seed=1))[1].epochs
    10
    """
    varied: list[dict[str, Any]] = [{SWEPT[setting].field: value} for value in asked]
    return [base._replace(**change) for change in varied]


def command(
    setting: str, tried: Sequence[float], names: Sequence[str], rounds: int, base: dict[str, Any]
) -> str | None:
    """Write the command that gives a sweep's numbers again.

    Args:
        setting: a key of `SWEPT`.
        tried: its values.
        names: of the models.
        rounds: of each.
        base: the settings of one of the values, as its folder has them.

    Returns:
        None where the settings are such as only `pairs` can be given.

    >>> command("epochs", [5, 10], ["fc-plain"], 3, {**Settings(seed=1)._asdict(), "digits": "package"})
    'funcdl-cli sweep epochs --values 5,10 --models fc-plain --rounds 3 --seed 1 --out DIR'
    """  # noqa: E501
    words = ["funcdl-cli", "sweep", setting]
    if list(tried) != values(setting, None):
        words += ["--values", ",".join(map(text, tried))]
    if list(names) != models(setting, None):
        words += ["--models", ",".join(names)]
    words += ["--rounds", str(rounds)]
    for field, default in Settings._field_defaults.items():
        if field == SWEPT[setting].field or base.get(field) == default:
            continue
        if field not in ("seed", "epochs", "train_pairs", "test_pairs", "validation"):
            return None
        option = "--" + field.replace("_", "-")
        words += [option] if field == "validation" else [option, str(base.get(field))]
    if base.get("digits") != "package":
        words += ["--data-dir", "MNIST"]
    return shlex.join([*words, "--out", "DIR"])


def value_of(setting: str, word: str) -> float:
    """Read a value.

    Raises:
        ValueError: it is none that the setting can have.
    """
    if setting == "aux-weight":
        value, least = float(word), 0.0
    else:
        value, least = int(word), 1
    if not least <= value <= torch.finfo(torch.float32).max:
        raise ValueError(word)
    return value
