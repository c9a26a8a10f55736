"""Adding a layer is three places: what the guide says is done to a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
STEPS = re.findall(r"`(funcdl/[\w/]+\.py)`:\n\n```py\n(.*?)```", GUIDE, re.DOTALL)
PARTS = (
    *("funcdl", "funcdl_cli", "funcdl_learn", "pairs", "disc", "studykit", "reports"),
    *("tests", "docs"),
    *("cli.py", "pyproject.toml"),
)

STRUCTURE = [
    "tests/cases",
    *(f"tests/test_{name}.py" for name in ("imports", "architecture", "docs")),
]
PROPERTIES = [
    "tests/contract/test_contract.py",
    "tests/wording/test_wording_kinds.py",
    *("tests/layers/test_specials.py", "tests/layers/test_precision.py"),
]
CHOICE = "swish or cases or (imports and not global) or architecture or reference"


@pytest.fixture
def copy(tmp_path):
    """A copy of the project, with what runs a Python there."""
    for part in PARTS:
        if (ROOT / part).is_dir():
            skipped = shutil.ignore_patterns("__pycache__", "*.xz")
            shutil.copytree(ROOT / part, tmp_path / part, ignore=skipped)
        else:
            shutil.copy(ROOT / part, tmp_path)

    def run(*args, cwd=tmp_path):
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            [sys.executable, *args], cwd=cwd, env=environment, capture_output=True, text=True
        )

    return tmp_path, run


def follow(folder, steps):
    """Do what the guide says: write a new file, put a line in its place, a row at the end."""
    for name, text in steps:
        file = folder / name
        if not file.exists():
            file.write_text(text, encoding="utf-8")
        elif text.startswith("from"):
            lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
            later = [i for i, line in enumerate(lines) if line.startswith("from") and line > text]
            last = max(i for i, line in enumerate(lines) if line.startswith("from"))
            lines.insert(later[0] if later else last + 1, text)
            file.write_text("".join(lines), encoding="utf-8")
        else:
            before, end, after = file.read_text(encoding="utf-8").partition("\n]\n")
            file.write_text(f"{before}\n    {text.rstrip()},{end}{after}", encoding="utf-8")


def test_the_guide_has_three_steps():
    assert [name for name, _ in STEPS] == [
        "funcdl/layers/swish.py",
        "funcdl/layers/__init__.py",
        "funcdl/cases/activations.py",
    ]
    assert [len(text.splitlines()) for _, text in STEPS[1:]] == [1, 1]


def test_a_layer_that_follows_the_guide_has_all_that_a_layer_has(copy):
    folder, run = copy
    follow(folder, STEPS)
    tests = run(
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *STRUCTURE,
        *PROPERTIES,
        STEPS[0][0],
        "-k",
        CHOICE,
    )
    assert tests.returncode == 0, tests.stdout[-3000:] + tests.stderr
    assert int(re.search(r"(\d+) passed", tests.stdout)[1]) > 300
    check = run("cli.py", "check", "--only", "swish", "--quiet")
    assert check.returncode == 0, check.stderr
    assert "1 of 1 fit" in check.stdout
    show = "import families; print(families.filled(open('api/layers.md').read()))"
    page = run("-c", show, cwd=folder / "docs").stdout
    assert ":py:obj:`swish`" in page
    assert ".. autofunction:: swish\n" in page
    ruff = run("-m", "ruff", "check", "--no-cache", "funcdl")
    assert ruff.returncode == 0 or "No module named ruff" in ruff.stderr, ruff.stdout


def test_a_layer_without_a_row_is_missed(copy):
    folder, run = copy
    follow(folder, STEPS[:2])
    tests = run(
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/cases/test_cases.py",
        "-k",
        "has_a_row",
    )
    assert tests.returncode == 1
    assert "'swish'" in tests.stdout
