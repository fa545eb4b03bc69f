"""What policies and functions ask and do, as far as their text tells: whom they believe, and what they run."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from postmigration.access.dynamic_sql import runs_text, strip_comments, strip_literals
from postmigration.access.rls_bypass import SCHEMAS, name_sql
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.object_queries.members import MEMBER_E

_UUID = re.compile(r"'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'", re.IGNORECASE)
# What users write of themselves, in their claims and where the platform keeps it.
_SELF = re.compile(r"user_metadata|raw_user_meta_data")
# What tells the session of the API from that of whoever judges, by what each is called.
_SESSION = re.compile(
    r"current_setting\s*\(\s*'(?P<setting>application_name|(?:default_)?transaction_read_only|postmigration\.\w+)'"
    r"|\b(?P<function>inet_client_addr|inet_client_port|current_query|pg_stat_get_activity)\s*\("
    r"|\b(?P<view>pg_stat_activity)\b",
    re.IGNORECASE,
)
# An audit trigger only notes them down; what is compared decides something.
_COMPARED = re.compile(r"[^;,]{0,40}?(?:[^:=]=|<>|!=|~|\b(?:I?LIKE|IN|IS|THEN)\b)", re.IGNORECASE)
_POLICIES = f"""
    SELECT {name_sql("c.relnamespace", "c.relname")} AS of, p.polname AS name,
           concat_ws(' ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) AS text,
           ARRAY(SELECT coalesce(o.oprcode::oid, d.refobjid) FROM pg_depend d
                 LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
                 WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid
                   AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)) AS calls
    FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
    WHERE c.relnamespace IN ({SCHEMAS})
    ORDER BY 1, 2
"""
_FUNCTIONS = f"""
    SELECT p.oid, p.proname AS name,
           format('%s(%s)', {name_sql("p.pronamespace", "p.proname")},
                  pg_get_function_identity_arguments(p.oid)) AS called,
           coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) AS text, p.pronargs > 0 AS takes, p.prosecdef AS definer,
           p.pronamespace IN ({SCHEMAS}) AND has_function_privilege(r.oid, p.oid, 'EXECUTE')
               AND has_schema_privilege(r.oid, p.pronamespace, 'USAGE') AS callable,
           -- A number, a time or a key cannot hold a statement.
           ARRAY(SELECT name FROM unnest(p.proargtypes) WITH ORDINALITY AS a (type, position)
                 JOIN pg_type t ON t.oid = a.type LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
                 CROSS JOIN LATERAL (VALUES (p.proargnames[a.position]), ('$' || a.position)) AS n (name)
                 WHERE coalesce(e.typcategory, t.typcategory) NOT IN ('N', 'B', 'D', 'T', 'E', 'I')
                   AND coalesce(e.oid, t.oid) <> 'uuid'::regtype AND name <> '') AS texts
    FROM pg_proc p JOIN pg_namespace s ON s.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
    CROSS JOIN (SELECT oid FROM pg_roles WHERE rolname = 'authenticated') AS r
    LEFT JOIN pg_depend e ON e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND {MEMBER_E}
    WHERE s.nspname NOT IN ('pg_catalog', 'information_schema') AND e.objid IS NULL
      AND l.lanname NOT IN ('c', 'internal')
    ORDER BY 3
"""
# What another session has dropped since is still in the catalogs of the snapshot, and the server tells no text of it.
_OTHERS = f"""
    SELECT * FROM (
    SELECT format('trigger %I on %s', t.tgname, {name_sql("c.relnamespace", "c.relname")}) AS called,
           pg_get_triggerdef(t.oid) AS text
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relnamespace IN ({SCHEMAS}) AND NOT t.tgisinternal
    UNION ALL
    SELECT format('view %s', {name_sql("c.relnamespace", "c.relname")}), pg_get_viewdef(c.oid)
    FROM pg_class c WHERE c.relnamespace IN ({SCHEMAS}) AND c.relkind IN ('v', 'm')
    ) AS others WHERE text IS NOT NULL ORDER BY 1
"""


@dataclass(frozen=True)
class Text:
    """A policy, function, trigger or view, and its text without comments.

    Args:
        called: what it is and what it is called.
        text: what it does.
        policy: a policy, or a function that one calls, perhaps through others.
    """

    called: str
    text: str
    policy: bool = False

    @property
    def bare(self) -> str:
        """The text without what stands between quotes."""
        return strip_literals(self.text)


@dataclass(frozen=True)
class Bodies:
    """The texts of a schema.

    Args:
        texts: all of them.
        open: functions with the rights of their owner that whoever signed in may call with a value of their own, and
            that no policy needs.
        runs: of all such functions those that run a text which they are given.
    """

    texts: tuple[Text, ...]
    open: tuple[str, ...]
    runs: tuple[str, ...]

    def believes_users(self) -> Mapping[Hashable, str]:
        """Functions of policies that believe what users say of themselves, in words by what each is called."""
        return {
            text.called: f"{text.called}, which a policy calls, believes what users say of themselves (user_metadata)"
            for text in self.texts
            if text.policy and text.called.startswith("function ") and _SELF.search(text.text)
        }

    def names_somebody(self) -> Mapping[Hashable, str]:
        """Policies and functions of policies that name an id, in words by what each is called and the id."""
        return {
            (text.called, found[0].lower()): f"{text.called} decides by an id that stands in it"
            for text in self.texts
            if text.policy
            for found in _UUID.finditer(text.text)
        }

    def asks_the_login(self) -> Mapping[Hashable, str]:
        """What asks for session_user, in words by what each is called."""
        asks = "asks for session_user: the login of the API, not who judges (--authenticator-url)"
        return {
            text.called: f"{text.called} {asks}"
            for text in self.texts
            if re.search(r"\bsession_user\b", text.bare, re.IGNORECASE)
        }

    def asks_the_session(self) -> Mapping[Hashable, str]:
        """What decides by other things that the API's session has otherwise, in words by what each is called and that.

        Views, and the functions that no policy calls, may name them for other ends.
        """
        return {
            (text.called, asked): f"{text.called} decides by {asked}, which the API has otherwise than whoever judges"
            for text in self.texts
            for found in _SESSION.finditer(text.text)
            if text.policy or _COMPARED.match(text.text, found.end())
            for asked in [found[found.lastgroup or 0].lower()]
        }


def read_bodies(snapshot: Snapshot) -> Bodies:
    """Reads what policies, functions, triggers and views of a schema ask and do."""
    schema = snapshot.database.schema
    policies = snapshot.rows(_POLICIES, schema=schema)
    functions = {row.oid: row for row in snapshot.rows(_FUNCTIONS, schema=schema)}
    bare = {oid: strip_literals(strip_comments(row.text)) for oid, row in functions.items()}
    needed = _follow_calls({oid for policy in policies for oid in policy.calls} & functions.keys(), functions, bare)
    texts = [Text(f"policy {row.name} of {row.of}", row.text, policy=True) for row in policies]
    texts += [Text(f"function {f.called}", strip_comments(f.text), oid in needed) for oid, f in functions.items()]
    texts += [Text(row.called, row.text) for row in snapshot.rows(_OTHERS, schema=schema)]
    definers = {oid: row for oid, row in functions.items() if row.definer and row.takes and row.callable}
    return Bodies(
        tuple(texts),
        tuple(row.called for oid, row in definers.items() if oid not in needed),
        tuple(row.called for row in definers.values() if runs_text(row.text, row.texts)),
    )


def _follow_calls(start: Iterable[int], functions: Mapping[int, sa.Row[Any]], bare: Mapping[int, str]) -> set[int]:
    """These functions, and those that they call."""
    reached: set[int] = set()
    waiting = list(start)
    # Whatever schema they stand in, and in whatever quotes.
    calls = {oid: re.compile(rf'(?<![\w$]){re.escape(row.name)}"?\s*\(') for oid, row in functions.items()}
    while waiting:
        oid = waiting.pop()
        if oid not in reached:
            reached.add(oid)
            waiting += [other for other, call in calls.items() if other not in reached and call.search(bare[oid])]
    return reached
