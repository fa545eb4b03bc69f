"""An embedded server ends with the process that started it, however that ends, and nothing of it stays."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from selftest.processes import POLLED, Begin, kill, line, servers
from selftest.tiers import few

SERVER = """
from postmigration.postgres import embedded
server = embedded.Server()
print(server.log.parent, flush=True)
input()
server.stop()
"""
# Killed while a program of PostgreSQL works for it, and before it knows of the server.
AT = """
import os, psutil, threading
from postmigration.postgres import embedded
wheel = embedded._wheel()
real = wheel.pgexec
def killed(command, *arguments, **more):
    if command != {command!r}:
        return real(command, *arguments, **more)
    threading.Thread(target=real, args=(command, *arguments), kwargs=more).start()
    while not any(child.name() == command for child in psutil.Process().children()):
        pass
    print('here', flush=True)
    input()
wheel.pgexec = killed
embedded.Server()
"""


@pytest.mark.full
def test_a_server_ends_with_a_process_that_is_killed(place: Path, begin: Begin) -> None:
    process = begin("-c", SERVER)
    assert Path(line(process)).exists()
    assert servers(place)
    kill(process)
    assert servers(place) == []
    assert list(place.iterdir()) == []


@pytest.mark.full
@pytest.mark.parametrize("command", few(["pg_ctl", "initdb"]))
def test_a_server_that_is_about_to_start_ends_too(place: Path, begin: Begin, command: str) -> None:
    process = begin("-c", AT.format(command=command))
    assert line(process) == "here"
    kill(process)
    assert servers(place) == []
    assert list(place.iterdir()) == []


@pytest.mark.full
def test_a_process_that_ends_by_itself_leaves_nothing(place: Path, begin: Begin) -> None:
    process = begin("-c", SERVER)
    line(process)
    watchdogs = psutil.Process(process.pid).children()
    assert len(watchdogs) == 1
    process.communicate("\n")
    assert process.returncode == 0
    assert not watchdogs[0].is_running()
    assert servers(place) == []
    assert list(place.iterdir()) == []


@pytest.mark.full
def test_the_next_process_deletes_what_the_dead_left_and_nothing_else(place: Path, begin: Begin) -> None:
    """Where the watchdog is killed too, as when all of a container is."""
    dead, living = begin("-c", SERVER), begin("-c", SERVER)
    directory, other = Path(line(dead)), Path(line(living))
    kill(dead, watchdogs=True)
    assert directory.exists()
    for name in ("postmigration-of-nobody", "others"):
        (place / name).mkdir()
    (place / "postmigration-link").symlink_to(place / "others")
    (place / "others" / "owner").write_text("")
    begin("-c", "from postmigration.postgres import temporary; temporary.make_directory()").communicate()
    assert {path.name for path in place.iterdir()} == {
        other.parent.name,
        "postmigration-of-nobody",
        "postmigration-link",
        "others",
    }
    assert [process for process in servers(place) if str(directory) in " ".join(process.cmdline())] == []
    assert len([process for process in servers(place) if str(other) in " ".join(process.cmdline())]) == 1


@pytest.mark.full
@pytest.mark.parametrize("ending", few([signal.SIGTERM, signal.SIGKILL, signal.SIGINT]))
def test_processes_that_plant_faults_end_with_the_run(place: Path, begin: Begin, ending: signal.Signals) -> None:
    reports = (f"--html={place}/r/v.html", f"--junit-xml={place}/r/v.xml")
    process = begin("-m", "pytest", "-p", "no:cacheprovider", "--prove", "--world-size=20", "-q", *reports)
    # Its own server, and one of each process that plants.
    while len(servers(place)) < 3:
        assert process.poll() is None
        time.sleep(POLLED)
    if ending == signal.SIGKILL:
        kill(process)
    else:
        process.send_signal(ending)
        output, _ = process.communicate()
        assert process.returncode == 2
        assert output.splitlines()[-1].startswith("INTERRUPTED: ")
        assert "Traceback" not in output
    assert servers(place) == []
    assert [path.name for path in place.iterdir()] == ["r"]


DUMP = """--
-- PostgreSQL database dump
--

-- Dumped from database version 18.0
-- Dumped by pg_dump version 18.0

SET standard_conforming_strings = on;
CREATE TABLE public.t (id integer NOT NULL, x text);
COPY public.t (id, x) FROM stdin;
{rows}\\.
"""


@pytest.fixture
def small(place: Path) -> Iterator[Callable[[int], None]]:
    """Makes the directory for temporary files a file system of some megabytes."""
    mounted = []

    def mount(megabytes: int) -> None:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", place], check=False)
        if done.returncode:
            pytest.skip("a file system can be mounted by root alone, and not in every container")
        mounted.append(place)

    yield mount
    for path in mounted:
        subprocess.run(["umount", path], check=True)


# Too little for a server, and too little for the rows.
@pytest.mark.full
@pytest.mark.parametrize("megabytes", few([8, 90], full=()))
@pytest.mark.parametrize("command", few(["verify-backup", "--baseline", "demonstration"]))
def test_a_full_temporary_directory_is_named(
    place: Path, begin: Begin, small: Callable[[int], None], tmp_path: Path, command: str, megabytes: int
) -> None:
    dump = tmp_path / "before.sql"
    dump.write_text(DUMP.format(rows="".join(f"{number}\t{'x' * 1_000}\n" for number in range(100_000))))
    small(megabytes)
    if command == "verify-backup":
        process = begin("-m", "postmigration.gate.commands.cli", "verify-backup", dump)
    else:
        chosen = ["--world-size=20000"]
        if command == "--baseline":
            chosen = ["--db-url=postgresql://127.0.0.1:1/nowhere", f"--baseline={dump}"]
        reports = (f"--html={tmp_path}/v.html", f"--junit-xml={tmp_path}/v.xml")
        process = begin("-m", "pytest", "-p", "no:cacheprovider", *chosen, *reports)
    output, _ = process.communicate()
    assert process.returncode == 4
    (said,) = output.strip().splitlines()
    assert said.startswith("ERROR: ")
    assert f"cannot work in {place} (" in said
    assert "in the environment variable TMPDIR" in said
    assert list(place.iterdir()) == []
    assert servers(place) == []
