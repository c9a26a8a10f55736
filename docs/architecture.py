"""Draw the floors of the library from its imports: `python docs/architecture.py`.

The rooms are the files and folders of `funcdl/`; their floors are those that
`tests/test_imports.py` holds them to. The picture goes beside this file.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))  # where the parts of a picture are

from studykit.svg.diagram import box, diagram, path, words  # noqa: E402

FLOORS = [
    "contract, errors, trees",
    "primitive operations",
    "layers, losses, steps",
    "combinators",
    "watching calls",
    "tools on layers",
    "adapter",
    "public names",
    "the studies' kit",
    "the studies",
    "reports, exercises",
    "the command line",
]
"""What stands on each floor, from the ground up."""

WIDTH, LEFT, STOREY, HIGH, SWEEPS = 1560, 190, 84, 18, 10


def rooms() -> list[list[str]]:
    """List the rooms of each floor: those of the library, then those that stand on it.

    Raises:
        SystemExit: the floors are not as many as have a name, or a file of `funcdl/` has none.
    """
    tests = ROOT / "tests" / "test_imports.py"
    floors: list[set[str]] = []
    for node in ast.parse(tests.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("FLOORS", "STUDIES"):
            floors += ast.literal_eval(node.value)
    if len(floors) != len(FLOORS):
        sys.exit(f"expected {len(FLOORS)} floors, got {len(floors)} in {tests}")
    lost = {room_of(file) for file in (ROOT / "funcdl").rglob("*.py")} - set().union(*floors)
    if lost:
        sys.exit(f"expected a floor in {tests} for {', '.join(sorted(lost))}")
    return [sorted(floor) for floor in floors]


def room_of(file: Path) -> str:
    """Name the room that a file is in."""
    first, *rest = file.relative_to(ROOT).with_suffix("").parts
    return rest[0] if first == "funcdl" else first.removeprefix("funcdl_")


def imported(file: Path, known: set[str]) -> Iterator[str]:
    """Name the rooms that a file imports; from outside, `funcdl` is one room, its public names."""
    inside = file.is_relative_to(ROOT / "funcdl")
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or node.module is None:
            continue
        first, *rest = node.module.split(".")
        if first == "funcdl" and not inside:
            yield "__init__"
        elif first == "funcdl":
            yield from rest[:1] or [alias.name for alias in node.names if alias.name in known]
        elif first.removeprefix("funcdl_") in known:
            yield first.removeprefix("funcdl_")


def imports(floors: list[list[str]]) -> dict[str, set[str]]:
    """Give for each room the rooms that its files import, without itself."""
    known = {room for floor in floors for room in floor}
    found: dict[str, set[str]] = {room: set() for room in known}
    folders = {ROOT / name for floor in floors for name in floor} & {*ROOT.iterdir()}
    folders |= {ROOT / "funcdl", ROOT / "funcdl_cli", ROOT / "funcdl_learn"}
    files = [ROOT / "cli.py", *(file for folder in folders for file in folder.rglob("*.py"))]
    for file in files:
        found[room_of(file)] |= {*imported(file, known)} - {room_of(file)}
    return found


def below(room: str, found: dict[str, set[str]]) -> set[str]:
    """Give all that a room stands on, by imports of imports."""
    reached: set[str] = set()
    ahead = [*found[room]]
    while ahead:
        other = ahead.pop()
        if other not in reached:
            reached.add(other)
            ahead += found[other]
    return reached


def direct(found: dict[str, set[str]]) -> dict[str, set[str]]:
    """Leave out what follows: an import of what another import of the room stands on too."""
    return {
        room: {t for t in others if not any(t in below(o, found) for o in others - {t})}
        for room, others in found.items()
    }


def placed(floors: list[list[str]], lines: dict[str, set[str]]) -> dict[str, tuple[float, float]]:
    """Place each floor's rooms evenly, near those that lines join them to, so that few cross."""
    places: dict[str, tuple[float, float]] = {}
    joined = {
        room: {*others, *(r for r in lines if room in lines[r])} for room, others in lines.items()
    }
    for _ in range(SWEEPS):
        for height, floor in enumerate(floors):

            def middle(room: str) -> float:
                xs = [places[other][0] for other in sorted(joined[room]) if other in places]
                return sum(xs) / len(xs) if xs else WIDTH / 2

            step = (WIDTH - LEFT - 15) / len(floor)
            for i, room in enumerate(sorted(floor, key=middle)):
                y = 40 + STOREY * (len(floors) - 1 - height)
                places[room] = (LEFT + step * (i + 0.5), y)
    return places


def drawn() -> str:
    """Draw the floors, their rooms, and a line from each room to those that it imports."""
    floors = rooms()
    found = imports(floors)
    lines = direct(found)
    places = placed(floors, lines)
    parts = []
    for floor, name in zip(floors, FLOORS):
        parts.append(words(20, places[floor[0]][1] + 5, name, "quiet", "start"))
    for room in sorted(lines):
        parts += [curve(places[room], places[other]) for other in sorted(lines[room])]
    for room, (x, y) in sorted(places.items()):
        label = "funcdl" if room == "__init__" else room
        parts.append(box(x, y, label, "", 24 + 8.5 * len(label)))
    title = "The floors of funcdl, from the ground up. " + " ".join(
        f"{name}: {', '.join('funcdl' if room == '__init__' else room for room in floor)}."
        for name, floor in zip(FLOORS, floors)
    )
    return diagram(WIDTH, 40 + STOREY * (len(floors) - 1) + 50, title, parts)


def curve(start: tuple[float, float], end: tuple[float, float]) -> str:
    """Draw a line down from one room to another, or below the floor that both are on."""
    (x1, y1), (x2, y2) = start, end
    if y1 == y2:
        dip = y1 + HIGH + 16
        return path(
            f"M{x1:g} {y1 + HIGH}C{x1:g} {dip:g} {x2:g} {dip:g} {x2:g} {y2 + HIGH}", "quiet"
        )
    bend = (y2 - y1) / 2
    return path(
        f"M{x1:g} {y1 + HIGH}C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2 - HIGH}", "quiet"
    )


if __name__ == "__main__":
    (HERE / "architecture.svg").write_text(drawn(), encoding="utf-8")
    print("architecture.svg")
