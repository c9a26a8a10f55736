"""A process that grades files, each in a process of its own: `python -m funcdl_learn.server`.

It loads PyTorch once. Requests come on standard input, one JSON document a line, and each is
answered by one on standard output. For each, it is copied (forked); the copy runs the student's
file, with all that it prints going to a file, and is killed when its time is over, with all that it
has started. Where processes cannot be copied it does the work itself, and whoever asked, who waits
no longer than that, kills it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from funcdl_learn.grader import FAILED, Outcome, grade

__all__ = ["late", "lost", "serve"]

MOST = 2000
"""Characters of what a file prints that are kept."""


def late(limit: float) -> str:
    """Say that the time was over."""
    return f"expected it to end within {limit:g} s, but it was still running"


def lost(code: int) -> str:
    """Say that a process ended without an answer."""
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    return f"expected it to run to its end, but its process {how}"


def serve() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    quiet = os.open(os.devnull, os.O_RDWR)
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    os.dup2(quiet, 0)  # a student's input() finds nothing to read
    os.dup2(quiet, 1)
    for line in iter(requests.readline, b""):
        asked = json.loads(line)
        started = time.monotonic()
        outcome = _copied(asked, requests) if hasattr(os, "fork") else _answered(asked)
        outcome["seconds"] = time.monotonic() - started
        print(json.dumps(outcome), file=answers, flush=True)


def _answered(asked: dict[str, Any]) -> dict[str, Any]:
    """Grade in this process, with what is printed put aside."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as printed:
        for number in (1, 2):
            os.dup2(printed.fileno(), number)
        # Line by line, so that what was printed before a crash is there.
        sys.stdout = sys.stderr = open(  # noqa: SIM115
            os.dup(1), "w", encoding="utf-8", errors="replace", buffering=1
        )
        try:
            outcome = grade(Path(asked["place"]), asked["source"], asked["file"])
        except Exception:
            outcome = Outcome("broken", traceback.format_exc())
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        return outcome._replace(printed=_end(printed))._asdict()


def _end(printed: IO[str]) -> str:
    printed.seek(0, os.SEEK_END)
    printed.seek(max(printed.tell() - MOST, 0))
    return printed.read()


def _copied(asked: dict[str, Any], requests: Any) -> dict[str, Any]:
    """Grade in a copy of this process."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        os.setpgid(0, 0)  # with all that the student starts
        with suppress(BaseException):
            os.write(writer, json.dumps(_answered(asked)).encode())
        os._exit(0)
    os.close(writer)
    with suppress(OSError):
        os.setpgid(child, child)
    try:
        found = _read(reader, requests, asked["limit"])
    finally:
        os.close(reader)
        with suppress(OSError):
            os.killpg(child, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if found is None:
        return Outcome(FAILED, late(asked["limit"]))._asdict()
    return json.loads(found) if found else Outcome(FAILED, lost(code))._asdict()


def _read(reader: int, requests: Any, limit: float) -> bytes | None:
    """Read an answer to its end; None where the time is over. Without an asker the work ends."""
    end = time.monotonic() + limit
    parts: list[bytes] = []
    while (left := end - time.monotonic()) > 0:
        ready, _, _ = select.select([reader, requests], [], [], left)
        if requests in ready:
            raise SystemExit
        if ready:
            part = os.read(reader, 1 << 16)
            if not part:
                return b"".join(parts)
            parts.append(part)
    return None


if __name__ == "__main__":
    serve()
