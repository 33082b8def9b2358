"""How Oracle says things: names, types, constants, DDL. Opens nothing, and needs no SQLAlchemy.

A column's ``native`` type is written as Oracle's own DDL would: ``CHAR(10 CHAR)``, ``RAW(16)``, ``TIMESTAMP(3)``.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from dmsflow.engines.engine import Traits, Value
from dmsflow.engines.oracle_literals import write_float, write_long_text, write_text
from dmsflow.engines.standard_sql import fit_name
from dmsflow.model.evolution import Alteration, Cost
from dmsflow.model.plan import DELTA, NUMBERED, REFUSED, STAGE
from dmsflow.model.table import DataType, TableName, TypeName

if TYPE_CHECKING:
    from dmsflow.engines.oracle_dialect import OracleTextDialect

LONGEST_NAME = 128
"""Bytes of an identifier, since 12.2; Oracle refuses a longer one."""

LONGEST_TEXT, LONGEST_RAW = 4000, 2000
"""Bytes of a VARCHAR2 and of a RAW, where MAX_STRING_SIZE is what it is in most databases."""

LONGEST_INDEX = 6000
"""Bytes of all columns of an index in blocks of 8 KiB."""

TEMPORARY = {
    STAGE: "ORA$PTT_DMS_STAGE",
    DELTA: "ORA$PTT_DMS_DELTA",
    NUMBERED: "ORA$PTT_DMS_NUMBERED",
    REFUSED: "ORA$PTT_DMS_REFUSED",
}
"""The names of the temporary tables: Oracle wants this beginning of those of one session."""

ROW_ID = "ROWID"
HERE = "SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA')"

DECLARED = {
    TypeName.SMALLINT: "NUMBER(5)",
    TypeName.INTEGER: "NUMBER(10)",
    TypeName.BIGINT: "NUMBER(19)",
    TypeName.HUGEINT: "NUMBER(38)",
    TypeName.REAL: "BINARY_FLOAT",
    TypeName.DOUBLE: "BINARY_DOUBLE",
    TypeName.BOOLEAN: "NUMBER(1)",
    TypeName.TEXT: "CLOB",
    TypeName.DATE: "DATE",
    TypeName.TIMESTAMP: "TIMESTAMP(6)",
    TypeName.TIMESTAMPTZ: "TIMESTAMP(6) WITH TIME ZONE",
    TypeName.BYTES: "BLOB",
    TypeName.UUID: "VARCHAR2(36 CHAR)",
    TypeName.JSON: "CLOB",
    TypeName.OTHER: "CLOB",
}

KEPT_AS = (
    (TypeName.SMALLINT, "decimal(5,0)"),
    (TypeName.INTEGER, "decimal(10,0)"),
    (TypeName.BIGINT, "decimal(19,0)"),
    (TypeName.HUGEINT, "decimal(38,0)"),
    (TypeName.BOOLEAN, "decimal(1,0)"),
    (TypeName.UUID, "varchar(36)"),
)
"""Numbers and texts to Oracle, which tells them from no others."""

TRAITS = Traits(
    name="oracle",
    embedded=False,
    cheap_unique_index=True,
    stores_nan=True,
    stores_far_times=False,
    keeps_lengths=True,
    ddl_commits=True,
    empty_is_null=True,
    max_columns=1000,
    binary_text_order=True,
    longest_name=LONGEST_NAME,
    savepoints=True,
    releases_savepoints=False,
    kept_as=KEPT_AS,
)

LARGE = ("CLOB", "NCLOB", "BLOB")
PADDED = ("CHAR(", "NCHAR(")
SIZED = re.compile(r"N?(?P<kind>VARCHAR2|CHAR|RAW)\((?P<size>\d+)(?: (?P<unit>BYTE|CHAR))?\)")

EXISTS, NO_TABLE, NO_INDEX = -955, -942, -1418
"""Error numbers: a name is used already, a table is not there, an index is not."""


class OracleIdioms:
    """How Oracle, from 19c on, says what SQLAlchemy has no word for."""

    row_id = ROW_ID
    row_id_sql: str | None = "ROWID"
    flags = ("1", "0")
    now = "SELECT CAST(SYS_EXTRACT_UTC(SYSTIMESTAMP) AS TIMESTAMP(6)) FROM DUAL"
    sample: tuple[str, str] | None = ("sample", "5")
    failing: str | None = None
    check_deferred: str | None = "SET CONSTRAINTS ALL IMMEDIATE"
    streams_windows = False
    padded: tuple[str, ...] = PADDED
    finer_times: tuple[str, ...] = tuple(f"TIMESTAMP({digits})" for digits in (7, 8, 9))
    # No session may end itself: ORA-00027.
    end_session: str | None = None

    def dialect(self) -> "OracleTextDialect":
        """The dialect that compiles for Oracle."""
        from dmsflow.engines.oracle_dialect import DIALECT

        return DIALECT

    def type_sql(self, data_type: DataType) -> str:
        """How a column of this type is declared."""
        if data_type.foreign and data_type.native:
            return data_type.native
        if data_type.name is TypeName.DECIMAL:
            return f"NUMBER({data_type.precision or 38},{data_type.scale or 0})"
        if data_type.name is TypeName.VARCHAR and data_type.length and data_type.length <= LONGEST_TEXT:
            return f"VARCHAR2({data_type.length} CHAR)"
        return DECLARED.get(data_type.name, "CLOB")

    def key_sql(self, data_type: DataType, columns: int) -> str:
        """The same of a column that is compared, sorted or indexed together with others: no LOB is."""
        declared = self.type_sql(data_type)
        if declared not in LARGE:
            return declared
        if data_type.family == "bytes":
            return f"RAW({min(LONGEST_RAW, LONGEST_INDEX // columns)})"
        return f"VARCHAR2({min(LONGEST_TEXT, LONGEST_INDEX // columns)} BYTE)"

    def staged_sql(self, data_type: DataType, columns: int) -> str:
        """The same of a staged column; one of a CHAR is not filled up there."""
        if self.compared_as(data_type):
            return f"VARCHAR2({LONGEST_TEXT} BYTE)"
        return self.key_sql(data_type, columns) if columns else self.type_sql(data_type)

    def longest(self, data_type: DataType, columns: int) -> int | None:
        """Bytes of a VARCHAR2, a CHAR or a RAW: a length in characters does not count beyond them."""
        if data_type.family not in ("text", "bytes"):
            return None
        sized = SIZED.match(self.key_sql(data_type, columns) if columns else self.type_sql(data_type))
        if sized is None:
            return None
        most = LONGEST_TEXT if sized["kind"] == "VARCHAR2" else LONGEST_RAW
        return most if sized["unit"] == "CHAR" else min(int(sized["size"]), most)

    def is_large(self, data_type: DataType) -> bool:
        """Whether it is a LOB, which nothing compares, sorts or groups but DBMS_LOB."""
        return self.type_sql(data_type) in LARGE

    def compared_as(self, data_type: DataType) -> str | None:
        """CHAR: a value of another length is never equal to one that is filled up with blanks."""
        native = data_type.native or ""
        return native if native.startswith(PADDED) else None

    def check(self, name: str, data_type: DataType) -> str | None:
        """A boolean is a number before 23ai, and no other than 0 and 1."""
        return f"{self.quote(name)} IN (0, 1)" if data_type.name is TypeName.BOOLEAN else None

    def add_column(self, table: TableName, name: str, data_type: DataType) -> str:
        """DDL of a column more."""
        check = self.check(name, data_type)
        rule = f" CHECK ({check})" if check else ""
        return f"ALTER TABLE {self.qualify(table)} ADD ({self.quote(name)} {self.type_sql(data_type)}{rule})"

    def rename_column(self, table: TableName, old: str, new: str) -> str:
        """DDL of another name."""
        return f"ALTER TABLE {self.qualify(table)} RENAME COLUMN {self.quote(old)} TO {self.quote(new)}"

    def drop_column(self, table: TableName, name: str) -> str:
        """DDL of a column less, with the rules over it alone."""
        return f"ALTER TABLE {self.qualify(table)} DROP COLUMN {self.quote(name)}"

    def dropped_with(self, table: TableName, name: str) -> str | None:
        """None: nobody has asked an Oracle yet."""
        return None

    def change_type(self, table: TableName, name: str, old: DataType, new: DataType) -> Alteration:
        """DDL of a longer VARCHAR2 or a wider NUMBER; a column with rows takes no other kind of type (ORA-01439)."""
        before, after = old.native or self.type_sql(old), self.type_sql(new)
        if not any(before.startswith(kind) and after.startswith(kind) for kind in ("VARCHAR2(", "NUMBER(")):
            refusal = f"Oracle makes no {after} of a {before} that has rows: add a column, and copy the values"
            return Alteration(sql=None, refusal=refusal)
        sql = f"ALTER TABLE {self.qualify(table)} MODIFY ({self.quote(name)} {after})"
        return Alteration(sql=sql, cost=Cost.METADATA)

    def allow_null(self, table: TableName, name: str) -> str | None:
        """DDL without NOT NULL."""
        return f"ALTER TABLE {self.qualify(table)} MODIFY ({self.quote(name)} NULL)"

    def drop_table(self, table: TableName) -> str:
        """A block that drops a table, if it is there."""
        return f"BEGIN {_run_unless(write_text(f'DROP TABLE {self.qualify(table)}'), NO_TABLE)} END;"

    def drop_index(self, index: str, table: TableName) -> str:
        """A block that drops an index, if it is there."""
        named = self.qualify(TableName(table=fit_name(index, LONGEST_NAME), schema=table.schema))
        return f"BEGIN {_run_unless(write_text(f'DROP INDEX {named}'), NO_INDEX)} END;"

    def literal(self, value: Value) -> str:
        """A constant; None is NULL."""
        match value:
            case None:
                return "NULL"
            case bool():
                return self.flags[0] if value else self.flags[1]
            case int():
                return str(value)
            case Decimal():
                return format(value, "f")
            case float():
                return write_float(value)
            case datetime():
                zone = value.strftime("%z")
                offset = f" {zone[:3]}:{zone[3:5]}" if zone else ""
                return f"TIMESTAMP '{value.replace(tzinfo=None).isoformat(sep=' ')}{offset}'"
            case date():
                return f"DATE '{value.isoformat()}'"
            case bytes():
                return f"HEXTORAW('{value.hex()}')"
        return write_text(str(value))

    def constant(self, value: Value, data_type: DataType) -> str:
        """The constant, cast."""
        declared = self.type_sql(data_type)
        if declared in LARGE:
            return self.literal(value)
        return f"CAST({self.literal(value)} AS {declared})"

    def create_temporary(self, name: str, columns: Sequence[str], select_sql: str) -> str:
        """An INSERT: DDL would commit, and takes no parameters."""
        listed = ", ".join(self.quote(column) for column in columns)
        return f"INSERT INTO {self.quote(name)} ({listed}) {select_sql}"

    def define_temporary(self, name: str, columns: Sequence[tuple[str, str]]) -> str | None:
        """A table of the session alone, by names and declared types, that outlives its transactions."""
        declared = ", ".join(f"{self.quote(column)} {kind}" for column, kind in columns)
        return f"CREATE PRIVATE TEMPORARY TABLE {self.quote(name)} ({declared}) ON COMMIT PRESERVE DEFINITION"

    def discard_temporaries(self, names: Sequence[str]) -> str | None:
        """A block that drops those of these tables that the session has."""
        drops = (write_text(f"DROP TABLE {self.quote(name)}") for name in names)
        return " ".join(("BEGIN", *(_run_unless(drop, NO_TABLE) for drop in drops), "END;"))

    def learn_rows(self, name: str, columns: Sequence[str]) -> str | None:
        """None: the planner samples a table of which it knows nothing."""
        return None

    def quote(self, name: str) -> str:
        """An identifier, always quoted; a name of our temporary tables as Oracle wants it."""
        return '"' + TEMPORARY.get(name, name).replace('"', '""') + '"'

    def qualify(self, table: TableName) -> str:
        """A table's name as it stands in DDL."""
        return ".".join(self.quote(part) for part in (table.schema, table.table) if part)

    def create_schema(self, table: TableName) -> str | None:
        """None: a schema is a user, which an administrator makes."""
        return None

    def open_since(self, family: str) -> str:
        """A query that tells no start, and whether the user may see who writes."""
        from dmsflow.engines import oracle_writers

        return oracle_writers.OPEN_SINCE

    def find_writers(self, names: Sequence[str]) -> str:
        """A query for the sessions that have written into these tables."""
        from dmsflow.engines import oracle_writers

        return oracle_writers.find_writers(names)

    def name_key(self, types: Sequence[DataType]) -> str | None:
        """SHA-256 of canonical text."""
        from dmsflow.engines.oracle_names import name_key

        return name_key(types)

    def create_sequence(self, sequence: TableName) -> str:
        """DDL of a sequence."""
        ddl = f"CREATE SEQUENCE {self.qualify(sequence)}"
        return f"BEGIN {_run_unless(write_text(ddl), EXISTS)} END;"

    def next_number(self, sequence: TableName) -> str:
        """The next number of it."""
        return f"{self.qualify(sequence)}.NEXTVAL"

    def identity(self, sequence: TableName) -> str | None:
        """An identity that takes other numbers too."""
        return "GENERATED BY DEFAULT AS IDENTITY"

    def unique_current(self, index: str, table: TableName, key: Sequence[str], flag: str | None) -> str | None:
        """An index over expressions, NULL in all of them for versions that are not current: those have no entry."""
        parts = [self.quote(name) for name in key]
        if flag:
            parts = [f"CASE WHEN {self.quote(flag)} = {self.flags[0]} THEN {part} END" for part in parts]
        named = self.qualify(TableName(table=fit_name(index, LONGEST_NAME), schema=table.schema))
        ddl = f"CREATE UNIQUE INDEX {named} ON {self.qualify(table)} ({', '.join(parts)})"
        return f"BEGIN {_run_unless(write_text(ddl), EXISTS)} END;"

    def find_index(self, index: str, table: TableName) -> str:
        """A query for how many indexes there are of that name, in the schema of the table."""
        owner, named = write_text(table.schema) if table.schema else HERE, write_text(fit_name(index, LONGEST_NAME))
        return f"SELECT COUNT(*) FROM all_indexes WHERE owner = {owner} AND index_name = {named}"


def run_where_missing(schema: str | None, table: str, ddl: str) -> str:
    """A block that makes a table only where there is none: else nobody needs a permission."""
    owner = write_text(schema) if schema else HERE
    return (
        "DECLARE found PLS_INTEGER; BEGIN "
        f"SELECT COUNT(*) INTO found FROM all_objects WHERE owner = {owner} AND object_name = {write_text(table)} "
        f"AND object_type IN ('TABLE', 'VIEW'); IF found = 0 THEN {_run_unless(write_long_text(ddl), EXISTS)} END IF; "
        "END;"
    )


def _run_unless(statement: str, number: int) -> str:
    """A block that runs a statement, given as a text, and passes over one error: two sessions may do so at once."""
    return (
        f"BEGIN EXECUTE IMMEDIATE {statement}; "
        f"EXCEPTION WHEN OTHERS THEN IF SQLCODE <> {number} THEN RAISE; END IF; END;"
    )
