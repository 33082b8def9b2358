"""The ledger's tables and their versions, and its errors in words. Knows no run."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from dmsflow.errors import LedgerError

BUSY_SECONDS = 10.0
APPLICATION_ID = 0x646D7366  # "dmsf"

FIRST_TABLES = """
create table run (
    seq integer primary key autoincrement,
    run_id text not null unique,
    pipeline text not null,
    spec_file text not null,
    spec_digest text not null,
    plan blob,
    target text not null,
    transfer text not null,
    status text not null,
    host text not null,
    pid integer not null,
    chunks_total integer not null,
    chunks_before integer not null default 0,
    estimated_rows integer,
    rows_so_far integer not null default 0,
    rows_before integer not null default 0,
    started_at text not null,
    resumed_at text not null,
    heartbeat_at text not null,
    finished_at text,
    report text
);
create index run_of_pipeline on run (pipeline, seq);
create table chunk (
    run_id text not null references run (run_id) on delete cascade,
    number integer not null,
    status text not null,
    read integer not null,
    inserted integer not null,
    versioned integer not null,
    updated integer not null,
    unchanged integer not null,
    collapsed integer not null,
    rejected integer not null,
    closed integer not null,
    seconds real not null,
    attempts integer not null,
    watermark text,
    failure text,
    primary key (run_id, number)
) without rowid;
create table stop_request (
    run_id text primary key references run (run_id) on delete cascade,
    requested_at text not null
) without rowid;
"""

FAILED_ATTEMPTS = """
create table failed_attempt (
    seq integer primary key autoincrement,
    run_id text not null references run (run_id) on delete cascade,
    chunk integer not null,
    attempt integer not null,
    failed_at text not null,
    failure text not null
);
create index failed_attempt_of_run on failed_attempt (run_id, seq);
"""

STOP_AT_ONCE = "alter table stop_request add column at_once integer not null default 0"

REWRITTEN = "alter table chunk add column rewritten integer not null default 0"

MIGRATIONS = (FIRST_TABLES, FAILED_ATTEMPTS, STOP_AT_ONCE, REWRITTEN)
"""Each brings a ledger from its own index to the next version; a released one never changes."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, made current. The caller closes. Raises LedgerError."""
    with said_of(path):
        if not path.exists():
            _create_whole(path)
        connection = _open(path)
        try:
            _make_current(connection, path)
            connection.execute("pragma foreign_keys = on")
            connection.execute("pragma synchronous = normal")
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def said_of(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into LedgerErrors that name the file and what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerError(_explain(path, error)) from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All of it or nothing; waits for another writer."""
    connection.execute("begin immediate")
    try:
        yield connection
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


def _create_whole(path: Path) -> None:
    """Build a ledger aside and put it in place in one step: switching to WAL does not wait for other processes."""
    from tempfile import mkstemp

    try:
        number, name = mkstemp(prefix=f".{path.name}-", dir=path.parent)
        os.close(number)
    except OSError:
        return  # opening the file itself will say why
    aside = Path(name)
    try:
        with closing(_open(aside)) as connection:
            _make_current(connection, path)
        with suppress(OSError):  # another process was first, or the disk knows no links: then it is made in place
            os.link(aside, path)
    finally:
        aside.unlink()


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _make_current(connection: sqlite3.Connection, path: Path) -> None:
    if _read_version(connection, path) == len(MIGRATIONS):
        return
    connection.execute("pragma journal_mode = wal")
    with transaction(connection):
        for script in MIGRATIONS[_read_version(connection, path) :]:
            for statement in script.split(";"):
                connection.execute(statement)
        connection.execute(f"pragma application_id = {APPLICATION_ID}")
        connection.execute(f"pragma user_version = {len(MIGRATIONS)}")


def _read_version(connection: sqlite3.Connection, path: Path) -> int:
    version = _read_number(connection, "pragma user_version")
    owner = _read_number(connection, "pragma application_id")
    foreign = _read_number(connection, "select count(*) from sqlite_master") and owner != APPLICATION_ID
    if foreign:
        raise LedgerError(f'"{path}" is a database of another program | next: give another place with --ledger')
    if version > len(MIGRATIONS):
        raise LedgerError(
            f'the ledger "{path}" has version {version}, this dmsflow reads up to {len(MIGRATIONS)}'
            " | next: update dmsflow, or give another place with --ledger"
        )
    return version


def _read_number(connection: sqlite3.Connection, sql: str) -> int:
    with closing(connection.execute(sql)) as cursor:
        return int(cursor.fetchone()[0])


def _explain(path: Path, error: sqlite3.Error) -> str:
    ledger = f'the ledger "{path}"'
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return (
                f"{ledger} is damaged, or is no ledger: {error}"
                " | next: move the file away; what was loaded is recorded in the targets, not here"
            )
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return f"{ledger} cannot be written: {error} | next: give another place with --ledger"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return f"{ledger} was busy for {BUSY_SECONDS:.0f} s | next: look for a process that holds it"
        case sqlite3.SQLITE_FULL:
            return f"{ledger} cannot grow: the disk is full | next: make room"
    return f"{ledger} does not answer: {error}"
