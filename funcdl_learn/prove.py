"""The graders graded: `python -m funcdl_learn.prove [--course DIR] [NAME …]`.

For each exercise: the untouched stub must not pass, the model solution must, and every wrong
solution of the teacher's must be caught; so must the mutants, which are the model solution broken
by machine in one place. A mutant that changes no answer is named in the exercise, with the reason.
Of a file that grows over several exercises, a mutant is caught where one of them notices.

The counts are printed, with what was not caught; the exit code is 1 where that is anything.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from funcdl_learn.course import HERE, CourseError, Exercise, course, find, teacher
from funcdl_learn.grader import PASSED, TODO
from funcdl_learn.mutants import mutants
from funcdl_learn.run import Graders, graders

__all__ = ["Proof", "broken", "prove"]


class Proof(NamedTuple):
    """What is known of a grader.

    Attributes:
        caught: how many of the wrong solutions.
        wrong: how many there are.
        seconds: of the grading of the model solution.
        faults: sentences, of what should not be so.
    """

    caught: int
    wrong: int
    seconds: float
    faults: list[str]


def prove(exercise: Exercise, ask: Graders) -> Proof:
    """Try a grader on the stub, on the model solution and on every wrong one."""
    told = teacher(exercise.place)
    faults = []
    if (outcome := ask(exercise, exercise.stub)).state != TODO:
        faults.append(f"the stub: expected it to be to do, got {outcome.state} {outcome.sentence}")
    solved = ask(exercise, exercise.solution)
    if solved.state != PASSED:
        faults.append(f"the model solution: expected it to pass, got {solved.sentence}")
    caught = 0
    for about, changed in told.wrong.items():
        outcome = ask(exercise, broken(exercise, about, *changed))
        caught += outcome.state != PASSED
        if outcome.state == PASSED:
            faults.append(f"wrong, and not caught: {about}")
    return Proof(caught, len(told.wrong), solved.seconds, faults)


def broken(exercise: Exercise, about: str, old: str, new: str) -> str:
    """Make a wrong solution of the model solution.

    Raises:
        CourseError: what is to be changed is not there, or there twice.
    """
    count = exercise.solution.count(old)
    if count != 1:
        raise CourseError(
            f"{exercise.place}: WRONG[{about!r}]: expected {old!r} once in the solution, "
            f"got it {count} times"
        )
    return exercise.solution.replace(old, new)


def survivors(exercises: list[Exercise], ask: Graders, every: int = 1) -> Iterator[str | None]:
    """Try mutants of one file's solution; give None for each that is caught, or its line."""
    told = [teacher(exercise.place) for exercise in exercises]
    untried = tuple(name for one in told for name in one.untried)
    graded = [exercise for exercise, one in zip(exercises, told) if not one.untried]
    if not graded:
        return
    equivalent = {line for one in told for line in one.equivalent}
    for mutant in [*mutants(exercises[0].solution, untried)][::every]:
        if mutant.line in equivalent:
            continue
        noticed = any(ask(exercise, mutant.source).state != PASSED for exercise in graded)
        yield None if noticed else mutant.line


def main() -> int:
    """Prove the graders of a course, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--course", type=Path, default=HERE, help="a folder of exercises")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of exercises; all if left out")
    options = parser.parse_args()
    try:
        chosen = find(course(options.course), options.names)
        return _report(chosen)
    except CourseError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2


def _report(chosen: list[Exercise]) -> int:
    files: dict[str, list[Exercise]] = {}
    for exercise in chosen:
        files.setdefault(exercise.file, []).append(exercise)
    caught = wrong = killed = tried = named = faults = 0
    with graders() as ask:
        for file, exercises in files.items():
            for exercise in exercises:
                proof = prove(exercise, ask)
                caught, wrong = caught + proof.caught, wrong + proof.wrong
                faults += len(proof.faults)
                print(
                    f"{exercise.key}: {proof.caught} of {proof.wrong} wrong solutions caught; the "
                    f"model solution passes in {proof.seconds:.2f} s",
                    *proof.faults,
                    sep="\n  ",
                    flush=True,
                )
            found = [*survivors(exercises, ask)]
            alive = [line for line in found if line is not None]
            named += sum(len(teacher(exercise.place).equivalent) for exercise in exercises)
            tried, killed, faults = (
                tried + len(found),
                killed + len(found) - len(alive),
                faults + len(alive),
            )
            if found:
                print(
                    f"{file}: {len(found) - len(alive)} of {len(found)} mutants caught", flush=True
                )
            for line in alive:
                print(f"  a mutant that passes: {line}")
    print(
        f"{len(chosen)} exercises: {caught} of {wrong} wrong solutions caught, {killed} of {tried} "
        f"mutants; {named} that change no answer are named"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
