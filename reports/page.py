"""The page of a folder of results."""

from __future__ import annotations

from pathlib import Path

from disc.file import Disc
from disc.page import render_disc
from pairs.page.render import render
from pairs.page.sweep import render_sweep
from pairs.sweep.saved import Sweep
from reports.folders import held
from studykit.files import ResultsError, replace

__all__ = ["write_page"]


def write_page(folder: Path, file: Path | None = None) -> Path:
    """Write the page of a folder of results, as a whole or not at all.

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
