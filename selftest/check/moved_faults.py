"""What can be forgotten where rows of one table move to another one, and what is as good."""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """What was forgotten.

    Args:
        sql: the statements that make it.
        words: what is said.
        object: what declares it.
        severity: how grave it is.
    """

    sql: str
    words: str
    object: str
    severity: str = "blocker"


FAULTS = {
    "row-level security": Fault(
        "ALTER TABLE public.person DISABLE ROW LEVEL SECURITY",
        "row-level security of table public.person is off, and was on of table public.customer",
        "row-level security of table public.person",
    ),
    "a key to the parent": Fault(
        "ALTER TABLE public.person DROP CONSTRAINT person_shop_fkey",
        "shop of table public.person has no foreign key to shop, and constraint customer_shop_id_fkey",
        "constraint customer_shop_id_fkey on public.person",
    ),
    "a policy that lets all pass": Fault(
        "ALTER POLICY mine ON public.person USING (true)",
        "policy mine on public.person lets check_reader pass for SELECT of any row",
        "open policy mine on public.person",
    ),
    "a right of a stranger": Fault(
        "GRANT DELETE ON public.person TO check_owner",
        "check_owner has DELETE on table public.person, and had it not on table public.customer",
        "grant of DELETE on table public.person to check_owner",
    ),
    "NOT NULL": Fault(
        "ALTER TABLE public.person ALTER mail DROP NOT NULL",
        "column public.person.mail may be NULL, and column public.customer.email",
        "NOT NULL of column public.person.mail",
    ),
    "forced row-level security": Fault(
        "ALTER TABLE public.person NO FORCE ROW LEVEL SECURITY",
        "its owner sees all these rows",
        "forced row-level security of table public.person",
    ),
    "a policy": Fault(
        "DROP POLICY write ON public.person",
        "has no such policy for UPDATE",
        "policy write on public.person",
    ),
    "a policy that asks another thing": Fault(
        "ALTER POLICY mine ON public.person USING (code = CURRENT_USER)",
        "policy own on public.customer was FOR SELECT TO check_reader USING ((email = CURRENT_USER)); policy mine on "
        "public.person is FOR SELECT TO check_reader USING ((code = CURRENT_USER))",
        "policy mine on public.person",
        "warning",
    ),
    "a policy that is added": Fault(
        "CREATE POLICY make ON public.person FOR INSERT TO check_reader WITH CHECK (cents < 9)",
        "had none for that",
        "policy make on public.person",
        "warning",
    ),
    "a right of all": Fault(
        "GRANT SELECT (mail) ON public.person TO PUBLIC",
        "PUBLIC has SELECT on column public.person.mail, and had it not on table public.customer",
        "grant of SELECT on column public.person.mail to PUBLIC",
    ),
    "a right that is lost": Fault(
        "REVOKE UPDATE ON public.person FROM check_reader",
        "check_reader has no UPDATE on table public.person, and had it on table public.customer",
        "grant of UPDATE on table public.person to check_reader",
    ),
    "what follows a parent": Fault(
        "ALTER TABLE public.person DROP CONSTRAINT person_shop_fkey; "
        "ALTER TABLE public.person ADD FOREIGN KEY (shop) REFERENCES public.shop (id)",
        "says nothing after its parent",
        "constraint customer_shop_id_fkey on public.person",
    ),
    "CHECK": Fault(
        "ALTER TABLE public.person DROP CONSTRAINT paid",
        "table public.person has no CHECK of cents, and constraint customer_cents_check on public.customer",
        "constraint customer_cents_check on public.person",
    ),
    "another CHECK": Fault(
        "ALTER TABLE public.person DROP CONSTRAINT paid, ADD CONSTRAINT paid CHECK (cents > 1)",
        "constraint paid on public.person is CHECK ((cents > 1))",
        "constraint paid on public.person",
        "warning",
    ),
    "UNIQUE": Fault(
        "ALTER TABLE public.person DROP CONSTRAINT person_mail_key",
        "mail of table public.person need not be unique, and constraint customer_email_key",
        "constraint customer_email_key on public.person",
    ),
    "PRIMARY KEY": Fault(
        "ALTER TABLE public.person DROP CONSTRAINT person_pkey",
        "id of table public.person need not be unique, and constraint customer_pkey",
        "constraint customer_pkey on public.person",
    ),
    "a unique index": Fault(
        "DROP INDEX public.person_code",
        "need not be unique, and index public.customer_code",
        "index public.customer_code",
    ),
    "a trigger": Fault(
        "DROP TRIGGER other ON public.person",
        "trigger noted on public.customer called public.note_it",
        "trigger noted on public.person",
        "warning",
    ),
    "what counts": Fault(
        "ALTER TABLE public.person ALTER number DROP IDENTITY",
        "nothing fills column public.person.number, and column public.customer.number, whose values it holds, was "
        "filled by its default nextval('public.customer_number_seq'::regclass): a row of person",
        "default of column public.person.number",
    ),
    "a default": Fault(
        "ALTER TABLE public.person ALTER state DROP DEFAULT",
        "nothing fills column public.person.state, and column public.customer.state, whose values it holds, was "
        "filled by its default 'new'::text",
        "default of column public.person.state",
        "warning",
    ),
}
SOUND = {
    "nothing": "",
    "stronger rules": "ALTER TABLE public.person ALTER code SET NOT NULL; DROP INDEX public.person_code; "
    "CREATE UNIQUE INDEX c ON public.person (lower(code)); ALTER TABLE public.person ADD CHECK (cents < 100); "
    "ALTER TABLE public.person DROP CONSTRAINT person_mail_key; CREATE UNIQUE INDEX m ON public.person (lower(mail))",
    "a right by columns": "REVOKE UPDATE ON public.person FROM check_reader; "
    "GRANT UPDATE (id, mail, shop, cents, code, number, state) ON public.person TO check_reader",
    "a column with rights of its own": "ALTER TABLE public.person ADD hint text; "
    "GRANT SELECT (hint) ON public.person TO check_owner",
    "a sequence instead of an identity, and another default": "ALTER TABLE public.person ALTER number DROP IDENTITY; "
    "CREATE SEQUENCE public.numbers OWNED BY public.person.number; ALTER TABLE public.person ALTER state "
    "SET DEFAULT md5('x'), ALTER number SET DEFAULT nextval('public.numbers')",
    "what a trigger may fill": "ALTER TABLE public.person ALTER number DROP IDENTITY; CREATE TRIGGER fill BEFORE "
    "INSERT ON public.person FOR EACH ROW EXECUTE FUNCTION public.note_it()",
    "another CHECK beside": "ALTER TABLE public.person ADD CHECK (cents > 0 AND code <> '')",
}
