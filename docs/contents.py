"""A Sphinx extension: what is on a page stands at its top.

A page with many sections begins with a list of them, and a page of the reference with a table of
its sections and names. In a wide window the sidebar has the former too, and the list is not shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx

MANY = 5
"""A page with at least so many sections has a list."""


def link(target: str, *shown: nodes.Node) -> nodes.paragraph:
    """Refer to a place on the same page."""
    reference = nodes.reference("", "", *shown, refid=target, internal=True)
    return nodes.paragraph("", "", reference)


def titled(section: nodes.section) -> nodes.paragraph:
    """Refer to a section by its title."""
    return link(section["ids"][0], *(part.deepcopy() for part in section[0].children))


def sections(of: nodes.Element) -> list[nodes.section]:
    """List the sections that are directly in another one."""
    return [node for node in of.children if isinstance(node, nodes.section)]


def names(within: nodes.Element) -> nodes.paragraph:
    """Refer to everything that the reference documents in a part of a page, without methods."""
    from sphinx import addnodes

    line = nodes.paragraph()
    for entry in within.findall(addnodes.desc):
        if isinstance(entry.parent, addnodes.desc_content):
            continue
        for signature in entry.findall(addnodes.desc_signature):
            if entry is signature.parent and signature["ids"]:
                shown = nodes.literal("", signature["fullname"])
                line += [*link(signature["ids"][0], shown).children, nodes.Text(" ")]
    return line


def outline(page: nodes.section) -> nodes.container | None:
    """Make the list of a page's sections, if it has many."""
    found = sections(page)
    if len(found) < MANY:
        return None
    items = (nodes.list_item("", titled(section)) for section in found)
    return nodes.container("", nodes.bullet_list("", *items), classes=["on-this-page"])


def table(rows: Iterable[tuple[nodes.paragraph, nodes.paragraph]]) -> nodes.table:
    """Make a table of two columns."""
    body = nodes.tbody()
    for cells in rows:
        body += nodes.row("", *(nodes.entry("", cell) for cell in cells))
    columns = [nodes.colspec(colwidth=width) for width in (30, 70)]
    group = nodes.tgroup("", *columns, body, cols=2)
    return nodes.table("", group, classes=["on-this-page-names"])


def overview(page: nodes.section) -> nodes.Element | None:
    """Make the table of a page of the reference, unless it begins with one."""
    found = [(titled(part), names(part)) for part in sections(page)]
    if not found and not any(page.findall(nodes.table)):
        found = [(nodes.paragraph("", "All"), names(page))]
    return table(found) if found else None


def placed(app: Sphinx, document: nodes.document) -> None:
    """Put it under the first paragraph of a page."""
    page = next(iter(sections(document)), None)
    if page is None or (name := app.env.docname) == app.config.root_doc:
        return
    top: Any = overview(page) if name.startswith("api/") else outline(page)
    if top is not None:
        first = next((i for i, node in enumerate(page) if isinstance(node, nodes.paragraph)), 0)
        page.insert(first + 1, top)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect."""
    app.connect("doctree-read", placed)
    return {"parallel_read_safe": True}
