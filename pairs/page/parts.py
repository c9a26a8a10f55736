"""What every page is made of: its head, tables, settings and end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pairs.figures.rows import escaped
from pairs.page.style import STYLE

__all__ = ["count", "end", "head", "settings", "table"]

WORDS = ("what it is", "from → to")
"""Headings of the columns that hold words, not numbers."""


def head(title: str) -> Iterator[str]:
    """Open a page, down to its heading.

    It loads nothing and runs nothing: its style is in it, and a policy forbids the rest.
    """
    yield "<!DOCTYPE html>"
    yield '<html lang="en-GB">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield (
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )
    yield f"<title>{escaped(title)}</title>"
    yield f"<style>{STYLE}</style>"
    yield "</head>"
    yield "<body>"
    yield "<main>"
    yield f"<h1>{escaped(title)}</h1>"


def end() -> Iterator[str]:
    """Close a page that `head` opened."""
    yield from ("</main>", "</body>", "</html>", "")


def settings(*tables: Mapping[str, Any]) -> Iterator[str]:
    """List settings and versions, a name and a value a line."""
    yield "<dl>"
    for key, value in (item for table in tables for item in table.items()):
        words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield f"<dt>{escaped(key.replace('_', ' '))}</dt><dd>{escaped(words)}</dd>"
    yield "</dl>"


def table(caption: str, headings: Sequence[str], body: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lay out a table; its numbers stand at the right of their columns, its words at the left."""
    yield f'<div class="scroll" role="region" tabindex="0" aria-label="{escaped(caption)}">'
    yield "<table>"
    yield f"<caption><span>{escaped(caption)}</span></caption>"
    heads = "".join(
        f'<th scope="col"{_kind(heading)}>{escaped(heading)}</th>' for heading in headings
    )
    yield f"<thead><tr>{heads}</tr></thead>"
    yield "<tbody>"
    for first, *rest in body:
        cells = "".join(
            f"<td{_kind(heading)}>{escaped(cell)}</td>" for heading, cell in zip(headings[1:], rest)
        )
        yield f'<tr><th scope="row">{escaped(first)}</th>{cells}</tr>'
    yield "</tbody>"
    yield "</table>"
    yield "</div>"


def count(number: int, unit: str = "round") -> str:
    """Write a number with its unit.

    >>> count(1), count(1000), count(1, "epoch")
    ('one round', '1,000 rounds', 'one epoch')
    """
    return f"one {unit}" if number == 1 else f"{number:,} {unit}s"


def _kind(heading: str) -> str:
    return ' class="words"' if heading in WORDS else ""
