"""A course: a folder of exercises, each of them one Python file.

The first half of the file is the student's: the text as its docstring, and the model solution with
`# solution` above each part that a student writes; the stub is the same file without these parts.
Below the line `TEACHER` follows the teacher's half, which students never get: the grader, and the
wrong solutions that it has to catch.

The order is that of the names. A step of a file that grows, such as a framework, says by
`FILE = "framework.py"` which it is; the model solution is then in the course's file of that name.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from funcdl import FuncdlError

__all__ = ["HERE", "TEACHER", "CourseError", "Exercise", "Teacher", "course", "find", "teacher"]

HERE = Path(__file__).parent / "exercises"
"""The course that the package has."""

TEACHER = "# ---------- the teacher's half ----------"
SOLUTION = "# solution"
TURN = 'raise NotImplementedError("your turn")'
NAMED = re.compile(r"[a-z]\d+[a-z]?_(\w+)")


class CourseError(FuncdlError, ValueError):
    """A folder or a file that is no course, or an exercise that it does not have."""


class Exercise(NamedTuple):
    """What there is to do.

    Attributes:
        key: the name of its file without the ending, `e01_square`.
        name: the same without its place in the order, `square`.
        title: the first line of its text.
        text: what is asked for, and why.
        file: the student's file, `e01_square.py`.
        stub: that file as a student gets it.
        solution: the same with the model solution.
        place: the exercise itself.
    """

    key: str
    name: str
    title: str
    text: str
    file: str
    stub: str
    solution: str
    place: Path


class Teacher(NamedTuple):
    """The second half of an exercise.

    Attributes:
        grade: takes the student's file and raises `WrongError` for the first thing that is wrong.
        wrong: wrong solutions, by what is wrong: each a piece of the model solution, found there
            once, and what stands in its place.
        equivalent: lines of mutants that change no answer, with the reason.
        untried: names whose mutants are not tried, such as a training that takes seconds.
        limit: seconds that the grading may take.
    """

    grade: Callable[[Any], None]
    wrong: Mapping[str, tuple[str, str]]
    equivalent: Mapping[str, str] = {}
    untried: tuple[str, ...] = ()
    limit: float = 10.0


def course(folder: Path = HERE) -> list[Exercise]:
    """Read the exercises of a course, in their order.

    Raises:
        CourseError: the folder has none, or one is not as it should be.

    >>> [exercise.name for exercise in course()][:3]
    ['square', 'sum', 'product']
    """
    found = sorted(file for file in folder.glob("*.py") if NAMED.fullmatch(file.stem))
    if not found:
        raise CourseError(f"{folder}: expected exercises such as e01_square.py, got none")
    return [_read(file) for file in found]


def find(exercises: list[Exercise], asked: list[str]) -> list[Exercise]:
    """Choose exercises by name, by key or its beginning, or by file; all if none is asked for.

    Raises:
        CourseError: there is no such exercise; the message has those that there are.

    >>> [exercise.key for exercise in find(course(), ["square", "e02", "e03_product.py"])]
    ['e01_square', 'e02_sum', 'e03_product']
    """
    words = {
        exercise.key: {
            *(exercise.key, exercise.key.partition("_")[0], exercise.key[0], exercise.name),
            Path(exercise.file).stem,
        }
        for exercise in exercises
    }
    for text in asked:
        if not any(Path(text).stem in known for known in words.values()):
            raise CourseError(
                f"expected the name of an exercise, got {text!r}; there are "
                + ", ".join(exercise.name for exercise in exercises)
            )
    stems = {Path(text).stem for text in asked}
    return [exercise for exercise in exercises if not asked or stems & words[exercise.key]]


def _read(place: Path) -> Exercise:
    try:
        student, mark, below = place.read_text(encoding="utf-8").partition(f"\n{TEACHER}\n")
        text = ast.get_docstring(ast.parse(student))
    except (OSError, ValueError, SyntaxError) as error:
        raise CourseError(f"{place}: expected an exercise, got: {error}") from None
    if not text or not mark:
        missing = "a text as its docstring" if not text else f"the line '{TEACHER}'"
        raise CourseError(f"{place}: expected {missing}, got none")
    grown = re.search(r'^FILE = "([\w.]+)"$', below, re.M)
    file = grown[1] if grown else place.name
    if grown:
        student = (place.parent / file).read_text(encoding="utf-8")
    named = NAMED.fullmatch(place.stem)
    assert named is not None
    title = text.partition("\n")[0].rstrip(".")
    solution = "".join(
        line for line in student.splitlines(keepends=True) if line.strip() != SOLUTION
    )
    stub, solution = _cut(student), solution.rstrip("\n") + "\n"
    return Exercise(place.stem, named[1], title, text, file, stub, solution, place)


def _cut(source: str) -> str:
    r"""Leave out what a student writes: all that follows `# solution` at its depth or deeper.

    >>> print(_cut("def f(x):\n    # solution\n    if x:\n        return 1\n\ny = 2"), end="")
    def f(x):
        raise NotImplementedError("your turn")
    <BLANKLINE>
    y = 2
    """
    kept: list[str] = []
    depth: int | None = None
    blank: list[str] = []
    for line in source.splitlines():
        inside = len(line) - len(line.lstrip())
        if depth is not None:
            if not line.strip():
                blank.append(line)
                continue
            if inside >= depth:
                blank = []
                continue
            kept += blank
            depth, blank = None, []
        if line.strip() == SOLUTION:
            depth = inside
            kept += [" " * inside + TURN] if inside else []
        else:
            kept.append(line)
    return "\n".join(kept).rstrip("\n") + "\n"


def teacher(place: Path) -> Teacher:
    """Load the second half of an exercise.

    Raises:
        CourseError: it has no `grade` or no `WRONG`.
    """
    spec = importlib.util.spec_from_file_location(f"funcdl_learn.exercises.{place.stem}", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    told = vars(module)
    for name in ("grade", "WRONG"):
        if name not in told:
            raise CourseError(f"{place}: expected {name} in the teacher's half, got none")
    return Teacher(
        told["grade"],
        told["WRONG"],
        told.get("EQUIVALENT", {}),
        told.get("UNTRIED", ()),
        told.get("LIMIT", 10.0),
    )
