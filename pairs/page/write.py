"""The page's file."""

from __future__ import annotations

from pathlib import Path

from pairs.disc import FRAMEWORK, Disc, load_disc
from pairs.files import ResultsError, replace
from pairs.page.disc import render_disc
from pairs.page.render import render
from pairs.page.saved import Study, load
from pairs.page.sweep import Sweep, load_sweep, render_sweep
from pairs.results import ROWS, SUMMARY
from pairs.sweep.folders import folders

__all__ = ["held", "write"]


def write(folder: Path, file: Path | None = None) -> Path:
    """Write the page of a folder of results, atomically.

    Args:
        folder: what `funcdl-cli pairs --out`, `sweep --out` or `framework --out` wrote.
        file: where to; `report.html` in the folder if None.

    Returns:
        The page's path.

    Raises:
        ResultsError: the folder holds something else, or the file cannot be written.
    """
    page = _page(folder)
    path = folder / "report.html" if file is None else file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, page)
    except OSError as error:
        raise ResultsError(
            f"{path}: expected a file that can be written, got: {error.strerror}"
        ) from None
    return path


def _page(folder: Path) -> str:
    """Make the page of whatever a folder holds."""
    found = held(folder)
    if isinstance(found, Sweep):
        return render_sweep(found)
    return render_disc(found) if isinstance(found, Disc) else render(found)


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
