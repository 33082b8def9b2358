"""An Oracle database in which nothing stays: its sessions share one transaction, undone when the engine closes.

What a session commits is a savepoint that nobody goes back to; those after it see it, and nobody else ever does.
Between the first savepoint and the end a gate lets no statement pass that would commit.
"""

from contextlib import suppress
from typing import TYPE_CHECKING, cast

from dmsflow.engines import oracle_catalog as catalog
from dmsflow.engines.engine import Stopping
from dmsflow.engines.oracle_gate import Gate, GatedConnection
from dmsflow.engines.oracle_session import OracleSession
from dmsflow.engines.oracle_sql import OracleIdioms
from dmsflow.engines.undoing import Undoing
from dmsflow.errors import DatabaseError
from dmsflow.model.table import TableName

if TYPE_CHECKING:
    import oracledb

    from dmsflow.engines.oracle import OracleEngine

OPENED = "dmsflow_undone"
"""The savepoint of an open transaction: a new one of this name takes the place of the last."""

UNDO = f"ROLLBACK TO SAVEPOINT {OPENED}"
CHECK = "SET CONSTRAINTS ALL IMMEDIATE"
"""It looks at what was deferred, as a commit would; where that fails an error is signaled, and nothing is undone."""


class UndoneSession(OracleSession):
    """A session whose transactions are savepoints of the one that is undone. The connection is shared."""

    def __init__(self, undone: "UndoneEngine", connection: "oracledb.Connection") -> None:
        super().__init__(undone.engine, connection)
        self._undone = undone
        # The connection is never another one: with it all that was done would be gone.
        self._open = True

    def begin(self) -> None:
        """Open a transaction, which no other one is within: its savepoint would take the place of that one's."""
        if self._undone.within is not None:
            raise AssertionError("a transaction that is undone begins within another one")
        self._control(f"SAVEPOINT {OPENED}")
        self._undone.within = self
        self._work.enter()

    def begin_at(self, snapshot: str) -> None:
        """None of an Oracle target: its sessions read no source."""
        raise AssertionError("an Oracle target reads no source")

    def commit(self) -> None:
        """Let the open transaction last until everything is undone; what its end would refuse is refused."""
        self._control(CHECK)
        self._wait_again()
        self._leave()

    def rollback(self) -> None:
        """Undo the open transaction, if there is one. Where that fails, nothing more is done."""
        if self._undone.within is not self:
            return
        self._work.end()
        try:
            self._control(UNDO)
            self._wait_again()
        except DatabaseError as error:
            self._undone.gate.shut(f"what a part of the run did cannot be undone by itself: {error}")
        self._leave()

    def _leave(self) -> None:
        self._undone.within = None
        self._work.leave()

    def _wait_again(self) -> None:
        """Let constraints wait that wait at the begin of each transaction."""
        if self._undone.defer:
            self._control(self._undone.defer)

    def _control(self, sql: str) -> None:
        """Run what opens or ends a transaction, which no stop breaks off."""
        with self._judged(broken_off=False), self._run(sql, None):
            pass

    def close(self) -> None:
        """Leave the connection to the next session; its temporary tables stay."""
        self.rollback()
        self._engine.interrupter.remove(self._work)


class UndoneEngine:
    """The database of another engine, as it would be; closed before that one."""

    def __init__(self, engine: "OracleEngine", undoing: Undoing) -> None:
        self.engine, self.traits, self.gate = engine, engine.traits, Gate()
        self.within: UndoneSession | None = None
        """The session whose transaction is open."""
        self.defer = ""
        """The statement by which constraints wait again that wait by their declaration; none where there are none."""
        self._driver = engine.acquire()
        try:
            self._prepare(undoing)
        except BaseException:
            engine.take_back(self._driver, spoiled=True)
            raise
        self._driver.autocommit = False
        self._gated = cast("oracledb.Connection", GatedConnection(self._driver, self.gate))

    def _prepare(self, undoing: Undoing) -> None:
        """Ask the catalog, and make the temporary tables, while nothing is open that this would commit."""
        session = UndoneSession(self, self._driver)
        waiting = catalog.waiting_constraints(session, undoing.table)
        if waiting:
            self.defer = f"SET CONSTRAINTS {', '.join(map(self.idioms.qualify, waiting))} DEFERRED"
        for statement in undoing.before:
            session.execute(statement)
        session.close()

    @property
    def idioms(self) -> OracleIdioms:
        """The dialect of Oracle."""
        return self.engine.idioms

    def connect(self) -> UndoneSession:
        """A session within the transaction."""
        return UndoneSession(self, self._gated)

    def locate(self, table: TableName) -> TableName:
        """The table as it is stored."""
        return self.engine.locate(table)

    def heed(self, stopping: Stopping) -> None:
        """Let all sessions end what they are at when a stop asks for it at once."""
        self.engine.heed(stopping)

    def close(self) -> None:
        """Undo everything; a connection that is lost has done so. Nobody gets this one after us."""
        import oracledb

        self.gate.shut("everything is undone already")
        with suppress(oracledb.Error):
            self._driver.rollback()
        self.engine.take_back(self._driver, spoiled=True)
