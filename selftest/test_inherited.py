"""What was open before the migration is inherited, whatever else became of the object; what is new of it is told."""

import re
from collections.abc import Sequence

import pytest

from postmigration.postgres import embedded
from selftest.conftest import Copy, Judge, Judged

HELPER = """
    CREATE FUNCTION helper({name} uuid) RETURNS bigint LANGUAGE sql SECURITY DEFINER {pinned}
    AS 'SELECT count(*) FROM public.projects WHERE id = $1'; REVOKE EXECUTE ON FUNCTION helper FROM PUBLIC; {grants}
"""
ANON = "GRANT EXECUTE ON FUNCTION helper TO anon;"
PINNED = "SET search_path = ''"
COPY = "CREATE TABLE notes (id int, body text); REVOKE ALL ON notes FROM anon, authenticated;"
GUARDED = f"{COPY} ALTER TABLE notes ENABLE ROW LEVEL SECURITY;"
VIEW = """
    CREATE VIEW mailing AS SELECT email FROM public.contacts WHERE {which};
    REVOKE ALL ON mailing FROM anon, authenticated;
"""

# By what became of it: the state before, and the state after.
SAFER = {
    "a helper whose search_path was pinned": (
        HELPER.format(name="project", pinned="", grants=ANON),
        HELPER.format(name="project", pinned=PINNED, grants=ANON),
    ),
    "a helper whose argument has another name": (
        HELPER.format(name="project", pinned=PINNED, grants=ANON),
        HELPER.format(name="wanted", pinned=PINNED, grants=ANON),
    ),
    "a helper that anon may call no longer": (
        HELPER.format(name="project", pinned="", grants=ANON),
        HELPER.format(name="project", pinned="", grants=""),
    ),
    "a table for one role less": (
        f"{COPY} GRANT ALL ON notes TO anon, authenticated",
        f"{COPY} GRANT ALL ON notes TO authenticated",
    ),
    "a table with one privilege less": (
        f"{COPY} GRANT SELECT, DELETE ON notes TO anon",
        f"{COPY} GRANT SELECT ON notes TO anon",
    ),
    "a table that got a policy that does nothing yet": (
        f"{COPY} GRANT SELECT ON notes TO anon",
        f"{COPY} GRANT SELECT ON notes TO anon; CREATE POLICY mine ON notes USING (id > 0)",
    ),
    "a view for one role less": (
        f"{VIEW.format(which='true')} GRANT SELECT ON mailing TO anon, authenticated",
        f"{VIEW.format(which='true')} GRANT SELECT ON mailing TO authenticated",
    ),
    "a view of fewer rows": (
        f"{VIEW.format(which='true')} GRANT SELECT ON mailing TO anon",
        f"{VIEW.format(which='is_active')} GRANT SELECT ON mailing TO anon",
    ),
    "a policy for one command less": (
        f"{GUARDED} CREATE POLICY open ON notes USING (true)",
        f"{GUARDED} CREATE POLICY open ON notes FOR SELECT USING (true)",
    ),
    "a policy that writes no longer": (
        f"{GUARDED} CREATE POLICY open ON notes FOR UPDATE USING (true)",
        f"{GUARDED} CREATE POLICY open ON notes FOR UPDATE USING (true) WITH CHECK (id > 0)",
    ),
    "a policy for one role less": (
        f"{GUARDED} CREATE POLICY open ON notes USING (true)",
        f"{GUARDED} CREATE POLICY open ON notes TO authenticated USING (true)",
    ),
    "a policy of another name": (
        f"{GUARDED} CREATE POLICY one ON notes USING (auth.jwt() -> 'user_metadata' IS NOT NULL)",
        f"{GUARDED} CREATE POLICY other ON notes USING (auth.jwt() -> 'user_metadata' IS NOT NULL)",
    ),
}
# And what is said of the state after.
WIDER = {
    "a helper that lost its search_path": (
        HELPER.format(name="project", pinned=PINNED, grants=ANON),
        HELPER.format(name="project", pinned="", grants=ANON),
        "helper(project uuid) runs with the rights of its owner, and without a search_path of its own",
    ),
    "a table for one role more": (
        f"{COPY} GRANT ALL ON notes TO authenticated",
        f"{COPY} GRANT ALL ON notes TO anon, authenticated",
        "notes has no row-level security, and anon may use it",
    ),
    "a table with one privilege more": (
        f"{COPY} GRANT SELECT ON notes TO authenticated",
        f"{COPY} GRANT SELECT, DELETE ON notes TO authenticated",
        "notes has no row-level security, and authenticated may use it for DELETE",
    ),
    "a view for one role more": (
        f"{VIEW.format(which='true')} GRANT SELECT ON mailing TO authenticated",
        f"{VIEW.format(which='true')} GRANT SELECT ON mailing TO anon, authenticated",
        "mailing shows what its owner sees, and anon may read it",
    ),
    "a policy for one command more": (
        f"{GUARDED} CREATE POLICY open ON notes FOR SELECT USING (true)",
        f"{GUARDED} CREATE POLICY open ON notes USING (true)",
        "notes has a policy for INSERT, UPDATE, DELETE that lets everybody pass (PUBLIC)",
    ),
    "a policy that writes anything": (
        f"{GUARDED} CREATE POLICY open ON notes FOR UPDATE USING (true) WITH CHECK (id > 0)",
        f"{GUARDED} CREATE POLICY open ON notes FOR UPDATE USING (true)",
        "notes has a policy for UPDATE WITH CHECK that lets everybody pass (PUBLIC)",
    ),
    "a policy for everybody": (
        f"{GUARDED} CREATE POLICY open ON notes FOR SELECT TO authenticated USING (true)",
        f"{GUARDED} CREATE POLICY open ON notes FOR SELECT USING (true)",
        "notes has a policy for SELECT that lets everybody pass (PUBLIC)",
    ),
}
_SCHEMA = "CREATE SCHEMA {0}; GRANT USAGE ON SCHEMA {0} TO anon, authenticated; SET search_path = {0};"


def judge_surface(
    before: Sequence[str], after: Sequence[str], server: embedded.Server, copy: Copy, judge: Judge
) -> Judged:
    """Judges the ways around row-level security after some scripts, each in a schema of its own, beside others."""
    names = [copy("legacy"), copy("migrated")]
    for name, scripts in zip(names, (before, after), strict=True):
        with server.connect(name) as connection:
            connection.execute(
                "CREATE OR REPLACE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE "
                "AS $$ SELECT current_setting('request.jwt.claims', true)::jsonb $$"
            )
            for number, script in enumerate(scripts):
                connection.execute(f"{_SCHEMA.format(f'case_{number}')} {script}".encode())
    urls = (f"--db-url={server.conninfo(names[1])}", f"--baseline={server.conninfo(names[0])}")
    return judge(*urls, "--allow-partial", "-k", "nothing_bypasses_the_policies or nothing_else_tells_of_them")


@pytest.mark.full
def test_what_became_safer_is_inherited(server: embedded.Server, copy: Copy, judge: Judge) -> None:
    before, after = zip(*SAFER.values(), strict=True)
    judged = judge_surface(before, after, server, copy, judge)
    assert [f.statement for result in judged.results for f in result.evidence.findings] == []
    assert judged.status == 0
    inherited = "; ".join(note for r in judged.results for note in r.evidence.notes if note.startswith("inherited"))
    assert {f"case_{number}." for number in range(len(SAFER))} == set(re.findall(r"case_\d+\.", inherited))


@pytest.mark.full
def test_what_is_new_of_an_object_is_told_though_the_rest_is_inherited(
    server: embedded.Server, copy: Copy, judge: Judge
) -> None:
    before, after, told = zip(*WIDER.values(), strict=True)
    judged = judge_surface(before, after, server, copy, judge)
    assert judged.red() == {"nothing_bypasses_the_policies", "nothing_else_tells_of_them"}, judged.output
    found = [
        finding.statement
        for result in judged.results
        if result.check == "nothing_bypasses_the_policies"
        for finding in result.evidence.blockers
    ]
    assert sorted(found) == sorted(f"case_{number}.{words}" for number, words in enumerate(told))
