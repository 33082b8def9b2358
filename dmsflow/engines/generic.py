"""Sessions of any SQLAlchemy database, through its own driver. Proven with SQLite; others are tried as they come.

Statements arrive compiled and are run as they stand: nothing reads them again for parameters, since user text in them
holds colons. What differs between databases is a Driver's.
"""

import contextlib
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from dmsflow.engines.address import Address
from dmsflow.engines.engine import Binds, Idioms, Row, Session, Stopping, Traits
from dmsflow.engines.generic_sql import GenericIdioms, SQLiteIdioms
from dmsflow.engines.interrupter import Interrupter, Work
from dmsflow.engines.sqlite import SQLiteDriver
from dmsflow.errors import ConnectionFailed, DatabaseError, TransientError
from dmsflow.model.table import DataType, TableName, TableShape, UniqueKey

if TYPE_CHECKING:
    import pyarrow as pa

    from dmsflow.engines.generic_arrow import Reading, Writer


class Driver(Protocol):
    """What differs between databases: how to open, begin, bind, describe, judge. ``errors`` are those to judge."""

    traits: Traits
    errors: tuple[type[Exception], ...]
    temporary: str | None
    marker: str

    def open(self) -> Any:  # noqa: ANN401 - a DBAPI connection
        """A connection. Raises ConnectionFailed."""
        ...

    def close(self) -> None:
        """Close what connections share."""
        ...

    def begin(self, cursor: Any) -> None:  # noqa: ANN401 - a DBAPI cursor
        """Open a transaction."""
        ...

    def interrupt(self, connection: Any) -> None:  # noqa: ANN401 - a DBAPI connection
        """End its statement, from another thread, where the driver can."""
        ...

    def prepare(self, sql: str, binds: Binds | None) -> tuple[str, Any]:
        """The statement and its values, as the driver takes them."""
        ...

    def judge(self, error: Exception) -> DatabaseError:
        """The driver's error in dmsflow's classes."""
        ...

    def describe_table(self, session: Session, table: TableName) -> TableShape | None:
        """The shape of a table or view."""
        ...

    def describe_query(self, session: Session, sql: str, binds: Binds | None = None) -> TableShape:
        """The shape of what a SELECT returns."""
        ...

    def name_once(self, table: TableName) -> TableName:
        """The one name of a table that has several."""
        ...

    def estimate_rows(self, session: Session, table: TableName) -> int | None:
        """How many rows a table has."""
        ...

    def plan_reading(self, session: Session, sql: str, binds: Binds) -> "tuple[Reading, ...]":
        """How to read each column of a query."""
        ...

    def plan_writing(self, data_type: DataType) -> "Writer":
        """How to write Arrow values into a column of this type."""
        ...


class GenericSession:
    """One connection of one thread."""

    def __init__(self, driver: Driver, interrupter: Interrupter) -> None:
        self._driver, self._interrupter = driver, interrupter
        self._connection = driver.open()
        self._work = Work(partial(driver.interrupt, self._connection))
        interrupter.add(self._work)
        self._thread = threading.get_ident()
        self._open = False
        self.traits = driver.traits

    @contextlib.contextmanager
    def _judged(self) -> Iterator[None]:
        """The session's own thread, and its driver's errors judged (laws 33, 36)."""
        if threading.get_ident() != self._thread:
            raise AssertionError("a session is used by a thread that did not open it")
        with self._judging():
            yield

    @contextlib.contextmanager
    def _judging(self) -> Iterator[None]:
        try:
            yield
        except self._driver.errors as error:
            raise self._driver.judge(error) from error

    def _run(self, sql: str, binds: Binds | None) -> Any:  # noqa: ANN401 - a DBAPI cursor
        prepared, values = self._driver.prepare(sql, binds)
        with self._judged(), self._work.statement():
            cursor = self._connection.cursor()
            cursor.execute(prepared, values)
            return cursor

    def execute(self, sql: str, binds: Binds | None = None) -> int:
        """Run a statement; the number of rows it wrote."""
        before = getattr(self._connection, "total_changes", None)
        cursor = self._run(sql, binds)
        written = int(cursor.rowcount)
        with self._judged():
            cursor.close()
        if written >= 0:
            return written
        return 0 if before is None else self._connection.total_changes - before

    def fetch(self, sql: str, binds: Binds | None = None) -> list[Row]:
        """Run a query; all its rows, as the driver gives them: SQLite has text for time."""
        cursor = self._run(sql, binds)
        with self._judged(), self._work.statement(), contextlib.closing(cursor):
            return [tuple(row) for row in cursor.fetchall()]

    def stream(self, sql: str, binds: Binds, batch_rows: int) -> "pa.RecordBatchReader":
        """Run a query; its rows as Arrow batches. A batch may be pulled by another thread, one at a time."""
        from dmsflow.engines.generic_arrow import read_batches

        readings = self._driver.plan_reading(self, sql, binds)
        cursor = self._run(sql, binds)

        def fetch(rows: int) -> list[Any]:
            with self._judging(), self._work.statement():
                found: list[Any] = cursor.fetchmany(rows)
                if not found:
                    cursor.close()
                return found

        return read_batches(fetch, readings, batch_rows, TransientError)

    def load(self, table: str, batches: "pa.RecordBatchReader") -> int:
        """Insert Arrow batches into a temporary table, columns by name."""
        from dmsflow.engines.generic_arrow import slice_batches, write_rows

        names = batches.schema.names
        shape = self._driver.describe_table(self, TableName(table=table, schema=self._driver.temporary))
        types = {column.name: column.type for column in shape.columns} if shape else {}
        writers = [self._driver.plan_writing(types[name]) for name in names]
        quoted = [SQLiteIdioms().quote(name) for name in (table, *names)]
        markers = ", ".join([self._driver.marker] * len(names))
        sql = f"INSERT INTO {quoted[0]} ({', '.join(quoted[1:])}) VALUES ({markers})"
        loaded = 0
        with self._in_transaction():
            cursor = self._connection.cursor()
            for batch in slice_batches(batches):
                rows = write_rows(batch, writers)
                with self._judged(), self._work.statement():
                    cursor.executemany(sql, rows)
                loaded += batch.num_rows
            cursor.close()
        return loaded

    @contextlib.contextmanager
    def _in_transaction(self) -> Iterator[None]:
        """The open transaction, or one of its own."""
        if self._open:
            yield
            return
        self.begin()
        try:
            yield
        except BaseException:
            self.rollback()
            raise
        self.commit()

    def begin(self) -> None:
        """Open a transaction."""
        with self._judged():
            self._driver.begin(self._connection.cursor())
        self._open = True
        self._work.enter()

    def commit(self) -> None:
        """Make the open transaction last."""
        with self._judged():
            self._connection.commit()
        self._open = False
        self._work.leave()

    def rollback(self) -> None:
        """Undo the open transaction, if there is one."""
        if not self._open:
            return
        self._open = False
        self._work.end()
        self._work.leave()
        with self._judged():
            self._connection.rollback()

    def describe_table(self, table: TableName) -> TableShape | None:
        """The shape of a table or view."""
        return self._driver.describe_table(self, table)

    def name_once(self, table: TableName) -> TableName:
        """As the database tells its tables apart."""
        return self._driver.name_once(table)

    def describe_query(self, sql: str, binds: Binds | None = None) -> TableShape:
        """The shape of what a SELECT returns."""
        return self._driver.describe_query(self, sql, binds)

    def unique_keys(self, table: TableName) -> tuple[UniqueKey, ...]:
        """None: nothing of a plan rests on them yet."""
        return ()

    def range_columns(self, table: TableName, current: str) -> tuple[str, ...] | None:
        """None: nobody asks these databases."""
        return None

    def estimate_rows(self, table: TableName) -> int | None:
        """How many rows a table has."""
        return self._driver.estimate_rows(self, table)

    def estimate_query(self, sql: str, binds: Binds) -> int | None:
        """None: these databases would read all rows."""
        return None

    def close(self) -> None:
        """Close the connection; an open transaction is undone."""
        self._interrupter.remove(self._work)
        with self._judging():
            self._connection.close()


class GenericEngine:
    """A database by its SQLAlchemy URL. ``read_only`` is for a source: it never makes or writes a file."""

    def __init__(
        self,
        address: Address | URL | str,
        options: Mapping[str, str | int | bool] | None = None,
        *,
        read_only: bool = False,
    ) -> None:
        url, path, given = _read_address(address)
        given.update(options or {})
        self._driver: Driver
        if url.get_backend_name() == "sqlite":
            self._driver = SQLiteDriver(path or url.database, given, read_only=read_only)
            self._idioms: Idioms = SQLiteIdioms()
        else:
            from dmsflow.engines.generic_driver import SQLAlchemyDriver

            driver = SQLAlchemyDriver(url, given)
            self._driver, self._idioms = driver, GenericIdioms(driver.dialect)
        self.traits, self._interrupter = self._driver.traits, Interrupter()

    @property
    def idioms(self) -> Idioms:
        """The dialect of this database."""
        return self._idioms

    def connect(self) -> GenericSession:
        """A connection of its own for the calling thread."""
        return GenericSession(self._driver, self._interrupter)

    def locate(self, table: TableName) -> TableName:
        """The name as it is written."""
        return table

    def heed(self, stopping: Stopping) -> None:
        """Let all sessions end what they are at when a stop asks for it at once."""
        self._interrupter.heed(stopping)

    def close(self) -> None:
        """Close what the sessions share."""
        self._interrupter.close()
        self._driver.close()


def _read_address(address: Address | URL | str) -> tuple[URL, str | None, dict[str, str | int | bool]]:
    """The URL with its password, the file where there is one, and the driver's options."""
    if isinstance(address, Address) and address.path is not None:
        return URL.create(address.scheme), address.path, dict(address.options)
    text = address.url if isinstance(address, Address) else address
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # SQLAlchemy's message quotes the URL, which may hold a password: it is no cause of ours.
        raise ConnectionFailed("the URL of a connection cannot be read: write dialect://user@host/database") from None
    if not isinstance(address, Address):
        return url, None, {}
    if address.password is not None:
        url = url.set(password=address.password)
    return url, None, dict(address.options)
