"""Rows that DuckDB fetches from a PostgreSQL server itself, through its extension. Moves nothing through Python.

The statements are those of the transfer ``arrow``: what the server is asked stands as a view where the Arrow batches
would be. Nothing interrupts DuckDB while the server keeps it waiting, so a thread looks for a stop, and has the server
cancel its statement.
"""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext

from dmsflow.engines.access import SOURCE_ALIAS
from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.engines.duckdb_postgres import begin_at, judge, query_server
from dmsflow.engines.engine import Binds, Session
from dmsflow.engines.postgresql_session import PostgreSQLSession
from dmsflow.engines.postgresql_sql import paste_binds
from dmsflow.errors import DatabaseError, Interrupted

INCOMING = "_dms_incoming"
ATTACHED = f"SELECT count(*) FROM duckdb_databases() WHERE database_name = '{SOURCE_ALIAS}'"
LOOK_SECONDS = 0.1
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
    snapshot: str | None,
    alone: bool,
) -> None:
    """Fill the stage of a DuckDB target with one statement, in the state of the server that has this name.

    ``alone``: no other session of the target runs.
    """
    assert isinstance(source, PostgreSQLSession), "only a PostgreSQL server is attached"
    assert isinstance(target, DuckDBSession), "only DuckDB attaches a server"
    asked = query_server(SOURCE_ALIAS, paste_binds(read, read_binds))
    try:
        if snapshot is not None:
            target.execute(begin_at(SOURCE_ALIAS, snapshot))
        process = target.fetch(f"SELECT pid FROM {query_server(SOURCE_ALIAS, 'SELECT pg_backend_pid() AS pid')}")[0][0]
        with _cancelled_on_stop(source, int(process)):  # type: ignore[arg-type]
            target.execute(f'CREATE OR REPLACE TEMPORARY VIEW "{INCOMING}" AS SELECT * FROM {asked}')
            # The rows come to one thread; the others would not sleep meanwhile, but ask for work all the time.
            with target.one_thread() if alone else nullcontext():
                target.execute(stage, stage_binds)
            target.execute(f'DROP VIEW "{INCOMING}"')
    except Interrupted:
        raise
    except DatabaseError as error:
        raise judge(error) from error.__cause__


@contextmanager
def _cancelled_on_stop(source: PostgreSQLSession, process: int) -> Iterator[None]:
    """Have the server cancel what the process does once a stop asks for it. Raises Interrupted then."""
    ended, cancelled = threading.Event(), threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK_SECONDS):
            if source.hurried:
                cancelled.set()
                with closing(source.open_another()) as session:
                    session.fetch(CANCEL, {"pid": process})
                return

    thread = threading.Thread(target=watch, name="stop", daemon=True)
    thread.start()
    try:
        yield
    except DatabaseError as error:
        if cancelled.is_set():
            raise Interrupted("the run was stopped at once") from error
        raise
    finally:
        ended.set()
        thread.join()
