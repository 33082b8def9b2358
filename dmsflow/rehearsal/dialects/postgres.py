"""PostgreSQL's SQL in DuckDB: its literals, its grammar, its series. Refuses what it does not know."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from dmsflow.rehearsal.dialects.calls import Function, Untranslated
from dmsflow.rehearsal.dialects.kinds import (
    BOOLEAN,
    DATE,
    FLOAT,
    INTEGER,
    INTERVAL,
    MAX_SCALE,
    OTHER,
    TEXT,
    TIMESTAMP,
    TIMESTAMPTZ,
    Columns,
    Kind,
    Type,
    Value,
)
from dmsflow.rehearsal.dialects.postgres_functions import FUNCTIONS, match
from dmsflow.rehearsal.dialects.postgres_operators import TIMES, PostgresOperators
from dmsflow.rehearsal.dialects.rewriter import Rewriter
from dmsflow.rehearsal.dialects.scope import given_parts, nearest_place
from dmsflow.rehearsal.dialects.templates import cast, decimal, fill, number, text

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

EXTRACTED = ("year", "month", "day", "hour", "minute", "quarter", "week", "dow", "isodow", "doy", "isoyear")
CASTS = {
    "SMALLINT": INTEGER,
    "INT": INTEGER,
    "BIGINT": INTEGER,
    "TEXT": TEXT,
    "BOOLEAN": BOOLEAN,
    "DATE": DATE,
    "TIMESTAMP": TIMESTAMP,
    "TIMESTAMPTZ": TIMESTAMPTZ,
    "INTERVAL": INTERVAL,
    "DOUBLE": FLOAT,
    "UUID": OTHER,
}


@dataclass(frozen=True, kw_only=True)
class PostgresRewriter(PostgresOperators):
    """PostgreSQL's dialect."""

    functions: ClassVar[Mapping[str, Function]] = FUNCTIONS

    def source(self, node: "Expr") -> "tuple[Expr, str, Columns | None]":
        """A table, a subquery, or a series."""
        from sqlglot import exp

        call = node.this if isinstance(node, exp.Table) else None
        if isinstance(call, exp.Anonymous) and str(call.this).lower() == "generate_series":
            alias = node.args.get("alias")
            names = [part.name for part in alias.args.get("columns") or ()] if alias else []
            table = alias.name if alias else "generate_series"
            values = [self.value(part) for part in call.expressions]
            arguments = ", ".join(f"{{a{index}}}" for index in range(len(values)))
            series = fill(
                f"SELECT unnest(generate_series({arguments})) AS dms_series",
                **{f"a{index}": value.sql for index, value in enumerate(values)},
            )
            name = names[0] if names else table
            series.args["expressions"][0].set("alias", exp.to_identifier(name))
            made = exp.Subquery(this=series, alias=exp.TableAlias(this=exp.to_identifier(table)))
            return made, table.lower(), {name.lower(): values[0].type}
        return Rewriter.source(self, node)

    def visit_literal(self, node: "Expr") -> Value:
        """A number or a text."""
        if node.args.get("is_string"):
            return Value(text(node.name), TEXT)
        if node.name.isdigit():
            return Value(node.copy(), INTEGER)
        _, point, part = node.name.partition(".")
        if "e" in node.name.lower():
            return Value(decimal(node.copy(), MAX_SCALE), Type(Kind.NUMBER, MAX_SCALE))
        return Value(node.copy(), Type(Kind.NUMBER, len(part) if point else 0))

    def visit_boolean(self, node: "Expr") -> Value:
        """TRUE or FALSE."""
        return Value(node.copy(), BOOLEAN)

    def visit_is(self, node: "Expr") -> Value:
        """IS NULL, IS TRUE, IS FALSE."""
        from sqlglot import exp

        if not isinstance(node.expression, exp.Null | exp.Boolean):
            return self.refuse(node)
        return Value(exp.Is(this=self.value(node.this).sql, expression=node.expression.copy()), BOOLEAN)

    def visit_nullsafeeq(self, node: "Expr") -> Value:
        """IS NOT DISTINCT FROM, IS DISTINCT FROM."""
        both = (self.value(node.this).sql, self.value(node.expression).sql)
        return Value(type(node)(this=both[0], expression=both[1]), BOOLEAN)

    visit_nullsafeneq = visit_nullsafeeq

    def visit_like(self, node: "Expr") -> Value:
        """LIKE and ILIKE, whose escape character is a backslash."""
        from sqlglot import exp

        like = node.this if isinstance(node, exp.Escape) else node
        if not isinstance(like, exp.Like | exp.ILike):
            return self.refuse(node)
        escape = self.take("t", node.expression) if isinstance(node, exp.Escape) else text("\\")
        pattern = like.expression
        made: Expr = type(like)(this=self.take("t", like.this), expression=self.take("t", pattern))
        if isinstance(node, exp.Escape) or not isinstance(pattern, exp.Literal) or "\\" in pattern.name:
            made = exp.Escape(this=made, expression=escape)
        return Value(exp.Not(this=exp.Paren(this=made)) if like.args.get("negate") else made, BOOLEAN)

    visit_ilike = visit_escape = visit_like

    def visit_regexplike(self, node: "Expr") -> Value:
        """Whether a text matches."""
        return match(self, node.this, node.expression, "")

    def visit_regexpilike(self, node: "Expr") -> Value:
        """Whether a text matches, whatever the case."""
        return match(self, node.this, node.expression, "i")

    def visit_cast(self, node: "Expr") -> Value:
        """CAST and ::."""
        to, value = node.args["to"], self.value(node.this)
        name = to.this.name
        sizes = [int(part.name) for part in to.expressions if part.name.isdigit()]
        if name == "DECIMAL":
            return self._cast_numeric(value, sizes)
        if name in ("VARCHAR", "TEXT"):
            written = self.as_text(value, node.this)
            return Value(fill("left({t}, {n})", t=written, n=number(sizes[0])) if sizes else written, TEXT)
        kind = CASTS.get(name)
        if kind is None or sizes or (value.kind is Kind.FLOAT and kind is INTEGER):
            raise Untranslated(nearest_place(node.this), f"a cast to {to.sql(dialect='postgres')} is not covered here")
        return Value(cast(value.sql, to.sql(dialect="duckdb")), kind)

    def _cast_numeric(self, value: Value, sizes: list[int]) -> Value:
        scale = (sizes[1] if len(sizes) > 1 else 0) if sizes else value.type.scale
        if value.kind in (Kind.TEXT, Kind.UNKNOWN) and not sizes:
            scale = MAX_SCALE
        if value.kind is Kind.FLOAT:
            exact = self.call("exact_decimal", value.sql)
            return Value(
                decimal(exact, scale if sizes else MAX_SCALE), Type(Kind.NUMBER, scale if sizes else MAX_SCALE)
            )
        width = sizes[0] if sizes else 38
        return Value(cast(value.sql, f"DECIMAL({width}, {scale})"), Type(Kind.NUMBER, scale))

    def visit_extract(self, node: "Expr") -> Value:
        """EXTRACT."""
        part, value = node.name.lower(), self.value(node.expression)
        if value.kind not in (*TIMES, Kind.INTERVAL, Kind.UNKNOWN):
            raise Untranslated(nearest_place(node.expression), f"extract from a {value.kind.value} is not covered")
        if part in ("second", "epoch") and value.kind in TIMES:
            moment = cast(value.sql, "TIMESTAMP")
            return Value(self.call(f"pg_{part}", moment), Type(Kind.NUMBER, 6))
        allowed = ("day", "hour", "minute") if value.kind is Kind.INTERVAL else EXTRACTED
        if part not in allowed:
            raise Untranslated(nearest_place(node.expression), f"extract of {part} is not covered")
        return Value(fill(f"datepart('{part}', {{d}})", d=value.sql), Type(Kind.NUMBER, 0))

    def visit_substring(self, node: "Expr") -> Value:
        """SUBSTRING(text FROM n FOR m)."""
        start, length = node.args.get("start"), node.args.get("length")
        first = self.take("i", start) if start is not None else number(1)
        if length is None:
            return Value(self.call("pg_substr_from", self.take("t", node.this), first), TEXT)
        return Value(self.call("pg_substr", self.take("t", node.this), first, self.take("i", length)), TEXT)

    def visit_strposition(self, node: "Expr") -> Value:
        """POSITION(part IN text)."""
        if given_parts(node, {"this", "substr"}):
            return self.refuse(node)
        return Value(self.call("strpos", self.take("t", node.this), self.take("t", node.args["substr"])), INTEGER)

    def visit_trim(self, node: "Expr") -> Value:
        """TRIM."""
        side, chars = str(node.args.get("position") or "BOTH").upper(), node.args.get("expression")
        name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(side, "trim")
        given = self.take("t", chars) if chars is not None else text(" ")
        return Value(self.call(name, self.take("t", node.this), given), TEXT)

    def visit_interval(self, node: "Expr") -> Value:
        """INTERVAL with one number and one unit."""
        from sqlglot import exp

        unit = node.args.get("unit")
        given = node.this.name if isinstance(node.this, exp.Literal) else ""
        if not given.lstrip("-").isdigit() or not isinstance(unit, exp.Var):
            raise Untranslated(nearest_place(node), "an interval is covered with one whole number and one unit")
        return Value(node.copy(), INTERVAL)

    def visit_currenttimestamp(self, node: "Expr") -> Value:
        """The instant of the run."""
        from sqlglot import exp

        if isinstance(node, exp.CurrentDate):
            return Value(fill("current_date()"), DATE)
        if isinstance(node, exp.Localtimestamp):
            return Value(fill("CAST(now() AS TIMESTAMP)"), TIMESTAMP)
        return Value(fill("now()"), TIMESTAMPTZ)

    visit_currentdate = visit_localtimestamp = visit_currenttimestamp

    def visit_array(self, node: "Expr") -> Value:
        """ARRAY[...]."""
        from sqlglot import exp

        return Value(exp.Array(expressions=self.each(node.expressions)), OTHER)

    def visit_filter(self, node: "Expr") -> Value:
        """An aggregate of some rows."""
        condition = self.condition(node.expression.this)
        return replace(self, filter=condition).over_filter(node.this)

    def over_filter(self, node: "Expr") -> Value:
        """The aggregate before FILTER."""
        from sqlglot import exp

        if not isinstance(node, exp.Anonymous):
            return self.refuse(node)
        return self.function(node, str(node.this), list(node.expressions))

    def over_window(self, node: "Expr") -> Value:
        """An aggregate with FILTER before OVER."""
        from sqlglot import exp

        if isinstance(node, exp.Filter):
            condition = replace(self, over=None).condition(node.expression.this)
            return replace(self, filter=condition).over_filter(node.this)
        return self.refuse(node)
