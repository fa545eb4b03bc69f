"""Where the databases of a fleet are judged: by processes of this machine, or on a Dask cluster."""

from __future__ import annotations

import importlib
import ipaddress
import logging
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Thread
from typing import Any

from postmigration.fleet.judging import end_all, judge
from postmigration.fleet.outcome import Judged, Task
from postmigration.model.errors import CannotJudge

_CONNECT_SECONDS = 10
_LOOK_SECONDS = 0.1


@contextmanager
def work_here(jobs: int) -> Iterator[Executor]:
    """Judges by processes of this machine, several at a time; each has a thread that waits for it."""
    executor = ThreadPoolExecutor(jobs, thread_name_prefix="fleet")
    try:
        yield executor
    finally:
        # Nothing is left to do, or nobody waits for it any more.
        last = Thread(target=executor.shutdown, kwargs={"cancel_futures": True})
        last.start()
        while last.is_alive():
            # A thread may be about to start a process.
            end_all()
            last.join(_LOOK_SECONDS)


@contextmanager
def work_on_cluster(address: str) -> Iterator[Executor]:
    """Judges on the workers of a Dask cluster.

    Raises:
        CannotJudge: the scheduler cannot be reached, or others could listen or write to it.
    """
    refuse_open(address, "--cluster")
    distributed = _import_distributed()
    try:
        security = distributed.Security()
        # A client that lacks them waits, and prints what it waits for when it is deleted.
        if address.startswith("tls://") and not security.get_connection_args("client").get("ssl_context"):
            raise CannotJudge(
                f"--cluster={address}: Dask has no certificates: name them in its configuration (distributed.comm.tls: "
                "ca-file, client.cert, client.key)"
            )
        client = distributed.Client(address, timeout=_CONNECT_SECONDS, security=security, set_as_default=False)
    except (OSError, TypeError, ValueError, RuntimeError) as error:
        words = " ".join(str(error).split())
        raise CannotJudge(f"--cluster={address}: there is no Dask scheduler that answers: {words}") from None
    try:
        for worker in client.scheduler_info(n_workers=-1)["workers"]:
            refuse_open(worker, f"a worker of --cluster={address}")
        executor: Executor = client.get_executor(pure=False)
        yield executor
    finally:
        # What still waits is cancelled with the client; what runs comes to its end, and nobody hears of it.
        client.close()


def judge_on_worker(task: Task) -> Judged:
    """Judges one database on a worker of a Dask cluster, before which nobody can listen or write to it.

    Raises:
        CannotJudge: somebody can.
    """
    worker = importlib.import_module("distributed").get_worker()
    refuse_open(worker.address, "a worker")
    refuse_open(worker.scheduler.address, "the scheduler of a worker")
    return judge(task)


def refuse_open(address: str, what: str) -> None:
    """Makes sure that what is sent there is encrypted, or does not leave the machine.

    Raises:
        CannotJudge: it is not, and does. A scheduler runs whatever it is sent, beside the passwords of databases.
    """
    scheme, separator, rest = address.partition("://")
    if separator and scheme == "tls":
        return
    host = rest.rpartition(":")[0].strip("[]") if separator and scheme == "tcp" else ""
    if host == "localhost" or _is_loopback(host):
        return
    wanted = "want tls://…, or tcp:// on this machine (127.0.0.1)"
    if scheme != "tcp" or not separator:
        raise CannotJudge(f"{what}: {address} is no address of Dask: {wanted}")
    raise CannotJudge(
        f"{what}: {address} is neither encrypted nor on this machine, and a scheduler runs whatever anybody sends it: "
        f"{wanted}"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _import_distributed() -> Any:
    # Its warnings are for whoever operates the cluster; what matters of them is an outcome.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        return importlib.import_module("distributed")
    except ImportError as error:
        raise CannotJudge(
            f"--cluster needs Dask ({error}): pip install '/path/to/postmigration[cluster]', here and on each worker"
        ) from None
