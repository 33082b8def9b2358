"""Any SQLAlchemy database for a generic session: best effort, unproven. Knows no dialect of its own.

Types of a query are those of its first rows; what they do not tell is read as text.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import URL, Dialect

from dmsflow.engines.engine import Binds, Session, Traits
from dmsflow.engines.generic_sql import replace_binds
from dmsflow.errors import ConnectionFailed, DatabaseError, PermanentError, RowRefused, TransientError
from dmsflow.model.table import Column, DataType, TableName, TableShape, TypeName

if TYPE_CHECKING:
    from dmsflow.engines.generic_arrow import Reading, Writer

PROBE_ROWS = 1000
REFUSED_STATES = ("22", "23")
"""SQLSTATEs of a value that is none of its type, and of a constraint."""

RETRY_STATES = ("40001", "40P01", "08")
"""SQLSTATEs of a serialization failure, a deadlock, a lost connection."""

MARKERS = {"qmark": "?", "format": "%s", "pyformat": "%s"}

KINDS: tuple[tuple[type, TypeName], ...] = (
    (bool, TypeName.BOOLEAN),
    (int, TypeName.BIGINT),
    (float, TypeName.DOUBLE),
    (datetime, TypeName.TIMESTAMP),
    (date, TypeName.DATE),
    (UUID, TypeName.UUID),
    (bytes, TypeName.BYTES),
)

FAMILIES: tuple[tuple[type[sa.types.TypeEngine[Any]], TypeName], ...] = (
    (sa.Boolean, TypeName.BOOLEAN),
    (sa.SmallInteger, TypeName.SMALLINT),
    (sa.BigInteger, TypeName.BIGINT),
    (sa.Integer, TypeName.INTEGER),
    (sa.REAL, TypeName.REAL),
    (sa.Float, TypeName.DOUBLE),
    (sa.Uuid, TypeName.UUID),
    (sa.JSON, TypeName.JSON),
    (sa.DateTime, TypeName.TIMESTAMP),
    (sa.Date, TypeName.DATE),
    (sa.LargeBinary, TypeName.BYTES),
    (sa.Text, TypeName.TEXT),
)


class SQLAlchemyDriver:
    """A database that SQLAlchemy can open."""

    temporary: str | None = None

    def __init__(self, url: URL, options: Mapping[str, str | int | bool]) -> None:
        try:
            self._engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args=dict(options))
        except (exc.ArgumentError, ImportError) as error:
            raise ConnectionFailed(
                f"{url.drivername} cannot be opened: {error}; install its SQLAlchemy dialect and driver"
            ) from error
        self.dialect: Dialect = self._engine.dialect
        self.errors: tuple[type[Exception], ...] = (self.dialect.loaded_dbapi.Error,)
        self._style = self.dialect.paramstyle
        self.marker = MARKERS.get(self._style, "?")
        self.traits = Traits(
            name=self.dialect.name,
            embedded=False,
            cheap_unique_index=False,
            stores_nan=False,
            stores_far_times=False,
            keeps_lengths=True,
            max_columns=250,
            binary_text_order=False,
        )

    def open(self) -> Any:  # noqa: ANN401 - a DBAPI connection
        """A connection."""
        try:
            pooled = self._engine.raw_connection()
            pooled.detach()
            return pooled.dbapi_connection
        except Exception as error:
            if not isinstance(error, (exc.SQLAlchemyError, *self.errors)):
                raise
            where = self._engine.url.render_as_string(hide_password=True)
            raise ConnectionFailed(f"cannot open {where}: {type(error).__name__}; check address and account") from error

    def close(self) -> None:
        """Close SQLAlchemy's engine."""
        self._engine.dispose()

    def begin(self, cursor: Any) -> None:  # noqa: ANN401 - a DBAPI cursor
        """A DBAPI connection is in a transaction from its first statement."""
        cursor.close()

    def name_once(self, table: TableName) -> TableName:
        """As it is written: nobody knows."""
        return table

    def interrupt(self, connection: Any) -> None:  # noqa: ANN401 - a DBAPI connection
        """Nothing: DBAPI has no word for it."""

    def prepare(self, sql: str, binds: Binds | None) -> tuple[str, Any]:
        """Parameters in the driver's own style."""
        given = binds or {}
        order: list[str] = []

        def write(name: str) -> str:
            order.append(name)
            match self._style:
                case "named":
                    return f":{name}"
                case "pyformat":
                    return f"%({name})s"
                case "numeric" | "numeric_dollar":
                    return f"{':' if self._style == 'numeric' else '$'}{len(order)}"
            return self.marker

        escaped = sql.replace("%", "%%") if given and self._style in ("format", "pyformat") else sql
        prepared = replace_binds(escaped, given.keys(), write)
        if self._style in ("named", "pyformat"):
            return prepared, dict(given)
        return prepared, tuple(given[name] for name in order)

    def judge(self, error: Exception) -> DatabaseError:
        """A lost connection, a deadlock or a serialization failure is worth another try."""
        state = str(getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or "")
        is_disconnect: Any = self.dialect.is_disconnect
        lost = isinstance(error, self.errors) and bool(is_disconnect(error, None, None))
        text = f"{state or type(error).__name__}: {str(error).strip()}"
        if lost or state.startswith(RETRY_STATES):
            return TransientError(text)
        refused = state.startswith(REFUSED_STATES) or isinstance(error, self.dialect.loaded_dbapi.IntegrityError)
        return RowRefused(text, reason="refused", told=str(error).strip()) if refused else PermanentError(text)

    def describe_table(self, session: Session, table: TableName) -> TableShape | None:
        """What SQLAlchemy's inspector finds."""
        try:
            inspector = sa.inspect(self._engine)
            found = inspector.get_columns(table.table, schema=table.schema)
        except exc.NoSuchTableError:
            return None
        except exc.DBAPIError as error:
            raise self.judge(error.orig if isinstance(error.orig, Exception) else error) from error
        columns = tuple(
            Column(
                name=column["name"],
                type=self._read_type(column["type"]),
                nullable=bool(column["nullable"]),
                generated="computed" in column or "identity" in column,
            )
            for column in found
        )
        return TableShape(columns=columns)

    def _read_type(self, found: sa.types.TypeEngine[Any]) -> DataType:
        """A reflected type as a DataType."""
        native = found.compile(dialect=self.dialect) if not isinstance(found, sa.types.NullType) else None
        if isinstance(found, sa.Numeric) and found.precision is not None and not isinstance(found, sa.Float):
            scale = int(found.scale or 0)
            return DataType(name=TypeName.DECIMAL, precision=found.precision, scale=scale, native=native)
        if isinstance(found, sa.DateTime) and found.timezone:
            return DataType(name=TypeName.TIMESTAMPTZ, native=native)
        if isinstance(found, sa.String) and not isinstance(found, sa.Text) and found.length:
            return DataType(name=TypeName.VARCHAR, length=found.length, native=native)
        name = next((name for kind, name in FAMILIES if isinstance(found, kind)), TypeName.TEXT)
        return DataType(name=name, native=native)

    def describe_query(self, session: Session, sql: str, binds: Binds | None = None) -> TableShape:
        """Types by the first rows."""
        connection = self.open()
        try:
            cursor = connection.cursor()
            cursor.execute(*self.prepare(sql, binds))
            names = [str(column[0]) for column in cursor.description]
            rows = cursor.fetchmany(PROBE_ROWS)
        except self.errors as error:
            raise self.judge(error) from error
        finally:
            connection.close()
        values = zip(*rows, strict=True) if rows else [()] * len(names)
        return TableShape(
            columns=tuple(
                Column(name=name, type=DataType(name=_kind_of(column)))
                for name, column in zip(names, values, strict=True)
            )
        )

    def estimate_rows(self, session: Session, table: TableName) -> int | None:
        """Not known without a scan."""
        return None

    def plan_reading(self, session: Session, sql: str, binds: Binds) -> "tuple[Reading, ...]":
        """Each column as the type of its first rows."""
        from dmsflow.engines.generic_arrow import plan_generic

        shape = self.describe_query(session, sql, binds)
        return tuple(plan_generic(column.name, column.type) for column in shape.columns)

    def plan_writing(self, data_type: DataType) -> "Writer":
        """Python's own types."""
        from dmsflow.engines.generic_arrow import write_generic

        return write_generic


def _kind_of(values: tuple[object, ...]) -> TypeName:
    """The one type that all values have; text where they differ, or where there are none."""
    kinds = {
        next((name for kind, name in KINDS if isinstance(value, kind)), TypeName.TEXT)
        for value in values
        if value is not None
    }
    if kinds == {TypeName.TIMESTAMP}:
        aware = {value.tzinfo is not None for value in values if isinstance(value, datetime)}
        return TypeName.TIMESTAMPTZ if aware == {True} else TypeName.TIMESTAMP if aware == {False} else TypeName.TEXT
    return kinds.pop() if len(kinds) == 1 else TypeName.TEXT
