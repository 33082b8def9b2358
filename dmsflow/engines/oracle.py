"""An Oracle database: its pool of connections, opened, set up, and closed. Runs no statement of a plan.

A session is named in V$SESSION: the module is dmsflow, the action the pipeline that it works for.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dmsflow.engines import oracle_catalog as catalog
from dmsflow.engines.address import Address
from dmsflow.engines.engine import Stopping, Traits
from dmsflow.engines.interrupter import Interrupter
from dmsflow.engines.oracle_binds import choose_type
from dmsflow.engines.oracle_errors import Place, explain_open
from dmsflow.engines.oracle_options import Reach, read_address, write_settings
from dmsflow.engines.oracle_session import OracleSession, Zoned
from dmsflow.engines.oracle_sql import TRAITS, OracleIdioms
from dmsflow.engines.postgresql_encodings import find_unencodable
from dmsflow.engines.undoing import Undoing
from dmsflow.errors import ConnectionFailed, DatabaseError, TransientError
from dmsflow.events import log_event
from dmsflow.model.table import TableName

if TYPE_CHECKING:
    import oracledb

    from dmsflow.engines.oracle_undone import UndoneEngine

    SetUp = Callable[[oracledb.Connection, str | None], None]

logger = logging.getLogger("dmsflow.engines")

MOST_SESSIONS = 256
MODULE = "dmsflow"
LONGEST_ACTION = 64
"""Bytes that V$SESSION keeps of an action."""

FLASHBACK_HELP = "GRANT EXECUTE ON SYS.DBMS_FLASHBACK lets all chunks read one state"


class OracleEngine:
    """An Oracle database. ``read_only`` is for a source: its sessions begin transactions that only read."""

    def __init__(self, address: Address, *, read_only: bool = False) -> None:
        self._reach = read_address(address)
        self._action = address.pipeline.encode()[:LONGEST_ACTION].decode(errors="ignore")
        self.read_only = read_only
        self.place = Place(name=address.name, reads=read_only)
        self.interrupter = Interrupter()
        self.zoned: dict[str, Zoned] = {}
        self._stopping: Stopping | None = None
        self._reached = False
        self.traits = TRAITS
        self._pool = _create_pool(self._reach, self._set_up)
        try:
            self.traits = self._learn_traits()
        except BaseException:
            self.close()
            raise

    def _learn_traits(self) -> Traits:
        """What depends on the database: which characters it holds, how it sorts, whether chunks may read one state."""
        session = self.connect()
        try:
            found = catalog.read_capabilities(session)
        except DatabaseError as error:
            raise ConnectionFailed(f"{self._reach.where} does not answer as Oracle does: {error}") from error
        finally:
            session.close()
        if self.read_only and not found.flashback:
            log_event(
                logger,
                logging.WARNING,
                "no common state of the source",
                connection=self.place.name,
                next=FLASHBACK_HELP,
            )
        codec = catalog.CODECS.get(found.charset)
        return replace(
            TRAITS,
            binary_text_order=found.charset in catalog.BY_CODE_POINT,
            unstorable=find_unencodable(codec) if codec else None,
            unicode=found.charset in catalog.UNICODE,
            exports_snapshots=self.read_only and found.flashback,
            forgets=True,
            snapshot_needs=None if found.flashback else FLASHBACK_HELP,
        )

    @property
    def idioms(self) -> OracleIdioms:
        """The dialect of Oracle."""
        return OracleIdioms()

    @property
    def hurried(self) -> bool:
        """Whether a stop asks that what is at work ends at once."""
        return self._stopping is not None and self._stopping.at_once

    def heed(self, stopping: Stopping) -> None:
        """Let all sessions end what they are at when a stop asks for it at once."""
        self._stopping = stopping
        self.interrupter.heed(stopping)

    def connect(self) -> OracleSession:
        """A session of its own for the calling thread."""
        return OracleSession(self, self.acquire())

    def acquire(self) -> "oracledb.Connection":
        """A connection of the pool, set up."""
        import oracledb

        try:
            connection = self._pool.acquire()
        except oracledb.Error as error:
            # A server that has answered before may do so again: that is worth another try.
            failed = TransientError if self._reached else ConnectionFailed
            raise failed(explain_open(self._reach.where, error)) from error
        self._reached = True
        connection.autocommit = True
        self._limit(connection)
        # The values stay with a connection of a pool: they are set at every loan ("End-to-End Database Tracing").
        connection.module, connection.action = MODULE, self._action
        return connection

    def _set_up(self, connection: "oracledb.Connection", requested_tag: str | None) -> None:
        """What every new connection gets before its first loan ("Session Callbacks")."""
        connection.inputtypehandler = choose_type
        self._limit(connection)
        with connection.cursor() as cursor:
            for statement in write_settings(self._reach.limits):
                cursor.execute(statement)

    def _limit(self, connection: "oracledb.Connection") -> None:
        """Limit each round trip. A pool that pings a connection may take it back (python-oracledb, issue 558)."""
        if self._reach.limits.statement is not None:
            connection.call_timeout = round(self._reach.limits.statement * 1000)

    def reopen(self, lost: "oracledb.Connection") -> "oracledb.Connection":
        """Another connection in place of one that is lost."""
        self.take_back(lost)
        return self.acquire()

    def take_back(self, connection: "oracledb.Connection", *, spoiled: bool = False) -> None:
        """Give a connection back to the pool, which forgets one that is lost, or ``spoiled``."""
        import oracledb

        with suppress(oracledb.Error):
            if spoiled:
                self._pool.drop(connection)
            else:
                connection.close()

    def open_undone(self, undoing: Undoing) -> "UndoneEngine":
        """The same database, in which nothing stays."""
        from dmsflow.engines.oracle_undone import UndoneEngine

        return UndoneEngine(self, undoing)

    def locate(self, table: TableName) -> TableName:
        """The table as it is stored, with its schema; a synonym's own table."""
        session = self.connect()
        try:
            return catalog.find_table(session, table)
        finally:
            session.close()

    def close(self) -> None:
        """Close the connections."""
        import oracledb

        self.interrupter.close()
        with suppress(oracledb.Error):
            self._pool.close(force=True)


_client = threading.Lock()


def _create_pool(reach: Reach, set_up: "SetUp") -> "oracledb.ConnectionPool":
    """A pool that grows by one connection where one more thread needs it."""
    try:
        import oracledb
    except ImportError as error:
        raise ConnectionFailed(
            f'{reach.where}: the driver of Oracle is not there: run pip install "oracledb"'
        ) from error
    try:
        if reach.client is not None:
            with _client:
                oracledb.init_oracle_client(**reach.client)
        return oracledb.create_pool(min=0, max=MOST_SESSIONS, increment=1, session_callback=set_up, **reach.arguments)
    except (oracledb.Error, ValueError, TypeError, OSError) as error:
        told = (
            explain_open(reach.where, error)
            if isinstance(error, oracledb.Error)
            else f"cannot open {reach.where}: {error}"
        )
        raise ConnectionFailed(told) from error
