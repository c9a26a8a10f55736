"""The pages of docs/: their examples run, and what they name is there."""

import ast
import doctest
import re
import runpy
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import torch

import funcdl
from funcdl import cases, initialisers, schedules, tree

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
DRAWN = ("composition", "sharing", "pairs", "order")
TRAINED = ("boundary", "curves", "vanishing")


def reference():
    """Every name that a page of the reference documents, as (module, name)."""
    from families import filled

    for page in (DOCS / "api").glob("*.md"):
        module = ""
        for directive, name in re.findall(
            r"^\.\. (\w+):: (\S+?)(?:\(\))?$", filled(page.read_text()), re.M
        ):
            if directive == "currentmodule":
                module = name
            elif directive == "automodule":
                yield tuple(name.split("."))
            else:
                yield module, name


@pytest.mark.parametrize("room", [funcdl, tree, schedules], ids=lambda room: room.__name__)
def test_every_public_name_is_in_the_reference(room, monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    names = [name for module, name in reference() if module == room.__name__]
    assert sorted(names) == sorted(set(names))
    assert set(names) == set(room.__all__) - {"Schedule"}  # a type, told of in words


def test_initialisers_are_in_the_reference(monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    names = {name for module, name in reference() if module == "funcdl.initialisers"}
    assert names == set(initialisers.__all__) - {"Initialiser", "TORCH_GENERATOR", "source"}


def test_what_the_overview_names_is_there():
    table = (DOCS / "overview.md").read_text().partition("\n## ")[0]
    rows = re.findall(r"^\| .*`.*$", table, re.M)
    assert len(rows) > 5
    for row in rows:
        room = next((r for r in (schedules, tree) if f"(api/{r.__name__[7:]}.md)" in row), funcdl)
        assert set(re.findall(r"`(\w+)`", row)) - {"schedules", "tree"} <= {*dir(room)}


def test_the_reference_has_the_families_of_the_table_of_cases(monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    import families

    assert doctest.testmod(families).attempted == 1
    pages = "".join(page.read_text() for page in (DOCS / "api").glob("*.md"))
    assert sorted(families.FENCE.findall(pages)) == sorted(cases.FAMILIES)
    shown = families.filled("\n```{family} linears\n```\n")
    assert "   * - :py:obj:`linear`\n" in shown
    assert "     - ``linear(3)``\n     - ``(4, 5) → (4, 3)``\n" in shown
    assert ".. autofunction:: linear\n" in shown
    assert shown.endswith(".. autoclass:: Affine\n.. autoclass:: Scale\n.. autoclass:: Bias\n```\n")
    assert ".. autodata:: relu\n" in families.filled("```{family} activations\n```")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_python_block_is_run(page):
    """A block without prompts would be no test, and a last line without a blank one no result."""
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text(), re.M | re.S):
        assert block.startswith(">>> ")
        assert block.endswith("\n\n")


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_no_line_of_a_paragraph_begins_with_a_comment(page):
    """Markdown ends the paragraph there, and the text behind the comment is markup no more."""
    assert not re.search(r"^ *<!--.*-->.+", page.read_text("utf-8"), re.M)


def test_every_test_that_is_named_exists():
    text = "".join(page.read_text() for page in PAGES)
    named = re.findall(r"(tests/[\w/]+\.py)::(\w+)", text)
    assert len(named) > 50
    for file in {file for file, _ in named}:
        functions = {
            node.name
            for node in ast.parse((ROOT / file).read_text()).body
            if isinstance(node, ast.FunctionDef)
        }
        assert {name for other, name in named if other == file} <= functions


@pytest.fixture
def figures(monkeypatch):
    monkeypatch.syspath_prepend(DOCS / "figures")
    return runpy.run_path(str(DOCS / "figures" / "__main__.py"))


def test_the_figures_shown_are_those_that_the_script_draws(figures):
    shown = {name for page in PAGES for name in re.findall(r"figures/(\w+)\.svg", page.read_text())}
    assert shown == set(figures["FIGURES"]) == {*DRAWN, *TRAINED}


@pytest.mark.parametrize("name", DRAWN)
def test_diagrams_are_as_the_script_draws_them(figures, name):
    assert figures["FIGURES"][name]() == (DOCS / "figures" / f"{name}.svg").read_text()


@pytest.mark.parametrize("name", [*DRAWN, *TRAINED])
def test_a_figure_is_an_svg_that_says_what_it_shows(name):
    root = ET.fromstring((DOCS / "figures" / f"{name}.svg").read_text())
    assert root.find("{http://www.w3.org/2000/svg}title").text
    assert "http" not in ET.tostring(root, "unicode").replace("http://www.w3.org/2000/svg", "")


def test_the_curves_are_of_the_tutorials_network(figures, rng):
    from curves import drawn, network

    params, out = network().init(rng, (2, 14, 14))
    assert f">{tree.size(params):,}<" in (DOCS / "tutorial.md").read_text("utf-8")
    assert out == ((2,), (2, 10))
    picture = drawn([[30.0, 20.0], [30.0, 10.0]], [[25.0, 5.0]])
    assert "without auxiliary loss: 15.0 %" in picture
    assert "with auxiliary loss: 5.0 %" in picture


def test_the_boundary_is_drawn_where_the_outputs_are_equal(figures, rng):
    from boundary import NET, panel

    params, _ = NET.init(rng, (2,))
    w, b = params[-1]
    inside = (*params[:-1], funcdl.Affine(0 * w, torch.tensor([0.0, 1.0])))
    assert 'class="ink"' in panel(0, inside)
    assert 'class="minus"' not in panel(0, inside)
    outside = (*params[:-1], funcdl.Affine(0 * w, 0 * b + torch.tensor([1.0, 0.0])))
    assert 'class="minus"' in panel(0, outside)


def test_docstrings_become_what_sphinx_reads(monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    import docstrings

    assert doctest.testmod(docstrings).attempted == 2
    given = ["Add.", "", "    y = x", "", "Args:", "    p: of (*n,).", "", ">>> [1,", "    2]"]
    assert docstrings.prepare(given) == [
        *("Add.", "", "::", "", "    y = x", "", "Args:", r"    p: of (\*n,).", ""),
        *(">>> [1,", "    2]"),
    ]
    assert docstrings.escaped("a_ of `|x_|` and |y|") == r"a\_ of `|x_|` and \|y\|"


def test_the_page_of_a_trace_is_that_of_the_script(monkeypatch):
    """But for its numbers, which another processor rounds otherwise; and it is small."""
    monkeypatch.syspath_prepend(DOCS / "figures")
    made = runpy.run_path(str(DOCS / "figures" / "traced.py"))["traced"]().html()
    kept = (DOCS / "figures" / "traced.html").read_text(encoding="utf-8")

    def frame(text):
        text = re.sub(r'src="data:[^"]*"|alt="[^"]*"', "", text)
        return re.sub(r'−?\d+(\.\d+)?(e[+-]\d+)?| class="[pm]\d"', "", text)

    assert frame(made) == frame(kept)
    assert len(kept.encode()) < 100_000
    assert "figures/traced.html" in (DOCS / "overview.md").read_text(encoding="utf-8")
