"""DuckDB sessions: open, run, describe, read and write Arrow. Knows no SQLAlchemy: its dialect is in duckdb_sql."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dmsflow.engines.address import Address
from dmsflow.engines.duckdb_driver import STREAMS_EXECUTED, driver, learn_arrow
from dmsflow.engines.duckdb_memory import MemoryBound, bound_file
from dmsflow.engines.duckdb_options import Option, explain_version, read_options
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.engines.duckdb_streams import stream_batches
from dmsflow.engines.duckdb_types import COMPUTED_COLUMNS, COMPUTES, read_type
from dmsflow.engines.duckdb_words import explain_open, explain_reading, explain_refusal, judge_reading
from dmsflow.engines.engine import Binds, Row, Stopping, Traits, Value
from dmsflow.engines.interrupter import Interrupter, Work
from dmsflow.errors import ConnectionFailed, DatabaseError, PermanentError, RowRefused, TransientError
from dmsflow.model.table import Column, TableName, TableShape, UniqueKey

if TYPE_CHECKING:
    import pyarrow as pa


TRAITS = Traits(
    name="duckdb",
    embedded=True,
    cheap_unique_index=False,
    stores_nan=True,
    stores_far_times=True,
    keeps_lengths=False,
    max_columns=10_000,
    binary_text_order=True,
    frees_columns=False,
)

SETTINGS = {
    "preserve_insertion_order": "false",
    "autoinstall_known_extensions": "false",
}

STREAMING: dict[str, Any] = {"threads": 1}
"""Whoever pulls the rows does the work, in as many threads as there are workers: more would only hold more of them."""

TIME_ZONE = "SET GLOBAL TimeZone = 'UTC'"
"""DuckDB 1.5 takes it only once it is open."""

TRANSIENT_TEXTS = ("conflict", "write-write")

REFUSED = (driver.ConstraintException, driver.ConversionException, driver.OutOfRangeException)

FULL_DISK = "No space left on device"

INTERRUPTED = "Query interrupted"
"""All that DuckDB leaves of a KeyboardInterrupt that a signal handler raised while a statement ran."""


def judge(error: Exception) -> DatabaseError:
    """The driver's error in dmsflow's classes: only conflicts and lost handles are worth another try."""
    text = str(error).strip()
    transient = isinstance(error, driver.TransactionException) or any(word in text.lower() for word in TRANSIENT_TEXTS)
    if FULL_DISK in text:
        return PermanentError(f"the disk is full: make room, then apply again ({text})")
    if transient and not isinstance(error, driver.ConstraintException):
        return TransientError(text)
    if isinstance(error, REFUSED):
        reason, column, told = explain_refusal(text)
        return RowRefused(explain_reading(text), reason=reason, told=told, column=column)
    return judge_reading(text)


@contextmanager
def hear_interrupts() -> Iterator[None]:
    """A signal that came while DuckDB worked is one here too."""
    try:
        yield
    except RuntimeError as error:
        if str(error) == INTERRUPTED:
            raise KeyboardInterrupt from error
        raise PermanentError(str(error)) from error


class DuckDBSession:
    """One cursor of a DuckDB database."""

    traits = TRAITS

    def __init__(
        self, connection: driver.DuckDBPyConnection, interrupter: Interrupter, memory: MemoryBound | None = None
    ) -> None:
        self._connection, self._interrupter, self._memory = connection, interrupter, memory
        self._work = Work(connection.interrupt)
        interrupter.add(self._work)
        self._thread = threading.get_ident()
        self._open = False

    def _run(self, sql: str, binds: Binds | None) -> driver.DuckDBPyConnection:
        if threading.get_ident() != self._thread:
            raise AssertionError("a session is used by a thread that did not open it")
        low = self._memory is not None and self._memory.low
        try:
            with hear_interrupts():
                return self._connection.execute(sql, dict(binds) if binds else None)
        except driver.Error as error:
            if low and self._memory is not None and self._memory.widen(str(error)):
                return self._run(sql, binds)
            raise judge(error) from error

    def execute(self, sql: str, binds: Binds | None = None) -> int:
        """Run a statement; the number of rows it wrote."""
        with self._work.statement():
            cursor = self._run(sql, binds)
        if cursor.description and cursor.description[0][0] == "Count":
            row = cursor.fetchone()
            return int(row[0]) if row else 0
        return 0

    def fetch(self, sql: str, binds: Binds | None = None) -> list[Row]:
        """Run a query; all its rows."""
        try:
            with self._work.statement():
                return self._run(sql, binds).fetchall()
        except driver.Error as error:
            raise judge(error) from error

    def stream(self, sql: str, binds: Binds, batch_rows: int) -> "pa.RecordBatchReader":
        """Run a query; its rows as Arrow batches, which any thread may pull."""
        learn_arrow()

        def read() -> "pa.RecordBatchReader":
            given = dict(binds) if binds else None
            reader: pa.RecordBatchReader | None
            with hear_interrupts():
                if STREAMS_EXECUTED:
                    reader = self._connection.execute(sql, given).to_arrow_reader(batch_rows)
                else:
                    reader = self._connection.sql(sql, params=given).to_arrow_reader(batch_rows)
            assert reader is not None
            return reader

        # Whoever pulls the batches makes DuckDB work, until the session closes or runs something else.
        self._work.begin()
        return stream_batches(read, self._memory, judge)

    def register(self, name: str, batches: "pa.RecordBatchReader | pa.Table") -> None:
        """Make Arrow data readable under a name; a reader can be read once."""
        learn_arrow()
        self._connection.register(name, batches)

    def unregister(self, name: str) -> None:
        """Forget a registered name."""
        try:
            self._connection.unregister(name)
        except driver.TransactionException:
            # A broken transaction forgets nothing; the name goes with the cursor.
            return

    def load(self, table: str, batches: "pa.RecordBatchReader") -> int:
        """Insert Arrow batches into a temporary table."""
        self.register("_dms_incoming", batches)
        try:
            return self.execute(f'INSERT INTO "{table}" BY NAME SELECT * FROM "_dms_incoming"')
        finally:
            self.unregister("_dms_incoming")

    @contextmanager
    def one_thread(self) -> Iterator[None]:
        """The block's statements run in the caller's thread alone; so do those of every other session."""
        with closing(self._connection.cursor()) as aside:
            threads = aside.execute("SELECT current_setting('threads')").fetchall()[0][0]
            aside.execute("SET GLOBAL threads = 1")
            try:
                yield
            finally:
                aside.execute(f"SET GLOBAL threads = {threads}")

    def begin(self) -> None:
        """Open a transaction; what lacks memory in one could not be run again."""
        if self._memory is not None:
            self._memory.lift()
        self._run("BEGIN TRANSACTION", None)
        self._open = True
        self._work.enter()

    def commit(self) -> None:
        """Make the open transaction last; no stop interrupts that."""
        self._run("COMMIT", None)
        self._open = False
        self._work.leave()

    def rollback(self) -> None:
        """Undo the open transaction, if there is one."""
        if not self._open:
            return
        self._open = False
        self._work.end()
        self._work.leave()
        try:
            self._connection.rollback()
        except driver.Error:
            # A failed COMMIT has already rolled back; there is nothing left to undo.
            return

    def describe_table(self, table: TableName) -> TableShape | None:
        """The shape of a table or view."""
        try:
            rows = self.fetch(f"DESCRIBE {DuckDBIdioms().qualify(table)}")
        except PermanentError as error:
            if isinstance(error.__cause__, driver.CatalogException):
                return None
            raise
        computed = self._computed_columns(table)
        columns = tuple(
            Column(
                name=str(row[0]),
                type=read_type(str(row[1])),
                nullable=row[2] == "YES",
                generated=row[0] in computed,
                computed=row[0] in computed,
            )
            for row in rows
        )
        return TableShape(columns=columns, view=not self._is_table(table))

    def _computed_columns(self, table: TableName) -> tuple[Value, ...]:
        """The names of generated columns, of which DESCRIBE says nothing."""
        binds = {"catalog": table.catalog, "schema": table.schema, "table": table.table}
        return tuple(row[0] for row in self.fetch(COMPUTED_COLUMNS, binds)) if self.fetch(COMPUTES, binds) else ()

    def _is_table(self, table: TableName) -> bool:
        """Whether there are rows of its own: a view has no row ids."""
        try:
            self.fetch(f"SELECT rowid FROM {DuckDBIdioms().qualify(table)} LIMIT 0")
        except PermanentError as error:
            if isinstance(error.__cause__, driver.BinderException | driver.CatalogException):
                return False
            raise
        return True

    def describe_query(self, sql: str, binds: Binds | None = None) -> TableShape:
        """The shape of what a SELECT returns."""
        rows = self.fetch(f"DESCRIBE {sql}", binds)
        return TableShape(columns=tuple(Column(name=str(row[0]), type=read_type(str(row[1]))) for row in rows))

    def unique_keys(self, table: TableName) -> tuple[UniqueKey, ...]:
        """None: an index would slow every write down, so dmsflow makes none."""
        return ()

    def range_columns(self, table: TableName, current: str) -> tuple[str, ...] | None:
        """None: DuckDB reads one column alone, and knows the least and the greatest value of each block."""
        return None

    def estimate_rows(self, table: TableName) -> int | None:
        """The count of a table, which DuckDB knows without a scan; None for a view."""
        if not self._is_table(table):
            return None
        rows = self.fetch(f"SELECT count(*) FROM {DuckDBIdioms().qualify(table)}")
        return int(rows[0][0])  # type: ignore[arg-type]

    def estimate_query(self, sql: str, binds: Binds) -> int | None:
        """The count itself: of the columns, DuckDB reads only those of the conditions."""
        return int(self.fetch(f"SELECT count(*) FROM ({sql})", binds)[0][0])  # type: ignore[arg-type]

    def close(self) -> None:
        """Close this cursor."""
        self._interrupter.remove(self._work)
        self._connection.close()


class DuckDBEngine:
    """A DuckDB file, or a private database in memory where ``path`` is None."""

    traits = TRAITS

    def __init__(
        self,
        path: str | None,
        options: Mapping[str, Option] | None = None,
        *,
        read_only: bool = False,
        streams: bool = False,
    ) -> None:
        given = read_options(options)
        config: dict[str, Any] = SETTINGS | (STREAMING if streams else {}) | given.config
        if path is not None and not Path(path).parent.is_dir():
            raise ConnectionFailed(f"the folder {Path(path).parent} of the DuckDB file does not exist: create it")
        try:
            self._database = driver.connect(path or ":memory:", read_only=read_only, config=config)
        except driver.Error as error:
            told = explain_version(given.storage_version, str(error), driver.__version__)
            raise ConnectionFailed(told or explain_open(path or ":memory:", str(error), driver.__version__)) from error
        self.path, self._extension = path, given.extension
        self._servers: dict[str, str | None] = {}
        self._lock, self._interrupter = threading.Lock(), Interrupter()
        self._catalog, limit = self._database.execute(
            f"{TIME_ZONE}; SELECT current_database(), current_setting('memory_limit')"
        ).fetchall()[0]
        self._memory: MemoryBound | None = None
        if "memory_limit" not in config and (streams or path is not None):
            whole = limit if path is None else bound_file(limit)
            self._memory = MemoryBound(self._database, whole, streams=streams)

    @property
    def idioms(self) -> DuckDBIdioms:
        """How DuckDB says things."""
        return DuckDBIdioms()

    def attach(self, path: str, alias: str) -> None:
        """Open another DuckDB file beside this one, read-only, for every session."""
        if not Path(path).exists():
            raise ConnectionFailed(f"there is no DuckDB file {path}: check the url, it is relative to its file")
        literal = path.replace("'", "''")
        try:
            self._database.execute(f"ATTACH '{literal}' AS \"{alias}\" (READ_ONLY)")
        except driver.Error as error:
            raise ConnectionFailed(explain_open(path, str(error), driver.__version__)) from error

    def attach_server(self, address: Address, alias: str) -> str | None:
        """Open a PostgreSQL database beside this one, read-only, for every session; why not, where that fails."""
        from dmsflow.engines.duckdb_postgres import attach_postgresql

        with self._lock:
            if alias not in self._servers:
                self._servers[alias] = attach_postgresql(self._database, address, alias, self._extension)
            return self._servers[alias]

    def connect(self) -> DuckDBSession:
        """A cursor of its own for the calling thread."""
        return DuckDBSession(self._database.cursor(), self._interrupter, self._memory)

    def locate(self, table: TableName) -> TableName:
        """With the name of the database, where it is the schema's too: DuckDB takes one for the other."""
        clashes = table.schema is not None and table.schema.lower() == self._catalog.lower()
        return replace(table, catalog=self._catalog) if clashes and not table.catalog else table

    def heed(self, stopping: Stopping) -> None:
        """Let all sessions end what they are at when a stop asks for it at once."""
        self._interrupter.heed(stopping)

    def close(self) -> None:
        """Close the database file."""
        self._interrupter.close()
        self._database.close()
