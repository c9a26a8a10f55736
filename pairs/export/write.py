"""The files of each format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pairs.export import latex, markdown
from pairs.export.content import Content, content
from pairs.export.records import as_csv
from pairs.export.svg import alone
from pairs.files import replace, writing

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
    files = FORMATS[kind](content(folder))
    target = folder / REPORT if out is None else out
    with writing(target):
        for name, text in files.items():
            path = target / name
            path.parent.mkdir(exist_ok=True)
            replace(path, text)
    return [target / name for name in files]


def _csv(found: Content) -> dict[str, str]:
    return {f"{name}.csv": as_csv(table) for name, table in found.records.items()}


def _latex(found: Content) -> dict[str, str]:
    return {
        "tables.tex": latex.tables(found.title, found.sheets),
        "figures.tex": latex.figures(found.title, found.pictures),
        **_figures(found),
    }


def _markdown(found: Content) -> dict[str, str]:
    words = markdown.document(found.title, found.sheets, found.pictures)
    return {"report.md": words, **_figures(found)}


def _figures(found: Content) -> dict[str, str]:
    return {f"figures/{picture.name}.svg": alone(picture.drawn) for picture in found.pictures}


FORMATS: dict[str, Callable[[Content], dict[str, str]]] = {
    "csv": _csv,
    "latex": _latex,
    "markdown": _markdown,
}
"""What makes the files of a format, by its name on the command line."""
