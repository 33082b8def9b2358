"""SQLAlchemy's PostgreSQL, its parameters named and its names quoted. Compiles only, and is imported only for that."""

from typing import Any

from sqlalchemy.dialects.postgresql.base import PGCompiler, PGDDLCompiler, PGDialect, PGIdentifierPreparer

from dmsflow.engines.duckdb_sql import PART
from dmsflow.engines.postgresql_sql import run_where_missing


class PostgreSQLPreparer(PGIdentifierPreparer):
    """Quotes every identifier (law 37), catalog and schema apart."""

    def _requires_quotes(self, value: str) -> bool:
        return True

    def quote_schema(self, schema: str) -> str:
        """Quote each part of catalog and schema."""
        return ".".join(self.quote_identifier(part) for part in schema.split(PART))


class PostgreSQLTextCompiler(PGCompiler):
    """Writes what PostgreSQL says otherwise than DuckDB and SQLite."""

    def visit_json_object_func(self, fn: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's visitor signature
        """An object without blanks, its names in the given order: neither of PostgreSQL's functions writes both."""
        parts = [part._compiler_dispatch(self, **kw) for part in fn.clauses]
        members = [
            f"to_json({name}::text)::text || ':' || coalesce(to_json({value})::text, 'null')"
            for name, value in zip(parts[::2], parts[1::2], strict=True)
        ]
        return "('{' || " + " || ',' || ".join(members) + " || '}')"


class PostgreSQLTextDDL(PGDDLCompiler):
    """Writes DDL that asks for no permission where there is nothing to do."""

    def visit_create_table(self, create: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's visitor signature
        """PostgreSQL wants CREATE on the schema for IF NOT EXISTS too, even where the table is there."""
        ddl: str = super().visit_create_table(create, **kw)  # type: ignore[no-untyped-call]
        if not create.if_not_exists:
            return ddl
        return run_where_missing("to_regclass", self.preparer.format_table(create.element), ddl.strip())


class PostgreSQLTextDialect(PGDialect):
    """PostgreSQL's dialect with named parameters; never connects."""

    preparer = PostgreSQLPreparer
    statement_compiler = PostgreSQLTextCompiler
    ddl_compiler = PostgreSQLTextDDL
    supports_statement_cache = True

    def __init__(self) -> None:
        super().__init__(paramstyle="named")  # type: ignore[no-untyped-call]


DIALECT = PostgreSQLTextDialect()
"""The only one: it holds no state of a connection."""
