CREATE TABLE public.shop (id integer PRIMARY KEY);
CREATE TABLE public.customer (
    id integer PRIMARY KEY, email text NOT NULL UNIQUE, shop_id integer REFERENCES public.shop (id) ON DELETE CASCADE,
    cents integer NOT NULL CHECK (cents > 0), code text, number serial, state text NOT NULL DEFAULT 'new'
);
CREATE UNIQUE INDEX customer_code ON public.customer (lower(code)) WHERE cents > 5;
ALTER TABLE public.customer ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.customer FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON public.customer FOR SELECT TO check_reader USING (email = CURRENT_USER);
CREATE POLICY write ON public.customer FOR UPDATE TO check_reader USING (email = CURRENT_USER);
GRANT SELECT, UPDATE ON public.customer TO check_reader;
CREATE FUNCTION public.note_it() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER noted BEFORE UPDATE ON public.customer FOR EACH ROW EXECUTE FUNCTION public.note_it();
CREATE TABLE public.review (id integer PRIMARY KEY, customer_id integer REFERENCES public.customer (id));
CREATE TABLE public.staff (id integer PRIMARY KEY, email text NOT NULL UNIQUE, desk text NOT NULL);
GRANT SELECT ON public.staff TO check_owner;
CREATE TABLE public.room (
    id integer PRIMARY KEY, owner text CHECK (owner IS NOT NULL), state text NOT NULL CHECK (state IN ('on', 'off')),
    data jsonb NOT NULL
);
CREATE UNIQUE INDEX room_owner ON public.room (owner);
ALTER TABLE public.room ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON public.room FOR SELECT TO check_reader USING (true);
CREATE POLICY own ON public.room AS RESTRICTIVE FOR SELECT TO check_reader USING (owner = CURRENT_USER);
GRANT SELECT (owner) ON public.room TO check_owner;
