"""What belongs to an extension: what its script has made, and nothing that somebody has added to it since.

Whoever owns an extension may add objects of their own to it (ALTER EXTENSION … ADD), which pg_dump then leaves out.
The script of an extension runs as a superuser, even where somebody else may create it: its objects are a superuser's.
"""

from __future__ import annotations

# Roles of hosting services to which their documentation hands over tables of extensions.
_HOSTERS = "'rds_superuser', 'cloudsqlsuperuser', 'alloydbsuperuser', 'azure_pg_admin', 'supabase_admin'"
# A role that is neither a superuser nor a hosting service's owns an object.
_OWNED = f"""
    SELECT FROM pg_shdepend s JOIN pg_roles r ON r.oid = s.refobjid
    WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND s.classid = {{of}}.classid
      AND s.objid = {{of}}.objid AND s.deptype = 'o' AND NOT r.rolsuper AND r.rolname NOT IN ({_HOSTERS})
"""
# Where all of an extension belongs to one who is no superuser, a service has created it so. What an extension declares
# as tables of settings can only be its own.
_ADDED = f"""
    EXISTS ({_OWNED.format(of="{of}")})
    AND EXISTS (
        SELECT FROM pg_depend o
        WHERE o.refclassid = {{of}}.refclassid AND o.refobjid = {{of}}.refobjid AND o.deptype = 'e'
          AND o.classid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass)
          AND NOT EXISTS ({_OWNED.format(of="o")}))
    AND NOT EXISTS (
        SELECT FROM pg_extension x
        WHERE x.oid = {{of}}.refobjid AND {{of}}.classid = 'pg_class'::regclass AND {{of}}.objid = ANY (x.extconfig))
"""


def is_member(of: str) -> str:
    """SQL for whether a row of pg_depend says that an object belongs to an extension.

    Args:
        of: what the row is called.
    """
    return f"{of}.deptype = 'e' AND NOT ({_ADDED.format(of=of)})"


MEMBER_D = is_member("d")
MEMBER_E = is_member("e")
