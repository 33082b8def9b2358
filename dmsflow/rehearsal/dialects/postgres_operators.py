"""PostgreSQL's operators: integers divide to integers, numerics exactly. Knows no function."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmsflow.rehearsal.dialects.calls import Untranslated
from dmsflow.rehearsal.dialects.kinds import (
    DATE,
    FLOAT,
    INTEGER,
    INTERVAL,
    MAX_SCALE,
    MOMENTS,
    NULL,
    NUMBERS,
    TEXT,
    TIMESTAMP,
    Kind,
    Type,
    Value,
)
from dmsflow.rehearsal.dialects.rewriter import Rewriter
from dmsflow.rehearsal.dialects.scope import nearest_place
from dmsflow.rehearsal.dialects.templates import cast, decimal, fill

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

TIMES = (*MOMENTS, Kind.TIMESTAMPTZ)


@dataclass(frozen=True, kw_only=True)
class PostgresOperators(Rewriter):
    """Arguments in the type that they are used in; +, -, *, / and ||."""

    def take(self, letter: str, node: "Expr") -> "Expr":
        """An argument: t text, n number, i integer, d moment, a any."""
        value = self.value(node)
        wanted = {"t": (Kind.TEXT,), "n": NUMBERS, "i": (Kind.NUMBER,), "d": TIMES}.get(letter)
        if wanted and value.kind not in (*wanted, Kind.NULL, Kind.UNKNOWN):
            raise Untranslated(nearest_place(node), f"a {value.kind.value} is not covered as this argument")
        if letter == "i":
            return cast(value.sql, "BIGINT")
        if letter == "n" and value.kind is Kind.NUMBER and not value.type.whole:
            return decimal(value.sql, min(value.type.scale, MAX_SCALE))
        return value.sql

    def unify(self, node: "Expr", parts: "Sequence[Expr]") -> "tuple[list[Expr], Type]":
        """Values of one type category."""
        values = [self.value(part) for part in parts]
        types = [value.type for value in values if value.kind is not Kind.NULL]
        sqls = [value.sql for value in values]
        if not types:
            return sqls, NULL
        kinds = {kind.kind for kind in types}
        if kinds <= set(NUMBERS):
            whole = all(kind.whole for kind in types)
            scale = max(kind.scale for kind in types)
            return sqls, FLOAT if Kind.FLOAT in kinds else Type(Kind.NUMBER, scale, whole)
        return sqls, next((kind for kind in types if kind.kind is not Kind.TEXT), types[0])

    def as_text(self, value: Value, node: "Expr") -> "Expr":
        """A value as both databases write it."""
        if value.kind in (Kind.TEXT, Kind.NULL):
            return value.sql
        if value.kind is Kind.NUMBER or value.kind in (Kind.DATE, Kind.BOOLEAN):
            return cast(value.sql, "VARCHAR")
        raise Untranslated(nearest_place(node), f"DuckDB writes a {value.kind.value} otherwise: write to_char")

    def visit_neg(self, node: "Expr") -> Value:
        """A number with the other sign."""
        from sqlglot import exp

        inner = self.value(node.this)
        return Value(exp.Neg(this=inner.sql), inner.type)

    def visit_add(self, node: "Expr") -> Value:
        """Numbers, or moments and distances."""
        from sqlglot import exp

        left, right = self.value(node.this), self.value(node.expression)
        kinds = (left.kind, right.kind)
        if Kind.UNKNOWN in kinds or Kind.TEXT in kinds:
            raise Untranslated(nearest_place(node), "the type of one side cannot be told: cast it")
        made = exp.Paren(this=type(node)(this=left.sql, expression=right.sql))
        if all(kind in (*NUMBERS, Kind.NULL) for kind in kinds):
            return self._number(node, left, right)
        if kinds == (Kind.DATE, Kind.DATE):
            return Value(made, INTEGER)
        if Kind.DATE in kinds and Kind.NUMBER in kinds:
            return Value(made, DATE)
        if all(kind in TIMES for kind in kinds):
            return Value(made, INTERVAL)
        if Kind.INTERVAL in kinds and any(kind in TIMES for kind in kinds):
            moment = next(value for value in (left, right) if value.kind in TIMES)
            return Value(made, TIMESTAMP if moment.kind is Kind.DATE else moment.type)
        if kinds == (Kind.INTERVAL, Kind.INTERVAL):
            return Value(made, INTERVAL)
        raise Untranslated(nearest_place(node), f"a {left.kind.value} and a {right.kind.value} are not covered here")

    visit_sub = visit_add

    def _number(self, node: "Expr", left: Value, right: Value) -> Value:
        from sqlglot import exp

        if Kind.FLOAT in (left.kind, right.kind):
            return Value(exp.Paren(this=type(node)(this=left.sql, expression=right.sql)), FLOAT)
        if left.type.whole and right.type.whole:
            return Value(exp.Paren(this=type(node)(this=left.sql, expression=right.sql)), INTEGER)
        times = isinstance(node, exp.Mul)
        scale = left.type.scale + right.type.scale if times else max(left.type.scale, right.type.scale)
        both = [decimal(value.sql, min(value.type.scale, MAX_SCALE)) for value in (left, right)]
        if times and scale > MAX_SCALE:
            return Value(self.call("exact_mul", *both), Type(Kind.NUMBER, MAX_SCALE))
        return Value(exp.Paren(this=type(node)(this=both[0], expression=both[1])), Type(Kind.NUMBER, scale))

    def visit_mul(self, node: "Expr") -> Value:
        """A product."""
        from sqlglot import exp

        left, right = self.value(node.this), self.value(node.expression)
        kinds = {left.kind, right.kind}
        if Kind.INTERVAL in kinds and (left.type.whole or right.type.whole):
            return Value(exp.Paren(this=exp.Mul(this=left.sql, expression=right.sql)), INTERVAL)
        if not kinds <= {*NUMBERS, Kind.NULL}:
            raise Untranslated(nearest_place(node), "the type of one side cannot be told: cast it")
        return self._number(node, left, right)

    def visit_div(self, node: "Expr") -> Value:
        """A quotient: whole of integers, exact of numerics."""
        left, right = self.value(node.this), self.value(node.expression)
        if not {left.kind, right.kind} <= {*NUMBERS, Kind.NULL}:
            told = "whether this divides integers cannot be told: cast one side of it"
            raise Untranslated(nearest_place(node), told)
        return self.divide(left, right)

    def divide(self, left: Value, right: Value) -> Value:
        """The quotient of two numbers."""
        if Kind.FLOAT in (left.kind, right.kind):
            sql = "CASE WHEN {b} = 0 THEN error('division by zero') ELSE {a} / {b} END"
            return Value(fill(sql, a=left.sql, b=right.sql), FLOAT)
        if left.type.whole and right.type.whole:
            return Value(self.call("pg_int_div", left.sql, right.sql), INTEGER)
        scale = min(max(left.type.scale, right.type.scale), MAX_SCALE)
        both = (decimal(left.sql, scale), decimal(right.sql, scale))
        return Value(self.call("exact_div", *both), Type(Kind.NUMBER, MAX_SCALE))

    def visit_mod(self, node: "Expr") -> Value:
        """A rest of integers."""
        parts = [part.this if type(part).__name__ == "Paren" else part for part in (node.this, node.expression)]
        left, right = (self.value(part) for part in parts)
        if not (left.type.whole and right.type.whole):
            raise Untranslated(nearest_place(node), "% is covered between integers")
        return Value(self.call("pg_int_mod", left.sql, right.sql), INTEGER)

    def visit_dpipe(self, node: "Expr") -> Value:
        """Texts joined; NULL makes NULL."""
        from sqlglot import exp

        parts = [self.as_text(self.value(part), part) for part in (node.this, node.expression)]
        return Value(exp.Paren(this=exp.DPipe(this=parts[0], expression=parts[1])), TEXT)

    def alike(self, node: "Expr", left: "Expr", right: "Expr") -> "tuple[Expr, Expr]":
        """Two values; the server refuses a number beside a text column, and so does this."""
        from sqlglot import exp

        if isinstance(left, exp.Tuple):
            return Rewriter.alike(self, node, left, right)
        first, second = self.value(left), self.value(right)
        if {first.kind, second.kind} == {Kind.NUMBER, Kind.TEXT}:
            odd, value = (left, first) if first.kind is Kind.TEXT else (right, second)
            if not isinstance(value.sql, exp.Literal):
                raise Untranslated(nearest_place(odd), "a text is compared with a number: cast one of them")
        return first.sql, second.sql
