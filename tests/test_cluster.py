"""Processes that die: local workers, the parent, and those of a dask cluster on loopback."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

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
MANY = ["--models", "fc-plain", "--epochs", "2", "--rounds", "200"]


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


def end(process, timeout=120):
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
    for _ in range(600):
        if len(rows(folder)) >= count:
            return
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    pytest.fail(f"no {count} rows within a minute")


def children(pid):
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()]


def resumes(folder, *args):
    """The same command goes on: it finds all that is there, and fills the gaps."""
    kept = len(rows(folder))
    rounds = rows(folder)[-1]["round"] + 2
    code, err = end(pairs(*args, "--rounds", rounds))
    assert code == 0, err
    assert f"Resuming: {kept} rounds are there already." in err
    assert [row["round"] for row in rows(folder)] == list(range(rounds))


@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")
@pytest.mark.parametrize("victim", ["worker", "parent"])
def test_a_killed_process_loses_no_finished_round(tmp_path, victim):
    process = pairs(*MANY, "--workers", 2, "--out", tmp_path)
    wait_for_rows(tmp_path, process, 3)
    os.kill(children(process.pid)[0] if victim == "worker" else process.pid, signal.SIGKILL)
    # The pipes close only when the workers have ended too.
    code, err = end(process, 30)
    if victim == "worker":
        assert (code, "a worker process was killed; the finished rounds are kept" in err) == (
            1,
            True,
        )
    else:
        assert code == -signal.SIGKILL
    assert len(rows(tmp_path)) >= 3
    resumes(tmp_path, *MANY[:-2], "--out", tmp_path)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def dask():
    """A scheduler's address, its process, and a function that starts a worker."""
    pytest.importorskip("distributed", reason="needs the extra cluster: pip install distributed")
    address, started = f"tcp://127.0.0.1:{free_port()}", []

    def launch(*args):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        command = [sys.executable, "-m", *map(str, args)]
        started.append(subprocess.Popen(command, env=ENV, start_new_session=True, **quiet))
        return started[-1]

    def worker(threads=1):
        return launch(
            "distributed.cli.dask_worker", address, "--host", "127.0.0.1", "--no-nanny",
            "--no-dashboard", "--nthreads", threads,
        )  # fmt: skip

    host, port = address.removeprefix("tcp://").split(":")
    scheduler = launch(
        "distributed.cli.dask_scheduler", "--host", host, "--port", port, "--no-dashboard"
    )
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) == 0:
                break
        time.sleep(0.1)
    yield address, scheduler, worker
    for process in started:
        process.kill()
        process.wait()


def test_a_cluster_gives_the_rows_of_this_machine(tmp_path, dask):
    address, _, worker = dask
    worker(threads=2)
    here, there = tmp_path / "here", tmp_path / "there"
    assert end(pairs(*ARGS, "--rounds", 3, "--workers", 1, "--out", here))[0] == 0
    code, err = end(pairs(*ARGS, "--rounds", 3, "--dask", address, "--out", there))
    assert code == 0, err
    assert len(rows(here)) == 6
    assert rows(there) == rows(here)


def test_a_cluster_outlives_a_worker_but_not_its_scheduler(tmp_path, dask):
    address, scheduler, worker = dask
    first, _ = worker(), worker()
    process = pairs(*MANY, "--dask", address, "--out", tmp_path)
    wait_for_rows(tmp_path, process, 2)
    first.kill()
    wait_for_rows(tmp_path, process, len(rows(tmp_path)) + 4)
    scheduler.kill()
    code, err = end(process, 60)
    assert (code, "the scheduler went away; the finished rounds are kept" in err) == (1, True), err
    found = [row["round"] for row in rows(tmp_path)]
    assert len(found) == len(set(found)) >= 6
    resumes(tmp_path, *MANY[:-2], "--out", tmp_path)


def test_a_scheduler_without_workers_is_one_sentence(dask):
    address, _, _ = dask
    code, err = end(pairs(*ARGS, "--rounds", 1, "--dask", address), 40)
    said = "expected a scheduler with workers, found none within 5 s"
    assert (code, err) == (2, f"Error: {address}: {said}")


@pytest.fixture
def strict(monkeypatch):
    """Have a scheduler give up what one worker has died of; without this, it is four."""
    monkeypatch.setitem(ENV, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "0")


UNFIT = """
import sys, cli, pairs.cluster, pairs.study
pairs.cluster.TIMEOUT = 60  # a worker takes a while to start
sys.argv = ["funcdl-cli", "pairs", "--rounds", "1", "--dask", sys.argv[1]]
for work in (lambda *_: __import__("nowhere"), lambda *_: __import__("os")._exit(1)):
    pairs.study.work = work
    try:
        cli.main()
    except SystemExit as end:
        print(end.code, file=sys.stderr)
"""


ABSENT = """
import sys, cli, pairs.cluster
pairs.cluster.TIMEOUT = 60  # a worker takes a while to start
pairs.cluster.find_spec = lambda name: None
sys.argv = ["funcdl-cli", "pairs", "--rounds", "1", "--dask", sys.argv[1]]
cli.main()
"""


def test_a_cluster_without_this_package_is_one_sentence(dask):
    address, _, worker = dask
    worker()
    code, err = end(spawn("-c", ABSENT, address))
    said = f"{address}: expected this package on the scheduler and on every worker"
    assert (code, err) == (2, f"Error: {said}")


def test_what_a_worker_cannot_import_or_dies_of_is_one_sentence(strict, dask):
    address, _, worker = dask
    worker()
    code, err = end(spawn("-c", UNFIT, address))
    unknown = f"Error: {address}: a worker cannot import: No module named 'nowhere'"
    deadly = f"Error: {address}: one round killed several workers; the finished rounds are kept."
    assert (code, err) == (0, f"{unknown} 2 {deadly} 1")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("tcp://127.0.0.1:9", "expected a dask scheduler, found none within 5 s"),
        ("nonsense", "expected a scheduler's address such as tcp://"),
    ],
)
def test_an_address_without_a_scheduler_is_one_sentence(address, words):
    pytest.importorskip("distributed", reason="needs the extra cluster: pip install distributed")
    code, err = end(pairs(*ARGS, "--rounds", 1, "--dask", address), 40)
    assert (code, words in err) == (2, True), err


def test_a_missing_package_is_one_sentence():
    script = (
        "import sys; sys.modules['distributed'] = None; import cli;"
        " sys.argv = ['funcdl-cli', 'pairs', '--dask', 'tcp://127.0.0.1:9']; cli.main()"
    )
    code, err = end(spawn("-c", script))
    assert (code, "pip install distributed" in err) == (2, True), err


def test_a_listener_that_is_mute_is_no_scheduler():
    pytest.importorskip("distributed", reason="needs the extra cluster: pip install distributed")
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        code, err = end(pairs(*ARGS, "--rounds", 1, "--dask", address), 40)
    assert (code, "expected a dask scheduler, found none within 5 s" in err) == (2, True), err
