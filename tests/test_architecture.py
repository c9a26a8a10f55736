"""The picture of the floors is that of the imports."""

import runpy
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    return runpy.run_path(str(DOCS / "architecture.py"))


def test_the_picture_is_what_the_script_draws_today(script):
    kept = (DOCS / "architecture.svg").read_text(encoding="utf-8")
    assert script["drawn"]() == kept, "the imports have changed: run python docs/architecture.py"


def test_every_room_has_a_box_in_the_picture(script):
    root = ET.fromstring((DOCS / "architecture.svg").read_text(encoding="utf-8"))
    said = {text.text for text in root.iter(f"{SVG}text")}
    rooms = {path.stem for path in (DOCS.parent / "funcdl").iterdir() if path.suffix == ".py"}
    rooms |= {path.parent.name for path in (DOCS.parent / "funcdl").glob("*/__init__.py")}
    assert rooms - {"__init__"} | {"funcdl", "studykit", "pairs", "disc", "reports", "cli"} <= said


def test_lines_are_the_imports_that_do_not_follow_from_others(script):
    found = script["imports"](script["rooms"]())
    assert {"ops", "initialisers", "tensor"} <= found["layers"]
    assert found["ops"] == {"errors", "tensor"}
    assert "pairs" in found["cli"]
    assert found["pairs"] == {"__init__", "studykit"}
    lines = script["direct"](found)
    assert "ops" in lines["layers"]
    assert "tensor" not in lines["layers"]
    for room in found:
        assert script["below"](room, lines) == script["below"](room, found)


def test_the_page_tells_of_every_room(script):
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    names = {
        "funcdl" if room == "__init__" else room for floor in script["rooms"]() for room in floor
    }
    assert {name for name in names if f"`{name}`" not in page} == set()
