"""Mutants: a model solution broken by machine, in one place at a time."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Mutant", "mutants"]

OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Pow: ast.Mult,
}
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Is: ast.IsNot,
}
SWAPPED = {
    "sum": "mean",
    "mean": "sum",
    "max": "min",
    "amax": "amin",
    "add_": "sub_",
    "zeros_like": "ones_like",
    "ones_like": "zeros_like",
    "new_zeros": "new_ones",
    "zeros": "ones",
    "add": "multiply",
    "rand": "randn",
    "exp": "exp2",
    "tanh": "sin",
}
DROPPED = {
    *("sum", "mean", "exp", "log", "sqrt", "amax", "clamp", "tanh", "unsqueeze", "expand"),
    *("permute", "reshape", "t", "zero_"),
}


class Mutant(NamedTuple):
    """A solution with one change.

    Attributes:
        line: the changed line, or one that is there no more.
        source: of the complete file.
    """

    line: str
    source: str


def mutants(source: str, untried: tuple[str, ...] = ()) -> Iterator[Mutant]:
    r"""Give every mutant of a file.

    Args:
        source: of the file.
        untried: functions and classes that stay as they are.

    >>> [mutant.line for mutant in mutants("def f(x):\n    return x * 2")]
    ['return x + 2', 'return x * 3']
    """
    original = ast.unparse(ast.parse(source))
    seen = {original}
    for i, node in enumerate(_nodes(ast.parse(source), untried)):
        for k in range(len(_changes(node))):
            tree = ast.parse(source)
            old = _nodes(tree, untried)[i]
            text = ast.unparse(
                ast.fix_missing_locations(_Replace(old, _changes(old)[k]).visit(tree))
            )
            if text not in seen:
                seen.add(text)
                yield Mutant(_line(original, text), text + "\n")


def _line(before: str, after: str) -> str:
    """Find the line that is another one."""
    old, new = before.splitlines(), after.splitlines()
    places = [i for i, both in enumerate(zip(old, new)) if both[0] != both[1]]
    at = places[0] if places else len(new) - 1
    return new[at].strip() if len(old) == len(new) else f"without {old[at].strip()}"


def _nodes(tree: ast.Module, untried: tuple[str, ...]) -> list[ast.AST]:
    """List what may be changed, each once."""
    found: list[ast.AST] = []
    for part in tree.body:
        if isinstance(part, (ast.FunctionDef, ast.ClassDef)) and part.name not in untried:
            texts = {
                id(inner.body[0])
                for inner in ast.walk(part)
                if isinstance(inner, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(inner)
            }
            found += [node for node in ast.walk(part) if id(node) not in texts]
    return found


def _changes(node: ast.AST) -> list[ast.AST]:
    """List what stands in a node's place in its mutants."""
    made: list[ast.AST] = []

    def like(**fields: object) -> None:
        other = copy.copy(node)
        for name, value in fields.items():
            setattr(other, name, value)
        made.append(other)

    if isinstance(node, ast.BinOp):
        if type(node.op) in OPERATORS:
            like(op=OPERATORS[type(node.op)]())
        if isinstance(node.op, (ast.Sub, ast.Div, ast.MatMult)):
            like(left=node.right, right=node.left)
    elif _negative(node):
        made.append(node.operand)  # type: ignore[attr-defined]
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        like(ops=[COMPARISONS[type(node.ops[0])]()])
    elif isinstance(node, ast.AugAssign):
        made.append(ast.Pass())
        like(op=OPERATORS[type(node.op)]())
    elif isinstance(node, ast.Expr):
        made.append(ast.Pass())
    elif isinstance(node, ast.If):
        like(test=ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        like(value=node.value + 1)  # type: ignore[operator]
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        like(value=not node.value)
    elif isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) and len(node.elts) == 2:
        like(elts=node.elts[::-1])
    elif isinstance(node, ast.Attribute) and node.attr == "mT":
        made.append(node.value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        name, inner = node.func.attr, node.func.value
        if name in SWAPPED:
            like(func=ast.Attribute(inner, SWAPPED[name], ast.Load()))
        if name in DROPPED and not (isinstance(inner, ast.Name) and inner.id in ("torch", "tree")):
            made.append(inner)
    elif isinstance(node, ast.Call) and ast.unparse(node.func) == "reversed":
        made.append(node.args[0])
    return made


def _negative(node: ast.AST) -> bool:
    """Tell whether a value is negated; a number such as −1 is moved, not negated."""
    return (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and not isinstance(node.operand, ast.Constant)
    )


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        visited: ast.AST = self.new if node is self.old else self.generic_visit(node)
        return visited
