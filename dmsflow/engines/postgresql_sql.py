"""How PostgreSQL says things: names, types, constants, DDL, parameters. Opens nothing."""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from msgspec.structs import replace

from dmsflow.engines.engine import Binds, Value
from dmsflow.engines.name_keys import can_name
from dmsflow.engines.postgresql_types import LONGEST_NAME, PADDED, declare, is_padded
from dmsflow.engines.standard_sql import StandardIdioms, fit_name
from dmsflow.model.evolution import Alteration, Cost
from dmsflow.model.table import DataType, TableName

if TYPE_CHECKING:
    from dmsflow.engines.digests import DigestWords
    from dmsflow.engines.postgresql_dialect import PostgreSQLTextDialect

TOKEN = re.compile(
    r"""
    (?<![\w$])[eE]'(?:[^'\\]|''|\\.)*' | '(?:[^']|'')*' | "(?:[^"]|"")*"     # text with and without escapes, names
    | (?<![\w$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$                   # text in dollars
    | --[^\n]* | /\* | ::                                                    # comments, casts
    | :(?P<name>[A-Za-z_]\w*)
    """,
    re.DOTALL | re.VERBOSE,
)
COMMENT = re.compile(r"/\*|\*/")


READER = """
CREATE OR REPLACE FUNCTION pg_temp.{name}(told text) RETURNS {type} LANGUAGE plpgsql STRICT AS $dmsflow$
DECLARE
    read {type};
BEGIN
    read := told;
    RETURN read;
EXCEPTION
    WHEN data_exception OR integrity_constraint_violation OR syntax_error_or_access_rule_violation
        OR program_limit_exceeded OR internal_error THEN RETURN NULL;
END
$dmsflow$
"""


def replace_binds(sql: str, binds: Binds, write: Callable[[str], str]) -> str:
    """Write something else for each ``:name`` of the binds; text, names and comments stay as they are."""
    parts, at = [], 0
    while found := TOKEN.search(sql, at):
        end = _end_of_comment(sql, found.end()) if found[0] == "/*" else found.end()
        known = found["name"] in binds if found["name"] else False
        parts += [sql[at : found.start()], write(found["name"]) if known else sql[found.start() : end]]
        at = end
    return "".join(parts) + sql[at:]


def _end_of_comment(sql: str, at: int) -> int:
    """Where a comment ends that may hold others."""
    depth = 1
    while depth and (found := COMMENT.search(sql, at)):
        depth += 1 if found[0] == "/*" else -1
        at = found.end()
    return len(sql) if depth else at


def number_binds(sql: str, binds: Binds) -> tuple[str, list[Value]]:
    """The statement with ``$1``, ``$2`` for its parameters, and their values in that order."""
    numbers: dict[str, int] = {}
    numbered = replace_binds(sql, binds, lambda name: f"${numbers.setdefault(name, len(numbers) + 1)}")
    return numbered, [binds[name] for name in numbers]


def paste_binds(sql: str, binds: Binds) -> str:
    """The statement with constants for its parameters: COPY takes none."""
    return replace_binds(sql, binds, lambda name: write_literal(binds[name]))


def write_literal(value: Value) -> str:
    """A constant; None is NULL. Text has no type of its own, as in a parameter."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | Decimal() | float():
            return _write_number(value)
        case datetime():
            return f"{'TIMESTAMPTZ' if value.tzinfo else 'TIMESTAMP'} '{value.isoformat(sep=' ')}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case bytes():
            return f"'\\x{value.hex()}'::bytea"
        case UUID():
            return f"'{value}'::uuid"
    return "'" + str(value).replace("'", "''") + "'"


def _write_number(value: int | Decimal | float) -> str:
    """A number that may stand after an operator."""
    if isinstance(value, float):
        return f"'{value!r}'::double precision"
    if str(value).isdigit():
        return str(value)
    return f"({value})" if isinstance(value, int) else f"'{value}'::numeric"


def run_where_missing(find: str, name: str, ddl: str) -> str:
    """A block that runs DDL only where a function finds nothing under a name: else nobody needs a permission."""
    missing = f"IF {find}({write_literal(name)}) IS NULL"
    block = f"BEGIN {missing} THEN EXECUTE {write_literal(ddl)}; END IF; END"
    return f"DO {write_literal(block)}"


class PostgreSQLIdioms(StandardIdioms):
    """How PostgreSQL says what SQLAlchemy has no word for."""

    row_id = "ctid"
    now = "SELECT clock_timestamp() AT TIME ZONE 'UTC'"
    # Whole pages: row by row, every page would be read.
    sample: tuple[str, str] | None = ("system", "5")
    # concat is not folded into a constant, so that nothing fails before a row asks for it.
    failing: str | None = "CAST(concat('{}') AS INTEGER)"
    check_deferred: str | None = "SET CONSTRAINTS ALL IMMEDIATE"
    streams_windows = False
    padded: tuple[str, ...] = PADDED
    finer_times: tuple[str, ...] = ()
    end_session: str | None = "SELECT pg_terminate_backend(pg_backend_pid())"
    temporary_schema: str = "pg_temp"

    def dialect(self) -> "PostgreSQLTextDialect":
        """The dialect that compiles for PostgreSQL."""
        from dmsflow.engines.postgresql_dialect import DIALECT

        return DIALECT

    def type_sql(self, data_type: DataType) -> str:
        """How a column of this type is declared."""
        return declare(data_type)

    def literal(self, value: Value) -> str:
        """A constant; None is NULL."""
        return write_literal(value)

    def constant(self, value: Value, data_type: DataType) -> str:
        """The constant, cast."""
        return f"CAST({write_literal(value)} AS {declare(data_type)})"

    def tells_alone(self, data_type: DataType) -> bool:
        """Whether a text may be none of the type's values: JSON is not as strict elsewhere, a char(n) takes any."""
        foreign = data_type.foreign and data_type.family == "text" and not is_padded(data_type)
        return foreign or data_type.family == "json"

    def create_reader(self, name: str, data_type: DataType) -> str:
        """A function in PL/pgSQL, whose assignment reads a text as COPY does; a cast would cut a bit(3) to length."""
        return READER.format(name=self.quote(name), type=declare(data_type))

    def learn_rows(self, name: str, columns: Sequence[str]) -> str | None:
        """ANALYZE of the columns that are joined by, and of few rows: more would cost more than it tells."""
        listed = ", ".join(self.quote(column) for column in columns)
        return f"SET LOCAL default_statistics_target = 10; ANALYZE {self.quote(name)} ({listed})"

    def create_schema(self, table: TableName) -> str | None:
        """DDL of the schema a table is to stand in; where it is there, nobody needs a permission to create it."""
        if not table.schema:
            return None
        schema = self.quote(table.schema)
        return run_where_missing("to_regnamespace", schema, f"CREATE SCHEMA IF NOT EXISTS {schema}")

    def create_sequence(self, sequence: TableName) -> str:
        """DDL of a sequence."""
        named = self.qualify(sequence)
        return run_where_missing("to_regclass", named, f"CREATE SEQUENCE IF NOT EXISTS {named}")

    def next_number(self, sequence: TableName) -> str:
        """The next number of it."""
        return f"nextval({write_literal(self.qualify(sequence))})"

    def identity(self, sequence: TableName) -> str | None:
        """An identity that takes other numbers too."""
        return "GENERATED BY DEFAULT AS IDENTITY"

    def open_since(self, family: str) -> str:
        """A query for the start of the oldest open transaction."""
        from dmsflow.engines import postgresql_writers

        return postgresql_writers.open_since(family)

    def find_writers(self, names: Sequence[str]) -> str:
        """A query for the open transactions that have written into these tables."""
        from dmsflow.engines import postgresql_writers

        return postgresql_writers.find_writers([write_literal(name) for name in names])

    def unique_current(self, index: str, table: TableName, key: Sequence[str], flag: str | None) -> str | None:
        """A partial index over the current versions, its condition as the statements write it, so that they use it."""
        keys = ", ".join(self.quote(name) for name in key)
        where = f" WHERE {self.quote(flag)} = TRUE" if flag else ""
        named = self.quote(fit_name(index, LONGEST_NAME))
        return f"CREATE UNIQUE INDEX IF NOT EXISTS {named} ON {self.qualify(table)} ({keys}){where}"

    def dropped_with(self, table: TableName, name: str) -> str | None:
        """A query for indexes, constraints and sequences that go with the column."""
        from dmsflow.engines.postgresql_catalog import DROPPED_WITH

        return DROPPED_WITH.format(table=write_literal(self.qualify(table)), column=write_literal(name))

    def change_type(self, table: TableName, name: str, old: DataType, new: DataType) -> Alteration:
        """DDL of another type; a longer text, or more digits before the point, leaves the rows as they stand."""
        same_scale = old.family == new.family == "decimal" and (old.scale or 0) == (new.scale or 0)
        kept = same_scale or old.family == new.family == "text"
        wider = super().change_type(table, name, old, new)
        return replace(wider, cost=Cost.METADATA) if kept else wider

    def drop_index(self, index: str, table: TableName) -> str:
        """DDL of an index less, by the name that it got."""
        return super().drop_index(fit_name(index, LONGEST_NAME), table)

    def native_digest(self) -> "DigestWords":
        """By the hash of a record."""
        from dmsflow.engines.postgresql_digests import PostgreSQLHash

        return PostgreSQLHash()

    def canonical_digest(self, *, unicode: bool) -> "DigestWords":
        """By md5."""
        from dmsflow.engines.postgresql_digests import PostgreSQLCanonical

        return PostgreSQLCanonical(unicode=unicode)

    def name_key(self, types: Sequence[DataType]) -> str | None:
        """SHA-256 of canonical text."""
        from dmsflow.engines.postgresql_digests import name_key

        return name_key(types) if can_name(types) else None

    def native_probe(self) -> str | None:
        """The hash of a record of constants."""
        from dmsflow.engines.postgresql_digests import PROBE

        return PROBE
