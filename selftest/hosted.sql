-- What a hosting platform adds to the application's database: roles, schemas and extensions of its own, and objects of
-- the application that need them.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY[
        'anon', 'authenticated', 'service_role', 'supabase_admin', 'authenticator', 'dashboard_user',
        'supabase_auth_admin', 'supabase_storage_admin'
    ] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I', wanted);
        END IF;
    END LOOP;
END
$$;
ALTER ROLE service_role NOLOGIN BYPASSRLS;
ALTER ROLE authenticator LOGIN PASSWORD 'a secret of the authenticator';
ALTER ROLE anon SET statement_timeout = '3s';
ALTER ROLE authenticator SET session_preload_libraries = 'safeupdate';
GRANT anon, authenticated, service_role TO authenticator;

CREATE EXTENSION pg_stat_statements SCHEMA extensions;
CREATE EXTENSION pg_trgm SCHEMA extensions;
CREATE EXTENSION citext SCHEMA extensions;
COMMENT ON EXTENSION pg_trgm IS 'indexes for searches';

ALTER SCHEMA auth OWNER TO supabase_admin;
ALTER TABLE auth.users OWNER TO supabase_auth_admin;
ALTER FUNCTION auth.uid() OWNER TO supabase_auth_admin;
CREATE TABLE auth.audit_log_entries (id uuid PRIMARY KEY, payload json, created_at timestamptz);
INSERT INTO auth.audit_log_entries
SELECT gen_random_uuid(), '{"action": "login"}', now() FROM generate_series(1, 7);

CREATE SCHEMA storage AUTHORIZATION supabase_admin;
CREATE TABLE storage.buckets (id text PRIMARY KEY, name text NOT NULL UNIQUE, public boolean DEFAULT false);
CREATE TABLE storage.objects (
    id uuid PRIMARY KEY DEFAULT extensions.uuid_generate_v4(),
    bucket_id text REFERENCES storage.buckets (id),
    name text,
    path_tokens text[] GENERATED ALWAYS AS (string_to_array(name, '/')) STORED
);
ALTER TABLE storage.objects OWNER TO supabase_storage_admin;
ALTER TABLE storage.objects ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_objects ON storage.objects FOR SELECT TO authenticated USING (auth.uid() IS NOT NULL);
INSERT INTO storage.buckets VALUES ('documents', 'documents'), ('avatars', 'avatars');
INSERT INTO storage.objects (bucket_id, name) SELECT 'documents', 'a/' || n FROM generate_series(1, 3) n;

CREATE FUNCTION extensions.grant_pg_net_access() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER issue_pg_net_access ON ddl_command_end EXECUTE FUNCTION extensions.grant_pg_net_access();
CREATE PUBLICATION supabase_realtime;
ALTER PUBLICATION supabase_realtime ADD TABLE public.projects;
ALTER DEFAULT PRIVILEGES FOR ROLE supabase_admin IN SCHEMA public GRANT ALL ON TABLES TO anon;
GRANT SELECT ON public.projects TO dashboard_user;
COMMENT ON TABLE public.projects IS 'Projects; one row each.
COPY public.projects FROM stdin;
\.
It''s the main table.';

CREATE FUNCTION public.handle_new_user() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $f$
BEGIN
    RAISE EXCEPTION 'no trigger may fire while rows are loaded';
END
$f$;
CREATE TRIGGER on_auth_user_created AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION public.handle_new_user();
CREATE TRIGGER always_fires BEFORE INSERT ON public.documents FOR EACH ROW EXECUTE FUNCTION public.handle_new_user();
ALTER TABLE public.documents ENABLE ALWAYS TRIGGER always_fires;
ALTER TABLE public.documents ENABLE REPLICA TRIGGER documents_updated_at;
CREATE RULE nothing AS ON INSERT TO public.reviews DO INSTEAD NOTHING;

-- Needs what an embedded server has not.
CREATE INDEX projects_title_search ON public.projects USING gin (title extensions.gin_trgm_ops);
CREATE FUNCTION public.folded(value extensions.citext) RETURNS text LANGUAGE sql AS 'SELECT value::text';
CREATE VIEW public.slow_queries AS SELECT queryid, calls FROM extensions.pg_stat_statements;
CREATE POLICY projects_similar ON public.projects FOR SELECT TO authenticated
    USING (extensions.similarity(title, 'x') > 2);
CREATE FUNCTION public.atomic(wanted uuid) RETURNS bigint
BEGIN ATOMIC
    SELECT count(*) FROM public.projects WHERE id = wanted;
    SELECT CASE WHEN wanted IS NULL THEN 0 ELSE 1 END::bigint;
END;
CREATE FUNCTION public.secret_of(value text) RETURNS bytea LANGUAGE sql AS
    $s$ SELECT extensions.digest(value, 'sha256') || extensions.hmac(value, 'key', 'sha512') $s$;
