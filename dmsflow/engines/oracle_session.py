"""Oracle sessions: run, describe, read and write rows as the driver's data frames. Holds no SQL of tables.

Statements arrive compiled, with ``:name`` for parameters. A transaction begins by itself with the first change; outside
of one that was begun here, each statement is committed as it is done (``Connection.autocommit``).
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dmsflow.engines import oracle_catalog as catalog
from dmsflow.engines.engine import Binds, Row, Value
from dmsflow.engines.interrupter import Work
from dmsflow.engines.oracle_binds import from_driver, name_binds
from dmsflow.engines.oracle_errors import judge
from dmsflow.engines.oracle_exact import wrap_instants
from dmsflow.engines.oracle_sql import OracleIdioms
from dmsflow.engines.oracle_types import Described, read_fetched
from dmsflow.errors import DatabaseError, PermanentError, TransientError
from dmsflow.model.table import Column, TableName, TableShape, UniqueKey

if TYPE_CHECKING:
    import oracledb
    import pyarrow as pa

    from dmsflow.engines.oracle import OracleEngine

FETCH_ROWS = 1000
"""Rows of one round trip, where few are fetched."""

ZONED = ("DB_TYPE_TIMESTAMP_TZ", "DB_TYPE_TIMESTAMP_LTZ")
LARGE = ("DB_TYPE_CLOB", "DB_TYPE_NCLOB", "DB_TYPE_BLOB", "DB_TYPE_JSON", "DB_TYPE_XMLTYPE")

READ_ONLY = "SET TRANSACTION READ ONLY"
EXPORT = "SELECT DBMS_FLASHBACK.GET_SYSTEM_CHANGE_NUMBER FROM dual"
ENABLE = "BEGIN DBMS_FLASHBACK.ENABLE_AT_SYSTEM_CHANGE_NUMBER(:scn); END;"
DISABLE = "BEGIN DBMS_FLASHBACK.DISABLE; END;"


class Zoned(Struct, frozen=True, kw_only=True):
    """A query whose instants come in UTC, and the places at which they stand."""

    sql: str
    places: tuple[int, ...]


class OracleSession:
    """One connection of one thread."""

    def __init__(self, engine: "OracleEngine", connection: "oracledb.Connection") -> None:
        self._engine, self._connection = engine, connection
        self._work = Work(self._cancel)
        engine.interrupter.add(self._work)
        self._thread = threading.get_ident()
        self._open = self._flashback = False
        self.traits = engine.traits

    def _cancel(self) -> None:
        """Break the statement, as another thread may (``Connection.cancel``)."""
        import oracledb

        with suppress(oracledb.Error):
            self._connection.cancel()

    @contextmanager
    def _judged(self, *, broken_off: bool = True) -> Iterator[None]:
        """The session's own thread, and its driver's errors judged (laws 33, 36)."""
        if threading.get_ident() != self._thread:
            raise AssertionError("a session is used by a thread that did not open it")
        with self._judging(broken_off=broken_off):
            yield

    @contextmanager
    def _judging(self, *, broken_off: bool = True) -> Iterator[None]:
        """The driver's errors judged; whether a stop may break off what is at work."""
        import oracledb

        try:
            with self._work.statement() if broken_off else nullcontext():
                yield
        except oracledb.Error as error:
            raise judge(error, self._engine.place, hurried=self._engine.hurried) from error
        except UnicodeError as error:
            raise PermanentError(f"Oracle cannot store this text: {error}") from error
        except (ValueError, OverflowError) as error:
            # The driver makes Python's dates of Oracle's, which begin long before the first year.
            raise PermanentError(f"Oracle sent a value that cannot be read here: {error}") from error

    def _cursor(self) -> "oracledb.Cursor":
        if not self._open and not self._connection.is_healthy():
            # Nothing is lost with it: outside of a transaction a session is as good on another connection.
            self._connection = self._engine.reopen(self._connection)
        return self._connection.cursor()

    def _run(self, sql: str, binds: Binds | None) -> "oracledb.Cursor":
        named, values = name_binds(sql, binds)
        cursor = self._cursor()
        # One row more, so that the first round trip tells that there are no others ("Tuning Fetch Performance").
        cursor.arraysize, cursor.prefetchrows = FETCH_ROWS, FETCH_ROWS + 1
        cursor.execute(named, values, fetch_lobs=False, fetch_decimals=True)
        return cursor

    def execute(self, sql: str, binds: Binds | None = None) -> int:
        """Run a statement; the number of rows it wrote."""
        with self._judged(), self._run(sql, binds) as cursor:
            return max(int(cursor.rowcount), 0)

    def fetch(self, sql: str, binds: Binds | None = None) -> list[Row]:
        """Run a query; all its rows. The driver drops time zones: a query that has some is asked for UTC instead."""
        zoned = self._engine.zoned.get(sql)
        if zoned is None:
            rows, described = self._fetch(sql, binds)
            places = tuple(i for i, column in enumerate(described) if column.type_code.name in ZONED)
            if not places:
                return rows
            zoned = Zoned(sql=wrap_instants(sql, _read_columns(described)), places=places)
            self._engine.zoned[sql] = zoned
        rows, _ = self._fetch(zoned.sql, binds)
        return [_in_utc(row, zoned.places) for row in rows]

    def _fetch(self, sql: str, binds: Binds | None) -> tuple[list[Row], list[Any]]:
        with self._judged(), self._run(sql, binds) as cursor:
            described = list(cursor.description or ())
            digits = [column.precision for column in described]
            found = cursor.fetchall()
        return [tuple(map(from_driver, row, digits)) for row in found], described

    def stream(self, sql: str, binds: Binds, batch_rows: int) -> "pa.RecordBatchReader":
        """Run a query; its rows as Arrow batches. A batch may be pulled by another thread, one at a time."""
        from dmsflow.engines.oracle_arrow import plan_reading, read_frames

        described = self._describe(sql, binds)
        large = any(column.type_code.name in LARGE for column in described)
        reading = plan_reading(sql, _read_columns(described), batch_rows, large=large)
        named, values = name_binds(reading.sql, binds)
        return read_frames(self._connection, reading, named, values, self._judging)

    def _describe(self, sql: str, binds: Binds | None = None) -> list[Any]:
        """What a query returns, as the server parses it; nothing is run (``Cursor.parse``)."""
        named, _ = name_binds(sql, binds)
        with self._judged(), self._cursor() as cursor:
            cursor.parse(named)
            return list(cursor.description or ())

    def load(self, table: str, batches: "pa.RecordBatchReader") -> int:
        """Insert Arrow batches into a temporary table, columns by name, by one array of rows per round trip."""
        from dmsflow.engines.oracle_arrow import Binding, bind_slices

        idioms, names = OracleIdioms(), batches.schema.names
        listed, into = ", ".join(map(idioms.quote, names)), idioms.quote(table)
        described = self._describe(f"SELECT {listed} FROM {into}")
        columns = [Binding(name=n, kind=c.type_code.name) for n, c in zip(names, described, strict=True)]
        places = ", ".join(f":{place}" for place in range(1, len(names) + 1))
        sql, loaded = f"INSERT INTO {into} ({listed}) VALUES ({places})", 0
        for piece in bind_slices(batches, columns):
            with self._judged(), self._connection.cursor() as cursor:
                cursor.executemany(sql, piece)
                loaded += piece.num_rows
        return loaded

    def begin(self) -> None:
        """Open a transaction; that of a source only reads, in one state."""
        self._work.enter()
        self._begin()
        if self._engine.read_only:
            self.execute(READ_ONLY)

    def _begin(self) -> None:
        with self._judged():
            self._cursor().close()
            self._connection.autocommit = False
        self._open = True

    def export_snapshot(self) -> str:
        """Read the state of the database's last change; its number. Nothing holds it but the undo that Oracle keeps."""
        snapshot = str(self.fetch(EXPORT)[0][0])
        self.begin_at(snapshot)
        return snapshot

    def begin_at(self, snapshot: str) -> None:
        """Let all queries of the session read the state of that number. Raises SnapshotLost where it is no more."""
        self._begin()
        try:
            self.execute(ENABLE, {"scn": int(snapshot)})
            self._flashback = True
        except DatabaseError:
            self.rollback()
            raise

    def commit(self) -> None:
        """Make the open transaction last."""
        with self._judged(broken_off=False):
            self._connection.commit()
        self._end()

    def rollback(self) -> None:
        """Undo the open transaction, if there is one; with a lost connection it is undone already."""
        if not self._open:
            return
        self._work.end()
        with suppress(TransientError), self._judged(broken_off=False):
            self._connection.rollback()
        self._end()

    def _end(self) -> None:
        self._open = False
        self._work.leave()
        flashback, self._flashback = self._flashback, False
        if self._connection.is_healthy():
            self._connection.autocommit = True
            if flashback:
                self.execute(DISABLE)

    def describe_table(self, table: TableName) -> TableShape | None:
        """The shape of a table or view."""
        return catalog.describe_table(self, table)

    def describe_query(self, sql: str, binds: Binds | None = None) -> TableShape:
        """The shape of what a SELECT returns; nothing is run."""
        return TableShape(columns=_read_columns(self._describe(sql, binds)))

    def unique_keys(self, table: TableName) -> tuple[UniqueKey, ...]:
        """What unique indexes keep apart at every moment."""
        return catalog.unique_keys(self, table)

    def range_columns(self, table: TableName, current: str) -> tuple[str, ...] | None:
        """The first columns of its indexes; one over the current versions is an index of expressions."""
        return catalog.range_columns(self, table)

    def estimate_rows(self, table: TableName) -> int | None:
        """What the statistics say."""
        return catalog.estimate_rows(self, table)

    def estimate_query(self, sql: str, binds: Binds) -> int | None:
        """What the optimizer expects."""
        return catalog.estimate_query(self, sql, binds)

    def close(self) -> None:
        """Give the connection back; an open transaction is undone. Another thread than its own may do so at the end."""
        self._engine.interrupter.remove(self._work)
        if threading.get_ident() == self._thread:
            with suppress(DatabaseError):
                self.rollback()
        # A session that still reads the past must not be anybody else's.
        self._engine.take_back(self._connection, spoiled=self._flashback)


def _read_columns(described: Sequence[Described]) -> tuple[Column, ...]:
    return tuple(
        Column(name=column.name, type=read_fetched(column), nullable=bool(column.null_ok)) for column in described
    )


def _in_utc(row: Row, places: tuple[int, ...]) -> Row:
    """The row with the zone that its instants have."""

    def place(at: int, value: Value) -> Value:
        return value.replace(tzinfo=UTC) if at in places and isinstance(value, datetime) else value

    return tuple(place(at, value) for at, value in enumerate(row))
