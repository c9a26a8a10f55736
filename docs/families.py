"""A Sphinx extension: the reference lists the layers that the table of cases has.

No page names a layer. Where a page has

    ```{family} norms
    ```

there come a table of that family's layers, each with what it declares and an example, their
docstrings, and those of the NamedTuples of their parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from torch import Generator

import funcdl
from funcdl.cases import FAMILIES, Case

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FENCE = re.compile(r"^```\{family\} (\w+)\n```$", re.MULTILINE)


def filled(page: str) -> str:
    """Put the lists of the families into the text of a page."""
    return FENCE.sub(lambda found: "\n".join(["```{eval-rst}", *listed(found[1]), "```"]), page)


def listed(family: str) -> Iterator[str]:
    """Write what a page shows of a family."""
    yield from (".. currentmodule:: funcdl", "")
    yield from (".. list-table::", "   :header-rows: 1", "")
    rows = {case.name: case for case in reversed(FAMILIES[family])}  # of several, the first
    names = list(dict.fromkeys(case.name for case in FAMILIES[family]))
    yield from row("name", "what it declares", "for example", "shapes")
    for name in names:
        case = rows[name]
        declared = getattr(case.layer, "signature", None)
        _, out_shape = case.layer.init(Generator().manual_seed(0), case.shape)
        yield from row(
            f":py:obj:`{name}`",
            "" if declared is None else f"``{declared}``",
            f"``{case.layer!r}``",
            f"``{case.shape} → {out_shape}``",
        )
    yield ""
    for name in names:
        is_layer = isinstance(getattr(funcdl, name), funcdl.Layer)
        yield f".. {'autodata' if is_layer else 'autofunction'}:: {name}"
    yield from (f".. autoclass:: {name}" for name, home in homes().items() if home == family)


def row(*cells: str) -> list[str]:
    """Write a row of a table.

    >>> row("a", "b")
    ['   * - a', '     - b']
    """
    return [f"   {'*' if i == 0 else ' '} - {cell}".rstrip() for i, cell in enumerate(cells)]


def homes() -> dict[str, str]:
    """Give for each public NamedTuple of parameters the first family that has it."""
    found: dict[str, str] = {}
    for family, cases in FAMILIES.items():
        for case in cases:
            for name in named_tuples(parameters(case)):
                found.setdefault(name, family)
    return found


def parameters(case: Case) -> Any:
    """Draw a case's parameters."""
    return case.layer.init(Generator().manual_seed(0), case.shape)[0]


def named_tuples(params: Any) -> Iterator[str]:
    """Name the public classes in a pytree of parameters."""
    if isinstance(params, (tuple, list, dict)):
        name = type(params).__name__
        if getattr(funcdl, name, None) is type(params):
            yield name
        for part in params.values() if isinstance(params, dict) else params:
            yield from named_tuples(part)


def read(app: Sphinx, name: str, source: list[str]) -> None:
    """Fill a page before Sphinx reads it."""
    source[0] = filled(source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect."""
    app.connect("source-read", read)
    return {"parallel_read_safe": True}
