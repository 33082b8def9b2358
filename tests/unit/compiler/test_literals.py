"""Durations, types, timestamps, table names and constants: what is read and what is refused."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmsflow.compiler.literals import (
    LiteralError,
    parse_constant,
    parse_duration,
    parse_table_name,
    parse_timestamp,
    parse_type,
)
from dmsflow.model.table import TableName


@pytest.mark.parametrize(
    ("text", "seconds"), [("10m", 600), ("1h30m", 5400), ("500ms", 0.5), ("1.5s", 1.5), ("2d", 172800), ("0s", 0)]
)
def test_a_duration_has_units(text: str, seconds: float):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["60", "", "m", "10 m", "1h30", "-5m", "10M", "4000d", "1h,30m"])
def test_what_is_no_duration_is_refused(text: str):
    with pytest.raises(LiteralError):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("bigint", "bigint"),
        ("decimal(18,2)", "decimal(18,2)"),
        ("decimal( 18 , 2 )", "decimal(18,2)"),
        ("decimal(9)", "decimal(9,0)"),
        ("decimal", "decimal"),
        ("varchar(100)", "varchar(100)"),
        ("varchar", "varchar"),
        ("timestamptz", "timestamptz"),
    ],
)
def test_types_are_written_as_in_ansi_sql(text: str, written: str):
    assert str(parse_type(text)) == written


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("int", 'did you mean "integer"?'),
        ("NUMBER(10)", 'did you mean "decimal"?'),
        ("bigit", 'did you mean "bigint"?'),
        ("Varchar(10)", 'did you mean "varchar"?'),
        ("text(4)", 'write "text"'),
        ("decimal(0)", "write a precision from 1 to 38"),
        ("decimal(4,5)", "write a scale from 0 to 4"),
        ("varchar(0)", "write a length from 1 to 1000000, or text"),
        ("varchar(99999999999999999999)", "write a length from 1 to 1000000, or text"),
    ],
)
def test_a_type_that_is_none_has_a_help(text: str, help: str):
    with pytest.raises(LiteralError) as caught:
        parse_type(text)
    assert caught.value.help == help


@pytest.mark.parametrize("text", ["hugeint", "other", "point", "decimal(1,2,3)"])
def test_types_that_are_only_found_are_not_written(text: str):
    with pytest.raises(LiteralError):
        parse_type(text)


def test_a_timestamp_with_an_offset_moves_to_utc():
    assert parse_timestamp("2020-01-01") == datetime(2020, 1, 1)
    assert parse_timestamp("2020-01-01 02:00:00+02:00") == datetime(2020, 1, 1)
    with pytest.raises(LiteralError):
        parse_timestamp("9999-12-31T23:59:59-05:00")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("t", TableName(table="t")),
        ("s.t", TableName(schema="s", table="t")),
        ("c.s.t", TableName(catalog="c", schema="s", table="t")),
        ('"a.b"."c d"', TableName(schema="a.b", table="c d")),
        ('s."say ""hi"""', TableName(schema="s", table='say "hi"')),
    ],
)
def test_double_quotes_keep_a_part_of_a_table_name(text: str, name: TableName):
    assert parse_table_name(text) == name


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a.b.c.d", 'a"b', '"a', "a b", '""'])
def test_what_is_no_table_name_is_refused(text: str):
    with pytest.raises(LiteralError):
        parse_table_name(text)


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=3))
def test_quoted_parts_come_back_as_they_are(parts: list[str]):
    name = parse_table_name(".".join('"' + part.replace('"', '""') + '"' for part in parts))
    assert [part for part in (name.catalog, name.schema, name.table) if part is not None] == parts


@pytest.mark.parametrize(
    ("text", "type", "value"),
    [
        ("9007199254740993", "bigint", 9007199254740993),
        ("0.10", "decimal(5,2)", Decimal("0.10")),
        ("1.5", "double", 1.5),
        ("TRUE", "boolean", True),
        ("2020-02-29", "date", date(2020, 2, 29)),
        ("2020-01-01 10:00", "timestamp", datetime(2020, 1, 1, 10)),
        ("2020-01-01T10:00Z", "timestamptz", datetime(2020, 1, 1, 10, tzinfo=UTC)),
        ("007", "text", "007"),
    ],
)
def test_constants_are_exact_by_type(text: str, type: str, value: object):
    found = parse_constant(text, parse_type(type))
    assert found == value
    assert str(found) == str(value)


@pytest.mark.parametrize(
    ("text", "type"),
    [("1.5", "integer"), ("1_000", "bigint"), ("nan", "decimal"), ("inf", "double"), ("yes", "boolean")],
)
def test_a_constant_of_another_type_is_refused(text: str, type: str):
    with pytest.raises(LiteralError):
        parse_constant(text, parse_type(type))
