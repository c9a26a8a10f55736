"""A Sphinx extension: a link from every name of the reference to the lines that define it.

`sphinx.ext.viewcode` writes a page for each module with what stands in it, and knows functions and
classes where they are defined. Here it learns of the rest: values such as the layer `relu`, what
another module exports again, and methods that a class has from its base.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from inspect import isclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import funcdl

if TYPE_CHECKING:
    from sphinx.application import Sphinx

Lines = tuple[str, int, int]
"""The kind of a name's definition, its first line and its last."""

ROOT = Path(funcdl.__file__).parent


def definitions(source: str) -> dict[str, Lines]:
    r"""Find what a module defines at its top level, and its classes' methods.

    >>> definitions("ONE = 1\n\nclass Two:\n    def three(self): ...\n")
    {'ONE': ('data', 1, 1), 'Two': ('class', 3, 4), 'Two.three': ('def', 4, 4)}
    """
    return dict(_definitions(ast.parse(source).body))


def _definitions(body: list[ast.stmt], within: str = "") -> Iterator[tuple[str, Lines]]:
    for i, node in enumerate(body):
        last = node.end_lineno or node.lineno
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            first = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
            kind = "class" if isinstance(node, ast.ClassDef) else "def"
            yield within + node.name, (kind, first, last)
            if kind == "class":
                yield from _definitions(node.body, f"{within}{node.name}.")
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            if i + 1 < len(body) and isinstance(body[i + 1], ast.Expr):  # its text
                last = body[i + 1].end_lineno or last
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    yield within + target.id, ("data", node.lineno, last)


@cache
def modules() -> dict[str, tuple[str, dict[str, Lines]]]:
    """Read every module: its text, and where what is defined in it."""
    found = {}
    for file in sorted(ROOT.rglob("*.py")):
        parts = file.relative_to(ROOT.parent).with_suffix("").parts
        text = file.read_text(encoding="utf-8")
        found[".".join(parts).removesuffix(".__init__")] = text, definitions(text)
    for kind in filter(isclass, vars(funcdl).values()):
        for base in kind.__mro__[1:]:
            if base.__module__ in found:
                lines = found[base.__module__][1]
                for name in vars(base):
                    if (place := lines.get(f"{base.__name__}.{name}")) is not None:
                        lines.setdefault(f"{kind.__name__}.{name}", place)
    return found


def home(module: str, name: str) -> str | None:
    """Name the module that defines what another one, perhaps, only exports.

    >>> home("funcdl", "relu"), home("funcdl", "SGD.zero_grad")
    ('funcdl.layers.activations', 'funcdl.module.descent')
    """
    first, _, rest = name.partition(".")
    thing = getattr(import_module(module), first)
    if rest:
        owners = (
            kind
            for kind in thing.__mro__
            if rest in vars(kind) or rest in vars(kind).get("__annotations__", ())
        )
        return next((kind.__module__ for kind in owners), None)
    own = getattr(thing, "__module__", None)
    for other in (own, module, *modules()):
        defined = modules()[other][1] if other in modules() else ()
        if first in defined and getattr(import_module(other), first, None) is thing:
            return other
    return None


def followed(app: Sphinx, module: str, name: str | None) -> str | None:
    """Tell viewcode where a name is defined; an attribute told of in a docstring has none."""
    return None if name is None else home(module, name)


def source(app: Sphinx, module: str) -> tuple[str, dict[str, Lines]] | None:
    """Give viewcode the text of a module, and its definitions."""
    return modules().get(module)


def referred(app: Sphinx, env: Any, node: Any, shown: Any) -> Any:
    """Lead from a type, as its file names it, to where the reference has it."""
    name = node.get("reftarget", "").rpartition(".")[2]
    if node.get("refdomain") != "py" or node.get("reftype") != "class" or not hasattr(funcdl, name):
        return None
    domain, where = env.get_domain("py"), (env, node["refdoc"], app.builder)
    return domain.resolve_xref(*where, "obj", f"funcdl.{name}", node, shown)


def in_colours(app: Sphinx) -> tuple[()]:
    """Have viewcode's pages, which are written after all others, highlighted as Python."""
    app.config.highlight_language = "python"
    return ()


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect, before viewcode asks."""
    app.setup_extension("sphinx.ext.viewcode")
    app.connect("viewcode-follow-imported", followed)
    app.connect("viewcode-find-source", source)
    app.connect("missing-reference", referred)
    app.connect("html-collect-pages", in_colours, priority=400)
    return {"parallel_read_safe": True}
