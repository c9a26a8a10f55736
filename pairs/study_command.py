"""The command that gives a study's numbers again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pairs.models import MODELS, STUDY, find, parts
from pairs.training import Settings

__all__ = ["study_command"]


def study_command(settings: Mapping[str, Any], names: Sequence[str], rounds: int) -> str | None:
    """Write the command, with what is not a default.

    Args:
        settings: as the study's folder has them.
        names: of the models.
        rounds: of each.

    Returns:
        None where a model is none that this version has.

    >>> study_command({**Settings(seed=1)._asdict(), "digits": "package"}, ["fc-plain"], 3)
    'funcdl-cli pairs --models fc-plain --rounds 3 --seed 1 --out DIR'
    """
    if any(name not in MODELS for name in names):
        return None
    words = ["funcdl-cli", "pairs"]
    if set(names) != set(STUDY):
        words += ["--models", ",".join(_short(names))]
    words += ["--rounds", str(rounds)]
    for field, default in Settings._field_defaults.items():
        value = settings.get(field, default)
        option = "--" + field.replace("_", "-")
        if value != default:
            words += [option] if field == "validation" else [option, str(value)]
    if settings.get("digits", "package") != "package":
        words += ["--data-dir", "MNIST"]
    return shlex.join([*words, "--out", "DIR"])


def _short(names: Sequence[str]) -> Iterator[str]:
    """Write a family that is there as a whole by its wildcard.

    >>> list(_short(find("fc-bn-*") + ["conv-plain"]))
    ['fc-bn-*', 'conv-plain']
    """
    whole = set()
    for family in dict.fromkeys(parts(name)[0] for name in names):
        mine = {name for name in names if parts(name)[0] == family}
        if len(mine) > 1 and mine == set(find(f"{family}-*")):
            whole.add(family)
    for family in dict.fromkeys(parts(name)[0] for name in names):
        if family in whole:
            yield f"{family}-*"
        else:
            yield from (name for name in names if parts(name)[0] == family)
