"""Which types hold every value of another: what the rule says, a database agrees with."""

from itertools import product

import duckdb
import pytest

from dmsflow.compiler.evolution.widening import reveals, widens
from dmsflow.compiler.literals import parse_type
from dmsflow.engines.duckdb_sql import DuckDBIdioms

VALUES = {
    "smallint": ("-32768", "32767"),
    "integer": ("-2147483648", "2147483647"),
    "bigint": ("-9223372036854775808", "9223372036854775807"),
    "decimal(9,2)": ("-9999999.99", "0.01"),
    "decimal(12,2)": ("9999999999.99", "0.01"),
    "decimal(12,4)": ("99999999.9999", "0.0001"),
    "decimal(20,0)": ("99999999999999999999",),
    "real": ("0.1", "16777216"),
    "double": ("0.1", "9007199254740993"),
    "varchar(3)": ("abc",),
    "varchar(5)": ("abcde",),
    "text": ("any text",),
    "date": ("2024-02-29",),
    "timestamp": ("2024-02-29 10:11:12.123456",),
    "timestamptz": ("2024-02-29 10:11:12+00",),
    "boolean": ("true",),
}
WIDER = {(old, new) for old, new in product(VALUES, VALUES) if old != new and widens(parse_type(old), parse_type(new))}


def test_the_rule_knows_what_is_wider():
    assert {
        ("smallint", "real"),
        ("integer", "bigint"),
        ("integer", "decimal(12,2)"),
        ("bigint", "decimal(20,0)"),
        ("decimal(9,2)", "decimal(12,4)"),
        ("real", "double"),
        ("varchar(3)", "varchar(5)"),
        ("varchar(3)", "text"),
        ("date", "timestamp"),
    } <= WIDER
    assert not {new for old, new in WIDER if old in ("double", "text", "boolean", "timestamp", "timestamptz")}
    assert not WIDER & {("bigint", "double"), ("decimal(9,2)", "double"), ("date", "timestamptz"), ("date", "text")}


def test_no_value_is_another_one_in_a_wider_type():
    sql = DuckDBIdioms().type_sql
    with duckdb.connect() as connection:
        for old, new in sorted(WIDER):
            before, after = sql(parse_type(old)), sql(parse_type(new))
            for value in VALUES[old]:
                stored = f"CAST('{value}' AS {before})"
                back = f"CAST(CAST({stored} AS {after}) AS {before})"
                assert connection.execute(f"SELECT {back} = {stored}").fetchone() == (True,), (old, new, value)


@pytest.mark.parametrize(
    ("old", "new", "arrives", "shown"),
    [
        ("integer", "bigint", "double", False),
        ("integer", "decimal(12,0)", "double", True),
        ("integer", "decimal(12,0)", "decimal(12,2)", False),
        ("integer", "decimal(12,2)", "double", True),
        ("integer", "decimal(12,2)", "bigint", False),
        ("decimal(9,2)", "decimal(12,2)", "decimal(12,4)", False),
        ("decimal(9,2)", "decimal(12,4)", "decimal(12,4)", True),
        ("decimal(9,2)", "decimal(12,4)", "decimal(12,2)", False),
        ("decimal(9,2)", "decimal(12,4)", "text", True),
        ("date", "timestamp", "timestamp", True),
        ("date", "timestamp", "date", False),
        ("real", "double", "double", True),
        ("real", "double", "real", False),
        ("varchar(3)", "text", "text", False),
    ],
)
def test_what_was_cut_off_is_not_shown(old: str, new: str, arrives: str, shown: bool):
    assert reveals(parse_type(old), parse_type(new), parse_type(arrives)) is shown
