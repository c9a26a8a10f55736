"""The one toolkit of figures: elements, frames and diagrams are well-formed, whatever is in them."""

import ast
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from studykit.svg.diagram import arrow, box, diagram, straight
from studykit.svg.elements import element, figure, line, picture, stretched, words

ROOT = Path(__file__).parents[2]
NASTY = "a < b & \"c\" 'd' </text><script>\ud800"


def test_whatever_text_is_in_a_figure_it_is_no_markup():
    parts = [words(NASTY, 1, 2), element("circle", kind=NASTY, cx=1)]
    for made in (
        figure("name", NASTY, NASTY, 100, parts),
        picture("name", NASTY, "0 0 8 8", parts, NASTY),
        picture("name", NASTY, "0 0 8 8", parts),
        diagram(
            100, 100, NASTY, [*parts, box(1, 2, NASTY), straight(0, 0, 1, 1), arrow(0, 0, 1, 1)]
        ),
    ):
        assert "script" not in {part.tag.rpartition("}")[2] for part in ET.fromstring(made).iter()}


def test_a_figure_describes_itself():
    root = ET.fromstring(figure("k", "What", "Numbers.", 50, [line("grid", 0, "9%", 1, 1)], "s0"))
    assert root.attrib == {
        "class": "s0",
        "role": "img",
        "width": "100%",
        "height": "50",
        "aria-labelledby": "k-title k-desc",
    }
    assert [(part.tag, part.get("id"), part.text) for part in root][:2] == [
        ("title", "k-title", "What"),
        ("desc", "k-desc", "Numbers."),
    ]
    alone = ET.fromstring(picture("k", "What", "0 0 8 8", []))
    assert (alone.get("aria-labelledby"), alone[0].get("id"), len(alone)) == ("k", "k", 1)


def test_a_stretched_box_holds_its_parts():
    parts = stretched(10, 90, 5, 40, 1000, [element("path", d="M0 0")], "thin")
    box = ET.fromstring("".join(parts))
    assert (box.get("class"), box.get("width"), box.get("viewBox")) == (
        "thin",
        "80%",
        "0 0 1000 1000",
    )
    assert box[0].tag == "path"


@pytest.mark.parametrize("folder", ["studykit", "pairs", "disc", "reports", "docs", "funcdl_cli"])
def test_no_other_file_writes_shapes_by_hand(folder):
    """Else there would soon be another toolkit."""
    for file in sorted((ROOT / folder).rglob("*.py")):
        if file.parts[-3:] == ("studykit", "svg", "elements.py"):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                written = "".join(str(part.value) for part in node.values if hasattr(part, "value"))
                for tag in ("<line", "<text", "<circle", "<rect", "<path", "<title id"):
                    assert tag not in written, f"{file}: {written}"
