"""SQLite's words for SQLAlchemy, and those of any other dialect as far as it has them. Opens nothing.

The dialects here only compile. What they write is run as it stands, its parameters as ``:name``.
"""

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from dmsflow.engines.engine import Value
from dmsflow.engines.name_keys import can_name
from dmsflow.engines.sqlite_compiler import SQLiteTextDialect
from dmsflow.engines.sqlite_values import declare, write_literal
from dmsflow.engines.standard_sql import StandardIdioms
from dmsflow.model.evolution import Alteration
from dmsflow.model.table import DataType, TableName, TypeName

NOT_A_BIND = r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/|::"""
BIND = re.compile(NOT_A_BIND + r"|:(?P<name>[A-Za-z_]\w*)", re.DOTALL)

ROW_IDS = {"oracle": "ROWID"}

GENERIC_TYPES: dict[TypeName, sa.types.TypeEngine[Any]] = {
    TypeName.SMALLINT: sa.SmallInteger(),
    TypeName.INTEGER: sa.Integer(),
    TypeName.BIGINT: sa.BigInteger(),
    TypeName.HUGEINT: sa.Numeric(38, 0),
    TypeName.REAL: sa.REAL(),
    TypeName.DOUBLE: sa.Double(),
    TypeName.BOOLEAN: sa.Boolean(),
    TypeName.TEXT: sa.Text(),
    TypeName.DATE: sa.Date(),
    TypeName.TIMESTAMP: sa.TIMESTAMP(),
    TypeName.TIMESTAMPTZ: sa.TIMESTAMP(timezone=True),
    TypeName.BYTES: sa.LargeBinary(),
    TypeName.UUID: sa.Uuid(),
    TypeName.JSON: sa.Text(),
}


def replace_binds(sql: str, names: Collection[str], write: Callable[[str], str]) -> str:
    """Write something else for each ``:name``; strings, comments and quoted identifiers stay as they are."""

    def rewrite(found: re.Match[str]) -> str:
        name = found["name"]
        return write(name) if name in names else found[0]

    return BIND.sub(rewrite, sql)


class SQLiteIdioms(StandardIdioms):
    """How SQLite says what SQLAlchemy has no word for."""

    row_id = "rowid"
    now = "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'"
    sample: tuple[str, str] | None = None
    failing: str | None = None
    check_deferred: str | None = None
    streams_windows = False
    padded: tuple[str, ...] = ()
    finer_times: tuple[str, ...] = ()
    end_session: str | None = None

    def dialect(self) -> Dialect:
        """The dialect that compiles for SQLite."""
        return SQLiteTextDialect()

    def type_sql(self, data_type: DataType) -> str:
        """How a column of this type is declared."""
        return declare(data_type)

    def change_type(self, table: TableName, name: str, old: DataType, new: DataType) -> Alteration:
        """None: SQLite has no word for it."""
        return Alteration(sql=None, refusal="SQLite cannot give a column another type: make the table anew")

    def allow_null(self, table: TableName, name: str) -> str | None:
        """None: SQLite has no word for it."""
        return None

    def literal(self, value: Value) -> str:
        """A constant, as SQLite stores it; None is NULL."""
        return write_literal(value)

    def constant(self, value: Value, data_type: DataType) -> str:
        """The constant as SQLite stores it: a cast to a date would make the number 2020 of one."""
        return write_literal(value)

    def create_schema(self, table: TableName) -> str | None:
        """SQLite has no schemas to make: a schema is a file that is attached."""
        return None

    def unique_current(self, index: str, table: TableName, key: Sequence[str], flag: str | None) -> str | None:
        """A partial index over the current versions, its condition as the statements write it, so that they use it."""
        named = self.qualify(TableName(table=index, schema=table.schema))
        keys = ", ".join(self.quote(name) for name in key)
        where = f" WHERE {self.quote(flag)} = TRUE" if flag else ""
        return f"CREATE UNIQUE INDEX IF NOT EXISTS {named} ON {self.quote(table.table)} ({keys}){where}"

    def name_key(self, types: Sequence[DataType]) -> str | None:
        """A function that each connection brings."""
        from dmsflow.engines.sqlite_names import name_key

        return name_key(types) if can_name(types) else None


class GenericIdioms(StandardIdioms):
    """What SQLAlchemy knows of a dialect. Unproven: its databases are meant as sources."""

    sample: tuple[str, str] | None = None
    failing: str | None = None
    check_deferred: str | None = None
    streams_windows = False
    padded: tuple[str, ...] = ()
    finer_times: tuple[str, ...] = ()
    end_session: str | None = None

    def __init__(self, dialect: Dialect) -> None:
        self._dialect: Dialect = type(dialect)(paramstyle="named")  # type: ignore[call-arg]
        self._dialect.identifier_preparer._requires_quotes = lambda value: True  # type: ignore[method-assign]
        self.row_id = ROW_IDS.get(dialect.name, "rowid")
        self.now = str(sa.select(sa.func.current_timestamp()).compile(dialect=self._dialect))

    def dialect(self) -> Dialect:
        """The dialect, its parameters named."""
        return self._dialect

    def type_sql(self, data_type: DataType) -> str:
        """How a column of this type is declared."""
        chosen: sa.types.TypeEngine[Any]
        match data_type.name:
            case TypeName.DECIMAL:
                chosen = sa.Numeric(data_type.precision or 38, data_type.scale or 0)
            case TypeName.VARCHAR if data_type.length:
                chosen = sa.String(data_type.length)
            case _:
                chosen = GENERIC_TYPES.get(data_type.name, sa.Text())
        return chosen.compile(dialect=self._dialect)

    def literal(self, value: Value) -> str:
        """A constant; None is NULL."""
        if value is None:
            return "NULL"
        return str(sa.literal(value).compile(dialect=self._dialect, compile_kwargs={"literal_binds": True}))

    def constant(self, value: Value, data_type: DataType) -> str:
        """The constant, cast."""
        return f"CAST({self.literal(value)} AS {self.type_sql(data_type)})"

    def quote(self, name: str) -> str:
        """An identifier, always quoted."""
        return self._dialect.identifier_preparer.quote_identifier(name)

    def create_schema(self, table: TableName) -> str | None:
        """None: a schema is made by its owner."""
        return None

    def unique_current(self, index: str, table: TableName, key: Sequence[str], flag: str | None) -> str | None:
        """No index of part of a table is common to all databases; the history is checked after each chunk."""
        if flag:
            return None
        keys = ", ".join(self.quote(name) for name in key)
        return f"CREATE UNIQUE INDEX {self.quote(index)} ON {self.qualify(table)} ({keys})"
