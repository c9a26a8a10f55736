"""A cluster as workers: the study on a dask.distributed scheduler's machines.

The scheduler and every worker need this package installed, in the same version; where a worker has
another kind of processor than this machine, the last bits of its sums may differ.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from funcdl import FuncdlError
from pairs.pool import WorkerLostError, Workers

__all__ = ["ClusterError", "ClusterLostError", "cluster"]

T = TypeVar("T")
R = TypeVar("R")

TIMEOUT = 5
"""Seconds that a scheduler has to answer, and that it has to name a worker."""

TICK = 0.05
"""Seconds between two looks at what has come, and at whether the scheduler is still there."""


class ClusterError(FuncdlError, RuntimeError):
    """A cluster that cannot be used; nothing has been done on it."""


class ClusterLostError(WorkerLostError):
    """A cluster that went away in the middle."""


@contextmanager
def cluster(address: str) -> Iterator[Workers]:
    """Give the workers of a cluster; what is unfinished at the end is cancelled.

    A task whose worker dies is done again by another, which gives the same row.

    Args:
        address: of the scheduler, such as 'tcp://10.0.0.1:8786'.

    Raises:
        ClusterError: the package distributed is missing, the address is none, no scheduler
            answers at it, it has no worker, or this package is missing there.
        ClusterLostError: the scheduler went away, or one round was the end of several workers.
    """
    try:
        from distributed import Client, KilledWorker
        from distributed.comm.addressing import get_address_host_port
    except ImportError:
        raise ClusterError(
            "a cluster needs the package distributed: pip install distributed"
        ) from None
    url = address if "://" in address else f"tcp://{address}"
    try:
        get_address_host_port(url, strict=True)
    except ValueError:
        raise ClusterError(
            f"expected a scheduler's address such as tcp://10.0.0.1:8786, got {address!r}"
        ) from None
    with _silent():
        try:
            asyncio.run(asyncio.wait_for(_answer(url), TIMEOUT))
            client = Client(url, timeout=TIMEOUT, set_as_default=False)  # type: ignore[no-untyped-call]
        except (TimeoutError, OSError):
            raise ClusterError(
                f"{address}: expected a dask scheduler, found none within {TIMEOUT} s"
            ) from None
        try:
            try:
                client.wait_for_workers(1, TIMEOUT)
            except TimeoutError:
                raise ClusterError(
                    f"{address}: expected a scheduler with workers, found none within {TIMEOUT} s"
                ) from None
            try:
                known = [
                    client.run_on_scheduler(find_spec, "pairs"),  # type: ignore[no-untyped-call]
                    *client.run(find_spec, "pairs").values(),
                ]
            except OSError:
                raise ClusterLostError(f"{address}: the scheduler went away") from None
            if not all(known):
                raise ClusterError(
                    f"{address}: expected this package on the scheduler and on every worker"
                )
            try:
                yield partial(_outcomes, client, address)
            except KilledWorker:
                raise ClusterLostError(f"{address}: one round killed several workers") from None
            except ImportError as error:
                raise ClusterError(f"{address}: a worker cannot import: {error}") from None
        finally:
            # A scheduler that is no longer there cannot be told; one that is forgets our tasks.
            with suppress(Exception):
                client.close()  # type: ignore[no-untyped-call]


def _outcomes(
    client: Any,
    address: str,
    function: Callable[[T], R],
    tasks: Sequence[T],
    stop: Connection | None,
) -> Generator[tuple[T, R | Exception]]:
    """Do as `Workers` says; the end of the scheduler is looked for, whatever workers still do."""
    gone = ClusterLostError(f"{address}: the scheduler went away")
    try:
        executor = client.get_executor(pure=False)
        pending: dict[Future[R], T] = {executor.submit(function, task): task for task in tasks}
    except Exception:
        if client.status == "running":
            raise
        raise gone from None
    done: deque[Future[R]] = deque()
    for future in pending:
        future.add_done_callback(done.append)
    end: BaseException | None = None
    while pending and end is None:
        if wait([] if stop is None else [stop], TICK):
            end = KeyboardInterrupt()
        elif client.status != "running":
            end = gone
        while done:
            future = done.popleft()
            task = pending.pop(future)
            try:
                error = future.exception()
            except CancelledError:
                end = end or gone
            else:
                yield task, future.result() if error is None else error  # type: ignore[misc]
    if end is not None:
        raise end


async def _answer(url: str) -> None:
    """Shake hands with a scheduler; a client alone waits for ever where one accepts and is mute."""
    from distributed import Security
    from distributed.comm.core import connect

    arguments = Security().get_connection_args("client")  # type: ignore[no-untyped-call]
    comm = await connect(url, timeout=TIMEOUT, **arguments)  # type: ignore[no-untyped-call]
    comm.abort()


@contextmanager
def _silent() -> Iterator[None]:
    """Keep logs quiet: what matters in a cluster's comes as an exception."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
