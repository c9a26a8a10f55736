"""The page's file."""

from __future__ import annotations

from pathlib import Path

from pairs.page.render import render
from pairs.page.saved import load
from pairs.results import ResultsError, replace

__all__ = ["write"]


def write(folder: Path, file: Path | None = None) -> Path:
    """Write the page of a folder of results, as a whole or not at all.

    Args:
        folder: what `funcdl-cli pairs --out` wrote.
        file: where to; `report.html` in the folder if None.

    Returns:
        The page's path.

    Raises:
        ResultsError: the folder holds something else, or the file cannot be written.
    """
    page = render(load(folder))
    path = folder / "report.html" if file is None else file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, page)
    except OSError as error:
        raise ResultsError(
            f"{path}: expected a file that can be written, got: {error.strerror}"
        ) from None
    return path
