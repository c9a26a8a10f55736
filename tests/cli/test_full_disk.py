"""A disk that is full in the middle of a run: what is finished is kept, and the run goes on later."""

import errno
import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from command import ask
from helpers import rounds_are

import cli
from pairs.rates import rate
from pairs.results import Results
from pairs.training import Row, Settings
from reports import write_page
from studykit.files import ResultsError, replace

resource = pytest.importorskip("resource", reason="needs POSIX's limits of a process")

ARGS = ["pairs", "--models", "fc-plain", "--epochs", "1", "--train-pairs", "20", "--test-pairs", "20"]  # fmt: skip


def row(i):
    return Row("fc-plain", i, 0, 70_000, 25, rate("fc-plain"), 0.125, 0.25, None, 1.5)


def lines(path):
    return path.read_text().splitlines()


@contextmanager
def room(size):
    """No file may grow beyond a size: writing fails with EFBIG, as with ENOSPC on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Python ignores the signal, SIGXFSZ, that comes with the error.
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def run(*args, stdout=subprocess.PIPE):
    command = [sys.executable, cli.__file__, *map(str, args)]
    # What counts the lines that are reached would need room on the disk, too.
    env = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")}
    done = subprocess.run(
        command, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=120, env=env
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def errors(said):
    return [line for line in said.splitlines() if line.startswith("Error")]


class Limit:
    """Any file system, by a limit of the process."""

    def __init__(self, folder):
        self.folder = folder / "results"
        self.reason = os.strerror(errno.EFBIG)

    def full(self):
        return room(10_000)

    def free(self):
        pass

    def close(self):
        pass


class Tmpfs:
    """A file system of 32 kB, where this user may make one."""

    def __init__(self, folder):
        self.folder = folder / "mount"
        self.folder.mkdir()
        self.reason = os.strerror(errno.ENOSPC)
        mount = ["mount", "-t", "tmpfs", "-o", "size=32k", "none", str(self.folder)]
        if sys.platform != "linux" or shutil.which("mount") is None:
            pytest.skip("needs Linux's mount")
        if subprocess.run(mount, capture_output=True).returncode != 0:
            pytest.skip("needs the right to mount a file system")

    @contextmanager
    def full(self):
        yield

    def free(self):
        more = ["mount", "-o", "remount,size=4m", str(self.folder)]
        subprocess.run(more, check=True, capture_output=True)

    def close(self):
        subprocess.run(["umount", str(self.folder)], check=True, capture_output=True)


@pytest.fixture(params=[Limit, Tmpfs])
def disk(request, tmp_path):
    found = request.param(tmp_path)
    yield found
    found.close()


def test_a_run_keeps_its_rounds_and_the_same_command_goes_on(disk):
    command = [*ARGS, "--rounds", 12, "--workers", 2, "--out", disk.folder]
    with disk.full():
        code, said = run(*command)
    assert code == 1, said
    assert len(errors(said)) == 1
    assert f"{disk.reason}; the finished rounds are kept" in errors(said)[0]
    assert str(disk.folder) in errors(said)[0]
    rows = disk.folder / "rounds.jsonl"
    kept = rows.read_text().rpartition("\n")[0].splitlines()
    assert 1 <= len(kept) < 12
    assert all(set(json.loads(line)) == set(Row._fields) for line in kept)
    assert not list(disk.folder.glob("*.partial"))
    disk.free()
    write_page(disk.folder)  # the page of what is there needs nothing mended
    code, said = run(*command)
    assert code == 0, said
    assert f"Resuming: {rounds_are(len(kept))} there already." in said
    assert lines(rows)[: len(kept)] == kept
    assert sorted(json.loads(line)["round"] for line in lines(rows)) == list(range(12))
    assert json.loads((disk.folder / "summary.json").read_text())["models"][0]["rounds"] == 12


@pytest.mark.parametrize("missing", [1, 60, 1000])
def test_half_a_row_is_mended_and_done_again(tmp_path, missing):
    path = tmp_path / "rounds.jsonl"
    results = Results(tmp_path, Settings(), "package")
    for i in range(6):
        results.add(row(i))
    length = len(json.dumps(row(6)._asdict()) + "\n")
    size = path.stat().st_size
    with room(size + max(length - missing, 0)), pytest.raises(OSError, match=r"rounds\.jsonl"):
        results.add(row(6))
    assert [r.round for r in results.rows] == list(range(6))
    assert path.stat().st_size == size + max(length - missing, 0)
    # The disk is still full: what is there can be resumed and mended all the same.
    with room(path.stat().st_size):
        again = Results(tmp_path, Settings(), "package")
    assert [r.round for r in again.rows] == list(range(6))
    assert path.stat().st_size == size
    again.add(row(6))
    again.finish()
    assert [json.loads(line)["round"] for line in lines(path)] == list(range(7))


def test_a_disk_that_is_full_from_the_start_is_one_sentence(tmp_path):
    with room(0), pytest.raises(ResultsError, match="expected a folder that can be written") as e:
        Results(tmp_path / "new", Settings(), "package")
    assert "\n" not in str(e.value)


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path):
    path = tmp_path / "file"
    replace(path, "old")
    with room(100), pytest.raises(OSError, match="file") as caught:
        replace(path, "new" * 100)
    assert caught.value.filename == str(path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_device_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="Not a regular file"):
        replace(pipe, "text")
    assert pipe.is_fifo()


def test_the_disc_says_that_it_is_not_kept_and_leaves_the_earlier_one(tmp_path):
    args = ["framework", "--points", 20, "--rounds", 1, "--hidden", "4", "--out", tmp_path]
    path = tmp_path / "framework.json"
    path.write_text("earlier")
    with room(10_000):
        code, _, said = ask(*args, "--epochs", 9)
    assert (code, path.read_text()) == (1, "earlier")
    assert errors(said) == [f"Error: {path}: {os.strerror(errno.EFBIG)}; this result is not kept"]
    assert os.listdir(tmp_path) == ["framework.json"]


def test_a_disc_that_is_not_kept_is_shown_all_the_same(tmp_path):
    args = ["framework", "--points", 20, "--rounds", 1, "--hidden", "4", "--epochs", 9]
    with room(10_000):
        code, out, said = ask(*args, "--out", tmp_path)
    assert code == 1
    assert "error %" in out
    path = tmp_path / "framework.json"
    assert errors(said) == [f"Error: {path}: {os.strerror(errno.EFBIG)}; this result is not kept"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_standard_output_is_one_sentence(tmp_path):
    with open("/dev/full", "w") as full:
        code, said = run(*ARGS, "--rounds", 1, "--out", tmp_path, stdout=full)
    assert code == 1
    assert errors(said) == [f"Error: {os.strerror(errno.ENOSPC)}; the finished rounds are kept."]
    assert len(lines(tmp_path / "rounds.jsonl")) == 1
