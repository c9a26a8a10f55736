"""A sweep's folder, read and left as it is."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pairs.results import ROWS
from pairs.saved import Study, load
from pairs.sweep.folders import folders
from pairs.sweep.settings import SWEPT, Value
from studykit.files import ResultsError

__all__ = ["Sweep", "load_sweep"]


class Sweep(NamedTuple):
    """What a sweep's folder holds: the setting that varies, and the study of each value."""

    setting: str
    studies: dict[Value, Study]


def load_sweep(folder: Path) -> Sweep:
    """Read what `funcdl-cli sweep --out` wrote, whether or not it is finished.

    Values without a finished round are left out.

    Raises:
        ResultsError: there is no value with a finished round, the values differ in more than the
            setting that varies, or a file is not what it should be; one sentence.
    """
    found = folders(folder)
    if found is None:
        raise ResultsError(f"{folder}: expected a folder that 'funcdl-cli sweep --out' wrote")
    setting, paths = found
    studies = {value: load(path) for value, path in paths.items() if _begun(path / ROWS)}
    if not studies:
        raise ResultsError(f"{folder}: expected at least one finished round, found none")
    first = next(iter(studies.values())).settings
    for value, study in studies.items():
        expected = {**first, SWEPT[setting].field: value}
        if study.settings != expected:
            keys = {*expected, *study.settings}
            others = sorted(k for k in keys if study.settings.get(k) != expected.get(k))
            raise ResultsError(
                f"{paths[value]}: expected settings that differ from those of the other values "
                f"by {setting} alone, found another {', '.join(others)}"
            )
    return Sweep(setting, studies)


def _begun(rows: Path) -> bool:
    try:
        with rows.open("rb") as file:
            return file.readline().endswith(b"\n")
    except FileNotFoundError:
        return False
    except OSError:
        return True  # Reading it says what is wrong.
