"""What is said of the project in several places is the same in all of them."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def found(pattern, file):
    (text,) = re.findall(pattern, (ROOT / file).read_text(encoding="utf-8"), re.M)
    return text


def test_the_version_and_its_date_are_told_alike():
    version = found(r'^version = "(.+)"$', "pyproject.toml")
    assert found(r"^version: (.+)$", "CITATION.cff") == version
    assert found(r'^__version__ = "(.+)"$', "funcdl/__init__.py") == version
    date = found(r'^date-released: "(.+)"$', "CITATION.cff")
    assert f"## [{version}] - {date}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_holders_of_the_licence_are_the_authors():
    assert found(r"^  - name: (.+)$", "CITATION.cff") == found(
        r"^Copyright .* \d+ (.+)$", "LICENSE"
    )


def test_the_authors_and_the_keywords_are_those_of_the_citation():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert [author["name"] for author in project["authors"]] == re.findall(
        r"^  - name: (.+)$", citation, re.M
    )
    keywords = citation.partition("keywords:")[2]
    assert set(re.findall(r"^  - (.+)$", keywords, re.M)) <= set(project["keywords"])


def test_code_and_data_have_licences_apart():
    assert "pairs/data/LICENSE" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    for file in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / file).read_text(encoding="utf-8")
        assert "MIT licence" in text
        assert re.search(r"CC BY-SA 3\.0\s", text)


@pytest.mark.parametrize(
    "file",
    [
        "README.md",
        "CONTRIBUTING.md",
        "benchmarks/README.md",
        "examples/README.md",
        "docs/architecture.md",
        "docs/benchmarks.md",
        "docs/comparison.md",
        "docs/design.md",
        "docs/index.md",
        "docs/overview.md",
        "docs/study.md",
    ],
)
def test_every_file_that_is_linked_to_exists(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert links
    for link in links:
        assert ((ROOT / file).parent / link).exists(), link


def test_the_readme_is_short_and_has_the_two_commands_that_ci_runs():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    commands = re.findall(r"^```sh ci\n(.+)\n```$", text, re.M)
    assert [command.split("bin/")[2:] for command in commands] == [
        ["funcdl-cli pairs --out results/first && .venv/", "funcdl-cli report results/first"],
        ["python -m pytest -n logical"],
    ]
    assert all(command.startswith("python3 -m venv .venv") for command in commands)


def test_the_oldest_versions_that_are_tested_are_the_bounds():
    """`nox -s oldest` installs the one file; pip reads the other."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = project["dependencies"] + [
        need for name in ("cluster", "browser", "compare", "test") for need in extras[name]
    ]
    bounds = {}
    for need in asked:
        name, bound = re.fullmatch(r"([a-z-]+)(?:\[.+\])?(?:>=([\d.]+))?", need).groups()
        if name != "funcdl":
            assert bound, f"{need}: expected a lower bound"
            bounds[name] = release(bound)
    text = (ROOT / "constraints-oldest.txt").read_text(encoding="utf-8")
    pins = {name: release(pin) for name, pin in re.findall(r"^([a-z-]+)==([\d.]+)$", text, re.M)}
    del pins["rich"]  # typer's
    assert pins == bounds
    newer = dict(re.findall(r"^([a-z-]+)==([\d.]+)$", (ROOT / "constraints.txt").read_text(), re.M))
    assert all(pin <= release(newer[name]) for name, pin in pins.items())


def test_the_groups_of_dependencies_are_the_extras():
    """Groups name no extra of the project itself, and extras no group."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups, extras = project["dependency-groups"], project["project"]["optional-dependencies"]

    def grouped(name):
        entries = groups[name]
        named = [grouped(entry["include-group"]) for entry in entries if isinstance(entry, dict)]
        return {entry for entry in entries if isinstance(entry, str)}.union(*named)

    def asked(name):
        found = set()
        for need in extras[name]:
            own = re.fullmatch(r"funcdl\[(.+)\]", need)
            found |= set().union(*map(asked, own[1].split(","))) if own else {need}
        return found

    for name in ("test", "docs", "dev"):
        assert grouped(name) == asked(name)


def test_the_lock_has_what_is_asked_for_as_it_is_pinned_and_no_address():
    """`nox -s lock` writes it: versions and hashes alone, which pip and uv take from any index."""
    text = (ROOT / "lock.txt").read_text(encoding="utf-8")
    assert "://" not in text
    entries = re.split(r"^(?=[a-z])", text, flags=re.M)[1:]
    locked = {}
    for entry in entries:
        name, version = re.match(r"([a-z0-9-]+)==(\S+)( ; .+)? \\\n", entry).group(1, 2)
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), name
        locked.setdefault(name, set()).add(version)
    pins = re.findall(r"^([a-z0-9-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M)
    assert len(pins) > 20
    for name, pin in pins:
        assert locked[name] == {pin}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    asked = {re.match(r"[a-z-]+", need)[0] for need in sum(extras, project["dependencies"])}
    assert asked - {"funcdl"} <= set(locked)


def test_every_file_that_a_package_reads_is_in_its_wheel():
    """Setuptools takes modules by itself and of all others only what pyproject.toml names."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    named = tools["setuptools"]["package-data"]
    for package in ("funcdl", "funcdl_cli", "funcdl_learn", "pairs", "disc", "studykit", "reports"):
        globs = [*named.get(package, ()), *named.get("*", ())]
        told = {path for pattern in globs for path in (ROOT / package).glob(pattern)}
        other = {
            path
            for path in (ROOT / package).rglob("*")
            if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
        }
        assert other <= told
        assert all(any((ROOT / package).glob(pattern)) for pattern in globs)
    for file in ("rates.json", "mnist14.xz", "champion.safetensors", "LICENSE"):
        assert ROOT / "pairs" / "data" / file in (ROOT / "pairs").rglob(file)


def release(text):
    """The numbers of a version, 8 and 8.0.0 being the same."""
    numbers = [int(part) for part in text.split(".")]
    return tuple(numbers + [0] * (3 - len(numbers)))
