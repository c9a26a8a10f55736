"""A sweep's folder: for each value an ordinary folder of results in it, `train-pairs-125` say.

`funcdl-cli pairs` would have written the same, and goes on with it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pairs.results import ROWS, SUMMARY, Results
from pairs.sweep.settings import SWEPT, Value, in_order, steps, text, value_of
from pairs.training import Settings
from studykit.files import ResultsError

__all__ = ["folders", "plan"]


def plan(
    folder: Path, setting: str, asked: Sequence[Value], base: Settings, source: str
) -> dict[Settings, Results]:
    """Open a folder of results for each value; they and the values that are there go together.

    Args:
        folder: the sweep's; made if it is not there.
        setting: a key of `SWEPT`.
        asked: the values to open, in the order in which they shall be done.
        base: the other settings.
        source: where the digits come from, as `Results` has it.

    Raises:
        ResultsError: the folder holds something else or other settings, or cannot be written.
    """
    theirs, there = folders(folder) or (setting, {})
    if theirs != setting:
        raise ResultsError(f"{folder}: holds a sweep of {theirs}; choose another folder")
    if (folder / SUMMARY).exists() or (folder / ROWS).exists():
        raise ResultsError(f"{folder}: holds the rounds of one study; choose another folder")
    for value, settings in zip(there, steps(setting, list(there), base)):
        if value not in asked:  # Opened to see that it goes together with the others.
            Results(there[value], settings, source)
    return {
        settings: Results(folder / f"{setting}-{text(value)}", settings, source)
        for value, settings in zip(asked, steps(setting, asked, base))
    }


def folders(folder: Path) -> tuple[str, dict[Value, Path]] | None:
    """Find the setting that a folder's sweep is of, and the folder of each value, ascending.

    Returns:
        None where no folder in it is that of a value.

    Raises:
        ResultsError: there are values of several settings.
    """
    found: dict[str, dict[Value, Path]] = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        for setting in SWEPT:
            rest = path.name.removeprefix(f"{setting}-")
            if rest == path.name or not (path / SUMMARY).exists():
                continue
            try:
                value = value_of(setting, rest)
            except ValueError:
                continue
            found.setdefault(setting, {})[value] = path
    if len(found) > 1:
        raise ResultsError(
            f"{folder}: expected a sweep of one setting, found {' and '.join(sorted(found))}"
        )
    for setting, paths in found.items():
        return setting, {value: paths[value] for value in in_order(setting, paths)}
    return None
