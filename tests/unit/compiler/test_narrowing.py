"""Which casts are named before a load, and what they do to a value."""

import pytest

from dmsflow.compiler.literals import parse_type
from dmsflow.compiler.narrowing import say_consequence


@pytest.mark.parametrize(
    ("arrives", "wanted", "words"),
    [
        ("bigint", "integer", "rejected"),
        ("decimal(12,2)", "decimal(12,1)", "rejected"),
        ("text", "date", "rejected"),
        ("varchar(4)", "varchar(3)", "longer texts"),
        ("integer", "varchar(10)", "longer texts"),
        ("decimal(5,2)", "varchar(7)", "longer texts"),
        ("timestamp", "date", "time of day"),
        ("bigint", "double", "15 digits"),
        ("integer", "real", "6 digits"),
        ("decimal(18,2)", "double", "15 digits"),
    ],
)
def test_a_cast_that_narrows_says_what_it_does(arrives: str, wanted: str, words: str):
    assert words in (say_consequence(parse_type(arrives), parse_type(wanted)) or "nothing")


@pytest.mark.parametrize(
    ("arrives", "wanted"),
    [
        ("integer", "bigint"),
        ("integer", "double"),
        ("smallint", "real"),
        ("decimal(9,2)", "double"),
        ("varchar(3)", "varchar(4)"),
        ("varchar(3)", "text"),
        ("text", "text"),
        ("text", "varchar(3)"),
        ("integer", "varchar(11)"),
        ("decimal(5,2)", "varchar(8)"),
        ("uuid", "varchar(36)"),
        ("date", "timestamp"),
    ],
)
def test_a_cast_that_holds_every_value_is_not_named(arrives: str, wanted: str):
    assert say_consequence(parse_type(arrives), parse_type(wanted)) is None
