"""What PostgreSQL's errors mean: whether another try helps, and what to do. Runs nothing, and tells no secret."""

from typing import TYPE_CHECKING

from dmsflow.errors import DatabaseError, PermanentError, TransientError
from dmsflow.events import redact

if TYPE_CHECKING:
    import psycopg

TRANSIENT = ("40001", "40P01", "08", "57P01", "57P02", "57P03", "55P03", "53300")
"""Serialization, deadlock, a lost connection, a server that stops or starts, a lock, too many connections."""

NEXT_STEPS = {
    "42501": "grant it to the user of the connection",
    "25006": "connect to the primary server, as a user whose transactions may write",
    "53100": "the disk of the server is full: make room, then apply again",
    "3D000": "check the database at the end of the url",
    "57014": "raise statement_timeout for the user of the connection",
}

OPENING = (
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


def judge(error: "psycopg.Error", *, lost: bool) -> DatabaseError:
    """The driver's error in dmsflow's classes, by its SQLSTATE."""
    state = error.sqlstate or ""
    text = f"{state}: {_describe(error)}" if state else _describe(error)
    if state in NEXT_STEPS:
        text = f"{text}: {NEXT_STEPS[state]}"
    return TransientError(text) if lost or state.startswith(TRANSIENT) else PermanentError(text)


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
