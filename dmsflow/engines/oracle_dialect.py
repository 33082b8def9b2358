"""SQLAlchemy's Oracle, its parameters named and its names quoted. Compiles only, and is imported only for that.

What it adds to SQLAlchemy: an UPDATE that reads a second table becomes a MERGE that only updates, LOBs are compared by
DBMS_LOB, values by the CHAR they are compared with, and windows and samples are written as Oracle wants them.
"""

import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.oracle.base import (
    OracleCompiler,
    OracleDDLCompiler,
    OracleDialect,
    OracleIdentifierPreparer,
    OracleTypeCompiler,
)
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import ColumnClause

from dmsflow.engines.duckdb_sql import PART
from dmsflow.engines.oracle_literals import LONGEST_PIECE
from dmsflow.engines.oracle_sql import (
    LARGE,
    LONGEST_RAW,
    LONGEST_TEXT,
    ROW_ID,
    TEMPORARY,
    run_where_missing,
)

TEXT = f"VARCHAR2({LONGEST_TEXT})"
ROW = "_dms_row"
NUMBERING = ("row_number", "rank", "lag")
INSTANT = "YYYY-MM-DD HH24:MI:SS.FF6"
LINES = re.compile(r"[ \t]*\n[ \t]*")


class OraclePreparer(OracleIdentifierPreparer):
    """Quotes every identifier (law 37) but the pseudo column; our temporary tables have Oracle's names."""

    def _requires_quotes(self, value: str) -> bool:
        return True

    def quote(self, ident: str, force: Any = None) -> str:  # noqa: ANN401 - SQLAlchemy's signature
        """The name in quotes."""
        return ROW_ID if ident == ROW_ID else self.quote_identifier(TEMPORARY.get(ident, ident))

    def quote_schema(self, schema: str) -> str:
        """The last part alone: Oracle has no catalogs."""
        return self.quote_identifier(schema.split(PART)[-1])


class OracleTypes(OracleTypeCompiler):
    """Types by the names Oracle gives them."""

    def visit_datetime(self, type_: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's visitor signature
        """A time with microseconds; Oracle's DATE has none."""
        return "TIMESTAMP(6)"


class OracleTextCompiler(OracleCompiler):
    """Writes what Oracle says otherwise than DuckDB and PostgreSQL."""

    def visit_true(self, expr: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's visitor signature
        """A condition that always holds: a number is none."""
        return "1 = 1"

    def visit_false(self, expr: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's visitor signature
        """A condition that never holds."""
        return "1 = 0"

    def visit_is_distinct_from_binary(self, binary: Any, operator: Any, **kw: Any) -> str:  # noqa: ANN401
        """DECODE takes two NULLs for equal; LOBs are compared by a function that does not."""
        if is_large(binary.left) or is_large(binary.right):
            return self._compare_large(binary)
        left, right = self._sides(binary, **kw)
        return f"DECODE({left}, {right}, 0, 1) = 1"

    def visit_is_not_distinct_from_binary(self, binary: Any, operator: Any, **kw: Any) -> str:  # noqa: ANN401
        """The same the other way round."""
        if is_large(binary.left) or is_large(binary.right):
            return f"NOT {self._compare_large(binary)}"
        left, right = self._sides(binary, **kw)
        return f"DECODE({left}, {right}, 0, 1) = 0"

    def visit_binary(self, binary: Any, *args: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's visitor signature
        """A staged value that meets a CHAR is compared as one."""
        if binary.operator is sa.sql.operators.eq and (is_padded(binary.left) or is_padded(binary.right)):
            left, right = self._sides(binary, **kw)
            return f"{left} = {right}"
        return str(super().visit_binary(binary, *args, **kw))  # type: ignore[no-untyped-call]

    def visit_cast(self, cast: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's visitor signature
        """Text of any length is a CLOB, which no CAST makes; a CHAR that is read as text loses its blanks."""
        wanted, value = cast.typeclause.type, cast.clause._compiler_dispatch(self, **kw)
        if getattr(wanted, "long", False):
            return self._tell(cast.clause, value)
        if getattr(wanted, "sql", None) == "TEXT":
            return f"NVL(RTRIM({value}), SUBSTR({value}, 1, 1))"
        if getattr(wanted, "sql", None) in LARGE:
            return f"TO_{wanted.sql}({value})"
        if isinstance(wanted, sa.String):
            instant = isinstance(cast.clause.type, sa.DateTime)
            return f"TO_CHAR({value}, '{INSTANT}')" if instant else f"CAST({value} AS {TEXT})"
        return str(super().visit_cast(cast, **kw))  # type: ignore[no-untyped-call]

    def visit_json_object_func(self, fn: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's visitor signature
        """An object that may be long."""
        parts = [part._compiler_dispatch(self, **kw) for part in fn.clauses]
        members = (f"KEY {name} VALUE {value}" for name, value in zip(parts[::2], parts[1::2], strict=True))
        return f"JSON_OBJECT({', '.join(members)} NULL ON NULL RETURNING CLOB)"

    def visit_over(self, over: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's visitor signature
        """A numbering wants an order, if any."""
        numbers = getattr(over.element, "name", "") in NUMBERING
        if numbers and (over.order_by is None or not len(over.order_by)):
            over = sa.over(over.element, partition_by=over.partition_by, order_by=sa.null())
        return str(super().visit_over(over, **kw))  # type: ignore[no-untyped-call]

    def visit_tablesample(self, tablesample: Any, asfrom: bool = False, **kw: Any) -> str:  # noqa: ANN401
        """A share of the blocks' rows, between the table and its alias."""
        share = tablesample.sampling.clauses._compiler_dispatch(self, **kw)
        table = tablesample.element._compiler_dispatch(self, asfrom=True, **kw)
        return f"{table} SAMPLE ({share}) {self.preparer.quote(tablesample.name)}"

    def order_by_clause(self, select: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's visitor signature
        """LOBs are sorted by their beginning."""
        return str(super().order_by_clause(select, **kw | {"_by_beginning": True}))  # type: ignore[no-untyped-call]

    def visit_column(self, column: Any, *args: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's visitor signature
        """A column; in ORDER BY the beginning of a LOB."""
        written = str(super().visit_column(column, *args, **kw))
        sorted_lob = kw.get("_by_beginning") and is_large(column)
        return f"DBMS_LOB.SUBSTR({written}, {LONGEST_PIECE}, 1)" if sorted_lob else written

    def visit_update(self, update_stmt: Any, visiting_cte: Any = None, **kw: Any) -> str:  # noqa: ANN401
        """An UPDATE that reads a second table is a MERGE with nothing but an update: no other form joins once."""
        state = update_stmt._compile_state_factory(update_stmt, self, **kw)
        if not state._extra_froms:
            return str(super().visit_update(update_stmt, visiting_cte, **kw))
        return self._write_merge(update_stmt, state, **kw)

    def _write_merge(self, update: Any, state: Any, **kw: Any) -> str:  # noqa: ANN401
        self.isupdate = True
        self.dml_compile_state = self.compile_state = state
        table, (other,) = update.table, state._extra_froms
        self.stack.append({"correlate_froms": {table, other}, "asfrom_froms": {table, other}, "selectable": update})
        values = {column if isinstance(column, str) else column.key: value for column, value in update._values.items()}
        conditions = update._where_criteria
        if any(_names(condition, table, values) for condition in conditions):
            other, values, conditions = _find_rows(table, values, conditions)
            self.stack[-1]["correlate_froms"] = self.stack[-1]["asfrom_froms"] = {table, other}
        into, using = (it._compiler_dispatch(self, asfrom=True, **kw) for it in (table, other))
        on = sa.and_(*conditions)._compiler_dispatch(self, **kw)
        written = (
            f"{table.c[name]._compiler_dispatch(self, **kw)} = {value._compiler_dispatch(self, **kw)}"
            for name, value in values.items()
        )
        merged = f"MERGE INTO {into} USING {using} ON ({on}) WHEN MATCHED THEN UPDATE SET {', '.join(written)}"
        self.stack.pop()
        return merged

    def _sides(self, binary: Any, **kw: Any) -> tuple[str, str]:  # noqa: ANN401
        sides = [side._compiler_dispatch(self, **kw) for side in (binary.left, binary.right)]
        for i, side in enumerate((binary.left, binary.right)):
            if is_padded(side):
                sides[i] = f"CAST({sides[i]} AS {side.type.compared_as})"
        return sides[0], sides[1]

    def _compare_large(self, binary: Any) -> str:  # noqa: ANN401
        """Whether two LOBs differ: one alone is NULL, or they are not the same."""
        left, right = (side._compiler_dispatch(self) for side in (binary.left, binary.right))
        known = [f"CASE WHEN {side} IS NULL THEN 0 ELSE 1 END" for side in (left, right)]
        return f"({known[0]} <> {known[1]} OR NVL(DBMS_LOB.COMPARE({left}, {right}), 0) <> 0)"

    def _tell(self, element: Any, value: str) -> str:  # noqa: ANN401
        """A value as text of any length; of a BLOB its beginning."""
        if isinstance(element.type, sa.LargeBinary):
            return f"TO_CLOB(RAWTOHEX(DBMS_LOB.SUBSTR({value}, {LONGEST_RAW}, 1)))"
        if is_large(element) or value.startswith("JSON_OBJECT("):
            return value
        return f"TO_CLOB(CAST({value} AS {TEXT}))"


def is_large(element: Any) -> bool:  # noqa: ANN401 - any element
    """Whether it is a LOB."""
    return isinstance(element.type, sa.LargeBinary | sa.Text)


def is_padded(element: Any) -> bool:  # noqa: ANN401 - any element
    """Whether it is a staged value of a CHAR."""
    return getattr(element.type, "compared_as", None) is not None


def _names(condition: Any, table: Any, names: Any) -> bool:  # noqa: ANN401
    """Whether a condition looks at columns of the table that are written: ON may not."""
    columns = [node for node in visitors.iterate(condition) if isinstance(node, ColumnClause)]
    return any(column.table is table and column.key in names for column in columns)


def _find_rows(table: Any, values: Any, conditions: Any) -> Any:  # noqa: ANN401
    """The same values in a subquery that finds the rows first, and a condition by their physical place."""
    labelled = [value.label(f"v{i}") for i, value in enumerate(values.values())]
    found = sa.select(table.c[ROW_ID].label(ROW), *labelled).where(*conditions).correlate(None).subquery("u")
    written = {name: found.c[f"v{i}"] for i, name in enumerate(values)}
    return found, written, (table.c[ROW_ID] == found.c[ROW],)


class OracleTextDDL(OracleDDLCompiler):
    """Writes DDL that does nothing where the table is there: IF NOT EXISTS came with 23ai."""

    def visit_create_table(self, create: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's visitor signature
        """A block; the table's own DDL where it is to fail."""
        bare = sa.schema.CreateTable(create.element)
        ddl: str = super().visit_create_table(bare, **kw)  # type: ignore[no-untyped-call]
        if not create.if_not_exists:
            return ddl
        schema = create.element.schema
        owner = schema.split(PART)[-1] if schema else None
        return run_where_missing(owner, create.element.name, LINES.sub(" ", ddl).strip())


class OracleTextDialect(OracleDialect):
    """Oracle's dialect with named parameters; never connects."""

    preparer = OraclePreparer
    statement_compiler = OracleTextCompiler
    type_compiler_cls = OracleTypes
    ddl_compiler = OracleTextDDL
    supports_statement_cache = True

    def __init__(self) -> None:
        super().__init__(paramstyle="named")


DIALECT = OracleTextDialect()
"""The only one: it holds no state of a connection."""
