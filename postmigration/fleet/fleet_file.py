"""`fleet.toml`: which databases belong together, where each is found, and how all of them are judged."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from postmigration.model.errors import CannotJudge
from postmigration.model.nearest import name_nearest
from postmigration.postgres.dsn import is_secret

# What the fleet itself says to each run.
_OURS = ("--db-url", "--baseline", "--html", "--junit-xml", "--junitxml", "--record-dir")
_UNKNOWN = re.compile(r"^Object contains unknown field `([^`]*)`(?: - at `\$\.(\w+))?")


class Pair(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Where a database is found, and its state before; each text may hold `{name}`, the name of the database.

    Args:
        url: the address of the database.
        url_variable: the environment variable that holds it, instead.
        password_variable: the environment variable that holds the password.
        password_file: the file whose first line is the password.
        baseline: the state before: an address, or files (of a backup, a base backup, a fingerprint), relative to
            fleet.toml.
        baseline_variable: the environment variable that holds it, instead.
        baseline_password_variable, baseline_password_file: as for the database.
    """

    url: str = ""
    url_variable: str = ""
    password_variable: str = ""
    password_file: str = ""
    baseline: str | Sequence[str] = ()
    baseline_variable: str = ""
    baseline_password_variable: str = ""
    baseline_password_file: str = ""

    def __repr__(self) -> str:
        # An address may hold a password.
        return f"{type(self).__name__}(…)"


class Listed(Pair, forbid_unknown_fields=True, kw_only=True):
    """One database.

    Args:
        name: what it is called in reports; no two are called the same.
    """

    name: str


class Query(Pair, forbid_unknown_fields=True, kw_only=True):
    """A database for each row that a query finds; its columns are placeholders beside `{name}`.

    Args:
        sql: the query; a column of it is called name.
        from_url, from_url_variable, from_password_variable, from_password_file: the database that is asked.
    """

    sql: str
    from_url: str = ""
    from_url_variable: str = ""
    from_password_variable: str = ""
    from_password_file: str = ""


class Environment(Pair, forbid_unknown_fields=True, kw_only=True):
    """A database for each environment variable of a form, such as `TENANT_{name}_URL`.

    Args:
        url_variable: the form; what stands for `{name}` is the name.
    """

    url_variable: str


class FleetFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the file holds.

    Args:
        name: what the fleet is called in reports.
        project: the directory of a project, relative to fleet.toml, whose declaration holds for every database; where
            there is none, each is judged as by `postmigration check`.
        options: options of the command line, for every database.
        database: databases, one by one.
        query: queries that find more.
        environment: forms of environment variables that name more.
    """

    name: str
    project: str = ""
    options: Sequence[str] = ()
    database: Sequence[Listed] = ()
    query: Sequence[Query] = ()
    environment: Sequence[Environment] = ()


_TABLES: dict[str, type[msgspec.Struct]] = {"database": Listed, "query": Query, "environment": Environment}


def read_fleet(path: Path) -> FleetFile:
    """Reads which databases belong to a fleet.

    Raises:
        CannotJudge: it cannot be read, or something in it cannot be meant: one line, which repeats no value that may
            hold a password.
    """
    try:
        file = msgspec.toml.decode(path.read_bytes(), type=FleetFile)
    except OSError as error:
        raise CannotJudge(f"{path} cannot be read: {error.strerror}") from None
    except msgspec.ValidationError as error:
        raise CannotJudge(f"{path}: {_explain(str(error))}") from None
    except ValueError as error:
        raise CannotJudge(f"{path} is not TOML: {error}") from None
    if not file.name.strip():
        raise CannotJudge(f"{path}: name is empty: say what the fleet is called")
    if not (file.database or file.query or file.environment):
        raise CannotJudge(f"{path} names no database: want [[database]], [[query]] or [[environment]]")
    if file.project and not (path.parent / file.project / "pyproject.toml").is_file():
        raise CannotJudge(f"{path}: project = {file.project!r} is no directory with a pyproject.toml")
    _refuse_options(path, file.options)
    for table, entries in (("database", file.database), ("query", file.query), ("environment", file.environment)):
        for n, entry in enumerate(entries, 1):
            _refuse_unclear(f"{path}: [[{table}]] {n}", entry)
    return file


def _explain(problem: str) -> str:
    """What msgspec says of a mistake, with the field that was probably meant."""
    unknown = _UNKNOWN.match(problem)
    near = ""
    if unknown:
        struct = _TABLES.get(unknown[2] or "", FleetFile)
        near = name_nearest(unknown[1], [field.name for field in msgspec.structs.fields(struct)])
    problem = problem.removeprefix("Object ")
    return f"{problem[:1].lower()}{problem[1:]}{near}"


def _refuse_options(path: Path, options: Sequence[str]) -> None:
    for option in options:
        name = option.partition("=")[0]
        if is_secret(option):
            raise CannotJudge(f"{path}: options: {name if '=' in option else 'one'} holds the address of a database")
        if name in _OURS:
            raise CannotJudge(f"{path}: options: {name} is not for all databases: each has its own")


def _refuse_unclear(where: str, pair: Pair) -> None:
    """Makes sure that each thing is said once."""
    exactly_one = [("url", "url_variable")] + [("from_url", "from_url_variable")] * isinstance(pair, Query)
    for one, other in exactly_one:
        if bool(getattr(pair, one).strip()) == bool(getattr(pair, other).strip()):
            raise CannotJudge(f"{where}: want one of {one} and {other}")
    at_most_one = [
        ("password_variable", "password_file"),
        ("baseline", "baseline_variable"),
        ("baseline_password_variable", "baseline_password_file"),
    ] + [("from_password_variable", "from_password_file")] * isinstance(pair, Query)
    for one, other in at_most_one:
        if getattr(pair, one) and getattr(pair, other):
            raise CannotJudge(f"{where}: want one of {one} and {other}, or none")
    if isinstance(pair, Environment) and pair.url_variable.count("{name}") != 1:
        raise CannotJudge(f"{where}: url_variable has to hold {{name}} once, like TENANT_{{name}}_URL")
