"""SQLAlchemy's SQLite, kept from changing values and from joining row by row. Compiles only; runs nothing.

SQLite makes no index of its own for a full join, nor for a correlated EXISTS: both would take time with the square of
the rows. They are written as what SQLite does well: two left joins, and membership in a list that it builds once.
"""

from collections.abc import Iterator
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler, SQLiteDialect, SQLiteIdentifierPreparer
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import (
    BinaryExpression,
    BindParameter,
    BooleanClauseList,
    ColumnClause,
    UnaryExpression,
)
from sqlalchemy.sql.selectable import Exists, FromClause, Join, Select

from dmsflow.engines.sqlite_values import read_type

TEXT_FAMILIES = ("date", "timestamp", "timestamptz", "uuid", "json")
"""Kept as text; a cast by the type's own name would make numbers of them."""

COMPARISONS: dict[Any, str] = {
    operators.eq: "=",
    operators.lt: "<",
    operators.le: "<=",
    operators.gt: ">",
    operators.ge: ">=",
}

DEEP: dict[Any, str] = {operators.and_: " AND ", operators.or_: " OR "}
FLAT = 100
"""So many parts of an AND or OR stand side by side."""

Element = sa.ColumnElement[Any]
Query = Select[Any]
Pair = tuple[Element, Element]


class SQLitePreparer(SQLiteIdentifierPreparer):
    """Quotes every identifier (law 37)."""

    def _requires_quotes(self, value: str) -> bool:
        return True


class SQLiteTextCompiler(SQLiteCompiler):
    """Writes statements that keep values as they are, and that SQLite runs in one pass."""

    def visit_cast(self, cast: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's visitor signature
        """A cast to a type that is kept as text is a cast to TEXT."""
        wanted = read_type(cast.typeclause._compiler_dispatch(self, **kw))
        if wanted is not None and wanted.family in TEXT_FAMILIES:
            return f"CAST({cast.clause._compiler_dispatch(self, **kw)} AS TEXT)"
        return str(super().visit_cast(cast, **kw))  # type: ignore[no-untyped-call]

    def visit_json_object_func(self, fn: Any, **kw: Any) -> str:  # noqa: ANN401 - SQLAlchemy's visitor signature
        """JSON has no bytes: they are written in hex."""
        parts = [part._compiler_dispatch(self, **kw) for part in fn.clauses]
        for i in range(1, len(parts), 2):
            parts[i] = f"CASE typeof({parts[i]}) WHEN 'blob' THEN hex({parts[i]}) ELSE {parts[i]} END"
        return f"json_object({', '.join(parts)})"

    def visit_select(self, select_stmt: Any, *args: Any, **kw: Any) -> str:  # noqa: ANN401 - as above
        """A full join is two left joins."""
        halves = split_full_join(select_stmt)
        if halves is None:
            return str(super().visit_select(select_stmt, *args, **kw))  # type: ignore[no-untyped-call]
        return str(sa.union_all(*halves)._compiler_dispatch(self, *args, **kw))

    def visit_expression_clauselist(self, clauselist: Any, **kw: Any) -> str:  # noqa: ANN401 - as above
        """A long AND or OR is a tree of brackets: SQLite takes expressions that are 1,000 levels deep."""
        word = DEEP.get(clauselist.operator) if len(clauselist.clauses) > FLAT else None
        if word is None:
            return str(super().visit_expression_clauselist(clauselist, **kw))  # type: ignore[no-untyped-call]
        return bracket([part._compiler_dispatch(self, **kw) for part in clauselist.clauses], word)

    def visit_unary(self, unary: UnaryExpression[Any], *args: Any, **kw: Any) -> str:  # noqa: ANN401 - as above
        """EXISTS over equal columns is membership; under NOT the two differ for NULL, and it stays."""
        if unary.operator is operators.inv:
            kw["_negated"] = True
        elif isinstance(unary, Exists) and not kw.get("_negated"):
            member = self._find_membership(unary)
            if member is not None:
                return str(member._compiler_dispatch(self, **kw))
        return str(super().visit_unary(unary, *args, **kw))  # type: ignore[no-untyped-call]

    def visit_binary(self, binary: Any, *args: Any, **kw: Any) -> str:  # noqa: ANN401 - as above
        """A bound of a range is compared by bytes, whatever the collation of the column (law 2)."""
        if binary.operator in COMPARISONS and isinstance(binary.right, BindParameter):
            left, right = (part._compiler_dispatch(self, **kw) for part in (binary.left, binary.right))
            collated = f"{left} COLLATE BINARY" if isinstance(binary.left, ColumnClause) else left
            return f"{collated} {COMPARISONS[binary.operator]} {right}"
        return str(super().visit_binary(binary, *args, **kw))  # type: ignore[no-untyped-call]

    def visit_column(self, column: Any, *args: Any, **kw: Any) -> str:  # noqa: ANN401 - as above
        """Rows are ordered and grouped by bytes."""
        written = str(super().visit_column(column, *args, **kw))
        return f"{written} COLLATE BINARY" if kw.get("_by_bytes") and not column.is_literal else written

    def visit_over(self, over: Any, **kw: Any) -> str:  # noqa: ANN401 - as above
        """A window is cut and ordered by bytes."""
        return str(super().visit_over(over, **kw | {"_by_bytes": True}))  # type: ignore[no-untyped-call]

    def order_by_clause(self, select: Any, **kw: Any) -> str:  # noqa: ANN401 - as above
        """ORDER BY, by bytes."""
        return str(super().order_by_clause(select, **kw | {"_by_bytes": True}))  # type: ignore[no-untyped-call]

    def group_by_clause(self, select: Any, **kw: Any) -> str:  # noqa: ANN401 - as above
        """GROUP BY, by bytes."""
        return str(super().group_by_clause(select, **kw | {"_by_bytes": True}))  # type: ignore[no-untyped-call]

    def _find_membership(self, exists: Exists) -> Element | None:
        inner: Query = cast("Any", exists.element).element
        around: Any = self.stack[-1] if self.stack else {}
        outside = {*around.get("correlate_froms", ()), *around.get("asfrom_froms", ())}
        froms = [relation for relation in inner.get_final_froms() if relation not in outside]
        return write_membership(inner, froms)


class SQLiteTextDialect(SQLiteDialect):
    """SQLite's dialect with named parameters; used to compile only, never to connect."""

    preparer = SQLitePreparer
    statement_compiler = SQLiteTextCompiler
    supports_statement_cache = True

    def __init__(self) -> None:
        super().__init__(paramstyle="named")


def bracket(parts: list[str], word: str) -> str:
    """Parts joined by a word, in brackets that halve them."""
    if len(parts) <= FLAT:
        return word.join(parts)
    middle = len(parts) // 2
    return f"({bracket(parts[:middle], word)}){word}({bracket(parts[middle:], word)})"


def split_full_join(query: Query) -> tuple[Query, Query] | None:
    """The rows that the left side has, and those that only the right side has; None where there is no full join."""
    joins = [relation for relation in query.get_final_froms() if isinstance(relation, Join) and relation.full]
    if len(joins) != 1 or joins[0].onclause is None:
        return None
    join, on = joins[0], cast("Element", joins[0].onclause)
    keys = [pair[0] for part in _conjuncts(on) if (pair := _pair(part, [join.left])) is not None]
    if not keys:
        return None
    columns, where = list(query.selected_columns), query.whereclause
    conditions = [] if where is None else [where]
    left = sa.select(*columns).select_from(join.left.outerjoin(join.right, on)).where(*conditions)
    right = sa.select(*columns).select_from(join.right.outerjoin(join.left, on))
    return left, right.where(keys[0].is_(None), *conditions)


def write_membership(inner: Query, froms: list[FromClause]) -> Element | None:
    """``outer IN (SELECT inner ...)`` for an EXISTS that compares columns of both; None where it does more."""
    if inner.whereclause is None or len(froms) != 1:
        return None
    pairs: list[Pair] = []
    rest: list[Element] = []
    for part in _conjuncts(inner.whereclause):
        pair = _pair(part, froms)
        if pair is not None:
            pairs.append(pair)
        elif _stands_alone(part, froms):
            rest.append(part)
        else:
            return None
    if not pairs:
        return None
    members = sa.select(*(own for own, _ in pairs)).select_from(*froms).where(*rest).correlate(None)
    outer = [other for _, other in pairs]
    return outer[0].in_(members) if len(outer) == 1 else sa.tuple_(*outer).in_(members)


def _conjuncts(clause: Any) -> Iterator[Element]:  # noqa: ANN401 - any clause
    """The parts of an AND, and those of the ANDs in it."""
    if isinstance(clause, BooleanClauseList) and clause.operator is operators.and_:
        for part in clause.clauses:
            yield from _conjuncts(part)
    else:
        yield clause


def _pair(part: Element, froms: list[FromClause]) -> Pair | None:
    """The sides of an equality of two columns, the one of these relations first."""
    if not isinstance(part, BinaryExpression) or part.operator is not operators.eq:
        return None
    left, right = part.left, part.right
    if not (isinstance(left, ColumnClause) and isinstance(right, ColumnClause)):
        return None
    if left.table is None or right.table is None:
        return None
    if left.table in froms and right.table not in froms:
        return left, right
    if right.table in froms and left.table not in froms:
        return right, left
    return None


def _stands_alone(part: Element, froms: list[FromClause]) -> bool:
    """Whether a predicate names columns of these relations alone."""
    columns = [node for node in visitors.iterate(part) if isinstance(node, ColumnClause)]
    return all(column.table is None or column.table in froms for column in columns)
