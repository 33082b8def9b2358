"""A PostgreSQL database in which nothing stays: its sessions share one transaction, undone when the engine closes.

What a session commits is a savepoint released, so that those after it see it; nobody else ever does.
"""

from contextlib import suppress

from dmsflow.engines.engine import Stopping
from dmsflow.engines.postgresql import PostgreSQLEngine
from dmsflow.engines.postgresql_session import PostgreSQLSession
from dmsflow.engines.postgresql_sql import PostgreSQLIdioms
from dmsflow.errors import DatabaseError, Interrupted, TransientError
from dmsflow.model.plan import DELTA, NUMBERED, REFUSED, STAGE, UNTYPED
from dmsflow.model.table import TableName

OPENED, LOOKED = "dmsflow_undone", "dmsflow_looked"
"""The savepoints of an open transaction, and of a look at what is checked at its end."""

CHECK = "SET CONSTRAINTS ALL IMMEDIATE"

LEFT = ", ".join(f'pg_temp."{name}"' for name in (STAGE, DELTA, NUMBERED, REFUSED, UNTYPED))


class UndoneSession(PostgreSQLSession):
    """A session whose transactions are savepoints of the one that is undone. The connection is shared."""

    _within = False

    def begin_whole(self, *, repeatable: bool) -> None:
        """Open the transaction that is undone."""
        if repeatable:
            self._begin_repeatable()
        else:
            super().begin()

    def end_whole(self) -> None:
        """Undo everything."""
        super().rollback()

    def enter(self) -> "UndoneSession":
        """Know that the transaction is open: another session has opened it."""
        self._open = True
        return self

    def begin(self) -> None:
        """Open a transaction."""
        self.execute(f"SAVEPOINT {OPENED}")
        self._within = True

    def begin_steady(self) -> None:
        """Open a transaction; what it reads was settled when the whole began."""
        self.begin()

    def begin_at(self, snapshot: str) -> None:
        """Open a transaction; what it reads was settled when the whole began."""
        self.begin()

    def commit(self) -> None:
        """Let the open transaction last until everything is undone; what its end would refuse is refused."""
        self._look_at_deferred()
        self.execute(f"RELEASE SAVEPOINT {OPENED}")
        self._within = False

    def _look_at_deferred(self) -> None:
        """Check what a real end would check, and let it wait again."""
        self.execute(f"SAVEPOINT {LOOKED}")
        self.execute(CHECK)
        self.execute(f"ROLLBACK TO SAVEPOINT {LOOKED}")
        self.execute(f"RELEASE SAVEPOINT {LOOKED}")

    def rollback(self) -> None:
        """Undo the open transaction, if there is one."""
        if not self._within:
            return
        self._within = False
        if not self._connection.closed:
            with suppress(TransientError, Interrupted):
                self.execute(f"ROLLBACK TO SAVEPOINT {OPENED}")
                self.execute(f"RELEASE SAVEPOINT {OPENED}")

    def close(self) -> None:
        """Leave the connection to the next session, without temporary tables."""
        with suppress(DatabaseError):
            self.rollback()
            self.execute(f"DROP TABLE IF EXISTS {LEFT}")


class UndoneEngine:
    """The database of another engine, as it would be; closed before that one."""

    def __init__(self, engine: PostgreSQLEngine, *, repeatable: bool) -> None:
        self._engine, self.traits = engine, engine.traits
        self._connection = engine.open()
        self._whole = UndoneSession(engine, self._connection)
        self._whole.begin_whole(repeatable=repeatable)

    @property
    def idioms(self) -> PostgreSQLIdioms:
        """How PostgreSQL says things."""
        return self._engine.idioms

    def connect(self) -> UndoneSession:
        """A session within the transaction."""
        return UndoneSession(self._engine, self._connection).enter()

    def locate(self, table: TableName) -> TableName:
        """The name as the catalog has it."""
        return self._engine.locate(table)

    def heed(self, stopping: Stopping) -> None:
        """Let the waits of all sessions end when a stop asks for it."""
        self._engine.heed(stopping)

    def close(self) -> None:
        """Undo everything."""
        with suppress(DatabaseError):
            self._whole.end_whole()
        self._engine.take_back(self._connection)
