"""How Oracle's names, types and constants are written."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa

from dmsflow.engines.oracle_literals import write_text
from dmsflow.engines.oracle_sql import OracleIdioms, run_where_missing
from dmsflow.model.plan import DELTA, STAGE
from dmsflow.model.table import DataType, TableName, TypeName

ORACLE = OracleIdioms()
TEXT, BYTES = DataType(name=TypeName.TEXT), DataType(name=TypeName.BYTES)
CHAR = DataType(name=TypeName.TEXT, length=10, native="CHAR(10 CHAR)", foreign=True)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "NULL"),
        (True, "1"),
        (-7, "-7"),
        (Decimal("1E+3"), "1000"),
        (1.5, "1.5D"),
        (1e300, "1e+300D"),
        (float("nan"), "BINARY_DOUBLE_NAN"),
        (float("-inf"), "(-BINARY_DOUBLE_INFINITY)"),
        (date(2020, 2, 29), "DATE '2020-02-29'"),
        (datetime(1, 1, 1), "TIMESTAMP '0001-01-01 00:00:00'"),
        (datetime(2020, 1, 2, 3, 4, 5, 6, UTC), "TIMESTAMP '2020-01-02 03:04:05.000006 +00:00'"),
        ("it's", "'it''s'"),
        (b"\x00\xff", "HEXTORAW('00ff')"),
    ],
)
def test_constants(value, written: str):
    assert ORACLE.literal(value) == written


def test_a_long_text_is_written_in_pieces():
    written = write_text("é" * 2500)
    assert [len(piece) for piece in written.split(" || ")] == [1011, 1011, 511]
    assert written.startswith("TO_CLOB('é")


@pytest.mark.parametrize(
    ("data_type", "columns", "declared", "longest"),
    [
        (TEXT, 0, "CLOB", None),
        (TEXT, 1, "VARCHAR2(4000 BYTE)", 4000),
        (TEXT, 3, "VARCHAR2(2000 BYTE)", 2000),
        (BYTES, 2, "RAW(2000)", 2000),
        (DataType(name=TypeName.VARCHAR, length=60), 1, "VARCHAR2(60 CHAR)", 4000),
        (DataType(name=TypeName.VARCHAR, length=5000), 0, "CLOB", None),
        (CHAR, 1, "CHAR(10 CHAR)", 2000),
        (DataType(name=TypeName.DECIMAL, precision=12, scale=2), 1, "NUMBER(12,2)", None),
        (DataType(name=TypeName.BOOLEAN), 0, "NUMBER(1)", None),
    ],
)
def test_types(data_type: DataType, columns: int, declared: str, longest: int | None):
    assert (ORACLE.key_sql(data_type, columns) if columns else ORACLE.type_sql(data_type)) == declared
    assert ORACLE.longest(data_type, columns) == longest


def test_a_char_is_staged_as_it_is_sent_and_compared_as_it_is_kept():
    assert ORACLE.staged_sql(CHAR, 1) == "VARCHAR2(4000 BYTE)"
    assert ORACLE.compared_as(CHAR) == "CHAR(10 CHAR)"
    assert ORACLE.compared_as(TEXT) is None


def test_temporary_tables_have_the_names_that_oracle_wants():
    assert (ORACLE.quote(STAGE), ORACLE.quote(DELTA)) == ('"ORA$PTT_DMS_STAGE"', '"ORA$PTT_DMS_DELTA"')
    stage = sa.table(STAGE, sa.column("ROWID"), sa.column("level"))
    written = str(sa.select(*stage.c).compile(dialect=ORACLE.dialect()))
    assert written.split() == [
        "SELECT",
        '"ORA$PTT_DMS_STAGE".ROWID,',
        '"ORA$PTT_DMS_STAGE"."level"',
        "FROM",
        '"ORA$PTT_DMS_STAGE"',
    ]


def test_a_name_is_a_text_where_a_block_looks_for_it():
    ddl = run_where_missing("o'wner", "ta'ble", 'CREATE TABLE "o\'wner"."ta\'ble" ("a" NUMBER(1))')
    assert "owner = 'o''wner' AND object_name = 'ta''ble'" in ddl
    assert "EXECUTE IMMEDIATE 'CREATE TABLE \"o''wner\".\"ta''ble\" (\"a\" NUMBER(1))'" in ddl


def test_a_boolean_is_no_other_number_than_0_and_1():
    added = ORACLE.add_column(TableName(table="t", schema="S"), "on", DataType(name=TypeName.BOOLEAN))
    assert added == 'ALTER TABLE "S"."t" ADD ("on" NUMBER(1) CHECK ("on" IN (0, 1)))'


def test_lobs_are_sorted_by_their_beginning_and_compared_null_safely():
    one, two = (sa.table(name, sa.column("c", sa.Text())) for name in "ab")
    differs = str(one.c.c.is_distinct_from(two.c.c).compile(dialect=ORACLE.dialect()))
    assert "NVL(DBMS_LOB.COMPARE" in differs
    alike = str(one.c.c.is_not_distinct_from(two.c.c).compile(dialect=ORACLE.dialect()))
    assert alike == f"NOT {differs}"
    ordered = str(sa.select(one.c.c).order_by(one.c.c).compile(dialect=ORACLE.dialect()))
    assert ordered.endswith('ORDER BY DBMS_LOB.SUBSTR("a"."c", 1000, 1)')
