"""What PostgreSQL's errors mean: whether another try helps, and what to do. Runs nothing, and tells no secret."""

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dmsflow.errors import (
    DatabaseError,
    PermanentError,
    RowRefused,
    SnapshotLost,
    TransientError,
    ValueRefused,
)
from dmsflow.events import redact

if TYPE_CHECKING:
    import psycopg

TRANSIENT = ("40001", "40P01", "08", "57P01", "57P02", "57P03", "55P03", "53300")
"""Serialization, deadlock, a lost connection, a server that stops or starts, a lock, too many connections."""

REFUSED = ("22", "23", "44", "P0001")
"""A value that is none of its type, a constraint, a view's check, a trigger that raises."""

UNREADABLE = (*REFUSED, "42", "54", "XX000")
"""What COPY says of a row's values: some types tell of a syntax error, an unknown object, a limit, or of nothing."""

REASONS = {
    "22001": "too_long",
    "22003": "overflow",
    "22008": "overflow",
    "22021": "encoding",
    "22P05": "encoding",
    "23001": "foreign_key",
    "23502": "not_null",
    "23503": "foreign_key",
    "23505": "unique",
    "23514": "check",
}
KEY_COLUMN = re.compile(r"\(\"?([^(),\"]+)\"?\)=\(")
"""The only column of a key, in whatever language the server speaks: Key (email)=(x) already exists."""

LOCK = "55P03"
OUTDATED = "40001"

NEXT_STEPS = {
    "25006": "connect to the primary server, as a user whose transactions may write",
    "25P03": "raise idle_in_transaction_session_timeout for the user of the connection",
    "25P04": "raise transaction_timeout for the user of the connection, or make smaller chunks",
    "3D000": "check the database at the end of the url",
    "42501": "grant it to the user of the connection; how-to/postgresql-permissions lists what a load needs",
    "53100": "the disk of the server is full: make room, then apply again",
    "53400": "raise that limit for the user of the connection, or make smaller chunks",
    "55P03": "wait for whoever holds it, or end that session; a longer wait is the option lock_timeout",
    "22021": "remove or replace it with expr",
    "22P05": "remove or replace it with expr, or load into a database of encoding UTF8",
}
CANCELED = (
    ("statement timeout", "raise the option statement_timeout of the connection, or make smaller chunks"),
    ("user request", "somebody cancelled the statement; apply again to go on"),
)
"""What ends a statement with 57014, and what to do; a server that speaks another language has one for all."""
READING_STEPS = {
    "42501": "grant SELECT on the table, or on each column that is read, and USAGE on its schema; or read fewer "
    "columns: name them under columns",
    "22021": "a text is not in the encoding that its database declares: repair it with expr, such as "
    "convert_from(pg_catalog.convert(name::bytea, 'LATIN1', 'UTF8'), 'SQL_ASCII')",
}
"""What to do about an error of a source, where it is not what a target needs."""

CROWDED = "wait until others have closed their connections, or load with fewer parallel.workers"

OPENING = (
    ("too many c", CROWDED),
    ("remaining connection slots", CROWDED),
    ("the database system is", "the server starts or stops: apply again when it is up"),
    ("terminating connection", "somebody ended the session, or the server stops: apply again"),
    ("server closed the connection", "look into the log of the server, then apply again"),
    ("password authentication failed", "check the user and the password of the connection"),
    ("no password supplied", 'add "password: ${env:NAME}" to the connection'),
    ("pg_hba.conf", "the server lets no such connection in: check user, database and sslmode"),
    ('role "', "check the user in the url"),
    ('database "', "check the database at the end of the url"),
    ("Connection refused", "check host and port, and that the server runs"),
    ("No such file or directory", "check host and port, and that the server runs"),
    ("could not translate host name", "check the host in the url"),
    ("failed to resolve host", "check the host in the url"),
    ("timeout", "check host and port; a longer wait is the option connect_timeout"),
    ("invalid connection option", "check the options of the connection"),
    ("certificate", "check sslmode and sslrootcert"),
    ("SSL", "check sslmode and sslrootcert"),
)
"""What a server or libpq says when a connection fails, and what to do; the first that is found counts."""


class Place(Struct, frozen=True, kw_only=True):
    """Where an error arose: the connection, and whether it reads a source."""

    name: str
    reads: bool


def judge(error: "psycopg.Error", place: Place, *, lost: bool, holder: str | None = None) -> DatabaseError:
    """The driver's error in dmsflow's classes, by its SQLSTATE; ``holder`` is who held the lock it waited for."""
    state = error.sqlstate or ""
    parts = [state, _describe(error), holder if state == LOCK else None, _next_step(error, place)]
    text = f'connection "{place.name}": {": ".join(part for part in parts if part)}'
    arriving = not place.reads and "COPY" in (error.diag.context or "")
    if state.startswith(UNREADABLE if arriving else REFUSED) and not lost:
        kind = ValueRefused if arriving else RowRefused
        return kind(text, reason=REASONS.get(state, "refused"), told=_describe(error), column=_refused_column(error))
    return _class_of(state, lost=lost)(text)


def _class_of(state: str, *, lost: bool) -> type[DatabaseError]:
    if state == OUTDATED and not lost:
        return SnapshotLost
    return TransientError if lost or state.startswith(TRANSIENT) else PermanentError


def _refused_column(error: "psycopg.Error") -> str | None:
    """The column that the server names."""
    key = KEY_COLUMN.search(error.diag.message_detail or "") if (error.sqlstate or "").startswith("23") else None
    return error.diag.column_name or (key[1] if key else None)


def _next_step(error: "psycopg.Error", place: Place) -> str | None:
    state = error.sqlstate or ""
    if place.reads and state in READING_STEPS:
        return READING_STEPS[state]
    if state == "57014":
        said = error.diag.message_primary or ""
        return next((step for words, step in CANCELED if words in said), CANCELED[0][1])
    return NEXT_STEPS.get(state)


def lost_race(cause: BaseException | None) -> bool:
    """Whether another session made the same thing at the same time, which IF NOT EXISTS does not see."""
    import psycopg

    if isinstance(cause, psycopg.errors.UniqueViolation):
        return cause.diag.schema_name == "pg_catalog"
    return isinstance(cause, psycopg.errors.DuplicateObject | psycopg.errors.DuplicateTable)


def _describe(error: "psycopg.Error") -> str:
    """The server's words; of a row that COPY refuses, where it stands."""
    diag = error.diag
    parts = [diag.message_primary, diag.message_detail]
    if diag.context and diag.context.startswith("COPY"):
        parts.append(diag.context.splitlines()[0])
    told = " | ".join(part for part in parts if part)
    return redact(told or " ".join(str(error).split()))


def explain_open(where: str, error: "psycopg.Error") -> str:
    """Why a server cannot be reached, and what to do."""
    said = redact(" ".join(str(error).split()))
    step = next((step for words, step in OPENING if words in said), "check address, user and options")
    return f"cannot open {where}: {said}: {step}"
