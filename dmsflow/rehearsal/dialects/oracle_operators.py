"""Oracle's operators: exact numbers, dates that days are added to. Knows no function."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmsflow.rehearsal.dialects.calls import Untranslated
from dmsflow.rehearsal.dialects.kinds import (
    DATE,
    DAYS,
    FLOAT,
    MAX_SCALE,
    MOMENTS,
    TEXTS,
    TIMESTAMPTZ,
    Kind,
    Type,
    Value,
)
from dmsflow.rehearsal.dialects.scope import nearest_place
from dmsflow.rehearsal.dialects.templates import decimal, fill

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

from dmsflow.rehearsal.dialects.oracle_coercion import OracleCoercion


@dataclass(frozen=True, kw_only=True)
class OracleOperators(OracleCoercion):
    """+, -, * and /."""

    def visit_add(self, node: "Expr") -> Value:
        """Numbers, or a date and a distance."""
        from sqlglot import exp

        left, right = self.value(node.this), self.value(node.expression)
        minus = isinstance(node, exp.Sub)
        if left.kind in MOMENTS and right.kind in MOMENTS and minus:
            return self._between_moments(node, left, right)
        if left.kind in MOMENTS:
            return self._shift(node, left, right, minus=minus)
        if right.kind in MOMENTS and not minus:
            return self._shift(node, right, left, minus=False)
        intervals = (Kind.DAYS, Kind.MONTHS)
        if left.kind in intervals and right.kind is left.kind:
            return Value(type(node)(this=left.sql, expression=right.sql), left.type)
        if Kind.TIMESTAMPTZ in (left.kind, right.kind) and Kind.DAYS in (left.kind, right.kind):
            return Value(type(node)(this=left.sql, expression=right.sql), TIMESTAMPTZ)
        first, second = self.numeric(left, node.this), self.numeric(right, node.expression)
        if Kind.FLOAT in (first.kind, second.kind):
            return Value(type(node)(this=first.sql, expression=second.sql), FLOAT)
        scale = max(first.type.scale, second.type.scale)
        return Value(
            exp.Paren(this=type(node)(this=self.fixed(first), expression=self.fixed(second))), Type(Kind.NUMBER, scale)
        )

    visit_sub = visit_add

    def _between_moments(self, node: "Expr", left: Value, right: Value) -> Value:
        from sqlglot import exp

        both = (self.as_date(left, node.this), self.as_date(right, node.expression))
        kinds = {left.kind, right.kind}
        if kinds == {Kind.DATE}:
            return Value(self.call("ora_days_between", *both), Type(Kind.NUMBER, MAX_SCALE))
        if Kind.TIMESTAMP in kinds:
            return Value(exp.Paren(this=exp.Sub(this=both[0], expression=both[1])), DAYS)
        raise Untranslated(
            nearest_place(node),
            "whether this is a number of days or an interval cannot be told: write CAST(... AS DATE)",
        )

    def _shift(self, node: "Expr", moment: Value, by: Value, *, minus: bool) -> Value:
        from sqlglot import exp

        at = self.as_date(moment, node)
        if by.kind in (Kind.NUMBER, Kind.NULL, Kind.FLOAT, *TEXTS):
            days = self.as_number(by, node.expression)
            return Value(self.call("ora_add_days", at, exp.Neg(this=exp.Paren(this=days)) if minus else days), DATE)
        if by.kind is Kind.DAYS:
            return Value(exp.Paren(this=(exp.Sub if minus else exp.Add)(this=at, expression=by.sql)), moment.type)
        if by.kind is Kind.MONTHS:
            months = fill("datepart('year', {i}) * 12 + datepart('month', {i})", i=by.sql)
            sign = exp.Neg(this=exp.Paren(this=months)) if minus else months
            return Value(self.call("ora_plus_months", at, sign), moment.type)
        raise Untranslated(node, f"a {by.kind.value} cannot be added to a date")

    def visit_mul(self, node: "Expr") -> Value:
        """A product, exact."""
        from sqlglot import exp

        left, right = self.value(node.this), self.value(node.expression)
        for first, second in ((left, right), (right, left)):
            if first.kind is Kind.DAYS and second.kind is Kind.NUMBER:
                size = self.call("ora_interval_us", first.sql)
                return Value(fill("to_microseconds(CAST(round({i} * {n}) AS BIGINT))", i=size, n=second.sql), DAYS)
        first, second = self.numeric(left, node.this), self.numeric(right, node.expression)
        if Kind.FLOAT in (first.kind, second.kind):
            return Value(exp.Mul(this=first.sql, expression=second.sql), FLOAT)
        scale = first.type.scale + second.type.scale
        both = (self.fixed(first), self.fixed(second))
        if scale > MAX_SCALE:
            return Value(self.call("exact_mul", *both), Type(Kind.NUMBER, MAX_SCALE))
        return Value(exp.Paren(this=exp.Mul(this=both[0], expression=both[1])), Type(Kind.NUMBER, scale))

    def visit_div(self, node: "Expr") -> Value:
        """A quotient, exact also of integers."""
        sides = [self.numeric(self.value(part), part) for part in (node.this, node.expression)]
        return self.divide(*sides)

    def divide(self, left: Value, right: Value) -> Value:
        """The exact quotient of two numbers, with 18 digits behind its point."""
        from sqlglot import exp

        if Kind.FLOAT in (left.kind, right.kind):
            return Value(exp.Div(this=left.sql, expression=right.sql, typed=False, safe=True), FLOAT)
        scale = min(max(left.type.scale, right.type.scale), MAX_SCALE)
        return Value(
            self.call("exact_div", decimal(left.sql, scale), decimal(right.sql, scale)), Type(Kind.NUMBER, MAX_SCALE)
        )
