"""Elements of HTML, and the page around them."""

from __future__ import annotations

from html import escape

from funcdl.html.style import STYLE

__all__ = ["document", "element", "escaped", "framed", "styled", "table"]

EMPTY = {"img", "input", "meta", "br"}
"""Elements that have no end."""


def escaped(text: object) -> str:
    """Write text so that it is read as text.

    >>> escaped("a < b")
    'a &lt; b'
    """
    return escape(str(text), quote=False)


def element(name: str, /, *inside: str, **attributes: object) -> str:
    """Write an element; `kind` is its class, and `_` in an attribute's name is a hyphen.

    An attribute that is None is left out, one that is True stands by its name alone.

    >>> element("p", "one", kind="lead", aria_label="a & b")
    '<p class="lead" aria-label="a &amp; b">one</p>'
    >>> element("input", type="radio", checked=True)
    '<input type="radio" checked>'
    """
    head = name
    for key, value in attributes.items():
        if value is None:
            continue
        word = "class" if key == "kind" else key.rstrip("_").replace("_", "-")
        head += f" {word}" if value is True else f' {word}="{escape(str(value))}"'
    return f"<{head}>" if name in EMPTY else f"<{head}>{''.join(inside)}</{name}>"


def table(
    caption: str, heads: list[str], rows: list[list[str]], kinds: list[str | None] | None = None
) -> str:
    """Make a table that a narrow page scrolls by itself; the cells are HTML.

    The first cell of a row is its head; a last column with the head "note" is of words.

    Args:
        caption: what the table shows.
        heads: of the columns.
        rows: their cells.
        kinds: the class of each row.
    """
    top = element(
        "tr",
        *(
            element("th", head, scope="col", kind="words" if head == "note" else None)
            for head in heads
        ),
    )
    of_words = ["words" if head == "note" else None for head in heads[1:]]
    lines = [
        element(
            "tr",
            element("th", first, scope="row"),
            *(element("td", cell, kind=words) for cell, words in zip(rest, of_words)),
            kind=kind,
        )
        for (first, *rest), kind in zip(rows, kinds or [None] * len(rows))
    ]
    body = element(
        "table",
        element("caption", element("span", caption)),
        element("thead", top),
        element("tbody", *lines),
        kind="list",
    )
    return element("div", body, kind="scroll", tabindex=0)


def styled(*inside: str, kind: str = "") -> str:
    """Put HTML together with its style sheet, for a page that is there already."""
    return element("div", element("style", STYLE), *inside, kind=f"funcdl {kind}".strip())


def document(title: str, *body: str, kind: str = "", style: str = "") -> str:
    """Write a page of its own."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", escaped(title)),
        element("style", STYLE + style),
    )
    content = element("body", *body, kind=f"funcdl page {kind}".strip())
    return f"<!DOCTYPE html>\n{element('html', head, content, lang='en')}\n"


def framed(page: str, title: str) -> str:
    """Put a page into another, where the two see nothing of each other."""
    style = "width:100%;height:44rem;border:0"
    return element("iframe", srcdoc=page, title=title, style=style)
