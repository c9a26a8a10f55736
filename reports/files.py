"""The files of each format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from disc.content import disc_content
from disc.file import Disc
from pairs.content import study_content
from pairs.sweep.content import sweep_content
from pairs.sweep.saved import Sweep
from reports.folders import held
from studykit.content import Content
from studykit.files import replace, writing
from studykit.formats import latex, markdown
from studykit.formats.records import as_csv
from studykit.svg.standalone import alone

__all__ = ["FORMATS", "write_files"]

REPORT = "report"
"""The folder of the files, in that of the results."""


def write_files(folder: Path, kind: str, out: Path | None = None) -> list[Path]:
    """Write the results of a folder in a format, each file atomically.

    Args:
        folder: what `funcdl-cli pairs --out`, `sweep --out` or `framework --out` wrote.
        kind: a key of `FORMATS`.
        out: the folder to write to; `report` in the folder of the results if None.

    Returns:
        The paths of the files; those of figures last.

    Raises:
        ResultsError: the folder holds something else, or a file cannot be written.
    """
    files = FORMATS[kind](_content(folder))
    target = folder / REPORT if out is None else out
    with writing(target):
        for name, text in files.items():
            path = target / name
            path.parent.mkdir(exist_ok=True)
            replace(path, text)
    return [target / name for name in files]


def _content(folder: Path) -> Content:
    found = held(folder)
    if isinstance(found, Sweep):
        return sweep_content(found)
    return disc_content(found) if isinstance(found, Disc) else study_content(found)


def _csv(found: Content) -> dict[str, str]:
    return {f"{name}.csv": as_csv(table) for name, table in found.records.items()}


def _latex(found: Content) -> dict[str, str]:
    return {
        "tables.tex": latex.tables(found.title, found.sheets),
        "figures.tex": latex.figures(found.title, found.figures),
        **_figures(found),
    }


def _markdown(found: Content) -> dict[str, str]:
    words = markdown.document(found.title, found.sheets, found.figures)
    return {"report.md": words, **_figures(found)}


def _figures(found: Content) -> dict[str, str]:
    return {f"figures/{figure.name}.svg": alone(figure.drawn) for figure in found.figures}


FORMATS: dict[str, Callable[[Content], dict[str, str]]] = {
    "csv": _csv,
    "latex": _latex,
    "markdown": _markdown,
}
"""What makes the files of a format, by its name on the command line."""
