"""Build the wheel and the sdist, look into both, and install the wheel where nothing else is.

    python tests/packages.py

takes a minute, writes to `dist/`, and ends with what is wrong, or with a line for each file. It
needs the package `build`.
"""

import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
TOP = {"funcdl", "funcdl_cli", "funcdl_learn", "pairs", "disc", "studykit", "reports"}
"""What the wheel puts beside other packages, but for its own metadata."""

DATA = {
    "funcdl/py.typed",
    *("funcdl/tensor.pyi", "funcdl/generic.pyi"),
    *(f"pairs/canvas/{name}" for name in ("draw.html", "draw.css", "network.js", "page.js")),
    *(f"pairs/data/{name}" for name in ("mnist14.xz", "champion.safetensors", "LICENSE")),
}
SOURCES = {
    *("README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CITATION.cff"),
    *("cli.py", "constraints.txt", "docs/index.md", "docs/figures/boundary.svg"),
    *("tests/conftest.py", "examples/own_layer.py", "published/README.md", ".ci/run"),
}
STEPS = (
    "import funcdl, sys; assert funcdl.__file__.startswith(sys.prefix), funcdl.__file__",
    "import importlib.metadata as m, funcdl; assert m.version('funcdl') == funcdl.__version__",
)


def build() -> tuple[Path, Path]:
    """Build both from a clean folder, the wheel from the sdist."""
    shutil.rmtree(DIST, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "build", "--outdir", DIST, ROOT], check=True, text=True)
    (wheel,), (source,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    return wheel, source


def wheel_faults(wheel: Path, project: dict[str, object]) -> list[str]:
    """Say what is wrong with a wheel's contents and metadata."""
    with zipfile.ZipFile(wheel) as files:
        names = set(files.namelist())
        (info,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
        told = Parser().parsestr(files.read(f"{info}/METADATA").decode("utf-8"))
        scripts = files.read(f"{info}/entry_points.txt").decode("utf-8")
    faults = []
    if odd := {name.split("/")[0] for name in names} - {info} ^ TOP:
        faults.append(f"top-level names that should not be there, or should: {sorted(odd)}")
    faults += [f"{name} is missing" for name in sorted(DATA - names)]
    faults += [f"{name} should not be there" for name in sorted(names) if "__pycache__" in name]
    for field, key in (("Name", "name"), ("Version", "version"), ("Requires-Python",) * 2):
        if told[field] != project[key.lower()]:
            faults.append(f"{field} is {told[field]}")
    for field in ("Summary", "Keywords", "License-Expression", "Classifier", "License-File"):
        if not told[field]:
            faults.append(f"{field} is empty")
    if "funcdl-cli = funcdl_cli.main:main" not in scripts:
        faults.append(f"the command is {scripts}")
    if not told.get_payload().startswith("# funcdl"):
        faults.append("the description is not the README")
    return faults


def source_faults(source: Path) -> list[str]:
    """Say what is missing in an sdist, and what has no place in it."""
    with tarfile.open(source) as files:
        names = {name.partition("/")[2] for name in files.getnames()}
    faults = [f"{name} is missing" for name in sorted(SOURCES | DATA) if name not in names]
    odd = re.compile(r"__pycache__|\.pyc$|^(build|dist|results|\.venv|\.git)/")
    return faults + [f"{name} should not be there" for name in sorted(names) if odd.search(name)]


def installed_faults(wheel: Path) -> list[str]:
    """Install the wheel in an empty environment, away from the repository, and take first steps."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "env"
        venv.create(place, with_pip=True)
        scripts = place / ("Scripts" if sys.platform == "win32" else "bin")
        install = [scripts / "python", "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt"]
        subprocess.run([*install, wheel], check=True)
        commands = [[scripts / "python", "-I", "-c", step] for step in STEPS]
        commands += [
            [scripts / "funcdl-cli", "--version"],
            [scripts / "funcdl-cli", "check", "--only", "linear", "--quiet"],
            [scripts / "funcdl-cli", "framework", "--epochs", "2", "--out", "disc"],
            [scripts / "funcdl-cli", "report", "disc"],
            [scripts / "funcdl-cli", "learn", "--solutions", "solved"],
            [scripts / "funcdl-cli", "learn", "solved", "square", "sequential"],
            [
                scripts / "funcdl-cli",
                *["pairs", "--models", "fc-shared", "--rounds", "1", "--epochs", "1"],
            ],
        ]
        faults = []
        for command in commands:
            ended = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            if ended.returncode or "Warning" in ended.stderr:
                faults.append(f"{' '.join(map(str, command))}: {ended.stderr or ended.stdout}")
        return faults


def main() -> None:
    """Build, look, install."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wheel, source = build()
    faults = wheel_faults(wheel, project) + source_faults(source) + installed_faults(wheel)
    if faults:
        sys.exit("\n".join(faults))
    for file in (wheel, source):
        print(f"{file.name}: {file.stat().st_size:,} bytes, as it should be")


if __name__ == "__main__":
    main()
