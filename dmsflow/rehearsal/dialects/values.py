"""Walks an expression as its dialect reads it and writes it as DuckDB reads it. What it does not know, it refuses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from dmsflow.diagnostics import did_you_mean
from dmsflow.rehearsal.dialects.calls import Function, Untranslated
from dmsflow.rehearsal.dialects.kinds import BOOLEAN, NULL, UNKNOWN, Columns, Type, Value
from dmsflow.rehearsal.dialects.scope import Scope, given_parts, is_position, nearest_place, word

if TYPE_CHECKING:
    from sqlglot.expressions import Expr


@dataclass(frozen=True, kw_only=True)
class Values:
    """Expressions of one dialect, each node by its method.

    ``tables`` are the columns of what is read; the source itself has no name.
    """

    functions: ClassVar[Mapping[str, Function]] = {}

    tables: Mapping[str, Columns]
    params: Mapping[str, Type]
    scope: Scope = field(default_factory=Scope)
    over: "Expr | None" = None
    filter: "Expr | None" = None

    def entered(self, sources: Mapping[str, Columns | None]) -> Self:
        """The rewriter inside a SELECT over these."""
        scope = Scope(sources=dict(sources), ctes=self.scope.ctes, outer=self.scope)
        return replace(self, scope=scope, over=None, filter=None)

    def within(self, **changes: Any) -> Self:  # noqa: ANN401
        """The rewriter with more names."""
        return replace(self, scope=replace(self.scope, **changes))

    def query(self, node: "Expr") -> "tuple[Expr, Columns | None]":
        """A subquery."""
        raise NotImplementedError

    def ordered(self, part: "Expr", *, positions: bool = True) -> "Expr":
        """One expression of ORDER BY; a number is a position."""
        made = part.copy()
        if not (positions and is_position(part.this)):
            made.set("this", self.order_key(part.this))
        return made

    def order_key(self, node: "Expr") -> "Expr":
        """What is sorted by."""
        return self.value(node).sql

    def each(self, nodes: "Sequence[Expr]") -> "list[Expr]":
        """Values one by one."""
        return [self.value(node).sql for node in nodes]

    def condition(self, node: "Expr") -> "Expr":
        """What is true, false or unknown."""
        return self.value(node).sql

    def value(self, node: "Expr") -> Value:
        """An expression in DuckDB's words, and what it returns."""
        if self.over is not None or self.filter is not None:
            return replace(self, over=None, filter=None).value(node)
        visit = getattr(self, f"visit_{node.key}", None)
        if visit is None:
            return self.refuse(node)
        found: Value = visit(node)
        return found

    def refuse(self, node: "Expr") -> Value:
        """Raise Untranslated for a node that is not covered."""
        from sqlglot import exp

        name = type(node).sql_name() if isinstance(node, exp.Func) else word(node.key)
        raise Untranslated(nearest_place(node), f"there is no translation of {name} to DuckDB")

    def visit_null(self, node: "Expr") -> Value:
        """NULL."""
        return Value(node.copy(), NULL)

    def visit_placeholder(self, node: "Expr") -> Value:
        """A parameter of the spec."""
        return Value(node.copy(), self.params.get(str(node.this).lower(), UNKNOWN))

    def visit_paren(self, node: "Expr") -> Value:
        """Parentheses."""
        from sqlglot import exp

        inner = self.value(node.this)
        return Value(exp.Paren(this=inner.sql), inner.type)

    def visit_and(self, node: "Expr") -> Value:
        """Two conditions."""
        both = (self.condition(node.this), self.condition(node.expression))
        return Value(type(node)(this=both[0], expression=both[1]), BOOLEAN)

    visit_or = visit_and

    def visit_not(self, node: "Expr") -> Value:
        """A condition turned round."""
        from sqlglot import exp

        return Value(exp.Not(this=exp.Paren(this=self.condition(node.this))), BOOLEAN)

    def visit_exists(self, node: "Expr") -> Value:
        """Whether a subquery has a row."""
        from sqlglot import exp

        if not isinstance(node.this, exp.Query):
            return self.refuse(node)
        return Value(exp.Exists(this=self.query(node.this)[0]), BOOLEAN)

    def visit_anonymous(self, node: "Expr") -> Value:
        """A call under its own name."""
        return self.function(node, str(node.this), list(node.expressions))

    def visit_column(self, node: "Expr") -> Value:
        """A column, or what looks like one."""
        qualifier = node.args["table"].name.lower() if node.args.get("table") else ""
        found = self.scope.find(node.name.lower(), qualifier)
        return Value(node.copy(), found or UNKNOWN)

    def visit_pseudocolumn(self, node: "Expr") -> Value:
        """A name that looks like one of the dialect's own."""
        from sqlglot import exp

        return self.visit_column(exp.Column(this=node.this.copy(), table=node.args.get("table")))

    def visit_eq(self, node: "Expr") -> Value:
        """Two values compared; the right one may be any or all of several."""
        from sqlglot import exp

        right = node.expression
        if isinstance(right, exp.Any | exp.All):
            return self._quantified(node)
        left, second = self.alike(node, node.this, right)
        return Value(type(node)(this=left, expression=second), BOOLEAN)

    visit_neq = visit_gt = visit_gte = visit_lt = visit_lte = visit_eq

    def _quantified(self, node: "Expr") -> Value:
        from sqlglot import exp

        right = node.expression
        inner = right.this.unnest() if isinstance(right.this, exp.Paren | exp.Subquery) else right.this
        if isinstance(inner, exp.Query):
            query, columns = self.query(inner)
            left = self.value(node.this)
            for kind in list((columns or {}).values())[:1]:
                self.check_alike(node.this, left.type, kind)
            return Value(type(node)(this=left.sql, expression=type(right)(this=query)), BOOLEAN)
        if isinstance(inner, exp.Tuple | exp.Array):
            joined = exp.or_ if isinstance(right, exp.Any) else exp.and_
            parts = [type(node)(this=node.this.copy(), expression=part.copy()) for part in inner.expressions]
            return Value(exp.Paren(this=joined(*[self.value(part).sql for part in parts], copy=False)), BOOLEAN)
        raise Untranslated(node, "there is no translation of this comparison to DuckDB")

    def alike(self, node: "Expr", left: "Expr", right: "Expr") -> "tuple[Expr, Expr]":
        """Two values in one type, as the dialect compares them."""
        from sqlglot import exp

        if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
            pairs = [self.alike(node, *both) for both in zip(left.expressions, right.expressions, strict=True)]
            first, second = zip(*pairs, strict=True)
            return exp.Tuple(expressions=list(first)), exp.Tuple(expressions=list(second))
        return self.value(left).sql, self.value(right).sql

    def visit_in(self, node: "Expr") -> Value:
        """IN."""
        from sqlglot import exp

        if given_parts(node, {"this", "expressions", "query"}):
            return self.refuse(node)
        if query := node.args.get("query"):
            inner, columns = self.query(query)
            parts = node.this.expressions if isinstance(node.this, exp.Tuple) else [node.this]
            left = [self.value(part) for part in parts]
            for part, first, second in zip(parts, left, (columns or {}).values(), strict=False):
                self.check_alike(part, first.type, second)
            mine = exp.Tuple(expressions=[part.sql for part in left]) if len(left) > 1 else left[0].sql
            return Value(
                exp.In(this=mine, query=inner if isinstance(inner, exp.Subquery) else exp.Subquery(this=inner)), BOOLEAN
            )
        pairs = [self.alike(node, node.this, part) for part in node.expressions]
        if len({pair[0].sql() for pair in pairs}) == 1:
            return Value(exp.In(this=pairs[0][0], expressions=[pair[1] for pair in pairs]), BOOLEAN)
        either = exp.or_(*[exp.EQ(this=first, expression=second) for first, second in pairs], copy=False)
        return Value(exp.Paren(this=either), BOOLEAN)

    def check_alike(self, node: "Expr", left: Type, right: Type) -> None:
        """Refuse two types that the dialect compares in another way than DuckDB."""

    def visit_between(self, node: "Expr") -> Value:
        """BETWEEN, as two comparisons."""
        from sqlglot import exp

        low = exp.GTE(this=node.this.copy(), expression=node.args["low"].copy())
        high = exp.LTE(this=node.this.copy(), expression=node.args["high"].copy())
        return Value(exp.Paren(this=exp.and_(self.value(low).sql, self.value(high).sql, copy=False)), BOOLEAN)

    def visit_subquery(self, node: "Expr") -> Value:
        """A subquery that returns one value."""
        query, columns = self.query(node)
        kinds = list((columns or {}).values())
        return Value(query, kinds[0] if len(kinds) == 1 else UNKNOWN)

    def visit_case(self, node: "Expr") -> Value:
        """CASE."""
        from sqlglot import exp

        tested, conditions, results = node.args.get("this"), [], []
        for branch in node.args["ifs"]:
            test = exp.EQ(this=tested.copy(), expression=branch.this.copy()) if tested else branch.this
            conditions.append(self.value(test).sql if tested else self.condition(test))
            results.append(branch.args["true"])
        default = node.args.get("default")
        values, kind = self.unify(node, [*results, *([default] if default else [])])
        ifs = [exp.If(this=test, true=value) for test, value in zip(conditions, values, strict=False)]
        return Value(exp.Case(ifs=ifs, default=values[-1] if default else None), kind)

    def unify(self, node: "Expr", parts: "Sequence[Expr]") -> "tuple[list[Expr], Type]":
        """Values of which one is returned, in one type."""
        raise NotImplementedError

    def take(self, letter: str, node: "Expr") -> "Expr":
        """An argument as a function wants it."""
        raise NotImplementedError

    def call(self, name: str, *arguments: "Expr") -> "Expr":
        """A call in DuckDB."""
        from sqlglot import exp

        return exp.Anonymous(this=name, expressions=list(arguments))

    def function(self, node: "Expr", name: str, arguments: "list[Expr]") -> Value:
        """One of several."""
        function = self.functions.get(name.upper())
        if function is None:
            near = did_you_mean(name.upper(), self.functions)
            raise Untranslated(
                node, f"there is no translation of {name.upper()} to DuckDB" + (f": {near}" if near else "")
            )
        count = len(arguments)
        if count < function.least or (function.most is not None and count > function.most):
            raise Untranslated(node, f"{name.upper()} has {count} arguments: it is covered as {function.usage}")
        return function.build(self, node, arguments)

    def visit_window(self, node: "Expr") -> Value:
        """A function over a window."""
        from sqlglot import exp

        if node.args.get("over") != "OVER" or node.args.get("alias") or node.args.get("first") is not None:
            raise Untranslated(node, "there is no translation of this window to DuckDB")
        called = replace(self, over=self.over_of(node))
        inner = node.this
        if isinstance(inner, exp.Anonymous):
            return called.function(inner, str(inner.this), list(inner.expressions))
        return called.over_window(inner)

    def over_window(self, node: "Expr") -> Value:
        """What stands before OVER and is not a plain call."""
        return self.refuse(node)

    def over_of(self, node: "Expr") -> "Expr":
        """The window alone, without its function."""
        from sqlglot import exp

        over = exp.Window(
            partition_by=self.each(node.args.get("partition_by") or []),
            over="OVER",
        )
        if order := node.args.get("order"):
            over.set(
                "order", exp.Order(expressions=[self.ordered(part, positions=False) for part in order.expressions])
            )
        if frame := node.args.get("spec"):
            over.set("spec", self.frame(frame))
        return over

    def frame(self, node: "Expr") -> "Expr":
        """The rows of a window."""
        from sqlglot import exp

        if str(node.args.get("kind")).upper() == "RANGE":
            for side in ("start", "end"):
                if isinstance(node.args.get(side), exp.Expression):
                    raise Untranslated(node, "there is no translation of RANGE with a distance to DuckDB")
        return node.copy()

    def spread(self, sql: "Expr") -> "Expr":
        """An aggregate over its filter and its window."""
        from sqlglot import exp

        if self.filter is not None:
            sql = exp.Filter(this=sql, expression=exp.Where(this=self.filter.copy()))
        if self.over is None:
            return sql
        made = self.over.copy()
        made.set("this", sql)
        return made
