"""The command `postmigration role`: the SQL of a role that can judge, and can do nothing else."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
from psycopg import sql

from postmigration.model.errors import CannotJudge

DEFAULT_NAME = "postmigration"
# By this comment the script knows its own role again.
MARK = "made by postmigration role"
API_ROLES = ("anon", "authenticated")

# PostgreSQL cuts longer names off; the role that stands between needs a longer one.
_LONGEST = 63
_BETWEEN = "_api"

_DROP = """\
BEGIN;
SET LOCAL search_path TO pg_catalog, pg_temp;
DO {tag}
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname IN ({literal}, {literal_between})
               AND shobj_description(oid, 'pg_authid') IS DISTINCT FROM {mark}) THEN
        RAISE EXCEPTION 'the role of this name was not made for postmigration: it is left alone';
    END IF;
    -- Who is no superuser takes back only what is granted to a role of their own.
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('GRANT %I TO %I', {literal}, current_user);
    END IF;
END
{tag};
-- In each database where it was granted something; what it owned would be dropped, and it owns nothing.
DROP OWNED BY {name};
DROP ROLE {name};
DROP ROLE IF EXISTS {between};
COMMIT;
"""


def declare(add_parser: Callable[..., Any]) -> None:
    """Declares the command and its options."""
    parser = add_parser(
        "role",
        help="print the SQL that creates a non-superuser role for judging",
        description="Prints the SQL of a role that reads everything, acts as the people who use the API and, unless "
        "--for=read, changes rows in transactions that are rolled back. It connects to nothing.",
        epilog="exit status: 0 printed, 4 no role can have this name",
    )
    parser.add_argument("--name", default=DEFAULT_NAME, help="what the role is called (%(default)s)")
    parser.add_argument(
        "--for",
        dest="purpose",
        choices=("read", "write"),
        default="write",
        help="whether the checks that write and roll back may do so (%(default)s)",
    )
    parser.add_argument(
        "--schema", default="public", metavar="NAME", help="the schema of the application's tables (%(default)s)"
    )
    parser.add_argument(
        "--reads",
        choices=("everything", "schemas"),
        default="everything",
        help="everything, the password hashes of the server's roles too (pg_read_all_data), or what is in schemas of "
        "the database when the SQL is run (%(default)s)",
    )
    parser.add_argument("--drop", action="store_true", help="print how to take it back instead")
    parser.set_defaults(run=_run)


def _run(option: Namespace) -> int:
    text = (
        render_drop(option.name)
        if option.drop
        else render_role(
            option.name,
            schema=option.schema,
            writing=option.purpose == "write",
            everything=option.reads == "everything",
        )
    )
    print(text, end="")
    return 0


def render_role(name: str, *, schema: str = "public", writing: bool = True, everything: bool = True) -> str:
    """Renders the SQL that makes the role, or brings its grants up to date where it is there already.

    Args:
        name: what the role is called.
        schema: the schema of the application's tables.
        writing: whether the role may change rows, for the checks that write and roll back.
        everything: whether the role may read all that there will ever be, the hashes of passwords included.

    Raises:
        CannotJudge: no role can have this name, or no schema that one.
    """
    _refuse_unusable("--name", name, longest=_LONGEST - len(_BETWEEN))
    _refuse_unusable("--schema", schema, longest=_LONGEST)
    if name.startswith("pg_") or name in ("public", "none"):
        raise CannotJudge(f"--name={name}: PostgreSQL keeps this name for itself: choose another one")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # noqa: S701  # SQL: each value goes through a filter that quotes it
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters |= {"identifier": _identifier, "literal": _literal, "commented": _comment_out}
    return environment.get_template("role.sql").render(
        name=name,
        between=name + _BETWEEN,
        schema=schema,
        writing=writing,
        everything=everything,
        api=API_ROLES,
        mark=MARK,
        tag=_dollar_tag(name, schema),
        drop=render_drop(name),
    )


def render_drop(name: str) -> str:
    """Renders the SQL that takes the role and all its grants back.

    Raises:
        CannotJudge: no role can have this name.
    """
    _refuse_unusable("--name", name, longest=_LONGEST - len(_BETWEEN))
    return _DROP.format(
        tag=_dollar_tag(name),
        name=_identifier(name),
        literal=_literal(name),
        mark=_literal(MARK),
        between=_identifier(name + _BETWEEN),
        literal_between=_literal(name + _BETWEEN),
    )


def _refuse_unusable(option: str, name: str, *, longest: int) -> None:
    if not name:
        raise CannotJudge(f"{option} is empty: want a name")
    # A line that ends would end the comment that it stands in.
    if not name.isprintable():
        raise CannotJudge(f"{option}={name!r}: want a name without control characters")
    if len(name.encode()) > longest:
        raise CannotJudge(f"{option}={name}: want at most {longest} bytes, as PostgreSQL would cut the rest off")


def _dollar_tag(*names: str) -> str:
    """A dollar quote that no name contains."""
    tag = "$postmigration$"
    while any(tag in name for name in names):
        tag = f"{tag[:-1]}_$"
    return tag


def _identifier(name: str) -> str:
    return sql.Identifier(name).as_string(None)


def _literal(text: str) -> str:
    return sql.Literal(text).as_string(None)


def _comment_out(text: str) -> str:
    return "\n".join(f"-- {line}" for line in text.splitlines())
