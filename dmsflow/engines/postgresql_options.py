"""The options of a PostgreSQL connection: libpq's own, and those that dmsflow adds. Opens nothing.

How long to wait is written as everywhere in a spec, ``30s`` or ``1h30m``; 0 sets no limit.
"""

from collections.abc import Mapping

from msgspec import Struct

from dmsflow.engines.address import Address
from dmsflow.engines.durations import Option, read_seconds

LIBPQ: dict[str, Option] = {
    "application_name": "dmsflow",
    "client_encoding": "utf8",
    "connect_timeout": 30,
    "keepalives_idle": 60,
    "keepalives_interval": 10,
    "keepalives_count": 6,
    "tcp_user_timeout": 120_000,
}
"""What libpq gets unless the connection says otherwise: a machine that is gone is noticed after two minutes."""

LOCK_SECONDS = 60.0
SILENCE_SECONDS = 120.0
FIRST_LOOK = 3.0

OWN = ("lock_timeout", "statement_timeout", "silence_timeout")

SETTINGS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO,YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "standard_conforming_strings": "on",
    "array_nulls": "on",
    "lc_monetary": "C",
    "xmloption": "content",
}
"""How a server writes values, and reads them; the same in every session, whoever opened it."""

OWN_NAMES_FIRST = """
SELECT pg_catalog.set_config('search_path', pg_catalog.ltrim(pg_catalog.regexp_replace(
    pg_catalog.current_setting('search_path'),
    '(^|,)[[:space:]]*"?pg_(catalog|temp)"?[[:space:]]*(?=,|$)', '', 'gi'), ', '), FALSE)
"""
"""The server's own functions and operators are found before others of the same name, and temporary tables first: so it
is where a search path names neither. It may have been set to name them later."""

READ_ONLY = {"default_transaction_read_only": "on"}
ISOLATION = {"default_transaction_isolation": "read committed"}


class Limits(Struct, frozen=True, kw_only=True):
    """How long a session waits, in seconds: for a lock, for a statement, for a server that says nothing; 0: for ever.

    None leaves it to what the server, the database or the user has set.
    """

    lock: float | None = None
    statement: float | None = None
    silence: float = SILENCE_SECONDS

    @property
    def first_look(self) -> float:
        """After how much silence somebody looks why: early enough to name who holds a lock, before the wait ends."""
        lock = LOCK_SECONDS if self.lock is None else self.lock
        return min(FIRST_LOOK, *(limit / 2 for limit in (lock, self.silence) if limit))


def split_options(name: str, options: Mapping[str, Option]) -> tuple[Limits, dict[str, Option]]:
    """The limits of a connection, and what libpq gets. Raises ConnectionFailed for a limit that is no duration."""
    own = {key: read_seconds(name, key, options[key]) for key in OWN if key in options}
    limits = Limits(
        lock=own.get("lock_timeout"),
        statement=own.get("statement_timeout"),
        silence=own.get("silence_timeout", SILENCE_SECONDS),
    )
    given = {key: value for key, value in (LIBPQ | dict(options)).items() if key not in OWN}
    return limits, {key: int(value) if isinstance(value, bool) else value for key, value in given.items()}


def write_settings(limits: Limits, *, read_only: bool) -> str:
    """The statements that make a session ours. A limit that is set elsewhere stands, unless the connection has one."""
    written = SETTINGS | ISOLATION | (READ_ONLY if read_only else {})
    settings = "; ".join([OWN_NAMES_FIRST, *(f"SET {name} = '{value}'" for name, value in written.items())])
    if limits.statement is not None:
        settings += f"; SET statement_timeout = {round(limits.statement * 1000)}"
    if limits.lock is not None:
        return f"{settings}; SET lock_timeout = {round(limits.lock * 1000)}"
    ours = f"set_config('lock_timeout', '{round(LOCK_SECONDS * 1000)}', FALSE)"
    return f"{settings}; SELECT {ours} WHERE current_setting('lock_timeout') = '0'"


def write_conninfo(address: Address) -> tuple[str, str | None]:
    """One line that libpq reads, of a session that only reads, without the password; and the password.

    Raises psycopg's error where the address is no url.
    """
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    limits, given = split_options(address.name, dict(address.options))
    parameters = conninfo_to_dict("postgresql:" + address.url.partition(":")[2], **given)
    password = parameters.pop("password", None) if address.password is None else address.password
    settings = SETTINGS | READ_ONLY
    for name, seconds in (("statement_timeout", limits.statement), ("lock_timeout", limits.lock)):
        settings |= {} if seconds is None else {name: str(round(seconds * 1000))}
    own = " ".join(f"-c {name}={value}" for name, value in settings.items())
    parameters["options"] = f"{parameters.get('options') or ''} {own}".strip()
    return make_conninfo("", **parameters), None if password is None else str(password)
