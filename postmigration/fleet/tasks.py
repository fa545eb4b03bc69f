"""From fleet.toml to the databases that are to be judged."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec
import psycopg
from psycopg.rows import dict_row

from postmigration.fleet.addresses import Address, identify, is_url, resolve
from postmigration.fleet.fleet_file import FleetFile, Pair, Query
from postmigration.fleet.outcome import Task
from postmigration.fleet.placeholders import fill, find_variables, locate
from postmigration.model.errors import CannotJudge
from postmigration.postgres.dsn import conninfo, redact

# What of a project's directory is no part of what it declares.
_ASIDE = frozenset({"__pycache__", "build", "node_modules", "reports"})
# In bytes: a directory is called so, with three characters for each of those that are none of a file's name.
_LONGEST_NAME = 63
# A query for the names of databases takes no longer.
_LIMITS = "SET LOCAL statement_timeout = '60s'; SET LOCAL lock_timeout = '2s'"


def list_tasks(file: FleetFile, path: Path, environment: Mapping[str, str] = os.environ) -> list[Task]:
    """The databases of a fleet, in the order in which they are named.

    Args:
        file: what the fleet's file holds.
        path: where it lies.
        environment: the environment variables.

    Raises:
        CannotJudge: a query cannot be run, a placeholder is not known, two databases have one name.
    """
    directory = (path.parent / file.project).resolve()
    declared = _hash_declaration(file, directory, environment)
    found: dict[str, Task] = {}
    for where, pair, values in _find_pairs(file, path, environment):
        name = values["name"]
        if not name.strip() or len(name.encode()) > _LONGEST_NAME or not name.isprintable():
            raise CannotJudge(f"{where}: {name!r} is no name: want 1 to {_LONGEST_NAME} bytes that can be printed")
        if name in found:
            raise CannotJudge(f"{where}: there are two databases called {name}")
        task = _make_task(pair, values, f"{where}, {name}", path.parent.resolve())
        task = msgspec.structs.replace(
            task, directory=str(directory), project=bool(file.project), options=tuple(file.options)
        )
        found[name] = msgspec.structs.replace(task, digest=_hash_task(task, declared, environment))
    if not found:
        raise CannotJudge(f"{path} names no database: no row of a query, and no variable, fits")
    return list(found.values())


def _find_pairs(
    file: FleetFile, path: Path, environment: Mapping[str, str]
) -> Iterator[tuple[str, Pair, dict[str, str]]]:
    """Each database: where it is named, how it is found, and what its placeholders stand for."""
    for n, listed in enumerate(file.database, 1):
        yield f"{path}: [[database]] {n}", listed, {"name": listed.name}
    for n, query in enumerate(file.query, 1):
        where = f"{path}: [[query]] {n}"
        for row in _ask(query, where, path.parent.resolve(), environment):
            yield where, query, row
    for n, form in enumerate(file.environment, 1):
        for name in find_variables(form.url_variable, environment):
            yield f"{path}: [[environment]] {n}", form, {"name": name}


def _ask(query: Query, where: str, directory: Path, environment: Mapping[str, str]) -> list[dict[str, str]]:
    """The rows of a query, as texts; it is run in a transaction that reads only."""
    address = Address(
        url=query.from_url,
        variable=query.from_url_variable,
        password_variable=query.from_password_variable,
        password_file=_locate_secret(query.from_password_file, directory),
    )
    secret = resolve(address, f"{where}: from_url", environment)
    try:
        with psycopg.connect(secret, row_factory=dict_row, prepare_threshold=None) as connection:
            connection.read_only = True
            connection.execute(_LIMITS)
            rows = connection.execute(query.sql.encode()).fetchall()
            connection.rollback()
    except psycopg.Error as error:
        words = error.diag.message_primary or redact(str(error), secret)
        raise CannotJudge(f"{where}: the query cannot be run: {words}") from None
    if rows and "name" not in rows[0]:
        raise CannotJudge(f"{where}: no column of the query is called name (they are {', '.join(rows[0])})")
    for row in rows:
        if lacking := [column for column, value in row.items() if value is None]:
            raise CannotJudge(f"{where}: the query finds {row['name'] or 'a row'} with no {lacking[0]}")
    return [{column: str(value) for column, value in row.items()} for row in rows]


def _make_task(pair: Pair, values: Mapping[str, str], where: str, directory: Path) -> Task:
    def put(text: str, field: str, *, url: bool = False) -> str:
        return fill(text, values, f"{where}: {field}", url=url)

    def find(url: str, variable: str, prefix: str) -> Address:
        named, file = (f"{prefix}password_variable", f"{prefix}password_file")
        return Address(
            url=put(url, f"{prefix}url", url=True),
            variable=put(variable, f"{prefix or 'url_'}variable"),
            password_variable=put(getattr(pair, named), named),
            password_file=_locate_secret(put(getattr(pair, file), file), directory),
        )

    named = [pair.baseline] if isinstance(pair.baseline, str) else list(pair.baseline)
    # What a column holds may be an address too.
    filled = [put(text, "baseline", url=True) for text in named]
    addresses = [text for text in filled if is_url(text)]
    if addresses and len(named) > 1:
        raise CannotJudge(f"{where}: baseline: several are for the files of one backup only, and one is a URL")
    baseline = None
    if addresses or pair.baseline_variable:
        baseline = find(named[0] if addresses else "", pair.baseline_variable, "baseline_")
    target = find(pair.url, pair.url_variable, "")
    for address, field in ((target, "url"), (baseline, "baseline")):
        if address is not None and address.url:
            conninfo(address.url, f"{where}: {field}")
    files = () if addresses else tuple(locate(put(text, "baseline"), directory) for text in named)
    return Task(
        name=values["name"], target=target, baseline=baseline, files=files, directory="", suite=version("postmigration")
    )


def _locate_secret(text: str, directory: Path) -> str:
    return locate(text, directory) if text else ""


def _hash_declaration(file: FleetFile, directory: Path, environment: Mapping[str, str]) -> str:
    """What holds for all databases, hashed: the declaration of the project, the options, and files that they name."""
    hashed = hashlib.sha256(msgspec.json.encode((version("postmigration"), file.project, file.options)))
    files = [directory / option.partition("=")[2] for option in file.options if "=" in option]
    files += [directory / option for option in file.options if not option.startswith("-")]
    if file.project:
        for above, directories, names in os.walk(directory):
            directories[:] = sorted(name for name in directories if name not in _ASIDE and not name.startswith("."))
            files += [Path(above) / name for name in sorted(names)]
    for path in files:
        if path.is_file():
            try:
                with path.open("rb") as content:
                    digest = hashlib.file_digest(content, "sha256").digest()
            except OSError as error:
                raise CannotJudge(f"{path} cannot be read: {error.strerror}") from None
            hashed.update(os.fsencode(path.name) + b"\0" + digest)
    return hashed.hexdigest()


def _hash_task(task: Task, declared: str, environment: Mapping[str, str]) -> str:
    """What one database is judged by, hashed, without its password."""
    known = [declared, task.name, identify(task.target, environment)]
    files = list(task.files)
    if task.baseline is not None:
        known.append(identify(task.baseline, environment))
        held = environment.get(task.baseline.variable, "")
        files += [locate(held, Path(task.directory))] if held and not is_url(held) else []
    return hashlib.sha256(msgspec.json.encode((known, _describe_files(files)))).hexdigest()


def _describe_files(files: Sequence[str]) -> list[tuple[str, int, int]]:
    """What tells that a file is another one: its size and when it was written; nothing of one that is not here."""
    found = []
    for file in files:
        try:
            status = Path(file.partition("#")[0]).stat()
        except OSError:
            found.append((file, -1, -1))
        else:
            found.append((file, status.st_size, status.st_mtime_ns))
    return found
