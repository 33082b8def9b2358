"""Rows that DuckDB fetches from a PostgreSQL server itself, through its extension. Moves nothing through Python.

The statements are those of the transfer ``arrow``: what the server is asked stands as a view where the Arrow batches
would be. A server that keeps DuckDB waiting keeps Python from hearing a signal, so a thread hears it instead, and has
the server cancel its statement.
"""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext

from dmsflow.engines.access import SOURCE_ALIAS
from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.engines.duckdb_postgres import judge, query_server
from dmsflow.engines.engine import Binds, Session
from dmsflow.engines.postgresql_session import PostgreSQLSession
from dmsflow.engines.postgresql_sql import paste_binds
from dmsflow.errors import DatabaseError

INCOMING = "_dms_incoming"
ATTACHED = f"SELECT count(*) FROM duckdb_databases() WHERE database_name = '{SOURCE_ALIAS}'"
CANCEL = "SELECT pg_catalog.pg_cancel_backend(CAST(:pid AS int4))"


def is_attached(target: Session) -> bool:
    """Whether the target's DuckDB sees the source's server."""
    return isinstance(target, DuckDBSession) and bool(target.fetch(ATTACHED)[0][0])


def stage_attached(
    source: Session,
    target: Session,
    read: str,
    read_binds: Binds,
    stage: str,
    stage_binds: Binds,
    *,
    alone: bool,
    at_once: bool,
) -> None:
    """Fill the stage of a DuckDB target with one statement.

    ``alone``: no other session of the target runs. ``at_once``: the first signal ends it, not the second.
    """
    assert isinstance(source, PostgreSQLSession), "only a PostgreSQL server is attached"
    assert isinstance(target, DuckDBSession), "only DuckDB attaches a server"
    asked = query_server(SOURCE_ALIAS, paste_binds(read, read_binds))
    try:
        process = target.fetch(f"SELECT pid FROM {query_server(SOURCE_ALIAS, 'SELECT pg_backend_pid() AS pid')}")[0][0]
        with _cancelled_by_signals(source, int(process), signals=1 if at_once else 2):  # type: ignore[arg-type]
            target.execute(f'CREATE OR REPLACE TEMPORARY VIEW "{INCOMING}" AS SELECT * FROM {asked}')
            # The rows come to one thread; the others would not sleep meanwhile, but ask for work all the time.
            with target.one_thread() if alone else nullcontext():
                target.execute(stage, stage_binds)
            target.execute(f'DROP VIEW "{INCOMING}"')
    except DatabaseError as error:
        raise judge(error) from error.__cause__


@contextmanager
def _cancelled_by_signals(source: PostgreSQLSession, process: int, *, signals: int) -> Iterator[None]:
    """Have the server cancel what the process does when so many signals have come; only the main thread hears them.

    Raises KeyboardInterrupt then: Python tells its handlers of several signals only once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    told, telling = socket.socketpair()
    telling.setblocking(False)
    cancelled = threading.Event()

    def wait_and_cancel() -> None:
        for _ in range(signals):
            if not told.recv(1):
                return
        cancelled.set()
        with closing(source.open_another()) as session:
            session.fetch(CANCEL, {"pid": process})

    thread = threading.Thread(target=wait_and_cancel, name="signals", daemon=True)
    before = signal.set_wakeup_fd(telling.fileno(), warn_on_full_buffer=False)
    thread.start()
    try:
        yield
    except DatabaseError as error:
        if cancelled.is_set():
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.set_wakeup_fd(before)
        telling.close()
        thread.join()
        told.close()
