"""Reads SQL of a dialect with every call under its own name; knows which rewriter the dialect has."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from dmsflow.rehearsal.dialects.kinds import Columns, Type

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

    from dmsflow.rehearsal.dialects.rewriter import Rewriter

GRAMMAR = {
    "oracle": ("CAST", "EXTRACT", "TRIM", "LISTAGG", "XMLTABLE", "JSON_TABLE", "XMLELEMENT", "JSON_OBJECT"),
    "postgres": (
        "CAST",
        "EXTRACT",
        "TRIM",
        "SUBSTRING",
        "POSITION",
        "OVERLAY",
        "XMLTABLE",
        "XMLELEMENT",
        "JSON_OBJECT",
    ),
}
"""Calls with words of their own between the parentheses, which only a parser can read."""

REWRITERS = {"oracle": ("oracle", "OracleRewriter"), "postgres": ("postgres", "PostgresRewriter")}
MACROS = {
    "oracle": ("exact.sql", "formats.sql", "oracle.sql"),
    "postgres": ("exact.sql", "formats.sql", "postgres.sql"),
}


@cache
def reader(dialect: str) -> Any:  # noqa: ANN401 - a class of sqlglot
    """The dialect of sqlglot without its opinion on what a function means."""
    from sqlglot.dialects.dialect import Dialect

    base: Any = Dialect.get_or_raise(dialect).__class__
    parser = base.Parser
    kept = {name: read for name, read in parser.FUNCTION_PARSERS.items() if name in GRAMMAR[dialect]}
    inner = type("Parser", (parser,), {"FUNCTIONS": {}, "FUNCTION_PARSERS": kept})
    return type(f"{base.__name__}AsWritten", (base,), {"Parser": inner})


def covers(dialect: str) -> bool:
    """Whether the dialect has a rewriter of its own."""
    return dialect in GRAMMAR


def parse(sql: str, dialect: str) -> "Expr":
    """The tree of one statement. Raises ParseError."""
    import sqlglot

    return sqlglot.parse_one(sql, read=reader(dialect), error_level=sqlglot.ErrorLevel.RAISE)


def rewriter(dialect: str, tables: Mapping[str, Columns], params: Mapping[str, Type]) -> "Rewriter":
    """The rewriter of a dialect over these tables."""
    module, name = REWRITERS[dialect]
    made: Rewriter = getattr(import_module(f"dmsflow.rehearsal.dialects.{module}"), name)(tables=tables, params=params)
    return made


def macros(dialect: str) -> str:
    """SQL of the macros that rewritten texts of a dialect call."""
    folder = files("dmsflow.rehearsal.dialects")
    return "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in MACROS[dialect])
