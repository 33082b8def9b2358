"""Reads how the tables of a query join, from its text and from what columns they have. Asks no database."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from dmsflow.model.table import TableShape
from dmsflow.rehearsal.joins import Edge, Joins, NotSampled, Side

if TYPE_CHECKING:
    from sqlglot.expressions import Expr, Table
    from sqlglot.optimizer.scope import Scope

ONE_SIDED = ("SEMI", "ANTI")
"""Kinds of a join that only look at the joined table."""


class Place(Struct, frozen=True, kw_only=True):
    """A column as it was found: the table that it comes from, and the name in FROM that led there."""

    table: int
    column: str
    scope: "Scope"
    entry: str


def list_tables(root: "Scope") -> tuple["Table", ...]:
    """The tables of a query, wherever they stand. Raises NotSampled where one of its own names stands twice."""
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

    tables: dict[int, Table] = {}
    local: list[Scope] = []
    for scope in root.traverse():
        for node, source in scope.selected_sources.values():
            if not isinstance(node, exp.Table | exp.Query) or node.args.get("joins") or node.args.get("pivots"):
                raise NotSampled(f"it reads {node.sql()}")
            if isinstance(source, Scope):
                local.append(source)
            elif not isinstance(source.this, exp.Identifier):
                raise NotSampled(f"it reads {source.sql()}")
            else:
                tables[id(source)] = source
    twice = next((s for i, s in enumerate(local) if any(s is other for other in local[:i])), None)
    if twice is not None:
        name = twice.expression.parent.alias_or_name if twice.expression.parent else "a subquery"
        raise NotSampled(f'it reads "{name}" in more than one place')
    return tuple(tables.values())


class JoinReader:
    """Reads the joins of one query, whose tables have these shapes."""

    def __init__(self, root: "Scope", tables: Sequence["Table"], shapes: Sequence[TableShape]) -> None:
        self._root, self._tables, self._shapes = root, tables, shapes
        self._ids = {id(table): i for i, table in enumerate(tables)}
        self._scopes = list(root.traverse())

    def read(self, where: "Expr | None") -> Joins:
        """The graph; ``where`` is a predicate over the result."""
        from sqlglot import exp

        if not isinstance(self._root.expression, exp.Select):
            raise NotSampled("it puts the rows of several queries together")
        names = [self._tables[i].name.lower() for i in range(len(self._tables))]
        grouped = (exp.AggFunc, exp.Window, exp.Limit, exp.Fetch, exp.Distinct)
        output: dict[str, int] = {}
        for name in self._names_of(self._root):
            for place in self._within(self._root, name):
                output.setdefault(name, place.table)
        return Joins(
            tables=self._tables,
            edges=tuple(edge for scope in self._scopes for edge in self._edges(scope)),
            leaders=tuple(self._leaders(self._root)),
            output=output,
            filters=self._filters(where),
            repeated=tuple(i for i, name in enumerate(names) if names.count(name) > 1),
            grouped=self._root.expression.find(*grouped) is not None,
        )

    def _leaders(self, scope: "Scope") -> Iterator[int]:
        optional = optional_sources(scope)
        for name, (_, source) in scope.selected_sources.items():
            if name not in optional:
                yield from (self._ids[id(source)],) if id(source) in self._ids else self._leaders(source)  # type: ignore[arg-type]

    def _edges(self, scope: "Scope") -> Iterator[Edge]:
        """The equalities of one SELECT, in the directions in which they lose no row that the result needs."""
        from sqlglot import exp

        select = scope.expression
        if not isinstance(select, exp.Select):
            return
        optional = optional_sources(scope)
        where = select.args.get("where")
        for part in conjuncts(where.this if where else None):
            if isinstance(part, exp.EQ):
                yield from self._both(scope, part.this, part.expression, lambda place: place.scope is scope)
        for join in select.args.get("joins") or ():
            joined, kind = join.alias_or_name, "LEFT" if join.kind in ONE_SIDED else join.side

            def may_find(place: Place, joined: str = joined, kind: str = kind) -> bool:
                """A row of an optional side may not be missing where the other side has one that it meets."""
                if place.scope is not scope:
                    return False
                is_joined = place.entry == joined
                if kind:
                    return is_joined is (kind == "LEFT")
                return is_joined or place.entry not in optional

            for left, right in self._equalities(scope, join):
                yield from self._both(scope, left, right, may_find)
        yield from self._listed(scope)

    def _equalities(self, scope: "Scope", join: "Expr") -> Iterator[tuple["Expr", "Expr"]]:
        """The pairs of ON, of USING, and of a natural join."""
        from sqlglot import exp

        for part in conjuncts(join.args.get("on")):
            if isinstance(part, exp.EQ):
                yield part.this, part.expression
        joined = join.alias_or_name
        shared = [column.name for column in join.args.get("using") or ()]
        before = list(scope.selected_sources)[: list(scope.selected_sources).index(joined)]
        if join.text("method") == "NATURAL":
            shared = list(self._columns_of(scope, joined))
        for name in shared:
            for other in before:
                if name.lower() in {column.lower() for column in self._columns_of(scope, other)}:
                    yield exp.column(name, table=other), exp.column(name, table=joined)

    def _listed(self, scope: "Scope") -> Iterator[Edge]:
        """The edge of ``value IN (SELECT ...)`` to the tables of the subquery; NOT IN looks at all of its rows."""
        from sqlglot import exp

        for inner in scope.subquery_scopes:
            listed = inner.expression.parent.parent if inner.expression.parent else None
            if not isinstance(listed, exp.In) or isinstance(listed.parent, exp.Not):
                continue
            selects = inner.expression.selects if isinstance(inner.expression, exp.Select) else []
            for parent in self._sides(scope, listed.this) if len(selects) == 1 else ():
                for child in self._sides(inner, selects[0]):
                    yield Edge(parent=parent[1], child=child[1])

    def _both(self, scope: "Scope", one: "Expr", other: "Expr", may_find: Callable[[Place], bool]) -> Iterator[Edge]:
        for left, left_side in self._sides(scope, one):
            for right, right_side in self._sides(scope, other):
                if left_side.table != right_side.table and may_find(right):
                    yield Edge(parent=left_side, child=right_side)
                if left_side.table != right_side.table and may_find(left):
                    yield Edge(parent=right_side, child=left_side)

    def _sides(self, scope: "Scope", value: "Expr") -> Iterator[tuple[Place, Side]]:
        """The expression over each table that all of its columns come from; several where a UNION stands between."""
        from sqlglot import exp

        columns = list(value.find_all(exp.Column))
        if not columns or value.find(exp.Query, exp.AggFunc, exp.Window):
            return
        places = [list(self._find(scope, column)) for column in columns]
        for first in places[0]:
            alike = [next((p for p in found if p.table == first.table), None) for found in places]
            if None not in alike:
                yield first, Side(table=first.table, value=rename(value, [p.column for p in alike if p is not None]))

    def _find(self, scope: "Scope", column: "Expr") -> Iterator[Place]:
        """Where a column comes from; one that no name in FROM has belongs to the query around."""
        looked: Scope | None = scope
        while looked is not None:
            wanted = column.text("table").lower()
            found = False
            for name in looked.selected_sources:
                if not wanted or name.lower() == wanted:
                    for place in self._through(looked, name, column.name):
                        found = True
                        yield place
            if found or not looked.is_subquery:
                return
            looked = looked.parent

    def _through(self, scope: "Scope", entry: str, column: str) -> Iterator[Place]:
        """The column of one name in FROM."""
        source = scope.selected_sources[entry][1]
        table = self._ids.get(id(source))
        if table is not None:
            actual = self._shapes[table].find(column)
            if actual is not None:
                yield Place(table=table, column=actual.name, scope=scope, entry=entry)
            return
        for place in self._within(source, column):  # type: ignore[arg-type]
            yield Place(table=place.table, column=place.column, scope=scope, entry=entry)

    def _within(self, scope: "Scope", column: str) -> Iterator[Place]:
        """The column of a query's result, where it is plainly one of a table."""
        from sqlglot import exp

        if scope.set_operation_scopes:
            names = self._names_of(scope)
            for branch in scope.set_operation_scopes:
                of_branch = self._names_of(branch)
                if column.lower() in names and len(of_branch) == len(names):
                    yield from self._within(branch, of_branch[names.index(column.lower())])
            return
        if not isinstance(scope.expression, exp.Select):
            return
        names = [name.lower() for name in scope.outer_columns]
        for i, value in enumerate(scope.expression.selects):
            plain = value.unalias()
            if value.is_star and not names:
                for name in scope.selected_sources:
                    if value.text("table").lower() in ("", name.lower()):
                        yield from self._through(scope, name, column)
            elif isinstance(plain, exp.Column) and column.lower() == (
                names[i] if names[i:] else value.alias_or_name.lower()
            ):
                yield from self._find(scope, plain)

    def _names_of(self, scope: "Scope") -> list[str]:
        """The names of a query's columns, in lower case."""
        from sqlglot import exp

        if scope.outer_columns:
            return [name.lower() for name in scope.outer_columns]
        if scope.set_operation_scopes:
            return self._names_of(scope.set_operation_scopes[0])
        names: list[str] = []
        for value in scope.expression.selects if isinstance(scope.expression, exp.Select) else ():
            stars = [n for n in scope.selected_sources if value.text("table").lower() in ("", n.lower())]
            names += [c for n in stars for c in self._columns_of(scope, n)] if value.is_star else [value.alias_or_name]
        return [name.lower() for name in names]

    def _columns_of(self, scope: "Scope", entry: str) -> Sequence[str]:
        source = scope.selected_sources[entry][1]
        table = self._ids.get(id(source))
        return self._names_of(source) if table is None else self._shapes[table].names  # type: ignore[arg-type]

    def _filters(self, where: "Expr | None") -> dict[int, list["Expr"]]:
        """What only looks at one table, of the predicates that a row of a leader must meet."""
        from sqlglot import exp

        found: dict[int, list[Expr]] = {}
        optional = (exp.Query, exp.AggFunc, exp.Window)
        for scope in self._scopes:
            inner = scope.expression.args.get("where") if not scope.is_subquery else None
            for part in conjuncts(inner.this if inner else None):
                for place, side in self._sides(scope, part):
                    if place.scope is scope:
                        found.setdefault(side.table, []).append(side.value)
        for part in conjuncts(where):
            columns = list(part.find_all(exp.Column))
            places = [[*self._within(self._root, column.name)] for column in columns]
            tables = {place.table for alike in places for place in alike}
            if len(tables) == 1 and all(len(alike) == 1 for alike in places) and not part.find(*optional):
                found.setdefault(tables.pop(), []).append(rename(part, [alike[0].column for alike in places]))
        return found


def optional_sources(scope: "Scope") -> set[str]:
    """The names in FROM that an outer join fills with NULL. Raises NotSampled where both sides of one are."""
    optional: set[str] = set()
    names = list(scope.selected_sources)
    for join in scope.expression.args.get("joins") or ():
        if join.side == "FULL":
            raise NotSampled("it has a full join, of which no side leads")
        if join.text("method") == "ASOF" or join.kind in ("APPLY",):
            raise NotSampled("a row of it joins the nearest one of another table")
        if join.side == "LEFT" or join.kind in ONE_SIDED:
            optional.add(join.alias_or_name)
        elif join.side == "RIGHT":
            optional.update(names[: names.index(join.alias_or_name)])
    return optional


def conjuncts(predicate: "Expr | None") -> Iterator["Expr"]:
    """The parts of a predicate that must all hold."""
    from sqlglot import exp

    if predicate is None:
        return
    plain = predicate.unnest()
    if isinstance(plain, exp.And):
        for part in plain.flatten():
            yield from conjuncts(part)
    else:
        yield plain


def rename(value: "Expr", columns: Sequence[str]) -> "Expr":
    """The expression with these columns, in the order in which they stand, unqualified."""
    from sqlglot import exp

    copied: Expr = exp.Paren(this=value.copy())
    for column, name in zip(list(copied.find_all(exp.Column)), columns, strict=True):
        column.replace(exp.column(exp.to_identifier(name, quoted=True)))
    inner: Expr = copied.this
    return inner
