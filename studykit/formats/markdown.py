"""Tables and figures in Markdown, as GitHub and most others show it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from studykit.content import Figure, Sheet

__all__ = ["document", "marked"]


def marked(text: str) -> str:
    r"""Write words so that nothing in them is markup.

    >>> marked("p_i | <b>"), marked("a\nb")
    ('p\\_i \\| &lt;b&gt;', 'a b')
    """
    text = re.sub(r"\s+", " ", text).replace("&", "&amp;").replace("<", "&lt;")
    text = re.sub(r"([\\`*_{}\[\]|~#!$])", r"\\\1", text.replace(">", "&gt;"))
    return text.encode("utf-8", "replace").decode()


def document(title: str, sheets: Sequence[Sheet], figures: Sequence[Figure]) -> str:
    """Write tables, each under its caption, and figures, each over its own."""
    parts = [f"# {marked(title)}", ""]
    for sheet in sheets:
        parts += _table(sheet)
    for figure in figures:
        caption = marked(figure.caption)
        parts += [f"![{caption}](figures/{figure.name}.svg)", "", f"*Figure.* {caption}", ""]
    return "\n".join(parts)


def _table(sheet: Sheet) -> Iterator[str]:
    yield f"*Table.* {marked(sheet.caption)}"
    yield ""
    yield _row(sheet.headings)
    yield _rule(sheet)
    for row in sheet.body:
        yield _row(row)
    yield ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(marked, cells))} |"


def _rule(sheet: Sheet) -> str:
    left = [k == 0 or heading in sheet.words for k, heading in enumerate(sheet.headings)]
    return "|" + "|".join(" :--- " if words else " ---: " for words in left) + "|"
