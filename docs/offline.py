"""A Sphinx extension: the pages are looked through when they are built.

The site must work from a folder, without a network: whatever a page would load from elsewhere is a
warning, so that a build ends there; and so is a name of the reference without a link to its lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LOADED = {
    "audio": ("src",),
    "embed": ("src",),
    "iframe": ("src",),
    "image": ("href", "xlink:href"),
    "img": ("src", "srcset"),
    "input": ("src",),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src", "srcset"),
    "track": ("src",),
    "use": ("href", "xlink:href"),
    "video": ("src", "poster"),
}
"""The attributes of elements from which a browser loads by itself; a link is not among them."""

ELSEWHERE = re.compile(r"(?:https?:)?//", re.IGNORECASE)
IN_STYLE = re.compile(r"(?:url\(\s*|@import\s+)[\"']?((?:https?:)?//[^\"')\s]+)", re.IGNORECASE)


class Loads(HTMLParser):
    """What a page loads from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at the attributes of an element."""
        for name, value in attrs:
            if name in LOADED.get(tag, ()) and ELSEWHERE.match((value or "").strip()):
                self.found.append(f"<{tag} {name}> {value}")
            elif name == "style":
                self.found += IN_STYLE.findall(value or "")


def loads(page: str) -> list[str]:
    """List what a page loads from elsewhere.

    >>> loads('<a href="https://a.org"></a><script src="https://b.org/c.js"></script>')
    ['<script src> https://b.org/c.js']
    """
    parser = Loads()
    parser.feed(page)
    styles = re.findall(r"<style[^>]*>(.*?)</style>", page, re.S)
    return parser.found + [address for style in styles for address in IN_STYLE.findall(style)]


def unlinked(page: str) -> list[str]:
    """List the names of the reference on a page that have no link to their lines.

    >>> unlinked('<dt class="sig sig-object py" id="funcdl.one">one</dt>')
    ['funcdl.one']
    """
    entries = re.findall(r'<dt class="sig sig-object py" id="([^"]+)">(.*?)</dt>', page, re.S)
    return [name for name, entry in entries if "viewcode-link" not in entry]


def faults(folder: Path) -> Iterator[str]:
    """Say what is wrong with the pages and styles of a folder."""
    for file in sorted(folder.rglob("*.html")):
        page, name = file.read_text("utf-8"), file.relative_to(folder)
        yield from (f"{name}: expected nothing from elsewhere, found {it}" for it in loads(page))
        yield from (f"{name}: expected a link to the lines of {it}" for it in unlinked(page))
    for file in sorted(folder.rglob("*.css")):
        for address in IN_STYLE.findall(file.read_text("utf-8")):
            name = file.relative_to(folder)
            yield f"{name}: expected nothing from elsewhere, found {address}"


def looked_through(app: Sphinx, error: Exception | None) -> None:
    """Warn of each fault, once everything is written."""
    from sphinx.util import logging

    if error is None and app.builder.format == "html":
        for fault in faults(Path(app.outdir)):
            logging.getLogger(__name__).warning(fault)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect."""
    app.connect("build-finished", looked_through)
    return {"parallel_read_safe": True}
