"""What every page is made of: its head, contents, headings, tables, figures and settings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from studykit.content import Sheet
from studykit.page.style import STYLE
from studykit.svg.elements import escaped

__all__ = ["command", "document", "figure", "settings", "table", "without"]

HEADING = re.compile(r"<h([23])>(.*)</h\1>")


def document(title: str, opening: Iterable[str], body: Iterable[str]) -> str:
    """Return a page: a title, what is said first, the contents, and sections.

    Each heading of the sections, `<h2>…</h2>` or `<h3>…</h3>` as a part of its own, gets an address
    in the page and a link to itself; those of the second level are the contents.
    """
    sections, contents = [], []
    taken: set[str] = set()
    above = ""
    for part in body:
        if (found := HEADING.fullmatch(part)) is None:
            sections.append(part)
            continue
        level, words = found.groups()
        name = _address(words if level == "2" else f"{above} {words}", taken)
        if level == "2":
            above = words
            contents.append(f'<li><a href="#{name}">{words}</a></li>')
        link = f'<a class="here" href="#{name}" aria-label="Link to this section">#</a>'
        sections.append(f'<h{level} id="{name}">{words} {link}</h{level}>')
    return "\n".join(
        [
            *_head(title),
            *opening,
            '<nav aria-label="Contents">',
            "<ul>",
            *contents,
            "</ul>",
            "</nav>",
            *sections,
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _address(words: str, taken: set[str]) -> str:
    """Make an address of a heading that no other has: no figure's, which begin otherwise."""
    plain = re.sub(r"[^a-z0-9]+", "-", re.sub(r"&#?\w+;", "", words).lower()).strip("-")
    name = start = f"section-{plain[:80]}"
    number = 1
    while name in taken:
        number += 1
        name = f"{start}-{number}"
    taken.add(name)
    return name


def _head(title: str) -> Iterator[str]:
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


def figure(about: str, *drawn: str) -> Iterator[str]:
    """Put a figure under what is to be known of it first.

    Args:
        about: the caption, as words.
        drawn: the figure, as markup.
    """
    yield "<figure>"
    yield f"<figcaption>{escaped(about)}</figcaption>"
    yield from drawn
    yield "</figure>"


def without(drawn: Iterable[str], models: Iterable[str], why: str) -> str:
    """Say which models a figure has not, and why; nothing where it has all.

    >>> without(["a"], ["a", "b", "c"], "they have no curves")
    ' Without b and c: they have no curves.'
    """
    left_out = [name for name in models if name not in set(drawn)]
    if not left_out:
        return ""
    *most, last = left_out
    return f" Without {', '.join(most) + ' and ' if most else ''}{last}: {why}."


def command(words: str) -> Iterator[str]:
    """Show the command that gives the same numbers again."""
    yield "<p>This command gives the same numbers again, on such a machine:</p>"
    yield f"<pre><code>{escaped(words)}</code></pre>"


def settings(*tables: Mapping[str, Any]) -> Iterator[str]:
    """List settings and versions, a name and a value a line."""
    yield "<dl>"
    for key, value in (item for table in tables for item in table.items()):
        words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield f"<dt>{escaped(key.replace('_', ' '))}</dt><dd>{escaped(words)}</dd>"
    yield "</dl>"


def table(sheet: Sheet) -> Iterator[str]:
    """Lay out a table; its numbers stand at the right of their columns, its words at the left."""
    caption = escaped(sheet.caption)
    yield f'<div class="scroll" role="region" tabindex="0" aria-label="{caption}">'
    yield "<table>"
    yield f"<caption><span>{caption}</span></caption>"
    kinds = [' class="words"' if heading in sheet.words else "" for heading in sheet.headings]
    heads = "".join(
        f'<th scope="col"{kind}>{escaped(heading)}</th>'
        for heading, kind in zip(sheet.headings, kinds)
    )
    yield f"<thead><tr>{heads}</tr></thead>"
    groups = sheet.groups or [""] * len(sheet.body)
    for _, together in groupby(zip(groups, sheet.body), key=lambda row: row[0]):
        yield "<tbody>"
        for _, (first, *rest) in together:
            cells = "".join(
                f"<td{kind}>{escaped(cell)}</td>" for cell, kind in zip(rest, kinds[1:])
            )
            yield f'<tr><th scope="row">{escaped(first)}</th>{cells}</tr>'
        yield "</tbody>"
    yield "</table>"
    yield "</div>"
