"""The README of a student's folder."""

from __future__ import annotations

from funcdl_learn.course import Exercise

__all__ = ["readme"]

BEGINNING = """\
# Exercises

Each file has a text that says what to write, and why, and a place to write it: where
`NotImplementedError` is raised. In this folder,

```sh
funcdl-cli learn .          # grades all, a line each
funcdl-cli learn . square   # grades one, and shows what it prints
funcdl-cli learn            # lists them, with what is known of each
```

The first failure is explained with its numbers: what was expected, what came, for which input.
Every file is run in a process of its own, with a limit of time. `funcdl-cli learn --start .` writes
files that are missing, and never over one that is there.

What "Tutorial" names are sections of the project's page `docs/tutorial.md`.
"""


def readme(exercises: list[Exercise]) -> str:
    """Write what the exercises are, and the steps of files that grow.

    >>> from funcdl_learn.course import course
    >>> "| 1 | [e01_square.py](e01_square.py) | The vjp of a square |" in readme(course())
    True
    """
    alone = [exercise for exercise in exercises if exercise.place.name == exercise.file]
    rows = "\n".join(
        f"| {i} | [{exercise.file}]({exercise.file}) | {exercise.title} |"
        for i, exercise in enumerate(alone, 1)
    )
    parts = [BEGINNING]
    if alone:
        parts.append(f"| | file | what to write |\n| --- | --- | --- |\n{rows}\n")
    grown = [exercise for exercise in exercises if exercise not in alone]
    for file in dict.fromkeys(exercise.file for exercise in grown):
        parts.append(f"## [{file}]({file}), step by step\n")
        parts += [
            f"### {exercise.key}\n\n{exercise.text}\n"
            for exercise in grown
            if exercise.file == file
        ]
    return "\n".join(parts)
