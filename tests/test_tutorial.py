"""The tutorial is a notebook: its cells run, and what its text says of their numbers is so.

What the text says of a number stands between two comments, the first of which says how the cells
above have it. Its value is the text, or it is true:

    <!--: f"{loss:.2f}" -->0.25<!--:/-->        <!--: error < 0.25 -->less than a quarter<!--:/-->
"""

import io
import re
import runpy
from contextlib import redirect_stdout
from itertools import zip_longest
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
TEXT = (DOCS / "tutorial.md").read_text(encoding="utf-8")
CELL = re.compile(r"^```\{code-cell\} ipython3\n(.*?)^```$", re.M | re.S)
CLAIM = re.compile(r"<!--: (.+?) -->(.*?)<!--:/-->", re.S)
ROW = re.compile(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", re.M)


def numbers(tensor):
    """Write a tensor's numbers as a sentence has them."""
    return " and ".join(f"{number:g}" for number in tensor.flatten().tolist())


def follow(text):
    """Run the cells of a page; return their names, what each printed, and what is said wrongly."""
    names, printed, wrong = {"numbers": numbers, "__name__": "__main__"}, [], []
    texts = CELL.split(text)[::2]  # before the first cell, between each two, behind the last
    for said, cell in zip_longest(texts, CELL.finditer(text)):
        for what, words in CLAIM.findall(said):
            value = eval(what, names)
            if value is not True and value != words:
                wrong.append(f"{what}: expected {value}, got {words}")
        if cell:
            lines = "\n" * (text.count("\n", 0, cell.start()) + 1)  # an error names the page's line
            with redirect_stdout(io.StringIO()) as told:
                exec(compile(lines + cell[1], str(DOCS / "tutorial.md"), "exec"), names)
            printed.append(told.getvalue())
    return names, printed, wrong


def test_what_the_tutorial_says_of_its_numbers_is_so(monkeypatch):
    names, printed, wrong = follow(TEXT)
    assert not wrong
    assert len(CLAIM.findall(TEXT)) > 20
    # The numbers that were traced by hand.
    trace = names["trace"]
    table = {name: value.replace("−", "-").split(", ") for name, value in ROW.findall(TEXT)}
    assert list(table) == list(trace)
    for name, values in table.items():
        assert [float(value) for value in values] == trace[name].flatten().tolist(), name
    # Whoever says "at most 0.00000 away" says a number; only words of truth hide one.
    assert not re.search(r"\b(True|False)\b", "".join(printed))
    # The figure is of the same chains.
    monkeypatch.syspath_prepend(DOCS / "figures")
    drawn = runpy.run_path(str(DOCS / "figures" / "vanishing.py"))
    assert sorted(drawn["CHAINS"]) == sorted(names["arrived"])
    for name, (part, *_) in drawn["CHAINS"].items():
        assert drawn["norms"](part) == names["arrived"][name]


def test_the_tutorial_is_a_notebook():
    """Every block of code is a cell, and no other page has one."""
    assert TEXT.startswith("---\njupytext:\n")
    assert TEXT.count("```{code-cell}") == len(CELL.findall(TEXT)) > 20
    assert not re.search(r"^```py|^>>> ", TEXT, re.M)
    others = [page.name for page in DOCS.rglob("*.md") if "{code-cell}" in page.read_text("utf-8")]
    assert others == ["tutorial.md"]


@pytest.mark.parametrize(
    ("claim", "wrong"),
    [
        ('<!--: f"{half:.2f}" -->0.50<!--:/-->', []),
        ('<!--: f"{half:.2f}" -->0.51<!--:/-->', ['f"{half:.2f}": expected 0.50, got 0.51']),
        ("<!--: half < 1 -->less\nthan 1<!--:/-->", []),
        ("<!--: half > 1 -->more<!--:/-->", ["half > 1: expected False, got more"]),
    ],
)
def test_a_wrong_number_is_found(claim, wrong):
    page = f"```{{code-cell}} ipython3\nhalf = 1 / 2\nprint(half)\n```\n\nIt is {claim}.\n"
    _, printed, found = follow(page)
    assert (printed, found) == (["0.5\n"], wrong)
