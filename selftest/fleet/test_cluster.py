"""A fleet on a real Dask cluster: every verdict right though a worker dies, no password in what a scheduler has."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from postmigration.gate.commands import cli
from selftest.conftest import ROOT
from selftest.fleet.conftest import LOST, NO_INDEX, Shops, Written
from selftest.processes import Begin, line

PASSWORD = "geheim-6-of-all-shops"
_SECONDS = 60
_HERE = ("--host=127.0.0.1",)


class Cluster:
    """A scheduler and its workers, each a process with a log of its own.

    Args:
        secrets: environment variables that the workers alone have.
        tls: options with which everything is encrypted.
    """

    def __init__(self, directory: Path, secrets: Mapping[str, str], *tls: str) -> None:
        self._directory = directory
        self._secrets = secrets
        self._tls = tls
        self._cleanup = ExitStack()
        self.logs: list[Path] = []
        protocol = ("--protocol=tls",) if tls else ()
        self.scheduler = self._start("scheduler", *_HERE, "--port=0", "--dashboard-address=127.0.0.1:0", *protocol)
        self.address = self._wait(self.logs[0], r"Scheduler at:\s+(\S+)")
        self.workers: list[psutil.Popen] = []

    def add_worker(self, *options: str) -> None:
        """Starts a worker, which judges one database at a time."""
        name = f"worker-{len(self.workers)}"
        asked = (self.address, "--nthreads=1", "--no-nanny", f"--name={name}", "--no-dashboard")
        self.workers.append(self._start("worker", *(options or _HERE), *asked, **self._secrets))
        self._wait(self.logs[-1], r"(Registered to)")

    def _start(self, program: str, *options: str, **environment: str) -> psutil.Popen:
        log = self._directory / f"{len(self.logs)}-{program}.log"
        self.logs.append(log)
        output = self._cleanup.enter_context(log.open("wb"))
        process = psutil.Popen(
            [sys.executable, "-m", "dask", program, *options, *self._tls],
            cwd=self._directory,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(self._directory), **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        self._cleanup.callback(process.wait, 60)
        self._cleanup.callback(lambda: process.is_running() and process.kill())
        return process

    def _wait(self, log: Path, pattern: str) -> str:
        """Waits until a log says something."""
        until = time.monotonic() + _SECONDS
        while not (found := re.search(pattern, log.read_text())):
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        return found[1]

    def close(self) -> None:
        """Kills all of it."""
        self._cleanup.close()


def read_memory(process: int) -> Iterator[bytes]:
    """All that a process has in its memory and may write."""
    with Path(f"/proc/{process}/mem").open("rb", buffering=0) as memory:
        for region in Path(f"/proc/{process}/maps").read_text().splitlines():
            span, rights, *_ = region.split()
            if rights.startswith("rw"):
                start, end = (int(part, 16) for part in span.split("-"))
                memory.seek(start)
                yield memory.read(end - start)


def read_pages(client: Any) -> dict[str, str]:
    """What the scheduler shows to a browser."""
    site = f"http://127.0.0.1:{client.scheduler_info()['services']['dashboard']}"
    with urllib.request.urlopen(f"{site}/sitemap.json") as answer:
        paths = [path for path in json.load(answer)["paths"] if "{" not in path]
    found = {}
    for path in paths:
        try:
            with urllib.request.urlopen(site + path, timeout=_SECONDS) as answer:
                found[path] = answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            found[path] = error.read().decode(errors="replace")
    return found


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize(
    "count", [pytest.param(8, marks=pytest.mark.full), pytest.param(60, marks=pytest.mark.nightly)]
)
def test_a_cluster_judges_all_although_a_worker_dies(
    count: int, shops: Shops, written: Written, tmp_path: Path, place: Path, begin: Begin
) -> None:
    distributed: Any = importlib.import_module("distributed")
    damage = {3: (NO_INDEX,), 7: (LOST,), 11: (NO_INDEX, LOST)}
    names = [shops.make(f"shop_{n}", *damage.get(n % 12, ())) for n in range(count)]
    expected = {name: "NO-GO" if n % 12 in damage else "GO" for n, name in enumerate(names)}
    before, each = shops.server.conninfo(shops.before), shops.server.conninfo("{name}")
    written(
        *("[[query]]", f'from_url = "{before}"', f'url = "{each}"', 'password_variable = "SHOPS_PASSWORD"'),
        "sql = \"SELECT datname::text AS name FROM pg_database WHERE datname ~ '^shop_[0-9]' ORDER BY oid\"",
        *(f'baseline = "{before}"', 'baseline_password_variable = "SHOPS_PASSWORD"'),
    )
    cluster = Cluster(place, {"SHOPS_PASSWORD": PASSWORD})
    try:
        cluster.add_worker()
        cluster.add_worker()
        run = begin("-m", "postmigration", "fleet", "fleet.toml", f"--cluster={cluster.address}", cwd=tmp_path)
        printed = [line(run) for _ in range(count // 2)]
        with distributed.Client(cluster.address, set_as_default=False) as client:
            client.dump_cluster_state(str(place / "state"), format="yaml")
            shown = {
                "state": (place / "state.yaml").read_text(),
                "logs": str((client.get_scheduler_logs(), client.get_worker_logs(), client.get_events())),
                **read_pages(client),
            }
        memory = b"".join(read_memory(cluster.scheduler.pid))
        cluster.workers[0].kill()
        rest, _ = run.communicate(timeout=1_200)
        printed += rest.splitlines()
        # What the worker was judging when it died has ended with it.
        words = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
        assert [each for each in words if "postmigration.fleet.child" in each and str(place) in each] == []
    finally:
        cluster.close()
    assert run.returncode == 1, "\n".join(printed)
    report = json.loads((tmp_path / "reports" / "fleet.json").read_text())
    assert {told["name"]: told["word"] for told in report["databases"]} == expected
    assert {path.name for path in (tmp_path / "reports" / "fleet").iterdir()} == set(names)
    # Each was judged once, and those that a worker died over were said once.
    lines = [re.match(r" *\d+/\d+ \S (\S+) ", text) for text in printed]
    assert sorted(found[1] for found in lines if found) == sorted(names)
    common = {cause["words"]: cause["count"] for cause in report["causes"]}
    assert common["Index public.items_name is gone: USING btree (name)."] == sum(
        n % 12 in (3, 11) for n in range(count)
    )
    # What is looked for is looked for where it would be: the names of databases are there.
    assert b"judge_on_worker" in memory
    assert names[-1].encode() in memory
    assert "judge_on_worker" in shown["state"]
    assert len(shown) > 5
    for log in cluster.logs:
        shown[log.name] = log.read_text()
    assert PASSWORD.encode() not in memory
    assert [where for where, text in shown.items() if PASSWORD in text] == []
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert PASSWORD.encode() not in path.read_bytes(), path


def certify(directory: Path) -> tuple[str, ...]:
    """Makes a certificate for this machine, and the options with which Dask uses it."""
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    return f"--tls-ca-file={certificate}", f"--tls-cert={certificate}", f"--tls-key={key}"


@pytest.mark.full
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_cluster_may_be_encrypted(shops: Shops, written: Written, tmp_path: Path, place: Path, begin: Begin) -> None:
    written(*shops.list_databases(shops.make("encrypted")))
    tls = certify(place)
    cluster = Cluster(place, {}, *tls)
    try:
        assert cluster.address.startswith("tls://")
        cluster.add_worker()
        asked = ("-m", "postmigration", "fleet", "fleet.toml", f"--cluster={cluster.address}")
        without, _ = begin(*asked, cwd=tmp_path).communicate(timeout=120)
        (refused,) = without.splitlines()
        assert refused.startswith("ERROR: --cluster=tls://127.0.0.1:")
        assert "Dask has no certificates: name them in its configuration" in refused
        config = tmp_path / "dask.yaml"
        ca, cert, key = (option.partition("=")[2] for option in tls)
        pair = {"key": key, "cert": cert}
        config.write_text(
            json.dumps({"distributed": {"comm": {"tls": {"ca-file": ca, "client": pair, "worker": pair}}}})
        )
        code = (
            f"import os, sys; os.environ['DASK_CONFIG'] = {str(config)!r}; from postmigration.gate.commands import cli"
        )
        run = begin("-c", f"{code}; sys.exit(cli.main({[*asked[2:]]!r}))", cwd=tmp_path)
        printed, _ = run.communicate(timeout=240)
    finally:
        cluster.close()
    assert run.returncode == 0, printed
    assert printed.splitlines()[-1].startswith("GO: 1 of 1 databases GO, ")


@pytest.mark.full
def test_a_scheduler_that_is_not_there_is_one_line(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    written("[[database]]", 'name = "x"', 'url = "postgresql:///x"')
    assert cli.main(["fleet", "fleet.toml", "--cluster=tcp://127.0.0.1:1"]) == 4
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("ERROR: --cluster=tcp://127.0.0.1:1: there is no Dask scheduler that answers: ")
