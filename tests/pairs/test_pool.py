"""Processes with a pipe each: what they answer, what ends them, and what is given before."""

import os
import signal
import sys
import threading
import time
from multiprocessing import Pipe

import pytest

from funcdl_cli.interrupts import noted, raised
from pairs.pool import WorkerLostError, pool


def square(x):
    return x * x


def test_each_task_has_its_outcome_whatever_the_number_of_workers():
    for count in (1, 3):
        with pool(count) as workers:
            assert sorted(workers(square, range(20), None)) == [(i, i * i) for i in range(20)]
            # The same workers do the next tasks.
            assert dict(workers(str, [1, 2], None)) == {1: "1", 2: "2"}
            assert list(workers(square, [], None)) == []


class StubbornError(Exception):
    """An exception that cannot travel, for what it holds."""


def fail(x):
    if x == 1:
        raise ValueError("one")
    if x == 2:
        raise StubbornError(lambda: None)
    if x == 3:
        return lambda: None  # nor can this
    return x


def test_an_exception_is_an_outcome_and_the_others_go_on():
    with pool(2) as workers:
        found = dict(workers(fail, range(5), None))
    assert (found[0], found[4]) == (0, 4)
    assert isinstance(found[1], ValueError)
    assert str(found[1]) == "one"
    assert "in fail" in found[1].__notes__[0]  # where it happened
    assert isinstance(found[2], RuntimeError)
    assert "StubbornError" in str(found[2])
    assert isinstance(found[3], Exception)


def die(x):
    if x == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def test_the_death_of_a_worker_ends_the_work_after_what_has_come():
    found = []
    with pytest.raises(WorkerLostError, match="a worker process was killed"), pool(1) as workers:  # noqa: PT012
        for task, _ in workers(die, [0, 1, 2], None):
            found.append(task)
    assert found == [0]


def test_the_death_of_an_idle_worker_is_noticed_when_it_is_asked():
    with pool(1) as workers:
        assert dict(workers(square, [3], None)) == {3: 9}
        (pid,) = dict(workers(pid_of, [0], None)).values()
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(WorkerLostError):
            list(workers(square, [3], None))


def pid_of(_):
    return os.getpid()


def meet(folder):
    """Wait until the other is here too."""
    (folder / str(os.getpid())).touch()
    while len(list(folder.iterdir())) < 2:
        time.sleep(0.001)
    return os.getpid()


def test_none_is_left_when_the_block_has_ended(tmp_path):
    with pool(2) as workers:
        pids = [pid for _, pid in workers(meet, [tmp_path] * 2, None)]
        assert len(set(pids)) == 2
        os.kill(pids[0], signal.SIGSTOP)  # it cannot even be asked to end
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def large_or_endless(x):
    if x == 0:
        return bytes(5_000_000)  # more than a pipe holds
    while True:
        time.sleep(60)


def test_what_is_read_from_stop_ends_the_work_after_what_has_come():
    heard, bell = Pipe(duplex=False)
    with pytest.raises(KeyboardInterrupt), pool(2) as workers:  # noqa: PT012
        for task, outcome in workers(large_or_endless, [1, 0, 1], heard):
            assert (task, len(outcome)) == (0, 5_000_000)
            bell.send_bytes(b"!")
    with pytest.raises(KeyboardInterrupt), pool(1) as workers:
        list(workers(square, [], heard))  # also where there is nothing left to do


def begun(folder):
    """Tell that it has begun, and wait until it may end."""
    (folder / "begun").touch()
    while not (folder / "end").exists():
        time.sleep(0.001)
    return "late"


def done_or_begun(task):
    """Answer a number at once; a folder's task when it may end."""
    return task if isinstance(task, int) else begun(task)


@pytest.mark.parametrize("count", [1, 2])
def test_who_leaves_the_loop_early_can_ask_the_same_workers_again(tmp_path, count):
    """What the others answer late is nobody's, and no answer is taken for another's."""
    with pool(count) as workers:
        outcomes = workers(done_or_begun, [0, tmp_path], None)
        assert next(outcomes) == (0, 0)
        outcomes.close()  # as a loop does that is left by `break` or an exception
        while not (tmp_path / "begun").exists():
            time.sleep(0.001)
        again = workers(square, range(10), None)
        if count == 1:  # its only worker is still at the task
            (tmp_path / "end").touch()
        assert sorted(again) == [(i, i * i) for i in range(10)]
        (tmp_path / "end").touch()
        assert sorted(workers(square, range(10), None)) == [(i, i * i) for i in range(10)]


def test_a_worker_that_dies_at_a_task_that_was_left_is_noticed_once(tmp_path):
    with pool(1) as workers:
        ((_, pid),) = workers(pid_of, [0], None)
        outcomes = workers(done_or_begun, [0, tmp_path], None)
        next(outcomes)
        outcomes.close()
        os.kill(pid, signal.SIGKILL)
        for _ in range(2):
            with pytest.raises(WorkerLostError):
                list(workers(square, [3], None))


def test_an_interrupt_does_not_wait_for_a_task_that_was_left(tmp_path):
    heard, bell = Pipe(duplex=False)
    with pool(1) as workers:
        outcomes = workers(done_or_begun, [0, tmp_path], None)
        next(outcomes)
        outcomes.close()
        bell.send_bytes(b"!")
        with pytest.raises(KeyboardInterrupt):
            list(workers(square, [3], heard))


def ignore(_):
    os.kill(os.getpid(), signal.SIGINT)
    return signal.getsignal(signal.SIGTERM)


def test_workers_leave_ctrl_c_to_their_parent_and_can_be_terminated():
    with pool(1) as workers:
        assert dict(workers(ignore, [0], None)) == {0: signal.SIG_DFL}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_is_noted_and_no_exception(number):
    before = signal.getsignal(number)
    with noted() as heard:
        assert not heard.poll()
        for _ in range(2):
            signal.raise_signal(number)
        assert heard.poll()
    assert signal.getsignal(number) == before


def test_what_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with noted() as heard:
            signal.raise_signal(signal.SIGHUP)
            assert not heard.poll()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_third_interrupt_ends_the_process():
    pid = os.fork()
    if pid == 0:
        try:
            with noted():
                for _ in range(3):
                    signal.raise_signal(signal.SIGINT)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130


def test_another_thread_notes_nothing_and_breaks_nothing():
    seen = []

    def block():
        with noted() as heard:
            seen.append(heard.poll())

    thread = threading.Thread(target=block)
    thread.start()
    thread.join()
    assert seen == [False]


class Callback:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_that_python_drops_is_noted_later(monkeypatch):
    dropped = []
    monkeypatch.setattr(sys, "unraisablehook", lambda told: dropped.append(told.exc_type))
    with raised():
        Callback()
        assert dropped == [KeyboardInterrupt]
        with noted() as heard:
            assert heard.poll()
    with noted() as heard:
        assert not heard.poll()
