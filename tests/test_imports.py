"""The import rule, what importing leaves behind, and the public names."""

import ast
import importlib
import inspect
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

import funcdl

PACKAGE = Path(funcdl.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
FLOORS = [
    {
        "face",
        "generic",
        "shown",
        "errors",
        "tensor",
        "cotangent",
        "function",
        "signature",
        "misuse",
        "answer",
        "contract",
        "tree",
        "arguments",
        "portable",
        "fitted",
    },
    {"ops"},
    {"layers", "initialisers", "losses", "optimisers", "schedules"},
    {"combinators"},
    {"watching"},
    {
        "check",
        "judge",
        "cases",
        "slope",
        "staging",
        "training",
        "batches",
        "names",
        "calibrate",
        "html",
        "summary",
        "trace",
        "interop",
    },
    {"module"},
    {"__init__"},
]
STUDIES = [{"studykit"}, {"disc", "pairs"}, {"learn", "reports"}, {"cli"}]
"""What stands on the library; `cli` is `cli.py` and `funcdl_cli/`, `learn` is `funcdl_learn/`."""

ROOT = PACKAGE.parent
PUBLIC = {"funcdl", "funcdl.cases", "funcdl.initialisers", "funcdl.schedules", "funcdl.tree"}


def imports(file):
    """Every module that a file imports, anywhere in it, with the names taken from it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("__import__", "exec"):
            pytest.fail(f"{file}: {node.func.id}")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_torch_gives_empty_and_nothing_else(file):
    for module, name in imports(file):
        top = module.partition(".")[0]
        if top == "torch":
            assert (module, name) == ("torch", "empty")
        else:
            assert top == "funcdl" or (top in sys.stdlib_module_names and top != "importlib")


def test_there_is_one_import_of_torch():
    assert [m for file in FILES for m, _ in imports(file) if m == "torch"] == ["torch"]


def floor(name):
    return next(i for i, rooms in enumerate(FLOORS) if name in rooms)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_file_imports_from_its_floor_or_below(file):
    here = floor(file.relative_to(PACKAGE).parts[0].removesuffix(".py"))
    for module, name in imports(file):
        if module == "funcdl":
            assert floor(name) <= here, f"{file} imports {name}"
        elif module.startswith("funcdl."):
            assert floor(module.split(".")[1]) <= here, f"{file} imports {module}"


def study_files():
    """Every file that stands on the library, with the floor that it is on."""
    for i, floor in enumerate(STUDIES):
        for room in sorted(floor):
            folder = f"funcdl_{room}" if room in ("cli", "learn") else room
            yield from ((file, i) for file in sorted((ROOT / folder).rglob("*.py")))
    yield ROOT / "cli.py", len(STUDIES) - 1


@pytest.mark.parametrize(
    ("file", "here"), [*study_files()], ids=lambda value: str(value).removeprefix(f"{ROOT}/")
)
def test_a_study_stands_on_the_kit_and_on_the_public_names_of_the_library(file, here):
    for module, name in imports(file):
        top = module.partition(".")[0].removeprefix("funcdl_")
        if top == "funcdl":
            assert module in PUBLIC, f"{file} imports {module}"
            assert name is None or hasattr(importlib.import_module(module), name)
        for i, rooms in enumerate(STUDIES):
            if top in rooms:
                own = file.relative_to(ROOT).parts[0].removeprefix("funcdl_").removesuffix(".py")
                assert i < here or top == own, f"{file} imports {module}"


def test_importing_changes_no_global():
    script = """
import random, sys, warnings
warnings.simplefilter("ignore")
import torch
def state():
    return (
        torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_num_threads(),
        torch.initial_seed(), torch.get_rng_state().tolist(), random.getstate(),
        list(warnings.filters), torch.are_deterministic_algorithms_enabled(),
    )
before = state()
import funcdl
assert state() == before
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def faces():
    """The folders of the library whose `__init__` exports names to the top."""
    for module, name in imports(PACKAGE / "__init__.py"):
        if name == "*":
            yield sys.modules[module]


def test_the_top_exports_what_its_faces_do_and_no_name_twice():
    of_faces = [name for face in faces() for name in face.__all__]
    of_files = [
        name
        for module, name in imports(PACKAGE / "__init__.py")
        if name != "*" and module != "funcdl.face"
    ]
    assert sorted(of_faces + of_files) == funcdl.__all__
    assert len(set(funcdl.__all__)) == len(funcdl.__all__)
    for face in faces():
        for name in face.__all__:
            assert getattr(funcdl, name) is getattr(face, name)


def test_a_folder_of_layers_or_tools_has_a_face():
    """What has no public name stays below; `tree` and the cases are modules to import."""
    folders = {f"funcdl.{file.parent.name}" for file in PACKAGE.glob("*/__init__.py")}
    without = {"ops", "watching", "signature", "tree", "cases", "html"}
    assert {face.__name__ for face in faces()} == folders - {f"funcdl.{name}" for name in without}


def test_type_checkers_see_what_the_top_exports():
    """By `name as name` and stars; an `__all__` in a face would hide what a star brings."""
    for file in (PACKAGE / "__init__.py", *(Path(face.__file__) for face in faces())):
        assert "__all__" not in file.read_text(encoding="utf-8")
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and node.module != "funcdl.face":
                assert all(alias.name in ("*", alias.asname) for alias in node.names)


def test_a_name_means_one_thing_in_every_public_place():
    """A reader of an import knows which is meant, and no import hides another."""
    places = [funcdl, *faces(), funcdl.tree, funcdl.schedules, funcdl.initialisers]
    meanings = defaultdict(dict)
    for place in places:
        for name in place.__all__:
            meanings[name].setdefault(id(getattr(place, name)), place.__name__)
    assert {name: [*at.values()] for name, at in meanings.items() if len(at) > 1} == {}


def test_every_public_name_is_documented():
    silent = [n for n in funcdl.__all__ if not (getattr(funcdl, n).__doc__ or "").strip()]
    assert [n for n in silent if n not in ("Params", "Shape", "Value")] == []


def test_every_public_function_has_an_example():
    """Its own tests run it; here it is only asked whether there is one."""
    names = [(funcdl, name) for name in funcdl.__all__]
    names += [(room, name) for room in (funcdl.tree, funcdl.schedules) for name in room.__all__]
    silent = [
        name
        for room, name in names
        if inspect.isfunction(getattr(room, name)) and ">>>" not in getattr(room, name).__doc__
    ]
    assert silent == []
