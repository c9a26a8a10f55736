"""Grading from outside: a server is asked, and nothing that a student's file does comes through."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from funcdl_learn.course import CourseError, Exercise, teacher
from funcdl_learn.grader import FAILED, Outcome
from funcdl_learn.server import late, lost

__all__ = ["Graders", "graders"]

GRACE = 10.0
"""Seconds beyond its limit after which the server itself is taken for lost."""


class Graders:
    """Whoever grades files, in a process that is started when it is first needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, exercise: Exercise, source: str, limit: float | None = None) -> Outcome:
        """Grade a student's file.

        Args:
            exercise: which one.
            source: the student's file.
            limit: seconds that it may take; the exercise's own if left out.

        Raises:
            CourseError: the exercise itself is at fault.
        """
        allowed = teacher(exercise.place).limit if limit is None else limit
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        asked = {"place": str(exercise.place.resolve()), "file": exercise.file}
        watch = threading.Timer(allowed + GRACE, _kill, [process])
        watch.start()
        try:
            with suppress(OSError):
                print(
                    json.dumps({**asked, "source": source, "limit": allowed}),
                    file=process.stdin,
                    flush=True,
                )
            line = process.stdout.readline()
        finally:
            in_time = watch.is_alive()
            watch.cancel()
        if not line:
            self.close()
            return Outcome(FAILED, lost(process.wait()) if in_time else late(allowed))
        told: dict[str, Any] = json.loads(line)
        outcome = Outcome(**told)
        if outcome.state == "broken":
            raise CourseError(f"{exercise.place}: its grader failed: {outcome.sentence}")
        return outcome

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            # A session of its own: Ctrl-C goes to whoever asks, who ends it.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "funcdl_learn.server"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in [_root(), *_paths()])},
            )
        return self._process

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                assert pipe is not None
                pipe.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(1.0)  # it ends by itself, with the copy that is at work
        _kill(process)
        process.wait()


def _root() -> str:
    return str(Path(__file__).parents[1])


def _paths() -> list[str]:
    return [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]


def _kill(process: subprocess.Popen[str]) -> None:
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


@contextmanager
def graders() -> Iterator[Graders]:
    """Give graders; their process has ended when the block has."""
    asked = Graders()
    try:
        yield asked
    finally:
        asked.close()
