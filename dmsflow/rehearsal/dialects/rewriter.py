"""Walks a query as its dialect reads it and writes it as DuckDB reads it. What it does not know, it refuses."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

from dmsflow.rehearsal.dialects.calls import Untranslated
from dmsflow.rehearsal.dialects.kinds import Columns, Type, Value
from dmsflow.rehearsal.dialects.scope import given_parts, listed_parts, nearest_place, renamed, word
from dmsflow.rehearsal.dialects.values import Values

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

CLAUSES = {"with_", "from_", "joins", "where", "expressions", "group", "having", "distinct", "order", "limit", "offset"}
"""What a SELECT may have; a hint is left out, the rest is refused."""
IGNORED = {"hint", "kind", "operation_modifiers"}
JOINED = {"this", "side", "kind", "on", "using", "method"}


@dataclass(frozen=True, kw_only=True)
class Rewriter(Values):
    """One dialect; ``tables`` are the columns of what is read, the source itself has no name."""

    clauses: ClassVar[frozenset[str]] = frozenset(CLAUSES)

    def query(self, node: "Expr") -> "tuple[Expr, Columns | None]":
        """A SELECT, a set of them, or one in parentheses; and the types of its columns."""
        from sqlglot import exp

        match node:
            case exp.Select():
                return self.select(self.prepare(node))
            case exp.SetOperation():
                return self._set_operation(node)
            case exp.Subquery() if isinstance(node.this, exp.Query) and not given_parts(node, {"this", "alias"}):
                inner, columns = self.query(node.this)
                return exp.Subquery(this=inner), columns
        raise Untranslated(node, f"there is no translation of this part ({node.key.upper()}) to DuckDB")

    def prepare(self, select: "Expr") -> "Expr":
        """The SELECT without what its dialect alone has."""
        return select

    def _set_operation(self, node: "Expr") -> "tuple[Expr, Columns | None]":
        refused = given_parts(node, {"this", "expression", "distinct", "with_", "order", "limit", "offset"})
        if refused:
            raise Untranslated(node, f"there is no translation of {word(refused[0])} to DuckDB")
        inside, ctes = self.with_ctes(node)
        left, columns = inside.query(node.this)
        right, _ = inside.query(node.expression)
        ordered = inside.within(outputs=columns or {})
        made = type(node)(this=left, expression=right, distinct=node.args.get("distinct"), with_=ctes)
        ordered.end(node, made)
        return made, columns

    def with_ctes(self, node: "Expr") -> "tuple[Self, Expr | None]":
        """The rewriter that knows the names of WITH, and that clause."""
        from sqlglot import exp

        clause = node.args.get("with_")
        if clause is None:
            return self, None
        inside, made, recursive = self, [], bool(clause.args.get("recursive"))
        for cte in clause.expressions:
            name = cte.alias_or_name.lower()
            own = any(table.name.lower() == name and not table.db for table in cte.this.find_all(exp.Table))
            alias = cte.args["alias"]
            reading = inside
            if own:
                recursive = True
                anchor = cte.this.this if isinstance(cte.this, exp.SetOperation) else cte.this
                if anchor is cte.this:
                    raise Untranslated(cte, f"{name} reads itself and has no first part")
                first = renamed(inside.query(anchor)[1], alias)
                reading = inside.within(ctes={**inside.scope.ctes, name: first})
            query, columns = reading.query(cte.this)
            made.append(exp.CTE(this=query, alias=alias.copy()))
            inside = inside.within(ctes={**inside.scope.ctes, name: renamed(columns, alias)})
        return inside, exp.With(expressions=made, recursive=recursive)

    def select(self, node: "Expr") -> "tuple[Expr, Columns | None]":
        """One SELECT, clause by clause."""
        from sqlglot import exp

        refused = given_parts(node, set(self.clauses) | IGNORED)
        if refused:
            part = node.args[refused[0]]
            raise Untranslated(
                part if isinstance(part, exp.Expression) else node,
                f"there is no translation of {word(refused[0])} to DuckDB",
            )
        inside, ctes = self.with_ctes(node)
        made = exp.Select(with_=ctes)
        inside = inside.read_sources(node, made)
        if node.args.get("where"):
            made.set("where", exp.Where(this=inside.condition(node.args["where"].this)))
        outputs = inside.outputs(node, made)
        if node.args.get("group"):
            made.set("group", inside.group(node.args["group"]))
        for clause in ("having", "qualify"):
            if node.args.get(clause):
                made.set(clause, type(node.args[clause])(this=inside.condition(node.args[clause].this)))
        if distinct := node.args.get("distinct"):
            on = distinct.args.get("on")
            made.set("distinct", exp.Distinct(on=exp.Tuple(expressions=inside.each(listed_parts(on))) if on else None))
        inside.within(outputs=outputs or {}).end(node, made)
        return made, outputs

    def read_sources(self, node: "Expr", made: "Expr") -> Self:
        """FROM and the joins; the rewriter that knows their columns."""
        from sqlglot import exp

        sources: dict[str, Columns | None] = {}
        origin = node.args.get("from_")
        if origin is not None:
            table, name, columns = self.source(origin.this)
            sources[name] = columns
            made.set("from_", exp.From(this=table))
        joins = []
        inside = self.entered(sources)
        for join in node.args.get("joins") or ():
            if refused := given_parts(join, JOINED):
                raise Untranslated(join, f"there is no translation of {word(refused[0])} to DuckDB")
            table, name, columns = inside.source(join.this)
            sources[name if name not in sources else f"{name} {len(sources)}"] = columns
            inside = self.entered(sources)
            copied = exp.Join(this=table, **{key: join.args.get(key) for key in ("side", "kind", "method")})
            if join.args.get("on"):
                copied.set("on", inside.condition(join.args["on"]))
            if join.args.get("using"):
                copied.set("using", [part.copy() for part in join.args["using"]])
            joins.append(copied)
        made.set("joins", joins)
        return inside

    def source(self, node: "Expr") -> "tuple[Expr, str, Columns | None]":
        """A table or a subquery in FROM: as DuckDB reads it, its name, its columns."""
        from sqlglot import exp

        match node:
            case exp.Table(this=exp.Identifier()) if not given_parts(node, {"this", "db", "catalog", "alias"}):
                name = node.name.lower()
                local = not node.db and name in self.scope.ctes
                columns = self.scope.ctes[name] if local else self.tables.get(name)
                return node.copy(), node.alias_or_name.lower(), renamed(columns, node.args.get("alias"))
            case exp.Subquery(this=exp.Query()) if not given_parts(node, {"this", "alias"}):
                query, columns = replace(self, over=None, filter=None).query(node.this)
                alias = node.args.get("alias")
                made = exp.Subquery(this=query, alias=alias.copy() if alias else None)
                return made, node.alias_or_name.lower(), renamed(columns, alias)
        refused = given_parts(node, {"this", "db", "catalog", "alias"}) if isinstance(node, exp.Table) else []
        named = word(refused[0]) if refused else f"{word(node.key)} in FROM"
        raise Untranslated(nearest_place(node), f"there is no translation of {named} to DuckDB")

    def outputs(self, node: "Expr", made: "Expr") -> Columns | None:
        """The select list; the types of its columns, None where they cannot all be named."""
        from sqlglot import exp

        found: dict[str, Type] = {}
        known = True
        parts: list[Expr] = []
        for part in node.expressions:
            if isinstance(part, exp.Star) or (isinstance(part, exp.Column) and isinstance(part.this, exp.Star)):
                qualifier = part.args["table"].name.lower() if part.args.get("table") else ""
                named = [self.scope.sources.get(qualifier)] if qualifier else list(self.scope.sources.values())
                known = known and all(columns is not None for columns in named)
                for columns in named:
                    for name, kind in (columns or {}).items():
                        found.setdefault(name, kind)
                parts.append(part.copy())
                continue
            value = self.output(part.this if isinstance(part, exp.Alias) else part)
            name = part.alias_or_name
            if name:
                found.setdefault(name.lower(), value.type)
            if isinstance(part, exp.Alias):
                parts.append(exp.Alias(this=value.sql, alias=part.args["alias"].copy()))
            elif name and not isinstance(value.sql, exp.Column):
                parts.append(exp.Alias(this=value.sql, alias=exp.to_identifier(name)))
            else:
                parts.append(value.sql)
        made.set("expressions", parts)
        return found if known else None

    def output(self, node: "Expr") -> Value:
        """A value of the select list."""
        return self.value(node)

    def group(self, node: "Expr") -> "Expr":
        """GROUP BY with its sets."""
        if given_parts(node, {"expressions", "grouping_sets", "rollup", "cube"}):
            raise Untranslated(node, "there is no translation of this GROUP BY to DuckDB")
        made = node.copy()
        for name in ("expressions", "grouping_sets", "rollup", "cube"):
            if isinstance(node.args.get(name), list):
                made.set(name, [self._group_part(part) for part in node.args[name]])
        return made

    def _group_part(self, part: "Expr") -> "Expr":
        from sqlglot import exp

        if isinstance(part, exp.Rollup | exp.Cube | exp.GroupingSets | exp.Tuple):
            return type(part)(expressions=[self._group_part(inner) for inner in part.expressions])
        if isinstance(part, exp.Paren):
            return exp.Paren(this=self._group_part(part.this))
        return self.group_key(part)

    def group_key(self, part: "Expr") -> "Expr":
        """One expression of GROUP BY."""
        return self.value(part).sql

    def end(self, node: "Expr", made: "Expr") -> None:
        """ORDER BY, LIMIT and OFFSET."""
        from sqlglot import exp

        if order := node.args.get("order"):
            made.set("order", exp.Order(expressions=[self.ordered(part) for part in order.expressions]))
        if limit := node.args.get("limit"):
            made.set("limit", exp.Limit(expression=self.value(self.limit(limit)).sql))
        if offset := node.args.get("offset"):
            made.set("offset", exp.Offset(expression=self.value(offset.expression).sql))

    def limit(self, node: "Expr") -> "Expr":
        """How many rows."""
        from sqlglot import exp

        if isinstance(node, exp.Limit) and not given_parts(node, {"expression", "limit_options"}):
            return node.expression  # type: ignore[no-any-return]
        options = node.args.get("limit_options")
        if isinstance(node, exp.Fetch) and options is not None:
            for name in ("percent", "with_ties"):
                if options.args.get(name):
                    raise Untranslated(node, f"there is no translation of FETCH {word(name)} to DuckDB")
        return node.args.get("count") or exp.Literal.number(1)
