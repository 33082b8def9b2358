"""A stand-in for python-oracledb that records what it is asked for. Runs no SQL: answers are given by the test.

It takes no argument that the driver does not take: each call is bound to the signature of the driver's own method, and
each Arrow table goes through the driver's own reader of Arrow data. So what is tested is what the real driver would be
told; what a server makes of it is for the live suite.
"""

import inspect
import re
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import oracledb
import pyarrow as pa

CHARSET = "AL32UTF8"


def column(name: str, kind: str, precision: int | None = None, scale: int | None = None, size: int = 0) -> Any:
    """A column of a description, as FetchInfo tells it."""
    code = getattr(oracledb, f"DB_TYPE_{kind}")
    return SimpleNamespace(name=name, type_code=code, precision=precision, scale=scale, display_size=size, null_ok=True)


def oracle_error(number: int, words: str = "something") -> oracledb.Error:
    """An error of the database, made as the driver makes it: it turns some numbers into its own codes."""
    from oracledb.errors import _Error

    made = _Error(f"ORA-{number:05}: {words}", code=number)
    return made.exc_type(made)


CAPABILITIES = [column("VALUE", "VARCHAR", size=64), column("COUNT", "NUMBER", 0, -127)]


class Answer:
    """What a statement that matches a pattern returns, or raises."""

    def __init__(
        self, pattern: str, columns: list[Any], rows: list[tuple[Any, ...]], error: BaseException | None, rowcount: int
    ) -> None:
        self.pattern = re.compile(pattern, re.DOTALL | re.IGNORECASE)
        self.columns, self.rows, self.error, self.rowcount = columns, rows, error, rowcount


class FakeDriver:
    """The server side of all connections: answers by pattern, the last given first; calls in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.answers: list[Answer] = []
        self.pools: list[FakePool] = []
        self.client: dict[str, Any] | None = None
        self.blocking = threading.Event()
        self.answer("nls_database_parameters", CAPABILITIES, [(CHARSET, 3)])

    def answer(
        self,
        pattern: str,
        columns: list[Any] | None = None,
        rows: list[tuple[Any, ...]] | None = None,
        error: BaseException | None = None,
        rowcount: int = 0,
    ) -> None:
        """From now on, a statement that matches gives this."""
        self.answers.insert(0, Answer(pattern, columns or [], rows or [], error, rowcount))

    def find(self, sql: str) -> Answer:
        """The answer to a statement; an empty one where none was given."""
        found = next((answer for answer in self.answers if answer.pattern.search(sql)), None)
        return found or Answer("", [], [], None, 0)

    def note(self, what: str, detail: Any = None) -> None:
        """Something was asked for."""
        self.calls.append((what, detail))

    def asked(self, what: str) -> list[Any]:
        """The details of all calls of one kind."""
        return [detail for name, detail in self.calls if name == what]

    def names(self) -> list[str]:
        """The calls in order."""
        return [name for name, _ in self.calls]

    def make_connection(self, pool: "FakePool") -> "FakeConnection":
        """A new connection."""
        return FakeConnection(pool)

    def create_pool(self, **given: Any) -> "FakePool":
        """As oracledb.create_pool; an argument that it does not know is a TypeError."""
        inspect.signature(oracledb.create_pool).bind(**given)
        oracledb.PoolParams().set(**{name: value for name, value in given.items() if name != "dsn"})
        self.note("create_pool", given)
        self.pools.append(FakePool(self, given))
        return self.pools[-1]

    def init_oracle_client(self, **given: Any) -> None:
        """As oracledb.init_oracle_client, which turns thick mode on."""
        inspect.signature(oracledb.init_oracle_client).bind(**given)
        self.client = given
        self.note("init_oracle_client", given)


class FakePool:
    """A pool: it keeps what is given back, and calls the session callback for what is new."""

    def __init__(self, driver: FakeDriver, given: dict[str, Any]) -> None:
        self.driver, self.given = driver, given
        self.idle: list[FakeConnection] = []
        self.made = 0

    def acquire(self) -> "FakeConnection":
        self.driver.note("acquire")
        if error := self.driver.find("acquire").error:
            raise error
        if self.idle:
            return self.idle.pop()
        self.made += 1
        connection = self.driver.make_connection(self)
        self.given["session_callback"](connection, None)
        return connection

    def drop(self, connection: "FakeConnection") -> None:
        self.driver.note("drop")

    def close(self, force: bool = False) -> None:
        self.driver.note("close_pool", force)


class FakeConnection:
    """A connection. It may be set no attribute that the driver's own has not."""

    def __init__(self, pool: FakePool) -> None:
        vars(self).update(pool=pool, driver=pool.driver, healthy=True, autocommit=False, in_use=threading.Lock())

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "healthy":
            assert isinstance(getattr(oracledb.Connection, name), property), name
            self.driver.note(name, value)
        vars(self)[name] = value

    def is_healthy(self) -> bool:
        return bool(self.healthy)

    def cursor(self) -> "FakeCursor":
        return FakeCursor(self)

    def commit(self) -> None:
        self._end("commit")

    def rollback(self) -> None:
        self._end("rollback")

    def _end(self, what: str) -> None:
        self.driver.note(what)
        if error := self.driver.find(f"^{what}$").error or self.driver.find(what).error:
            raise error

    def cancel(self) -> None:
        self.driver.note("cancel", threading.current_thread().name)
        self.driver.blocking.set()

    def close(self) -> None:
        self.driver.note("release")
        if self.healthy:
            self.pool.idle.append(self)

    def fetch_df_batches(self, *args: Any, **given: Any) -> Iterator[Any]:
        call = inspect.signature(oracledb.Connection.fetch_df_batches).bind(self, *args, **given).arguments
        self.driver.note("fetch_df_batches", call)
        answer = self.driver.find(call["statement"])
        if answer.error and not answer.rows:
            raise answer.error
        schema, size = call["requested_schema"], call["size"]
        for start in range(0, max(len(answer.rows), 1), size):
            part = answer.rows[start : start + size]
            arrays = [pa.array([row[i] for row in part], field.type) for i, field in enumerate(schema)]
            yield oracledb.from_arrow(pa.Table.from_arrays(arrays, schema=schema)) if part else NoRows()
        if answer.error:
            raise answer.error


class NoRows:
    """A frame without rows, of which the driver's own export may have no batch."""

    def num_rows(self) -> int:
        return 0


class FakeCursor:
    """A cursor; what it is told is bound as the driver binds it."""

    def __init__(self, connection: FakeConnection) -> None:
        self.connection, self.driver = connection, connection.driver
        self.arraysize, self.prefetchrows, self.rowcount = 100, 2, -1
        self.description: list[Any] | None = None
        self._answer: Answer | None = None

    def __enter__(self) -> "FakeCursor":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is open."""

    def var(self, kind: Any, arraysize: int = 1) -> Any:
        """A variable of the driver's type."""
        assert isinstance(kind, oracledb.DbType)
        return SimpleNamespace(kind=kind, arraysize=arraysize)

    def _kinds(self, values: dict[str, Any]) -> dict[str, str]:
        """The type in which each value is bound: that of the handler, else the driver's own choice."""
        handler: Callable[..., Any] = self.connection.inputtypehandler
        found = {name: handler(self, value, 1) for name, value in values.items() if value is not None}
        return {name: variable.kind.name for name, variable in found.items() if variable is not None}

    def execute(self, statement: str, parameters: Any = None, **given: Any) -> "FakeCursor":
        inspect.signature(oracledb.Cursor.execute).bind(self, statement, parameters, **given)
        values = parameters or {}
        kinds = self._kinds(values) if values else {}
        placed = set(re.findall(r"(?<![:\w]):(p_\w+)", re.sub(r"'[^']*'", "", statement)))
        assert placed == set(values), f"DPY-4008: {placed} are in the statement, {set(values)} are bound"
        self.driver.note("execute", SimpleNamespace(sql=statement, values=values, kinds=kinds, options=given))
        self._answer = self.driver.find(statement)
        if self._answer.error == "block":
            assert self.driver.blocking.wait(10)
            raise oracle_error(1013, "user requested cancel of current operation")
        if self._answer.error:
            raise self._answer.error
        self.description, self.rowcount = self._answer.columns, self._answer.rowcount
        return self

    def executemany(self, statement: str, parameters: Any, **given: Any) -> None:
        inspect.signature(oracledb.Cursor.executemany).bind(self, statement, parameters, **given)
        read = oracledb.from_arrow(parameters)
        table = pa.table(read)
        self.driver.note("executemany", SimpleNamespace(sql=statement, table=table))
        if error := self.driver.find(statement).error:
            raise error

    def parse(self, statement: str) -> None:
        inspect.signature(oracledb.Cursor.parse).bind(self, statement)
        self.driver.note("parse", statement)
        answer = self.driver.find(statement)
        if answer.error and not answer.columns:
            raise answer.error
        self.description = answer.columns

    def fetchall(self) -> list[tuple[Any, ...]]:
        assert self._answer is not None
        return list(self._answer.rows)
