"""Whatever a folder of results holds: a study of the pairs, a sweep of it, or the disc."""

from __future__ import annotations

from pathlib import Path

from disc.file import FRAMEWORK, Disc, load_disc
from pairs.results import ROWS, SUMMARY
from pairs.saved import Study, load
from pairs.sweep.folders import folders
from pairs.sweep.saved import Sweep, load_sweep
from studykit.files import ResultsError

__all__ = ["held"]


def held(folder: Path) -> Study | Sweep | Disc:
    """Read whatever a folder holds.

    Raises:
        ResultsError: it holds something else, or several of these; one sentence.
    """
    there = [name for name in (ROWS, SUMMARY, FRAMEWORK) if (folder / name).exists()]
    if folders(folder) is not None:
        if there:
            raise ResultsError(
                f"{folder}: expected the results of one study or of a sweep, found {there[0]} "
                "beside the folders of a sweep; move it to a folder of its own"
            )
        return load_sweep(folder)
    if there == [FRAMEWORK]:
        return load_disc(folder / FRAMEWORK)
    if FRAMEWORK in there:
        raise ResultsError(
            f"{folder}: expected the results of one study, found {there[0]} beside {there[-1]}; "
            "move one of them to a folder of its own"
        )
    if not there:
        raise ResultsError(
            f"{folder}: expected a folder that 'funcdl-cli pairs --out' wrote, or "
            "'sweep --out' or 'framework --out', found none of their files in it"
        )
    return load(folder)
