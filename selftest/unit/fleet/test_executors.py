"""Databases are judged by threads of this machine, or on a cluster to which nobody else can write."""

import re
import subprocess
import sys
import time
from threading import Event
from types import SimpleNamespace

import pytest

from postmigration.fleet import judging
from postmigration.fleet.executors import judge_on_worker, refuse_open, work_here, work_on_cluster
from postmigration.model.errors import CannotJudge
from selftest.fleet.conftest import task


@pytest.mark.parametrize(
    "address", ["tls://db.example:8786", "tcp://127.0.0.1:8786", "tcp://[::1]:1", "tcp://localhost:1"]
)
def test_a_cluster_is_encrypted_or_here(address: str) -> None:
    refuse_open(address, "--cluster")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("tcp://10.0.0.7:8786", "--cluster: tcp://10.0.0.7:8786 is neither encrypted nor on this machine"),
        ("tcp://db.example:8786", "neither encrypted nor on this machine"),
        ("tcp://localhost.example:8786", "neither encrypted nor on this machine"),
        ("ws://127.0.0.1:8786", "is no address of Dask: want tls://"),
        ("127.0.0.1:8786", "is no address of Dask: want tls://"),
    ],
)
def test_no_other_cluster_is_taken(address: str, said: str) -> None:
    with pytest.raises(CannotJudge, match=re.escape(said)):
        refuse_open(address, "--cluster")


def test_a_process_that_is_started_while_the_run_ends_is_ended_too(monkeypatch: pytest.MonkeyPatch) -> None:
    running: set[subprocess.Popen[bytes]] = set()
    monkeypatch.setattr(judging, "_RUNNING", running)
    begun = Event()

    def start() -> int:
        begun.set()
        time.sleep(0.3)
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
            running.add(process)
            try:
                return process.wait(timeout=20)
            finally:
                process.kill()

    with work_here(1) as executor:
        started = executor.submit(start)
        assert begun.wait(20)
    assert started.result() == 0


def test_no_client_connects_to_a_cluster_that_is_open() -> None:
    with pytest.raises(CannotJudge, match=r"^--cluster: tcp://10\.0\.0\.7:8786 is neither encrypted"):
        work_on_cluster("tcp://10.0.0.7:8786").__enter__()


@pytest.mark.parametrize(
    ("worker", "scheduler", "said"),
    [
        ("tcp://10.0.0.8:1", "tls://10.0.0.7:8786", "^a worker: tcp://10.0.0.8:1 is neither"),
        ("tcp://127.0.0.1:1", "tcp://10.0.0.7:8786", "^the scheduler of a worker: tcp://10.0.0.7:8786 is neither"),
    ],
)
def test_a_worker_that_others_can_write_to_judges_nothing(
    monkeypatch: pytest.MonkeyPatch, worker: str, scheduler: str, said: str
) -> None:
    here = SimpleNamespace(address=worker, scheduler=SimpleNamespace(address=scheduler))
    monkeypatch.setitem(sys.modules, "distributed", SimpleNamespace(get_worker=lambda: here))
    with pytest.raises(CannotJudge, match=said):
        judge_on_worker(task("x"))
