"""The tests themselves: they follow the rooms, none imports another, and none is there twice."""

import ast
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
MODULES = sorted(TESTS.rglob("test_*.py"))
ROOMS = {path.stem for path in (TESTS.parent / "funcdl").iterdir()}
STUDIES = {"pairs", "disc", "studykit", "reports", "learn", "cli"}
OTHERS = {"wording", "fuzz"}
"""Folders that look at all rooms: what they say, and what is drawn at random."""


def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(tree):
    """The first names of what a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


def functions(tree):
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name[:5] == "test_"]


def test_folders_are_rooms():
    folders = {path.parent.relative_to(TESTS).as_posix() for path in MODULES} - {"."}
    assert folders <= ROOMS | STUDIES | OTHERS
    assert {"layers", "losses", "combinators", "optimisers", "signature", "tree"} <= folders


def test_every_module_has_a_name_of_its_own():
    names = Counter(path.name for path in TESTS.rglob("*.py") if path.name != "conftest.py")
    assert [name for name, count in names.items() if count > 1 and name != "__init__.py"] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_test_imports_another(path):
    found = set(imported(parsed(path)))
    assert not {name for name in found if name.startswith("test_") or name == "tests"}


def test_no_test_is_there_twice():
    """Two of one name in a module, or of one body anywhere."""
    bodies = Counter()
    for path in MODULES:
        found = functions(parsed(path))
        names = Counter(test.name for test in found)
        assert [name for name, count in names.items() if count > 1] == [], path.name
        for test in found:
            same = [*test.decorator_list, test.args, *test.body]
            bodies["\n".join(map(ast.unparse, same))] += 1
    assert [body for body, count in bodies.items() if count > 1] == []


def test_no_sentence_is_pinned_twice():
    """In the tables of wording, the same call and the same sentence."""
    rows = Counter()
    for path in (TESTS / "wording").glob("test_*.py"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Tuple) and node.elts and isinstance(node.elts[0], ast.Lambda):
                rows[ast.unparse(node)] += 1
    assert len(rows) > 350
    assert [row for row, count in rows.items() if count > 1] == []
