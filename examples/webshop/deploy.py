"""Plays the deployment of the shop from nothing, on a server of its own: each command, and what it says.

    python deploy.py [DIRECTORY]

DIRECTORY is where the project is copied to and the reports are left: a new one by default. Each step runs what a
pipeline would (github-deployment.yml and gitlab-deployment.yml beside the examples), shows the last line, and expects
the exit status that the pipeline goes by. It ends with status 1 where one is another.
"""

from __future__ import annotations

import datetime
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from postmigration.testing import Server, run_script

PROJECT = Path(__file__).parent
SIGNED = {
    "staging-accepted": "Ann and Bob took three orders each, and printed their invoices",
    "window-told": "Saturday 22:00 UTC, told to the twelve of sales",
}
DAMAGE = """DELETE FROM "Invoice" WHERE "orderId" % 5 = 0"""


class Play:
    """The steps, in a directory that holds a copy of the project.

    Args:
        directory: where.
        server: holds the databases `staging` and `production`.
    """

    def __init__(self, directory: Path, server: Server) -> None:
        self.directory, self.server = directory, server
        self.began = time.monotonic()
        # Options of whoever starts this are not those of a pipeline, and colours are no use in what is cut out.
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST_", "PG", "POSTMIGRATION_"))
        } | {"NO_COLOR": "1"}

    def say(self, words: str) -> None:
        """Prints a line, with the seconds since the beginning."""
        print(f"{time.monotonic() - self.began:6.1f} s  {words}", flush=True)

    def url(self, database: str) -> str:
        """The address of a database."""
        return self.server.conninfo(database)

    def run(self, *command: str, wanted: int, **more: str) -> None:
        """Runs a command in the project.

        Args:
            wanted: the exit status that this step must have.
            more: variables of its environment; what holds a password belongs there, and not among the arguments.

        Raises:
            SystemExit: it has another.
        """
        shown = " ".join(_name(part) for part in command if part != "-m")
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.directory,
            env=self.environment | more,
            capture_output=True,
            text=True,
            check=False,
        )
        lines = (done.stdout.strip() or done.stderr.strip()).splitlines()
        self.say(f"$ {shown}")
        self.say(f"  exit status {done.returncode}: {lines[-1] if lines else ''}")
        if done.returncode != wanted:
            raise SystemExit(f"want exit status {wanted}\n{done.stdout}{done.stderr}")

    def migrate(self, database: str) -> str:
        """Migrates a database, and gives the role that judges it what it needs to read what is new.

        Returns:
            The address by which that role judges the database: it is no superuser.
        """
        self.script(database, "migration.sql")
        self.say(f"$ postmigration role | psql {database}")
        command = [sys.executable, "-m", "postmigration", "role"]
        done = subprocess.run(command, cwd=self.directory, env=self.environment, capture_output=True, check=True)
        with self.server.connect(database) as connection:
            connection.execute(done.stdout)
        return self.server.conninfo(database, "postmigration")

    def script(self, database: str, name: str) -> None:
        """Runs a script of the project in a database."""
        self.say(f"$ psql {database} -v ON_ERROR_STOP=1 -f {name}")
        with self.server.connect(database) as connection:
            run_script(connection, self.directory / name)

    def sign(self) -> None:
        """Signs what only people can tell: what each point says is repeated, and with that it is what was signed."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        plan = tomllib.loads((self.directory / "deployment.toml").read_text())
        entries = [
            f'[[signoff]]\nitem = "{item["id"]}"\ntext = "{item["text"]}"\nwho = "Ann Example"\nwhen = {now}\n'
            f'words = "{SIGNED[item["id"]]}"\n'
            for item in plan["item"]
            if item["id"] in SIGNED
        ]
        (self.directory / "signoffs.toml").write_text("\n".join(entries))
        self.say(f"# Ann signs {' and '.join(SIGNED)} in signoffs.toml")


def _name(part: str) -> str:
    """A part of a command, an address by its database."""
    database = re.search(r"\bdbname=(\w+)", part)
    return (
        f"{part.partition('=')[0] + '=' if part.startswith('--') else ''}${database[1].upper()}_URL"
        if database
        else part
    )


@contextmanager
def lock_orders(server: Server) -> Iterator[None]:
    """Holds a lock for which six sessions wait, as a forgotten transaction does."""
    holder = server.connect("production")
    holder.execute("BEGIN")
    holder.execute('LOCK TABLE "Order"')
    waiting = [server.connect("production") for _ in range(6)]
    threads = [threading.Thread(target=session.execute, args=('SELECT count(*) FROM "Order"',)) for session in waiting]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        holder.execute("ROLLBACK")
        for thread in threads:
            thread.join()
        for session in (holder, *waiting):
            session.close()


def command(*parts: str) -> tuple[str, ...]:
    """A command of postmigration, as this Python runs it."""
    return ("-m", "postmigration", *parts)


def play_deployment(play: Play) -> None:
    """Plays the whole plan: NOT READY, READY, GO, an incident, NO-GO, and the way back."""
    server, production = play.server, play.url("production")
    dump = str(play.directory / "before.dump")
    plan = command("plan", "--phase=production")
    gate = ("-m", "pytest", "-q", "--baseline=before.dump")

    play.say("# Production and staging as they are")
    for database in ("production", "staging"):
        server.create(database)
        play.script(database, "before.sql")
    play.say("# May production be migrated? Nothing is proven yet")
    play.run(*plan, wanted=1, POSTMIGRATION_DB_URL=production)

    play.say("# A backup that is proven, and a rehearsal on it")
    program = server.binaries / "pg_dump"
    subprocess.run([program, "--format=custom", f"--file={dump}", production], check=True)
    here = "--environment=production"
    play.run(*command("fingerprint", "-o", "before.fingerprint", here), wanted=0, POSTMIGRATION_DB_URL=production)
    play.run(*command("verify-backup", "before.dump", "--against=before.fingerprint", here), wanted=0)
    play.run(*command("rehearse", "--baseline=before.dump", here), wanted=0)

    play.say("# Staging")
    # Pages of their own, so that the plan's page leads to each.
    report = ("--environment=staging", "--html=reports/staging.html")
    play.run(*gate, *report, wanted=0, POSTMIGRATION_DB_URL=play.migrate("staging"))
    # Of the database that is named: a backup of another one does not count.
    play.run(*plan, wanted=1, POSTMIGRATION_DB_URL=production)
    play.sign()
    play.run(*plan, wanted=0, POSTMIGRATION_DB_URL=production)

    play.say("# Production")
    judged = play.migrate("production")
    report = ("--environment=production", "--html=reports/production.html")
    play.run(*gate, *report, wanted=0, POSTMIGRATION_DB_URL=judged)

    play.say("# An incident: a forgotten transaction locks the orders")
    watch = command("watch", "--for=10s", "--interval=1s", here)
    with lock_orders(server):
        play.run(*watch, wanted=1, POSTMIGRATION_DB_URL=judged)

    play.say("# And a script that nobody rehearsed deletes invoices")
    with server.connect("production") as connection:
        connection.execute(DAMAGE)
    report = ("--environment=production", "--html=reports/incident.html")
    play.run(*gate, *report, wanted=1, POSTMIGRATION_DB_URL=judged)
    play.run(*command("plan", "--phase=after"), wanted=1, POSTMIGRATION_DB_URL=judged)

    play.say("# The way back that was proven: the backup, restored into an empty database")
    server.create("restored")
    restore = server.binaries / "pg_restore"
    subprocess.run([restore, "--exit-on-error", "--no-owner", f"--dbname={play.url('restored')}", dump], check=True)
    play.run(*command("compare", "before.dump", play.url("restored")), wanted=0)
    play.say(f"Look at deployment.html, incident.html, rehearsal.html and watch.html in {play.directory / 'reports'}")


def main() -> None:
    """Copies the project, starts a server and plays."""
    directory = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="webshop-"))
    if directory.exists() and any(directory.iterdir()):
        raise SystemExit(f"{directory} is not empty: name a new directory")
    shutil.copytree(PROJECT, directory, dirs_exist_ok=True, ignore=shutil.ignore_patterns("reports", "__pycache__"))
    server = Server()
    try:
        play_deployment(Play(directory, server))
    finally:
        server.stop()


if __name__ == "__main__":
    main()
