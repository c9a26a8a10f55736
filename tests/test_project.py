"""What is said of the project in several places is the same in all of them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def found(pattern, file):
    (text,) = re.findall(pattern, (ROOT / file).read_text(encoding="utf-8"), re.M)
    return text


def test_the_version_and_its_date_are_told_alike():
    version = found(r'^version = "(.+)"$', "pyproject.toml")
    assert found(r"^version: (.+)$", "CITATION.cff") == version
    date = found(r'^date-released: "(.+)"$', "CITATION.cff")
    assert f"## [{version}] - {date}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_holders_of_the_licence_are_the_authors():
    assert found(r"^  - name: (.+)$", "CITATION.cff") == found(
        r"^Copyright .* \d+ (.+)$", "LICENSE"
    )


def test_code_and_data_have_licences_apart():
    assert "pairs/data/LICENSE" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    for file in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / file).read_text(encoding="utf-8")
        assert "MIT licence" in text
        assert re.search(r"CC BY-SA 3\.0\s", text)


@pytest.mark.parametrize(
    "file", ["README.md", "CONTRIBUTING.md", "examples/README.md", "docs/architecture.md"]
)
def test_every_file_that_is_linked_to_exists(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert links
    for link in links:
        assert ((ROOT / file).parent / link).exists(), link
