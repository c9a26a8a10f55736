"""Processes that die: local workers, the parent, and those of a dask cluster on loopback.

A busy machine takes its time, so that nothing here waits for seconds: it waits until something is
so, and gives up long after it must have been.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from helpers import rounds_are

import cli

ROOT = str(Path(cli.__file__).parent)
ENV = {**os.environ, "PYTHONPATH": ROOT}
ARGS = [
    "--models",
    "fc-plain,fc-shared",
    "--epochs",
    "1",
    "--train-pairs",
    "50",
    "--test-pairs",
    "50",
]
MANY = ["--models", "fc-plain", "--epochs", "2", "--rounds", "1000"]
"""More than are done before something dies."""

LATE = 300
"""Seconds after which something never happens."""

PATIENT = """
import sys, cli, pairs.cluster
pairs.cluster.TIMEOUT = float(sys.argv.pop(1))
cli.main()
"""


def spawn(*args):
    return subprocess.Popen(
        [sys.executable, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENV,
        start_new_session=True,
    )


def pairs(*args):
    return spawn(cli.__file__, "pairs", *args)


def on_cluster(address, *args):
    """The study on a cluster that is there, and answers when it can."""
    return spawn("-c", PATIENT, LATE, "pairs", "--dask", address, *args)


def until(condition, what, every=0.05):
    late = time.monotonic() + LATE
    while not condition():
        if time.monotonic() > late:
            pytest.fail(f"{what}: not within {LATE} s")
        time.sleep(every)


def end(process, timeout=LATE):
    """Wait until a process and all that holds its pipes have ended."""
    _, err = process.communicate(timeout=timeout)
    assert "Traceback" not in err, err[-3000:]
    return process.returncode, " ".join(err.split())


def rows(folder):
    path = folder / "rounds.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    found = [json.loads(line) | {"seconds": 0} for line in lines]
    return sorted(found, key=lambda row: (row["model"], row["round"]))


def wait_for_rows(folder, process, count):
    def there():
        enough = len(rows(folder)) >= count
        assert enough or process.poll() is None, process.stderr.read()
        return enough

    until(there, f"{count} rows")


def children(pid):
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()]


def resumes(folder, *args):
    """The same command goes on: it finds all that is there, and fills the gaps."""
    kept = len(rows(folder))
    rounds = rows(folder)[-1]["round"] + 2
    code, err = end(pairs(*args, "--rounds", rounds, "--out", folder))
    assert code == 0, err
    assert f"Resuming: {rounds_are(kept)} there already." in err
    assert [row["round"] for row in rows(folder)] == list(range(rounds))


@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")
@pytest.mark.parametrize("victim", ["worker", "parent"])
def test_a_killed_process_loses_no_finished_round(tmp_path, victim):
    process = pairs(*MANY, "--workers", 2, "--out", tmp_path)
    wait_for_rows(tmp_path, process, 3)
    os.kill(children(process.pid)[0] if victim == "worker" else process.pid, signal.SIGKILL)
    # The pipes close only when the workers have ended too.
    code, err = end(process)
    if victim == "worker":
        assert (code, "a worker process was killed; the finished rounds are kept" in err) == (
            1,
            True,
        )
    else:
        assert code == -signal.SIGKILL
    assert len(rows(tmp_path)) >= 3
    resumes(tmp_path, *MANY[:-2])


@pytest.fixture
def dask(tmp_path_factory):
    """A scheduler's address, its process, and a function that starts a worker and waits for it."""
    distributed = pytest.importorskip(
        "distributed", reason="needs the extra cluster: pip install distributed"
    )
    told, started = tmp_path_factory.mktemp("dask") / "scheduler.json", []

    def launch(*args):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        command = [sys.executable, "-m", *map(str, args)]
        started.append(subprocess.Popen(command, env=ENV, start_new_session=True, **quiet))
        return started[-1]

    def address():
        """Read it from the scheduler's file, which is written after its port is open."""
        try:
            return json.loads(told.read_text())["address"]
        except (OSError, ValueError):
            assert scheduler.poll() is None
            return None

    def worker(threads=1):
        process = launch(
            "distributed.cli.dask_worker", address(), "--host", "127.0.0.1", "--no-nanny",
            "--no-dashboard", "--nthreads", threads,
        )  # fmt: skip
        with distributed.Client(address(), timeout=LATE, set_as_default=False) as client:
            client.wait_for_workers(len(started) - 1, LATE)
        return process

    scheduler = launch(
        "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard",
        "--scheduler-file", told,
    )  # fmt: skip
    try:
        until(address, "a scheduler")
        yield address(), scheduler, worker
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_a_cluster_gives_the_rows_of_this_machine(tmp_path, dask):
    address, _, worker = dask
    worker(threads=2)
    here, there = tmp_path / "here", tmp_path / "there"
    assert end(pairs(*ARGS, "--rounds", 3, "--workers", 1, "--out", here))[0] == 0
    code, err = end(on_cluster(address, *ARGS, "--rounds", 3, "--out", there))
    assert code == 0, err
    assert len(rows(here)) == 6
    assert rows(there) == rows(here)
    # A stack is a task like any other.
    stacked = tmp_path / "stacked"
    code, err = end(on_cluster(address, *ARGS, "--rounds", 3, "--stack", 2, "--out", stacked))
    assert code == 0, err
    assert [row["stack"] for row in rows(stacked)] == [2, 2, 1] * 2
    for row, alone in zip(rows(stacked), rows(here), strict=True):
        assert (row["model"], row["round"]) == (alone["model"], alone["round"])
        assert row["test_error"] == pytest.approx(alone["test_error"], abs=0.03)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
def test_workers_without_the_device_that_is_asked_for_use_what_they_have(tmp_path, dask):
    address, _, worker = dask
    worker()
    here, there = tmp_path / "here", tmp_path / "there"
    assert end(pairs(*ARGS, "--rounds", 2, "--workers", 1, "--out", here))[0] == 0
    code, err = end(on_cluster(address, *ARGS, "--rounds", 2, "--device", "cuda", "--out", there))
    assert code == 0, err
    assert {(row["device"], row["stack"]) for row in rows(there)} == {("cpu", 1)}
    assert rows(there) == rows(here)


@pytest.mark.parametrize("stopped", [False, True], ids=["alive", "stopped"])
def test_a_cluster_outlives_a_worker_but_not_its_scheduler(tmp_path, dask, stopped):
    """Whatever its workers do: one that stands still is as good as one that works on."""
    address, scheduler, worker = dask
    first, second = worker(), worker()
    process = on_cluster(address, *MANY, "--out", tmp_path)
    wait_for_rows(tmp_path, process, 2)
    first.kill()
    wait_for_rows(tmp_path, process, len(rows(tmp_path)) + 4)
    if stopped:
        second.send_signal(signal.SIGSTOP)
    scheduler.kill()
    code, err = end(process)
    assert (code, "the scheduler went away; the finished rounds are kept" in err) == (1, True), err
    found = [row["round"] for row in rows(tmp_path)]
    assert len(found) == len(set(found)) >= 6
    if not stopped:
        resumes(tmp_path, *MANY[:-2])


def test_ctrl_c_ends_a_run_on_a_cluster_that_stands_still(tmp_path, dask):
    address, scheduler, worker = dask
    only = worker()
    process = on_cluster(address, *MANY, "--out", tmp_path)
    wait_for_rows(tmp_path, process, 2)
    for stopped in (only, scheduler):
        stopped.send_signal(signal.SIGSTOP)
    os.killpg(process.pid, signal.SIGINT)
    code, err = end(process)
    count = len(rows(tmp_path))
    assert (code, f"Interrupted: {rounds_are(count)} finished." in err) == (130, True), err


@pytest.fixture
def run(monkeypatch, capfd):
    """Run the command line in this process: its exit code, and what it says on standard error."""

    def call(*args):
        monkeypatch.setattr(sys, "argv", ["funcdl-cli", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, " ".join(capfd.readouterr().err.split())

    return call


ONE = ["pairs", *ARGS, "--rounds", "1", "--dask"]


def test_a_scheduler_without_workers_is_one_sentence(dask, run, monkeypatch):
    address, _, _ = dask
    monkeypatch.setattr("pairs.cluster.TIMEOUT", 5.5)
    said = "expected a scheduler with workers, found none within 5.5 s"
    assert run(*ONE, address) == (2, f"Error: {address}: {said}")


def test_a_cluster_without_this_package_is_one_sentence(dask, run, monkeypatch):
    address, _, worker = dask
    worker()
    monkeypatch.setattr("pairs.cluster.TIMEOUT", LATE)
    monkeypatch.setattr("pairs.cluster.find_spec", lambda name: None)
    said = f"{address}: expected this package on the scheduler and on every worker"
    assert run(*ONE, address) == (2, f"Error: {said}")


@pytest.fixture
def strict(monkeypatch):
    """Have a scheduler give up what one worker has died of; without this, it is four."""
    monkeypatch.setitem(ENV, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "0")


def test_what_a_worker_cannot_import_or_dies_of_is_one_sentence(strict, dask, run, monkeypatch):
    address, _, worker = dask
    worker()
    monkeypatch.setattr("pairs.cluster.TIMEOUT", LATE)
    monkeypatch.setattr("pairs.study.work", lambda *_, **__: __import__("nowhere"))
    said = f"Error: {address}: a worker cannot import: No module named 'nowhere'"
    assert run(*ONE, address) == (2, said)
    monkeypatch.setattr("pairs.study.work", lambda *_, **__: __import__("os")._exit(1))
    said = f"Error: {address}: one round killed several workers; the finished rounds are kept."
    assert run(*ONE, address) == (1, said)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("tcp://127.0.0.1:9", "expected a dask scheduler, found none within 5 s"),
        ("nonsense", "expected a scheduler's address such as tcp://"),
    ],
)
def test_an_address_without_a_scheduler_is_one_sentence(run, address, words):
    pytest.importorskip("distributed", reason="needs the extra cluster: pip install distributed")
    code, err = run(*ONE, address)
    assert (code, words in err) == (2, True), err


def test_a_missing_package_is_one_sentence(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, err = run(*ONE, "tcp://127.0.0.1:9")
    assert (code, "pip install distributed" in err) == (2, True), err


def test_a_listener_that_is_mute_is_no_scheduler(run):
    pytest.importorskip("distributed", reason="needs the extra cluster: pip install distributed")
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        code, err = run(*ONE, f"127.0.0.1:{mute.getsockname()[1]}")
    assert (code, "expected a dask scheduler, found none within 5 s" in err) == (2, True), err
