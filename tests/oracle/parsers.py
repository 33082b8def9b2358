"""Two parsers that know Oracle's SQL: whether they can read a statement. What they cannot is named here, and why."""

import re
from collections.abc import Iterator
from functools import cache

import sqlglot
from sqlglot import ErrorLevel, exp

SQLGLOT_GAPS = {
    "DECLARE": "an anonymous block",
    "BEGIN": "an anonymous block",
    "CREATE PRIVATE TEMPORARY TABLE": "a private temporary table",
    "SET CONSTRAINTS": "looking at constraints before the end",
}
"""How statements begin that sqlglot does not read, or only takes as they are."""

SQLGLOT_WORDS = (re.compile(r"^CREATE UNIQUE INDEX \"[^\"]+\"\."), "CREATE UNIQUE INDEX ", "the schema of an index")
SQLFLUFF_GAPS = {
    "CREATE UNIQUE INDEX": "an index over an expression",
    "SET CONSTRAINTS": "looking at constraints before the end",
}
SQLFLUFF_WORDS = (
    (re.compile(r"\.ROWID\b"), '."ROWID"', "a pseudo column behind the name of a table"),
    (re.compile(r" SAMPLE \(\d+\)"), "", "a sample of a table"),
    (re.compile(r"\s+OFFSET \d+ ROWS\s+FETCH FIRST \d+ ROWS ONLY"), "", "the first rows of a query"),
    (re.compile(r"( AS CHAR\(\d+) CHAR\)"), r"\1)", "a length in characters in a CAST"),
)
"""Words that sqlfluff does not read, with others in their place; sqlglot reads them as they are."""

BLOCK_TEXT = re.compile(r"EXECUTE IMMEDIATE '((?:[^']|'')*)'")


def inner_statements(sql: str) -> Iterator[str]:
    """The statements that a block runs."""
    return (found[1].replace("''", "'") for found in BLOCK_TEXT.finditer(sql))


def is_gap(sql: str, gaps: dict[str, str]) -> bool:
    """Whether a parser has no word for the statement."""
    return sql.startswith(tuple(gaps))


def parse_sqlglot(sql: str) -> exp.Expression:
    """The statement as sqlglot reads it; it raises where it does not."""
    pattern, other, _ = SQLGLOT_WORDS
    sql = pattern.sub(other, sql)
    tree = sqlglot.parse_one(sql, dialect="oracle", error_level=ErrorLevel.RAISE)
    assert tree.find(exp.Command) is None, f"sqlglot does not look into it: {sql}"
    return tree


@cache
def _sqlfluff():
    from sqlfluff.core import FluffConfig
    from sqlfluff.core.parser import Lexer, Parser

    config = FluffConfig(overrides={"dialect": "oracle"})
    return Lexer(config=config), Parser(config=config)


def parse_sqlfluff(sql: str) -> None:
    """Read the statement with sqlfluff's Oracle dialect; raises AssertionError where it does not."""
    lexer, parser = _sqlfluff()
    for pattern, other, _ in SQLFLUFF_WORDS:
        sql = pattern.sub(other, sql)
    tokens, errors = lexer.lex(sql)
    assert not errors, errors
    tree = parser.parse(tokens)
    assert tree is not None
    unread = [part.raw for part in tree.recursive_crawl("unparsable")]
    assert not unread, f"sqlfluff cannot read {unread[0][:100]!r} of {sql}"
