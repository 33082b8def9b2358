"""DuckDB's dialect of SQLAlchemy, to compile for it. Opens nothing, and is imported only where SQL is built."""

from typing import Any

from sqlalchemy.dialects.postgresql.base import PGCompiler, PGDialect, PGIdentifierPreparer

from dmsflow.engines.duckdb_sql import PART


class DuckDBPreparer(PGIdentifierPreparer):
    """Quotes every identifier (law 37), catalog and schema apart."""

    def _requires_quotes(self, value: str) -> bool:
        return True

    def quote_schema(self, schema: str) -> str:
        """Quote each part of catalog and schema."""
        return ".".join(self.quote_identifier(part) for part in schema.split(PART))


class DuckDBCompiler(PGCompiler):
    """Writes ``$name`` for a parameter, and TRY_CAST."""

    @property
    def compilation_bindtemplate(self) -> str:
        """How a parameter is written."""
        return "$%(name)s"

    @compilation_bindtemplate.setter
    def compilation_bindtemplate(self, value: str) -> None:
        """SQLAlchemy sets a template by paramstyle; DuckDB's is in none of its lists."""

    def visit_try_cast(self, cast: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's visitor signature
        """A cast that gives NULL instead of an error."""
        value, wanted = (part._compiler_dispatch(self, **kw) for part in (cast.clause, cast.typeclause))
        return f"TRY_CAST({value} AS {wanted})"


class DuckDBDialect(PGDialect):
    """PostgreSQL's grammar where DuckDB shares it; used to compile only, never to connect."""

    name = "duckdb"
    preparer = DuckDBPreparer
    statement_compiler = DuckDBCompiler
    supports_statement_cache = True

    def __init__(self) -> None:
        super().__init__(paramstyle="named")  # type: ignore[no-untyped-call]


DIALECT = DuckDBDialect()
"""The only one: it holds no state of a connection."""
