"""A student's folder: exercises written into it, graded in it, and what is known of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from funcdl_learn.course import CourseError, Exercise
from funcdl_learn.grader import FAILED, TODO, Outcome
from funcdl_learn.readme import readme
from funcdl_learn.run import graders
from studykit.files import replace, text_of, writing

__all__ = ["KEPT", "NEW", "SAME", "UNKNOWN", "grade_folder", "start", "states", "write_solutions"]

NEW, SAME, KEPT = "written", "there already", "kept as you changed it"
UNKNOWN = "not graded"
"""The state of a file that has changed since it was graded."""

NOTES = ".progress.json"
"""What was found when a file was last graded, by exercise."""


def start(exercises: list[Exercise], folder: Path) -> dict[str, str]:
    """Write the stubs and a README into a folder, and leave every file that is there as it is.

    Returns:
        What became of each file: NEW, SAME, or KEPT.

    Raises:
        ResultsError: the folder cannot be written.
    """
    stubs = {exercise.file: exercise.stub for exercise in exercises}
    return _write({"README.md": readme(exercises), **stubs}, folder)


def write_solutions(exercises: list[Exercise], folder: Path) -> dict[str, str]:
    """Write the model solutions into a folder, and leave every file that is there as it is.

    Raises:
        ResultsError: the folder cannot be written.
    """
    return _write({exercise.file: exercise.solution for exercise in exercises}, folder)


def _write(texts: dict[str, str], folder: Path) -> dict[str, str]:
    done = {}
    with writing(folder):
        for file, text in texts.items():
            place = folder / file
            if place.exists():
                done[file] = SAME if _read(place) == text else KEPT
            else:
                replace(place, text)
                done[file] = NEW
    return done


def _read(place: Path) -> str | None:
    """Read a student's file; None where it is no text."""
    try:
        return text_of(place)
    except (OSError, ValueError):
        return None


def grade_folder(exercises: list[Exercise], folder: Path) -> Iterator[tuple[Exercise, Outcome]]:
    """Grade exercises, one after the other, and note what was found.

    Raises:
        CourseError: it is no folder, or has no file of these exercises.
    """
    _has_some(exercises, folder)
    known = _notes(folder)
    with graders() as ask:
        for exercise in exercises:
            place = folder / exercise.file
            source = _read(place)
            if not place.exists():
                outcome = Outcome(TODO, f"expected a file {place}, got none")
            elif source is None:
                outcome = Outcome(FAILED, f"expected {place} to be text in UTF-8")
            else:
                outcome = ask(exercise, source)
                known[exercise.key] = {"state": outcome.state, "file": _digest(source)}
                _note(folder, known)
            yield exercise, outcome


def _has_some(exercises: list[Exercise], folder: Path) -> None:
    if not folder.is_dir():
        raise CourseError(f"{folder}: expected a folder of exercises, got none")
    if not any((folder / exercise.file).exists() for exercise in exercises):
        files = ", ".join(dict.fromkeys(exercise.file for exercise in exercises[:3]))
        raise CourseError(
            f"{folder}: expected exercises such as {files}, got none; "
            f"'funcdl-cli learn --start {folder}' writes them"
        )


def states(exercises: list[Exercise], folder: Path) -> dict[str, str]:
    """Say what is known of each exercise: TODO for a stub, otherwise its last outcome."""
    known, found = _notes(folder), {}
    for exercise in exercises:
        source = _read(folder / exercise.file)
        note = known.get(exercise.key, {})
        if source is None or source == exercise.stub:
            found[exercise.key] = TODO
        elif isinstance(note, dict) and note.get("file") == _digest(source):
            found[exercise.key] = str(note.get("state"))
        else:
            found[exercise.key] = UNKNOWN
    return found


def _notes(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads(_read(folder / NOTES) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _note(folder: Path, known: dict[str, Any]) -> None:
    try:
        replace(folder / NOTES, json.dumps(known, indent=1) + "\n")
    except OSError:
        return  # a folder that cannot be written can be graded all the same


def _digest(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()
