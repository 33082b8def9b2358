"""SQLite files for a generic session: open, begin, describe, judge errors. Writes no row and knows no Arrow."""

import re
import sqlite3
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dmsflow.engines.engine import Binds, Session, Traits
from dmsflow.engines.generic_sql import SQLiteIdioms, replace_binds
from dmsflow.engines.sqlite_fit import SINGLE, write_misfit
from dmsflow.engines.sqlite_names import NAME_KEY, make_stored_key
from dmsflow.engines.sqlite_values import adapt, read_type, write_literal
from dmsflow.errors import ConnectionFailed, DatabaseError, Interrupted, PermanentError, RowRefused, TransientError
from dmsflow.model.table import FAMILIES, Column, DataType, TableName, TableShape, TypeName

if TYPE_CHECKING:
    from dmsflow.engines.generic_arrow import Reading, Writer

TRAITS = Traits(
    name="sqlite",
    embedded=True,
    cheap_unique_index=True,
    stores_nan=False,
    stores_far_times=False,
    keeps_lengths=True,
    max_columns=2000,
    binary_text_order=True,
    loose=tuple(sorted(set(FAMILIES.values()))),
    sorted_digits=15,
    times_as_text=True,
    savepoints=True,
)

NEEDED = (3, 39, 0)
"""The first version with FULL JOIN."""

PROBE_ROWS = 1000
BUSY_SECONDS = 30
TRANSIENT = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")
REFUSED = "SQLITE_CONSTRAINT"
REASONS = {
    "SQLITE_CONSTRAINT_CHECK": "check",
    "SQLITE_CONSTRAINT_FOREIGNKEY": "foreign_key",
    "SQLITE_CONSTRAINT_NOTNULL": "not_null",
    "SQLITE_CONSTRAINT_PRIMARYKEY": "unique",
    "SQLITE_CONSTRAINT_ROWID": "unique",
    "SQLITE_CONSTRAINT_UNIQUE": "unique",
}
NAMED_COLUMN = re.compile(r"^(?:UNIQUE|NOT NULL) constraint failed: [^,]*\.([^.,]+)$")
"""The only column of a constraint: UNIQUE constraint failed: t.email."""

NEXT_STEPS = {
    "SQLITE_FULL": "make room, then apply again",
    "SQLITE_READONLY": "check the permissions of the file and its folder",
    "SQLITE_CORRUPT": "restore the file from a copy",
}
NOT_TEXT = "Could not decode to UTF-8"
TEMPORARY = "temp"
SHAPE_VIEW = '"_dms_shape"'

CLASSES = {
    frozenset({"integer"}): TypeName.BIGINT,
    frozenset({"real"}): TypeName.DOUBLE,
    frozenset({"integer", "real"}): TypeName.DOUBLE,
    frozenset({"blob"}): TypeName.BYTES,
}
"""The type of an undeclared column by the storage classes of its first rows; everything else is read as text."""


class SQLiteDriver:
    """A SQLite file. ``busy_timeout`` is in seconds; a read-only file must be there already."""

    errors: tuple[type[Exception], ...] = (sqlite3.Error, OverflowError, UnicodeError, ValueError)
    temporary: str | None = TEMPORARY
    marker = "?"

    def __init__(self, path: str | None, options: Mapping[str, str | int | bool], *, read_only: bool) -> None:
        unknown = set(options) - {"busy_timeout", "read_only"}
        if unknown:
            raise ConnectionFailed(f"SQLite has no option {sorted(unknown)[0]}: it takes busy_timeout and read_only")
        if sqlite3.sqlite_version_info < NEEDED:
            wanted = ".".join(map(str, NEEDED))
            raise ConnectionFailed(
                f"SQLite {sqlite3.sqlite_version} is too old: use a Python that brings SQLite {wanted} or newer"
            )
        if not path or path == ":memory:":
            raise ConnectionFailed("a SQLite database in memory belongs to one connection alone: name a file")
        self.path = path
        self._read_only = read_only or bool(options.get("read_only"))
        self._busy = float(options.get("busy_timeout", BUSY_SECONDS))
        self.traits = TRAITS
        connection = self.open()
        try:
            encoding = str(connection.execute("PRAGMA encoding").fetchone()[0])
        finally:
            connection.close()
        self.traits = replace(TRAITS, binary_text_order=encoding == "UTF-8")

    def open(self) -> sqlite3.Connection:
        """A connection; its transactions are begun and ended in so many words."""
        mode = "ro" if self._read_only else "rwc"
        try:
            connection = sqlite3.connect(
                f"{Path(self.path).absolute().as_uri()}?mode={mode}",
                uri=True,
                timeout=self._busy,
                isolation_level=None,
                # DuckDB pulls Arrow batches in threads of its own, one at a time; the session checks its thread itself.
                check_same_thread=False,
            )
        except sqlite3.Error as error:
            raise ConnectionFailed(explain_open(self.path, error)) from error
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA schema_version").fetchone()
        except sqlite3.Error as error:
            connection.close()
            raise ConnectionFailed(explain_open(self.path, error)) from error
        connection.create_function(SINGLE, 1, _is_single, deterministic=True)
        connection.create_function(NAME_KEY, -1, make_stored_key, deterministic=True)
        return connection

    def close(self) -> None:
        """Nothing is shared between the connections of a file."""

    def begin(self, cursor: Any) -> None:  # noqa: ANN401 - a DBAPI cursor
        """Take the write lock at once, so that a transaction never fails half-way for want of it."""
        cursor.execute("BEGIN" if self._read_only else "BEGIN IMMEDIATE")
        if self._read_only:
            cursor.execute("SELECT 1 FROM sqlite_schema").fetchall()

    def interrupt(self, connection: Any) -> None:  # noqa: ANN401 - a DBAPI connection
        """End its statement, from another thread."""
        connection.interrupt()

    def prepare(self, sql: str, binds: Binds | None) -> tuple[str, dict[str, object]]:
        """The statement and its values, as the driver takes them."""
        return sql, {name: adapt(value) for name, value in (binds or {}).items()}

    def judge(self, error: Exception) -> DatabaseError:
        """Only a lock that another connection holds is worth another try."""
        name = str(getattr(error, "sqlite_errorname", type(error).__name__))
        text = f"{name}: {error}"
        if name == "SQLITE_INTERRUPT":
            return Interrupted("the run was stopped at once")
        if NOT_TEXT in text:
            return PermanentError(f"{text}: write it as UTF-8, or read its bytes with cast(... as blob)")
        if name in NEXT_STEPS:
            return PermanentError(f"{text}: {NEXT_STEPS[name]}")
        if name.startswith(REFUSED):
            column = NAMED_COLUMN.match(str(error))
            reason = REASONS.get(name, "refused")
            return RowRefused(text, reason=reason, told=str(error), column=column[1] if column else None)
        return TransientError(text) if name.startswith(TRANSIENT) else PermanentError(text)

    def describe_table(self, session: Session, table: TableName) -> TableShape | None:
        """The shape of a table or view; undeclared types are probed."""
        binds = {"name": table.table, "schema": table.schema}
        schema = ", :schema" if table.schema else ""
        rows = session.fetch(
            f'SELECT name, type, "notnull", pk, hidden FROM pragma_table_xinfo(:name{schema}) WHERE hidden <> 1', binds
        )
        if not rows:
            return None
        declared = [(str(row[0]), str(row[1])) for row in rows]
        types = _probe(session, declared, f"SELECT * FROM {SQLiteIdioms().qualify(table)}", {})
        primary = tuple(str(row[0]) for row in sorted(rows, key=lambda row: int(str(row[3]))) if row[3])
        key_is_row_id = len(primary) == 1 and dict(declared)[primary[0]].upper() == "INTEGER"
        columns = tuple(
            Column(
                name=str(name),
                type=data_type,
                nullable=not not_null and not (key_is_row_id and name == primary[0]),
                generated=hidden in (2, 3),
                computed=hidden in (2, 3),
            )
            for (name, _, not_null, _, hidden), data_type in zip(rows, types, strict=True)
        )
        kinds = session.fetch(
            f"SELECT type FROM pragma_table_list(:name){' WHERE schema = :schema' if schema else ''}", binds
        )
        return TableShape(columns=columns, view=kinds == [("view",)])

    def describe_query(self, session: Session, sql: str, binds: Binds | None = None) -> TableShape:
        """Declared types where a column is one of a table, else the storage classes of the first rows."""
        given = binds or {}
        constant = replace_binds(sql, given.keys(), lambda name: write_literal(given[name]))
        session.execute(f"CREATE TEMPORARY VIEW {SHAPE_VIEW} AS {constant}")
        try:
            rows = session.fetch(f"SELECT name, type FROM pragma_table_xinfo('{SHAPE_VIEW[1:-1]}', 'temp')")
        finally:
            session.execute(f"DROP VIEW temp.{SHAPE_VIEW}")
        declared = [(str(name), str(native)) for name, native in rows]
        types = _probe(session, declared, sql, given)
        return TableShape(
            columns=tuple(Column(name=name, type=kind) for (name, _), kind in zip(declared, types, strict=True))
        )

    def name_once(self, table: TableName) -> TableName:
        """In small letters, which SQLite does not tell from others, and without the schema that all tables have."""
        schema = (table.schema or "main").lower()
        return TableName(table=table.table.lower(), schema=None if schema == "main" else schema)

    def estimate_rows(self, session: Session, table: TableName) -> int | None:
        """The count of a table; None for a view."""
        schema = SQLiteIdioms().quote(table.schema or "main")
        found = session.fetch(
            f"SELECT type FROM {schema}.sqlite_schema WHERE lower(name) = lower(:name) AND type IN ('table', 'view')",
            {"name": table.table},
        )
        if not found or found[0][0] != "table":
            return None
        return int(str(session.fetch(f"SELECT count(*) FROM {SQLiteIdioms().qualify(table)}")[0][0]))

    def plan_reading(self, session: Session, sql: str, binds: Binds) -> "tuple[Reading, ...]":
        """How to read each column: as its type where one scan finds that every value fits, else as text."""
        from dmsflow.engines.sqlite_arrow import plan_column

        shape = self.describe_query(session, sql, binds)
        names = [f'"c{i}"' for i in range(len(shape.columns))]
        pairs = zip(names, shape.columns, strict=True)
        misfits = ", ".join(f"max({write_misfit(name, column.type)})" for name, column in pairs)
        found = session.fetch(
            f'WITH "_dms_read" ({", ".join(names)}) AS ({sql}\n) SELECT {misfits} FROM "_dms_read"', binds
        )[0]
        return tuple(
            plan_column(column.name, column.type, fits=not misfit)
            for column, misfit in zip(shape.columns, found, strict=True)
        )

    def plan_writing(self, data_type: DataType) -> "Writer":
        """How to write Arrow values into a column of this declared type."""
        from dmsflow.engines.sqlite_arrow import plan_writing

        return plan_writing(data_type)


def explain_open(path: str, error: sqlite3.Error) -> str:
    """Why a SQLite file does not open, and what to do."""
    place = Path(path)
    name = getattr(error, "sqlite_errorname", "")
    checks: tuple[tuple[Callable[[], bool], str], ...] = (
        (lambda: name == "SQLITE_NOTADB", f"{path} is not a SQLite database: check the path"),
        (lambda: name.startswith(TRANSIENT), f"the SQLite file {path} is locked: wait for the program that writes it"),
        (place.is_dir, f"{path} is a folder: name a file in it"),
        (lambda: not place.parent.is_dir(), f"the folder {place.parent} of the SQLite file does not exist: create it"),
        (lambda: not place.exists(), f"there is no SQLite file {path}, or its folder may not be written: check both"),
    )
    for applies, message in checks:
        if applies():
            return message
    return f"cannot open the SQLite file {path}: {error}; check the permissions of the file and its folder"


def _probe(session: Session, declared: list[tuple[str, str]], sql: str, binds: Binds) -> list[DataType]:
    """The types of columns: as declared, else by what the first rows hold."""
    known = [read_type(native) for _, native in declared]
    if None not in known:
        return [data_type for data_type in known if data_type]
    names = [f'"c{i}"' for i in range(len(declared))]
    classes = ", ".join(f"group_concat(DISTINCT nullif(typeof({name}), 'null'))" for name in names)
    found = session.fetch(
        f'WITH "_dms_read" ({", ".join(names)}) AS ({sql}\n) '
        f'SELECT {classes} FROM (SELECT * FROM "_dms_read" LIMIT {PROBE_ROWS})',
        binds,
    )[0]
    return [
        data_type or DataType(name=CLASSES.get(frozenset(str(stored).split(",")), TypeName.TEXT))
        for data_type, stored in zip(known, found, strict=True)
    ]


def _is_single(value: object) -> bool:
    """Whether a number is exact in four bytes; SQLite also asks for values that the type check has refused."""
    try:
        return bool(struct.unpack("f", struct.pack("f", value))[0] == value)
    except (OverflowError, struct.error):
        return False
