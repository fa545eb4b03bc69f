"""The functions of extensions and platforms that an application refers to, written with what every server has.

Each is a definition, or several, with `{schema}` for where it stands.
"""

from __future__ import annotations

# Where the function cannot be computed without its extension, the stand-in says so when it is called: what refers to
# it can be restored, and nothing gets a wrong value.
_ABSENT = """
CREATE FUNCTION {schema}.%(function)s(%(arguments)s) RETURNS %(returns)s LANGUAGE plpgsql AS
$$BEGIN RAISE EXCEPTION '%(function)s needs the extension %(extension)s, which this server has not'; END$$
"""


def _absent(function: str, arguments: str, returns: str, extension: str) -> str:
    return _ABSENT % {"function": function, "arguments": arguments, "returns": returns, "extension": extension}


def _absent_in_pgcrypto() -> dict[str, tuple[str, ...]]:
    functions: dict[str, tuple[str, ...]] = {}
    for function, arguments, returns in (
        ("crypt", "text, text", "text"),
        ("gen_salt", "text", "text"),
        ("gen_salt", "text, integer", "text"),
        ("encrypt", "bytea, bytea, text", "bytea"),
        ("decrypt", "bytea, bytea, text", "bytea"),
        ("encrypt_iv", "bytea, bytea, bytea, text", "bytea"),
        ("decrypt_iv", "bytea, bytea, bytea, text", "bytea"),
        ("armor", "bytea", "text"),
        ("dearmor", "text", "bytea"),
        *((f"pgp_{kind}_{what}", arguments + more, returns)
          for kind, key in (("sym", "text"), ("pub", "bytea"))
          for what, arguments, returns in (
              ("encrypt", f"text, {key}", "bytea"), ("encrypt_bytea", f"bytea, {key}", "bytea"),
              ("decrypt", f"bytea, {key}", "text"), ("decrypt_bytea", f"bytea, {key}", "bytea"))
          for more in ("", ", text")),
    ):  # fmt: skip
        functions[function] = (*functions.get(function, ()), _absent(function, arguments, returns, "pgcrypto"))
    return functions


_CONSTANT = "CREATE FUNCTION {schema}.%s() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$SELECT '%s'::pg_catalog.uuid$$"
# The time as RFC 9562 has it, and a random node, as the extension's own v1mc.
_TIME_BASED = """
CREATE FUNCTION {schema}.%s() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT pg_catalog.encode(pg_catalog.set_byte(pg_catalog.set_byte(
        pg_catalog.substr(t, 5, 4) || pg_catalog.substr(t, 3, 2)
            || pg_catalog.set_byte(pg_catalog.substr(t, 1, 2), 0, (pg_catalog.get_byte(t, 0) & 15) | 16)
            || pg_catalog.substr(r, 1, 8),
        8, (pg_catalog.get_byte(r, 0) & 63) | 128), 10, pg_catalog.get_byte(r, 2) | 1), 'hex')::pg_catalog.uuid
    FROM (SELECT pg_catalog.int8send((extract(epoch FROM pg_catalog.clock_timestamp()) * 10000000)::pg_catalog.int8
            + 122192928000000000) AS t, pg_catalog.decode(pg_catalog.replace(
            pg_catalog.gen_random_uuid()::pg_catalog.text, '-', ''), 'hex') AS r) s
$$
"""
_UUIDS: dict[str, tuple[str, ...]] = {
    "uuid_generate_v4": (
        "CREATE FUNCTION {schema}.uuid_generate_v4() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE "
        "AS $$SELECT pg_catalog.gen_random_uuid()$$",
    ),
    "uuid_generate_v1": (_TIME_BASED % "uuid_generate_v1",),
    "uuid_generate_v1mc": (_TIME_BASED % "uuid_generate_v1mc",),
    "uuid_generate_v3": (
        """
        CREATE FUNCTION {schema}.uuid_generate_v3(namespace uuid, name text) RETURNS uuid
        LANGUAGE sql IMMUTABLE STRICT AS $$
            SELECT pg_catalog.encode(pg_catalog.set_byte(pg_catalog.set_byte(h,
                6, (pg_catalog.get_byte(h, 6) & 15) | 48), 8, (pg_catalog.get_byte(h, 8) & 63) | 128),
                'hex')::pg_catalog.uuid
            FROM (SELECT pg_catalog.decode(pg_catalog.md5(pg_catalog.uuid_send(namespace)
                || pg_catalog.convert_to(name, 'UTF8')), 'hex') AS h) s
        $$
        """,
    ),
    "uuid_generate_v5": (_absent("uuid_generate_v5", "uuid, text", "uuid", "uuid-ossp"),),
    "uuid_nil": (_CONSTANT % ("uuid_nil", "00000000-0000-0000-0000-000000000000"),),
    "uuid_ns_dns": (_CONSTANT % ("uuid_ns_dns", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),),
    "uuid_ns_url": (_CONSTANT % ("uuid_ns_url", "6ba7b811-9dad-11d1-80b4-00c04fd430c8"),),
    "uuid_ns_oid": (_CONSTANT % ("uuid_ns_oid", "6ba7b812-9dad-11d1-80b4-00c04fd430c8"),),
    "uuid_ns_x500": (_CONSTANT % ("uuid_ns_x500", "6ba7b814-9dad-11d1-80b4-00c04fd430c8"),),
}

_DIGEST = """
CREATE FUNCTION {schema}.digest(data bytea, type text) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    CASE pg_catalog.lower(type)
        WHEN 'md5' THEN RETURN pg_catalog.decode(pg_catalog.md5(data), 'hex');
        WHEN 'sha224' THEN RETURN pg_catalog.sha224(data);
        WHEN 'sha256' THEN RETURN pg_catalog.sha256(data);
        WHEN 'sha384' THEN RETURN pg_catalog.sha384(data);
        WHEN 'sha512' THEN RETURN pg_catalog.sha512(data);
        ELSE RAISE EXCEPTION 'digest with % needs the extension pgcrypto, which this server has not', type;
    END CASE;
END
$$
"""
# RFC 2104.
_HMAC = """
CREATE FUNCTION {schema}.hmac(data bytea, key bytea, type text) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    size integer := CASE WHEN pg_catalog.lower(type) IN ('sha384', 'sha512') THEN 128 ELSE 64 END;
    inner_pad bytea := '';
    outer_pad bytea := '';
BEGIN
    IF pg_catalog.length(key) > size THEN
        key := {schema}.digest(key, type);
    END IF;
    key := key || pg_catalog.decode(pg_catalog.repeat('00', size - pg_catalog.length(key)), 'hex');
    inner_pad := key;
    outer_pad := key;
    FOR i IN 0 .. size - 1 LOOP
        inner_pad := pg_catalog.set_byte(inner_pad, i, pg_catalog.get_byte(key, i) # 54);
        outer_pad := pg_catalog.set_byte(outer_pad, i, pg_catalog.get_byte(key, i) # 92);
    END LOOP;
    RETURN {schema}.digest(outer_pad || {schema}.digest(inner_pad || data, type), type);
END
$$
"""
_CRYPTO: dict[str, tuple[str, ...]] = {
    "gen_random_uuid": (
        "CREATE FUNCTION {schema}.gen_random_uuid() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE "
        "AS $$SELECT pg_catalog.gen_random_uuid()$$",
    ),
    "gen_random_bytes": (
        """
        CREATE FUNCTION {schema}.gen_random_bytes(wanted integer) RETURNS bytea LANGUAGE sql VOLATILE STRICT AS $$
            SELECT pg_catalog.substr(pg_catalog.string_agg(pg_catalog.sha256(pg_catalog.uuid_send(
                pg_catalog.gen_random_uuid()) || pg_catalog.uuid_send(pg_catalog.gen_random_uuid())), ''), 1, wanted)
            FROM pg_catalog.generate_series(0, wanted / 32)
        $$
        """,
    ),
    "digest": (
        _DIGEST,
        "CREATE FUNCTION {schema}.digest(data text, type text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT "
        "AS $$SELECT {schema}.digest(pg_catalog.convert_to(data, 'UTF8'), type)$$",
    ),
    "hmac": (
        _HMAC,
        "CREATE FUNCTION {schema}.hmac(data text, key text, type text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT AS "
        "$$SELECT {schema}.hmac(pg_catalog.convert_to(data, 'UTF8'), pg_catalog.convert_to(key, 'UTF8'), type)$$",
    ),
    **_absent_in_pgcrypto(),
}
EXTENSIONS: dict[str, dict[str, tuple[str, ...]]] = {"uuid-ossp": _UUIDS, "pgcrypto": _CRYPTO}

# An API layer puts the claims of a request into a setting: older ones each claim into its own, newer ones all into one.
_CLAIM = """
CREATE FUNCTION {schema}.%(name)s() RETURNS %(type)s LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(pg_catalog.current_setting('request.jwt.claim.%(claim)s', true), ''),
        nullif(pg_catalog.current_setting('request.jwt.claims', true), '')::pg_catalog.jsonb ->> '%(claim)s'
    )::pg_catalog.%(type)s
$$
"""
AUTH: dict[str, tuple[str, ...]] = {
    "uid": (_CLAIM % {"name": "uid", "type": "uuid", "claim": "sub"},),
    "role": (_CLAIM % {"name": "role", "type": "text", "claim": "role"},),
    "email": (_CLAIM % {"name": "email", "type": "text", "claim": "email"},),
    "jwt": (
        """
        CREATE FUNCTION {schema}.jwt() RETURNS jsonb LANGUAGE sql STABLE AS $$
            SELECT coalesce(nullif(pg_catalog.current_setting('request.jwt.claim', true), ''),
                nullif(pg_catalog.current_setting('request.jwt.claims', true), ''))::pg_catalog.jsonb
        $$
        """,
    ),
}
