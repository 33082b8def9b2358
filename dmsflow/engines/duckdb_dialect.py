"""DuckDB's dialect of SQLAlchemy, to compile for it. Opens nothing, and is imported only where SQL is built."""

from typing import Any

from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.sql.compiler import GenericTypeCompiler, IdentifierPreparer, SQLCompiler

from dmsflow.engines.duckdb_sql import PART


class DuckDBPreparer(IdentifierPreparer):
    """Quotes every identifier (law 37), catalog and schema apart."""

    def _requires_quotes(self, value: str) -> bool:
        return True

    def quote_schema(self, schema: str) -> str:
        """Quote each part of catalog and schema."""
        return ".".join(self.quote_identifier(part) for part in schema.split(PART))


class DuckDBTypes(GenericTypeCompiler):
    """Types by the names DuckDB gives them."""

    def visit_datetime(self, type_: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's visitor signature
        """A time without a zone."""
        return "TIMESTAMP"


class DuckDBCompiler(SQLCompiler):
    """Writes ``$name`` for a parameter, TRY_CAST, and UPDATE with a FROM."""

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

    def update_from_clause(self, *parts: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's visitor signature
        """The tables that an UPDATE reads beside its own: the third part that SQLAlchemy hands over."""
        return "FROM " + ", ".join(table._compiler_dispatch(self, asfrom=True, **kw) for table in parts[2])


class DuckDBDialect(DefaultDialect):
    """Standard SQL and what DuckDB adds to it; used to compile only, never to connect."""

    name = "duckdb"
    preparer = DuckDBPreparer
    statement_compiler = DuckDBCompiler
    type_compiler_cls = DuckDBTypes
    supports_statement_cache = True
    supports_native_boolean = True
    use_insertmanyvalues = False

    def __init__(self) -> None:
        super().__init__(paramstyle="named")


DIALECT = DuckDBDialect()
"""The only one: it holds no state of a connection."""
