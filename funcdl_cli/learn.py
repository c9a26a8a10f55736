"""`funcdl-cli learn`: exercises that grade themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from funcdl_cli.console import notes, out, say, say_json
from funcdl_cli.options import RUN, Config, Json, Quiet, path
from funcdl_cli.progress import progress
from funcdl_learn.course import HERE, Exercise, course, find
from funcdl_learn.folder import KEPT, NEW, grade_folder, start, states, write_solutions
from funcdl_learn.grader import FAILED, PASSED, Outcome
from studykit.terminal import FittedTable

__all__ = ["EXAMPLES", "learn"]

EXAMPLES = (
    "funcdl-cli learn --start exercises",
    "funcdl-cli learn exercises square",
    "funcdl-cli learn exercises",
)
USUAL = Path("exercises")
COLOURS = {PASSED: "green", FAILED: "bold red"}


def learn(
    folder: Annotated[
        Path | None,
        typer.Argument(
            parser=path,
            metavar="[FOLDER]",
            help="Where your exercises are; those that there are are listed if left out.",
            show_default=False,
        ),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help="Of exercises, such as square or e01; e or f for a track; all if left out.",
            show_default=False,
        ),
    ] = None,
    begin: Annotated[
        bool,
        typer.Option(
            "--start",
            help="Write the exercises into FOLDER; a file that is there stays as it is.",
            rich_help_panel=RUN,
        ),
    ] = False,
    solutions: Annotated[
        bool,
        typer.Option(
            "--solutions",
            help="For teachers: write the model solutions into FOLDER, likewise.",
            rich_help_panel=RUN,
        ),
    ] = False,
    lessons: Annotated[
        Path | None,
        typer.Option(
            "--course",
            parser=path,
            metavar="DIR",
            help="A teacher's own exercises, in place of the package's.",
            rich_help_panel=RUN,
        ),
    ] = None,
    config: Config = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Learn backpropagation by exercises that grade themselves.

    They go from the vjp of a square to a network with shared weights, and from an empty file to a
    framework. The exit status is 0 where all that was asked for passes, otherwise 1.
    """
    if begin and solutions:
        raise typer.BadParameter("expected one of --start and --solutions, got both")
    asked = find(course(lessons or HERE), names or [])
    if begin or solutions:
        _write(asked, folder, solutions, as_json)
    elif folder is None:
        _list(asked, as_json)
    else:
        _grade(asked, folder, bool(names), as_json)


def _write(asked: list[Exercise], folder: Path | None, solutions: bool, as_json: bool) -> None:
    """Write stubs or solutions, and say of each file what became of it."""
    if folder is None:
        option = "--solutions" if solutions else "--start"
        raise typer.BadParameter(
            f"expected a folder, such as in 'funcdl-cli learn {option} {USUAL}'"
        )
    done = (write_solutions if solutions else start)(asked, folder)
    if as_json:
        say_json({"folder": str(folder), "files": done})
        return
    for file, became in done.items():
        if became != NEW:
            say(f"{folder / file}: {became}")
    count = sum(became == NEW for became in done.values())
    kept = sum(became == KEPT for became in done.values())
    say(f"{folder}: {_files(count)} written, {len(done) - count - kept} there already, {kept} kept")
    if not solutions:
        notes.print(f"Read {folder / 'README.md'}, and grade by 'funcdl-cli learn {folder}'.")


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"


def _list(asked: list[Exercise], as_json: bool) -> None:
    """List the exercises, with what is known of them where a student would have them."""
    places = [place for place in (USUAL, Path()) if any((place / e.file).is_file() for e in asked)]
    known = states(asked, places[0]) if places else {}
    if as_json:
        say_json({"exercises": [_told(e, known.get(e.key)) for e in asked]})
        return
    table = FittedTable("Exercises", least=("file", "about"))
    for heading in ("name", "about", "file", *(["state"] if known else [])):
        table.add_column(heading, no_wrap=True)
    for exercise in asked:
        state = [_coloured(known[exercise.key])] if known else []
        table.add_row(exercise.name, exercise.title, exercise.file, *state)
    out.print(table)
    if not known:
        notes.print(f"'funcdl-cli learn --start {USUAL}' writes them, with a README.")


def _told(exercise: Exercise, state: str | None) -> dict[str, str | None]:
    return {
        "key": exercise.key,
        "name": exercise.name,
        "title": exercise.title,
        "file": exercise.file,
        "state": state,
    }


def _coloured(state: str) -> str:
    colour = COLOURS.get(state)
    return f"[{colour}]{state}[/{colour}]" if colour else state


def _grade(asked: list[Exercise], folder: Path, few: bool, as_json: bool) -> None:
    """Grade, print a line for each, and explain the first failure."""
    found: list[tuple[Exercise, Outcome]] = []
    with progress() as bar:
        task = bar.add_task("exercises", total=len(asked))
        for exercise, outcome in grade_folder(asked, folder):
            found.append((exercise, outcome))
            bar.update(task, advance=1, description=exercise.name)
    passed = sum(outcome.state == PASSED for _, outcome in found)
    if as_json:
        outcomes = [
            {**_told(exercise, outcome.state), **outcome._asdict()} for exercise, outcome in found
        ]
        say_json({"folder": str(folder), "passed": passed, "exercises": outcomes})
    else:
        out.print(_table(found, passed))
        _explain(found, folder)
        if few:
            for exercise, outcome in found:
                if outcome.printed:
                    notes.print(f"{exercise.file} printed:\n{outcome.printed.rstrip()}")
    if passed < len(found):
        raise typer.Exit(1)


def _explain(found: list[tuple[Exercise, Outcome]], folder: Path) -> None:
    """Say what is wrong with the first that failed, or what to do next."""
    failed = [each for each in found if each[1].state == FAILED]
    undone = [each for each in found if each[1].state not in (PASSED, FAILED)]
    for exercise, outcome in (failed or undone)[:1]:
        word = exercise.name if failed else f"next, {exercise.name}"
        say(f"{word} ({folder / exercise.file}): {outcome.sentence}")


def _table(found: list[tuple[Exercise, Outcome]], passed: int) -> FittedTable:
    table = FittedTable(f"Exercises: {passed} of {len(found)} pass", least=("s", "about"))
    for heading in ("name", "about"):
        table.add_column(heading, no_wrap=True)
    table.add_column("s", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for exercise, outcome in found:
        seconds = f"{outcome.seconds:.1f}"
        table.add_row(exercise.name, exercise.title, seconds, _coloured(outcome.state))
    return table
