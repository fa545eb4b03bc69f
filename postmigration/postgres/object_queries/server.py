"""What is asked of the catalogs for what stands in no schema: extensions, publications, foreign servers, roles."""

from __future__ import annotations

from postmigration.postgres.object_queries.query import Query

_EXTENSIONS = Query(
    """
    SELECT format('extension %I', e.extname) AS name, ARRAY['extension', '', e.extname] AS parts,
           jsonb_build_object('schema', n.nspname, 'version', e.extversion, '~id', quote_ident(e.extname),
                              '~default', v.default_version, '~moves', e.extrelocatable,
                              '~functions', (SELECT string_agg(DISTINCT p.proname, ' ') FROM pg_depend d
                                  JOIN pg_proc p ON p.oid = d.objid
                                  WHERE d.refclassid = CAST('pg_extension' AS regclass) AND d.refobjid = e.oid
                                    AND d.classid = CAST('pg_proc' AS regclass) AND d.deptype = 'e'),
                              '~used by', (SELECT min(pg_describe_object(u.classid, u.objid, u.objsubid))
                                  FROM pg_depend d JOIN pg_depend u ON u.refclassid = d.classid AND u.refobjid = d.objid
                                  WHERE d.refclassid = CAST('pg_extension' AS regclass) AND d.refobjid = e.oid
                                    AND d.deptype = 'e' AND u.deptype IN ('n', 'a')
                                    AND (u.classid, u.objid) NOT IN (SELECT classid, objid FROM member))) AS facts
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    LEFT JOIN pg_available_extensions v ON v.name = e.extname WHERE e.oid >= 16384
    """
)

_PUBLICATIONS = Query(
    """
    SELECT format('publication %I', pubname) AS name, ARRAY['publication', '', pubname] AS parts,
           -- What a server before 13 knows nothing of, it does not do.
           jsonb_build_object('pubviaroot', false)
               || jsonb_strip_nulls(to_jsonb(p) - ARRAY['oid', 'pubname', 'pubowner'])
               || jsonb_build_object('owner', pg_get_userbyid(pubowner), '~id', quote_ident(pubname)) AS facts
    FROM pg_publication p
    """
)

_PUBLISHED = Query(
    """
    SELECT format('table %s in publication %I', CAST(m.prrelid AS regclass), p.pubname) AS name,
           ARRAY['published table', n.nspname, p.pubname, c.relname] AS parts,
           jsonb_build_object(
               'of', format('publication %I', p.pubname), '~on', CAST(m.prrelid AS regclass),
               '~id', quote_ident(p.pubname), {filters}
           ) AS facts
    FROM pg_publication_rel m JOIN pg_publication p ON p.oid = m.prpubid
    JOIN pg_class c ON c.oid = m.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    """,
    [
        (
            "filters",
            15,
            "'rows', pg_get_expr(m.prqual, m.prrelid), 'columns', ("
            "SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_attribute a "
            "WHERE a.attrelid = m.prrelid AND a.attnum = ANY (m.prattrs))",
            "'rows', NULL",
        )
    ],
)

_PUBLISHED_SCHEMAS = Query(
    """
    SELECT format('schema %I in publication %I', n.nspname, p.pubname) AS name,
           ARRAY['published schema', n.nspname, p.pubname] AS parts,
           jsonb_build_object('of', format('publication %I', p.pubname), '~on', quote_ident(n.nspname),
                              '~id', quote_ident(p.pubname)) AS facts
    FROM pg_publication_namespace m JOIN pg_publication p ON p.oid = m.pnpubid
    JOIN pg_namespace n ON n.oid = m.pnnspid
    """,
    since=15,
)

_EVENT_TRIGGERS = Query(
    """
    SELECT format('event trigger %I', evtname) AS name, ARRAY['event trigger', '', evtname] AS parts,
           jsonb_build_object('event', evtevent, 'function', CAST(evtfoid AS regprocedure), 'enabled', evtenabled,
                              'tags', array_to_string(evttags, ', '), 'owner', pg_get_userbyid(evtowner),
                              '~id', quote_ident(evtname), '~sql', concat(
                                  format('CREATE EVENT TRIGGER %I ON %s', evtname, evtevent),
                                  ' WHEN TAG IN (' || (SELECT string_agg(quote_literal(t), ', ')
                                                       FROM unnest(evttags) AS u (t)) || ')',
                                  format(' EXECUTE FUNCTION %s()', CAST(evtfoid AS regproc)))) AS facts
    FROM pg_event_trigger
    WHERE (CAST('pg_event_trigger' AS regclass), oid) NOT IN (SELECT classid, objid FROM member)
    """
)

# What an option says may be a password.
_SERVERS = Query(
    """
    SELECT format('foreign server %I', s.srvname) AS name, ARRAY['foreign server', '', s.srvname] AS parts,
           jsonb_build_object('owner', pg_get_userbyid(s.srvowner), 'wrapper', w.fdwname, 'options', (
               SELECT string_agg(CASE WHEN option_name IN ('host', 'port', 'dbname')
                                      THEN option_name || '=' || option_value ELSE option_name END, ', '
                                 ORDER BY option_name)
               FROM pg_options_to_table(s.srvoptions)), '~id', quote_ident(s.srvname)) AS facts
    FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
    UNION ALL
    SELECT format('user mapping of %I for %s', srvname, CASE umuser WHEN 0 THEN 'PUBLIC' ELSE quote_ident(usename) END),
           ARRAY['user mapping', '', srvname],
           jsonb_build_object('of', format('foreign server %I', srvname))
    FROM pg_user_mappings
    """
)

_ROLES = Query(
    """
    SELECT format('role %I', rolname) AS name, ARRAY['role', '', rolname] AS parts,
           to_jsonb(r) - ARRAY['oid', 'rolname', 'rolpassword', 'rolconfig', 'rolvaliduntil']
               || jsonb_build_object('~id', quote_ident(rolname), 'member of', (
                   SELECT string_agg(DISTINCT pg_get_userbyid(m.roleid), ', ') FROM pg_auth_members m
                   WHERE m.member = r.oid)) || jsonb_build_object(
               '~options', 'known',
               '~admin', (SELECT string_agg(DISTINCT pg_get_userbyid(m.roleid), ', ') FROM pg_auth_members m
                          WHERE m.member = r.oid AND m.admin_option),
               '~inherit', (SELECT string_agg(DISTINCT pg_get_userbyid(m.roleid), ', ') FROM pg_auth_members m
                            WHERE m.member = r.oid AND {inherits}),
               '~set', (SELECT string_agg(DISTINCT pg_get_userbyid(m.roleid), ', ') FROM pg_auth_members m
                        WHERE m.member = r.oid AND {sets})) AS facts
    FROM pg_roles r WHERE rolname !~ '^pg_'
    """,
    [("inherits", 16, "m.inherit_option", "r.rolinherit"), ("sets", 16, "m.set_option", "true")],
)

SERVER = (_EXTENSIONS, _PUBLICATIONS, _PUBLISHED, _PUBLISHED_SCHEMAS, _EVENT_TRIGGERS, _SERVERS, _ROLES)
