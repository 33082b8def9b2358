"""The stand-in of the driver with a database behind it: DuckDB, which runs what Oracle's SQL is translated to.

So the engine itself carries a load from its first look at the catalog to the last commit. What only Oracle does is
checked: DDL in an open transaction is a failure here, because it would commit.
"""

import inspect
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import oracledb
import pyarrow as pa

from tests.oracle.driver import (
    CAPABILITIES,
    CHARSET,
    Answer,
    FakeConnection,
    FakeCursor,
    FakeDriver,
    FakePool,
    NoRows,
    column,
)
from tests.oracle.parsers import inner_statements
from tests.oracle.translate import PREPARED, translate

SCHEMA = "DW"
NOTHING = ("ALTER SESSION", "SET TRANSACTION", "BEGIN DBMS_FLASHBACK")
DDL = re.compile(r"^(BEGIN|DECLARE|CREATE|DROP|ALTER TABLE)")
CHANGES = re.compile(r"^(INSERT|UPDATE|DELETE|MERGE)")
DECLARED = re.compile(r'"([^"]+)" ([A-Z_]+[A-Z_0-9]*)(?:\(([^)]*)\))?( WITH (?:LOCAL )?TIME ZONE)?')
CREATED = re.compile(r'CREATE (?:PRIVATE TEMPORARY )?TABLE (?:"[^"]+"\.)?"([^"]+)" \((.*)\)', re.DOTALL)
KINDS = {"VARCHAR2": "VARCHAR", "NUMBER": "NUMBER", "CLOB": "CLOB", "BLOB": "BLOB", "RAW": "RAW", "DATE": "DATE"}
KINDS |= {"TIMESTAMP": "TIMESTAMP", "BINARY_DOUBLE": "BINARY_DOUBLE", "BINARY_FLOAT": "BINARY_FLOAT", "ROWID": "ROWID"}
TEXT, COUNT = column("C", "VARCHAR", size=128), column("N", "NUMBER", 0, -127)


class Stored(SimpleNamespace):
    """A column as it was declared: its name, type and arguments."""

    name: str
    kind: str
    arguments: str
    zone: str

    @property
    def numbers(self) -> list[int]:
        return [int(found) for found in re.findall(r"-?\d+", self.arguments or "")]

    def in_catalog(self) -> tuple[Any, ...]:
        """A row of ALL_TAB_COLS, as it is asked for."""
        declared = f"{self.kind}({self.arguments}){self.zone}" if self.kind == "TIMESTAMP" else self.kind
        size = self.numbers[0] if self.numbers else None
        precision, scale = [*self.numbers, 0][:2] if self.kind == "NUMBER" and size else (None, None)
        return (self.name, declared, None, size, size, precision, scale, "Y", "NO", None, 0, 0)

    def described(self) -> Any:
        """A column of a description."""
        kind = "TIMESTAMP_TZ" if self.zone else KINDS[self.kind]
        precision, scale = [*self.numbers, 0][:2] if self.kind == "NUMBER" and self.numbers else (0, -127)
        return column(self.name, kind, precision, scale, size=self.numbers[0] if self.numbers else 0)


class ServingDriver(FakeDriver):
    """Connections of one database; the catalog knows what was declared."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.database = duckdb.connect(str(path))
        self.database.execute(f'CREATE SCHEMA IF NOT EXISTS "{SCHEMA}"')
        self.declared: dict[str, list[Stored]] = {}
        self.statistics: int | None = None
        self.writers: list[list[tuple[str, str]]] | None = None
        self.changes = itertools.count(4711)

    def make_connection(self, pool: FakePool) -> FakeConnection:
        return ServingConnection(pool)

    def learn(self, sql: str) -> None:
        """Remember what a statement declares."""
        for inner in inner_statements(sql) if sql.startswith(("BEGIN", "DECLARE")) else [sql]:
            if found := CREATED.search(inner):
                columns = DECLARED.findall(found[2])
                self.declared[found[1]] = [
                    Stored(name=name, kind=kind, arguments=arguments, zone=zone)
                    for name, kind, arguments, zone in columns
                    if kind in KINDS
                ]

    def answer_catalog(self, sql: str, values: dict[str, Any]) -> Answer | None:
        """What Oracle's catalog says."""
        name = values.get("p_name")
        if "nls_database_parameters" in sql:
            return Answer("", CAPABILITIES, [(CHARSET, 3)], None, 0)
        if "all_synonyms" in sql:
            found = [it for it in (name, str(name).upper()) if it in self.declared]
            return Answer("", [COUNT, *[TEXT] * 5], [(0, SCHEMA, it, None, None, None) for it in found[:1]], None, 0)
        if "all_tab_cols" in sql:
            rows = [stored.in_catalog() for stored in self.declared.get(str(name), [])]
            return Answer("", [TEXT] * 3 + [COUNT] * 4 + [TEXT] * 3 + [COUNT] * 2, rows, None, 0)
        if "all_tables" in sql:
            return Answer("", [COUNT], [(self.statistics,)], None, 0)
        if "all_indexes" in sql:
            return Answer("", [TEXT, TEXT], [], None, 0)
        if "GV_$LOCKED_OBJECT" in sql:
            return Answer("", [TEXT, COUNT, COUNT], [(None, 1, int(self.writers is None))], None, 0)
        if "gv$locked_object" in sql:
            assert self.writers is not None
            return Answer("", [TEXT, TEXT], self.writers.pop(0) if self.writers else [], None, 0)
        if "GET_SYSTEM_CHANGE_NUMBER" in sql:
            return Answer("", [COUNT], [(next(self.changes),)], None, 0)
        return Answer("", [TEXT], [(SCHEMA,)], None, 0) if "CURRENT_SCHEMA" in sql else None


class ServingConnection(FakeConnection):
    """One connection, with a transaction that begins with the first change, as Oracle's does."""

    def __init__(self, pool: FakePool) -> None:
        super().__init__(pool)
        driver: ServingDriver = pool.driver  # type: ignore[assignment]
        vars(self).update(session=driver.database.cursor(), changing=False)
        for statement in (f'USE "{SCHEMA}"', *PREPARED):
            self.session.execute(statement)

    def cursor(self) -> "ServingCursor":
        return ServingCursor(self)

    def begin(self) -> None:
        """The first change of a transaction."""
        if not self.autocommit and not self.changing:
            self.session.execute("BEGIN TRANSACTION")
            vars(self)["changing"] = True

    def fetch_df_batches(self, *args: Any, **given: Any) -> Iterator[Any]:
        """The rows, as the schema wants them that is asked for."""
        call = inspect.signature(oracledb.Connection.fetch_df_batches).bind(self, *args, **given).arguments
        self.driver.note("fetch_df_batches", call)
        if error := self.driver.find("fetched: " + call["statement"]).error:
            raise error
        [sql] = translate(call["statement"])
        found = self.session.cursor()
        for statement in (f'USE "{SCHEMA}"', *PREPARED):
            found.execute(statement)
        table = (
            found.execute(sql, call["parameters"] or {}).to_arrow_reader(8192).read_all().cast(call["requested_schema"])
        )
        for start in range(0, max(table.num_rows, 1), call["size"]):
            part = table.slice(start, call["size"]).combine_chunks()
            yield oracledb.from_arrow(part) if part.num_rows else NoRows()

    def _end(self, what: str) -> None:
        super()._end(what)
        if self.changing:
            self.session.execute(what.upper())
            vars(self)["changing"] = False


class ServingCursor(FakeCursor):
    """Runs what is translated, and tells of it what the driver would."""

    connection: ServingConnection

    def execute(self, statement: str, parameters: Any = None, **given: Any) -> "ServingCursor":
        super().execute(statement, parameters, **given)
        driver: ServingDriver = self.driver  # type: ignore[assignment]
        values = parameters or {}
        if statement.startswith(NOTHING):
            return self
        if DDL.match(statement):
            assert not self.connection.changing, f"this commits what the transaction has done: {statement}"
            driver.learn(statement)
        elif CHANGES.match(statement):
            self.connection.begin()
        self._answer = driver.answer_catalog(statement, values)
        if self._answer is None:
            self._answer = self._run(statement, values)
        self.description, self.rowcount = self._answer.columns, self._answer.rowcount
        return self

    def _run(self, statement: str, values: dict[str, Any]) -> Answer:
        session, rows, count, described = self.connection.session, [], 0, []
        for sql in translate(statement):
            used = {name: value for name, value in values.items() if f"${name}" in sql}
            session.execute(sql, used)
            if CHANGES.match(statement):
                count += session.fetchall()[0][0]
            elif session.description:
                described = [_describe(name, str(kind)) for name, kind, *_ in session.description]
                rows = session.fetchall()
        return Answer("", described, rows, None, count)

    def executemany(self, statement: str, parameters: Any, **given: Any) -> None:
        super().executemany(statement, parameters, **given)
        self.connection.begin()
        [into, listed] = re.findall(r"^INSERT INTO (\S+) \((.*)\) VALUES", statement)[0]
        picked = ", ".join(_as_bound(field) for field in parameters.schema)
        self.connection.session.register("sent", parameters)
        self.connection.session.execute(f"INSERT INTO {into} ({listed}) SELECT {picked} FROM sent")
        self.connection.session.unregister("sent")

    def parse(self, statement: str) -> None:
        super().parse(statement)
        table = re.findall(r'FROM "(ORA\$PTT_[^"]+)"$', statement.strip())
        driver: ServingDriver = self.driver  # type: ignore[assignment]
        if table:
            stored = {it.name: it for it in driver.declared[table[0]]}
            self.description = [stored[name].described() for name in re.findall(r'"([^"]+)"', statement)[:-1]]
            return
        [sql] = translate(statement)
        unbound = re.sub(r"\$p_\w+", "NULL", sql)
        described = self.connection.session.execute(f"DESCRIBE {unbound}").fetchall()
        self.description = [_describe(name, str(kind)) for name, kind, *_ in described]


def _as_bound(field: pa.Field) -> str:
    """Oracle takes a text without a character for NULL."""
    quoted = '"' + field.name.replace('"', '""') + '"'
    return f"nullif({quoted}, '')" if pa.types.is_string(field.type) or pa.types.is_large_string(field.type) else quoted


def _describe(name: str, kind: str) -> Any:
    """A column of a result, by DuckDB's type."""
    if found := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", kind):
        return column(name, "NUMBER", int(found[1]), int(found[2]))
    return column(name, {"VARCHAR": "VARCHAR", "TIMESTAMP": "TIMESTAMP"}.get(kind, "NUMBER"), 0, -127, size=4000)
