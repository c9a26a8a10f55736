"""Bad days of the study, at random moments: `python tests/bad_days.py --tries 100 [KIND …]`.

A study that saves its models is interrupted, killed or left without room, over and over, in one
folder. After each time it must have ended, with the exit code that it promises and without a
traceback; every round that was ever finished is there, with its model and its details; and the same
command goes on. `tests/cli/test_bad_days.py` does a few of each.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from helpers import rounds_are  # noqa: E402

import cli  # noqa: E402
from pairs.model_file import load  # noqa: E402
from pairs.study import digits  # noqa: E402
from reports import write_page  # noqa: E402

ENDS = 120
"""Seconds after which a run is one that hangs; it needs one or two."""

STARTS = 0.5
"""Seconds after which Python has reached the first line of the command line."""

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]

STUDY = ["pairs", "--models", "fc-plain,fc-shared", "--epochs", "1", "--train-pairs", "60", "--test-pairs", "40", "--workers", "2", "--rounds", "5000", "--save"]  # fmt: skip


class Run:
    """The command line in a process of its own, in a group of its own, its words in files.

    It is forked from this process, which has PyTorch loaded, or started afresh, a second or two.
    """

    def __init__(self, args: list[str], fresh: bool = False) -> None:
        self.said = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        if fresh:
            command = [sys.executable, cli.__file__, *args]
            null = subprocess.DEVNULL
            self.pid = subprocess.Popen(
                command, stdout=null, stderr=self.said, start_new_session=True, cwd=ROOT
            ).pid
        else:
            # What comes before the handlers are there waits for them.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
            self.pid = os.fork()
            if self.pid == 0:
                self._become(args)
            os.setpgid(self.pid, self.pid)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _become(self, args: list[str]) -> None:
        code = 70
        try:
            os.setpgid(0, 0)
            # As before the first line and after the last of the command line.
            for number in SIGNALS:
                signal.signal(number, lambda *_: os._exit(130))
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(self.said.fileno(), 2)
            # Under pytest the streams are others.
            sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
            sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
            sys.argv = ["funcdl-cli", *args]
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    def children(self) -> list[int]:
        try:
            listed = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        except OSError:
            return []
        return [int(child) for child in listed.split()]

    def goes_on(self) -> bool:
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def send(self, number: int, *, group: bool = False) -> None:
        if group:
            os.killpg(self.pid, number)
        else:
            os.kill(self.pid, number)

    def end(self) -> tuple[int, str]:
        """Wait until it and all of its group have ended: its exit code and what it said."""
        late = time.monotonic() + ENDS
        while (found := os.waitpid(self.pid, os.WNOHANG))[0] == 0:
            if time.monotonic() > late:
                os.killpg(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                raise AssertionError(f"it hangs; it said: {self._said()}")
            time.sleep(0.005)
        while self._alive():
            if time.monotonic() > late:
                os.killpg(self.pid, signal.SIGKILL)
                raise AssertionError("a worker outlives its parent")
            time.sleep(0.005)
        return os.waitstatus_to_exitcode(found[1]), self._said()

    def _said(self) -> str:
        with self.said:
            self.said.seek(0)
            return self.said.read()

    def _alive(self) -> bool:
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        # An orphan whose end nobody has asked for yet has ended all the same.
        states = [_state(path) for path in Path("/proc").glob("[0-9]*/stat")]
        return any(group == self.pid and state not in "ZX" for group, state in states)


def _state(path: Path) -> tuple[int, str]:
    try:
        state, _, group, *_ = path.read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return 0, "X"
    return int(group), state


class Kind(NamedTuple):
    """What is done to a run, and the exit codes that may follow."""

    strike: Callable[[Run, random.Random], None]
    codes: set[int]


def _worker(run: Run, draw: random.Random) -> None:
    if children := run.children():
        os.kill(draw.choice(children), signal.SIGKILL)
    else:  # there is none yet
        run.send(signal.SIGKILL, group=True)


def _twice(run: Run, draw: random.Random) -> None:
    run.send(signal.SIGINT, group=True)
    time.sleep(draw.choice([0, 0.001, 0.01, 0.05]))
    run.send(signal.SIGINT, group=True)


def _storm(run: Run, draw: random.Random) -> None:
    for _ in range(5):
        run.send(signal.SIGINT, group=True)
        time.sleep(draw.uniform(0, 0.02))


INTERRUPTED = {130}
KINDS = {
    "int": Kind(lambda run, _: run.send(signal.SIGINT, group=True), INTERRUPTED),
    "int-parent": Kind(lambda run, _: run.send(signal.SIGINT), INTERRUPTED),
    "int-twice": Kind(_twice, INTERRUPTED),
    "int-storm": Kind(_storm, INTERRUPTED),
    "term": Kind(lambda run, _: run.send(signal.SIGTERM, group=True), INTERRUPTED),
    "term-parent": Kind(lambda run, _: run.send(signal.SIGTERM), INTERRUPTED),
    "hup": Kind(lambda run, _: run.send(signal.SIGHUP, group=True), INTERRUPTED),
    "kill-worker": Kind(_worker, {1, -signal.SIGKILL}),
    "kill-parent": Kind(lambda run, _: run.send(signal.SIGKILL), {-signal.SIGKILL}),
}
"""By a signal, at a moment drawn at random."""

DISKS = {
    "full": lambda draw: f"size={draw.randrange(16, 3000)}k",
    "inodes": lambda draw: f"nr_inodes={draw.randrange(2, 16)}",
}
"""By a file system that has no more room: the options of a tmpfs."""


def keys(folder: Path) -> list[tuple[str, int]]:
    """List the finished rounds of a folder; half a row at its end is none."""
    path = folder / "rounds.jsonl"
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    return [(row["model"], row["round"]) for row in map(json.loads, lines)]


def look(folder: Path, before: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """See that what was finished before is there, and that each round has all that belongs to it."""
    now = keys(folder)
    assert now[: len(before)] == before, "a finished round is lost"
    assert len(now) == len(set(now)), "a round is there twice"
    if not now:
        return now
    json.loads((folder / "summary.json").read_text())
    told = (folder / "details.jsonl").read_text().split("\n")[:-1]
    details = {(line["model"], line["round"]) for line in map(json.loads, told)}
    assert set(now) <= details, "a round has no details"
    for model, i in now[len(before) :]:
        load(folder / "models" / f"{model}-{i}.safetensors")
    return now


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def struck(kind: str, folder: Path, draw: random.Random, fresh: bool, latest: float) -> int:
    """Go on with the study in a folder, and strike it at a random moment; its exit code."""
    before = keys(folder)
    run = Run([*STUDY, "--out", str(folder)], fresh)
    if draw.random() < 0.3:  # while it starts, or goes on with what is there
        time.sleep(draw.uniform(STARTS if fresh else 0, latest))
    else:  # while it works
        path, size = folder / "rounds.jsonl", _size(folder / "rounds.jsonl")
        while _size(path) == size and run.goes_on():
            time.sleep(0.001)
        time.sleep(draw.uniform(0, latest))
    KINDS[kind].strike(run, draw)
    code, said = run.end()
    assert "Traceback" not in said, said
    assert code in KINDS[kind].codes, (code, said)
    now = look(folder, before)
    if before and "Resuming" in said:
        assert f"Resuming: {rounds_are(len(before))} there already." in said
    if "Interrupted" in said:
        assert f"Interrupted: {rounds_are(len(now))} finished." in said
    return code


def filled(kind: str, folder: Path, draw: random.Random) -> int:
    """Run the study on a file system that has no more room at some moment; then with room."""
    folder.mkdir(exist_ok=True)
    options = DISKS[kind](draw)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], check=True)
    try:
        run = Run([*STUDY, "--out", str(folder / "r")])
        code, said = run.end()
        assert "Traceback" not in said, said
        assert code in (1, 2), (code, said)
        errors = [line for line in said.splitlines() if line.startswith("Error: ")]
        assert len(errors) == 1, said
        assert "No space left on device" in errors[0], said
        before = look(folder / "r", [])
        room = ["mount", "-o", "remount,size=100m,nr_inodes=10000", str(folder)]
        subprocess.run(room, check=True)
        rounds = 1 + max([i for _, i in before], default=0)
        args = [*STUDY, "--rounds", str(rounds), "--out", str(folder / "r")]
        again, said = Run(args).end()
        assert again == 0, said
        assert len(look(folder / "r", before)) == 2 * rounds
    finally:
        subprocess.run(["umount", str(folder)], check=True)
    return code


def rounds_are_right(folder: Path, draw: random.Random) -> None:
    """See that rounds which came through all this are those of a quiet day."""
    lines = (folder / "rounds.jsonl").read_text().splitlines()
    rows = {(row["model"], row["round"]): row for row in map(json.loads, lines)}
    rounds = 2
    with tempfile.TemporaryDirectory() as quiet:
        args = [*STUDY, "--rounds", str(rounds), "--workers", "1", "--out", quiet]
        assert Run(args).end()[0] == 0
        for line in (Path(quiet) / "rounds.jsonl").read_text().splitlines():
            row = json.loads(line)
            same = rows.get((row["model"], row["round"]), row)
            assert {**row, "seconds": 0} == {**same, "seconds": 0}
    assert re.search("<h2 id=", write_page(folder).read_text(encoding="utf-8"))


def main() -> None:
    """Do so many tries of each kind, and count how they ended."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kinds", nargs="*", default=[*KINDS, *DISKS], metavar="KIND")
    parser.add_argument("--tries", type=int, default=100)
    parser.add_argument("--latest", type=float, default=1.5, help="of a moment, in seconds")
    parser.add_argument("--fresh", action="store_true", help="start Python anew for each try")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    draw = random.Random(args.seed)
    digits(None)  # once, for all that are forked
    for kind in args.kinds:
        with tempfile.TemporaryDirectory() as folder:
            place, ends = Path(folder) / "study", Counter[int]()
            began = time.monotonic()
            for _ in range(args.tries):
                if kind in DISKS:
                    ends[filled(kind, place, draw)] += 1
                else:
                    ends[struck(kind, place, draw, args.fresh, args.latest)] += 1
            kept = 0 if kind in DISKS else len(keys(place))
            if kept:
                rounds_are_right(place, draw)
            told = ", ".join(f"{count} × {code}" for code, count in sorted(ends.items()))
            seconds = time.monotonic() - began
            print(f"{kind}: {args.tries} tries in {seconds:.0f} s, exit codes {told}; ", end="")
            print(f"{kept} rounds kept" if kept else "all went on with room", flush=True)


if __name__ == "__main__":
    main()
