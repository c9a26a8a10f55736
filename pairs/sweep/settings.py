"""A sweep, the study once for each value of one setting: of which, and of what models."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch

from funcdl import FuncdlError
from pairs.augment import AUGMENTS
from pairs.models import MODELS, STUDY, find, parts
from pairs.training import Settings

__all__ = [
    "SWEPT",
    "SweepError",
    "Swept",
    "Value",
    "command",
    "in_order",
    "models",
    "steps",
    "text",
    "value_of",
    "values",
]

MOST = 1_000_000
"""A larger number of pairs or epochs is a slip of the finger."""

LARGEST = torch.finfo(torch.float32).max

IDEAS = ("separate", "separate-aux", "shared", "shared-aux")
"""The kinds of models that weight sharing and the auxiliary loss make, apart and together."""

Value = float | str


class Swept(NamedTuple):
    """A setting that can be swept.

    Attributes:
        field: its name in `Settings`.
        about: it in words.
        values: what is tried, if nothing else is asked for.
        kinds: of models that are tried, likewise; none for all of the default study.
        read: makes a value of a word, or raises ValueError.
        expected: what it reads, in words.
    """

    field: str
    about: str
    values: tuple[Value, ...]
    kinds: tuple[str, ...]
    read: Callable[[str], Value]
    expected: str


def _whole(word: str) -> int:
    value = int(word)
    if value < 1:
        raise ValueError(word)
    return value


def _number(word: str) -> float:
    value = float(word)
    if not 0 <= value <= LARGEST:
        raise ValueError(word)
    return value


def _augment(word: str) -> str:
    if word not in AUGMENTS:
        raise ValueError(word)
    return word


WHOLE, NUMBERS = "integers from 1", "numbers from 0 to 3.4e38"
SWEPT = {
    "train-pairs": Swept(
        "train_pairs",
        "number of training pairs",
        (125, 250, 500, 1000, 2000, 4000, 8000),
        IDEAS,
        _whole,
        WHOLE,
    ),
    "aux-weight": Swept(
        "aux_weight",
        "weight of the auxiliary loss",
        (0.0, 0.1, 0.3, 1.0, 3.0, 10.0),
        ("plain-aux", "separate-aux", "shared-aux", "shared-explicit-aux"),
        _number,
        NUMBERS,
    ),
    "epochs": Swept("epochs", "number of epochs", (5, 10, 25, 50, 100), IDEAS, _whole, WHOLE),
    "augment": Swept(
        "augment",
        "augmentation",
        AUGMENTS,
        IDEAS,
        _augment,
        ", ".join(AUGMENTS[:-1]) + f" or {AUGMENTS[-1]}",
    ),
    "lr": Swept(
        "lr",
        "peak of the learning rate",
        (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032),
        (),
        _number,
        NUMBERS,
    ),
    "batch-size": Swept("batch_size", "pairs a step", (10, 25, 50, 100, 200), IDEAS, _whole, WHOLE),
}
"""Every setting that can be swept, by its name on the command line."""


OPTIONS = ("seed", "epochs", "train_pairs", "test_pairs", "validation", "augment")
"""The other settings that a sweep can be given."""


class SweepError(FuncdlError, ValueError):
    """A value that a setting cannot have, or a model that does not depend on the setting."""


def values(setting: str, asked: str | None) -> list[Value]:
    """Read values separated by commas, or take the setting's own; each once, in order.

    Raises:
        SweepError: a value is none that the setting can have.

    >>> values("train-pairs", "500, 250"), values("augment", "warp,none")
    ([250, 500], ['none', 'warp'])
    """
    swept = SWEPT[setting]
    if asked is None:
        return list(swept.values)
    try:
        found = {swept.read(part.strip()) for part in asked.split(",")}
    except ValueError:
        raise SweepError(
            f"{setting}: expected {swept.expected} separated by commas, got {asked!r}"
        ) from None
    ordered = in_order(setting, found)
    if swept.read is _whole and ordered[-1] > MOST:  # type: ignore[operator]
        raise SweepError(f"{setting}: expected numbers of at most {MOST}, got {ordered[-1]}")
    return ordered


def in_order(setting: str, found: Iterable[Value]) -> list[Value]:
    """Put values in the order of their setting: numbers ascend, words are as in the table.

    >>> in_order("augment", ["warp", "shift"]), in_order("lr", [0.1, 0.01])
    (['shift', 'warp'], [0.01, 0.1])
    """
    if SWEPT[setting].read is _augment:
        return sorted(found, key=AUGMENTS.index)
    return sorted(found)


def text(value: Value) -> str:
    """Write a value as it stands in the name of its folder.

    >>> text(125), text(1.0), text(0.1), text("warp")
    ('125', '1', '0.1', 'warp')
    """
    return str(value).removesuffix(".0")


def models(setting: str, asked: str | None) -> list[str]:
    """Read names of models that depend on the setting, or take its own of each backbone.

    Raises:
        UnknownModelError: a name is none.
        SweepError: a model has the same result whatever the setting is.

    >>> models("aux-weight", None)[:2], models("epochs", "conv-shared,fc-plain")
    (['conv-bn-plain-aux', 'conv-bn-separate-aux'], ['fc-plain', 'conv-shared'])
    """
    if asked is None:
        kinds = SWEPT[setting].kinds
        family = parts(STUDY[0])[0]
        factors = ((name, MODELS[name].factors) for name in MODELS if parts(name)[0] == family)
        return [
            name for name, own in factors if own is not None and (own.kind in kinds or not kinds)
        ]
    names = find(asked)
    for name in names:
        if setting == "aux-weight" and not MODELS[name].auxiliary:
            raise SweepError(f"{setting}: expected models with an auxiliary loss, got {name!r}")
        if setting != "train-pairs" and MODELS[name].recipe is not None:
            raise SweepError(
                f"{setting}: expected models without a recipe of their own, got {name!r}"
            )
    return names


def steps(setting: str, asked: Sequence[Value], base: Settings) -> list[Settings]:
    """Return the settings of each value.

    >>> steps("epochs", [5, 10], Settings(seed=1))[1].epochs
    10
    """
    varied: list[dict[str, Any]] = [{SWEPT[setting].field: value} for value in asked]
    return [base._replace(**change) for change in varied]


def command(
    setting: str, tried: Sequence[Value], names: Sequence[str], rounds: int, base: dict[str, Any]
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
        if field not in OPTIONS:
            return None
        option = "--" + field.replace("_", "-")
        words += [option] if field == "validation" else [option, str(base.get(field))]
    if base.get("digits") != "package":
        words += ["--data-dir", "MNIST"]
    return shlex.join([*words, "--out", "DIR"])


def value_of(setting: str, word: str) -> Value:
    """Read a value.

    Raises:
        ValueError: it is none that the setting can have.
    """
    return SWEPT[setting].read(word)
