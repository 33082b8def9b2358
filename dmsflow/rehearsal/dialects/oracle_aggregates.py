"""Oracle's aggregates and analytic functions."""

from dataclasses import replace
from typing import TYPE_CHECKING

from dmsflow.rehearsal.dialects.calls import Build, Untranslated
from dmsflow.rehearsal.dialects.kinds import INTEGER, MAX_SCALE, MOMENTS, TEXT, TEXTS, Kind, Type, Value
from dmsflow.rehearsal.dialects.oracle_sets import percentile
from dmsflow.rehearsal.dialects.templates import decimal, fill

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

    from dmsflow.rehearsal.dialects.oracle import OracleRewriter

AGGREGATES = ("COUNT", "SUM", "AVG", "MIN", "MAX", "MEDIAN", "STDDEV", "VARIANCE")
EXACT = Type(Kind.NUMBER, MAX_SCALE)


def _argument(rewriter: "OracleRewriter", arguments: "list[Expr]") -> "tuple[Expr, bool]":
    """What is aggregated, and whether equal values count once."""
    from sqlglot import exp

    _check_inner(rewriter, arguments)
    given = arguments[0]
    if isinstance(given, exp.Distinct):
        if len(given.expressions) != 1:
            raise Untranslated(given, "DISTINCT of several values is not covered")
        return given.expressions[0], True
    return given, False


def _check_inner(rewriter: "OracleRewriter", arguments: "list[Expr]") -> None:
    """Refuse SUM in MAX; an aggregate over a window may hold one."""
    from sqlglot import exp

    for argument in arguments if rewriter.over is None else ():
        for call in argument.find_all(exp.Anonymous):
            inside = call.find_ancestor(exp.Select) is argument.find_ancestor(exp.Select)
            if inside and str(call.this).upper() in AGGREGATES and not isinstance(call.parent, exp.Window):
                raise Untranslated(
                    call, "an aggregate of an aggregate is not covered: write the inner one in a subquery"
                )


def _aggregate(rewriter: "OracleRewriter", name: str, value: "Expr", *, distinct: bool = False) -> "Expr":
    from sqlglot import exp

    given = exp.Distinct(expressions=[value]) if distinct else value
    return rewriter.spread(exp.Anonymous(this=name, expressions=[given]))


def count(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """COUNT of rows or of values."""
    from sqlglot import exp

    argument, distinct = _argument(rewriter, arguments)
    if isinstance(argument, exp.Star):
        return Value(rewriter.spread(fill("count(*)")), INTEGER)
    return Value(_aggregate(rewriter, "count", rewriter.value(argument).sql, distinct=distinct), INTEGER)


def total(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """SUM, exact."""
    argument, distinct = _argument(rewriter, arguments)
    value = rewriter.numeric(rewriter.value(argument), argument)
    sql = value.sql if value.kind is Kind.FLOAT else rewriter.fixed(value)
    return Value(_aggregate(rewriter, "sum", sql, distinct=distinct), Type(value.kind, value.type.scale))


def average(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """The quotient of SUM and COUNT."""
    argument, distinct = _argument(rewriter, arguments)
    summed = total(rewriter, node, arguments)
    value = rewriter.value(argument).sql
    counted = Value(_aggregate(rewriter, "count", value, distinct=distinct), INTEGER)
    if summed.kind is Kind.FLOAT:
        return Value(fill("{s} / nullif({c}, 0)", s=summed.sql, c=counted.sql), summed.type)
    return rewriter.divide(summed, counted)


def extreme(name: str) -> Build:
    """MIN or MAX."""

    def build(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
        argument, _ = _argument(rewriter, arguments)
        value = rewriter.value(argument)
        sql = rewriter.as_date(value, argument) if value.kind in MOMENTS else value.sql
        kind = TEXT if value.kind in TEXTS else value.type
        return Value(_aggregate(rewriter, name, sql), kind)

    return build


def median(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """The middle value, or the mean of the two in the middle."""
    from sqlglot import exp

    argument, distinct = _argument(rewriter, arguments)
    if distinct:
        raise Untranslated(node, "MEDIAN with DISTINCT is not covered")
    value = rewriter.numeric(rewriter.value(argument), argument)
    half = decimal(exp.Literal.number("0.5"), MAX_SCALE)
    return percentile(rewriter, "PERCENTILE_CONT", value, half, exp.Ordered(this=argument))


def binary(name: str, count: int) -> Build:
    """An aggregate that DuckDB computes in binary."""

    def build(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
        from sqlglot import exp

        given = [fill("CAST({x} AS DOUBLE)", x=rewriter.take("n", part)) for part in arguments]
        called = rewriter.spread(exp.Anonymous(this=name, expressions=given))
        return Value(rewriter.call("exact_decimal", called), EXACT)

    return build


def spread_of(name: str) -> Build:
    """STDDEV and VARIANCE: 0 of one value."""

    def build(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
        argument, distinct = _argument(rewriter, arguments)
        if distinct:
            raise Untranslated(node, "DISTINCT is not covered here")
        sample = binary(name, 1)(rewriter, node, arguments)
        counted = _aggregate(rewriter, "count", rewriter.take("n", argument))
        return Value(fill("CASE WHEN {c} = 1 THEN 0 ELSE {s} END", c=counted, s=sample.sql), EXACT)

    return build


def grouping(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """Which keys a row of subtotals leaves out, as bits."""
    return Value(rewriter.call("grouping", *rewriter.each(arguments)), INTEGER)


def _needs_window(rewriter: "OracleRewriter", node: "Expr") -> None:
    if rewriter.over is None:
        raise Untranslated(node, f"{str(node.this).upper()} stands without OVER")


def ranking(name: str) -> Build:
    """A number by the order of the window."""

    def build(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
        _needs_window(rewriter, node)
        given = [fill("CAST({n} AS BIGINT)", n=rewriter.take("n", part)) for part in arguments]
        return Value(rewriter.spread(rewriter.call(name, *given)), INTEGER)

    return build


def share(name: str) -> Build:
    """PERCENT_RANK and CUME_DIST as exact quotients."""

    def build(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
        _needs_window(rewriter, node)
        over = rewriter.over
        assert over is not None
        whole = over.copy()
        whole.set("order", None)
        rows = replace(rewriter, over=whole).spread(fill("count(*)"))
        if name == "cume_dist":
            upto = Value(rewriter.spread(fill("count(*)")), INTEGER)
            return rewriter.divide(upto, Value(rows, INTEGER))
        before = fill("{r} - 1", r=rewriter.spread(rewriter.call("rank")))
        others = fill("greatest({n} - 1, 1)", n=rows)
        return rewriter.divide(Value(before, INTEGER), Value(others, INTEGER))

    return build


def neighbour(name: str) -> Build:
    """The value of another row of the window."""

    def build(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
        from sqlglot import exp

        _needs_window(rewriter, node)
        first, rest = arguments[0], list(arguments[1:])
        nulls = type(first) if isinstance(first, exp.IgnoreNulls | exp.RespectNulls) else None
        argument = first.this if nulls else first
        value = rewriter.value(argument)
        sql = rewriter.as_date(value, argument) if value.kind in MOMENTS else value.sql
        given = [sql]
        if rest:
            given.append(fill("CAST({n} AS BIGINT)", n=rewriter.take("n", rest[0])))
        if len(rest) > 1:
            given.append(rewriter.convert(rewriter.value(rest[1]), rest[1], value.type))
        called = rewriter.call(name, *given)
        if nulls is exp.IgnoreNulls:
            # sqlglot writes IGNORE NULLS only inside functions that it knows.
            kind = {"lag": exp.Lag, "lead": exp.Lead, "nth_value": exp.NthValue}.get(name)
            kind = kind or (exp.FirstValue if name == "first_value" else exp.LastValue)
            named = dict(zip(("this", "offset", "default"), given, strict=False))
            called = exp.IgnoreNulls(this=kind(**named))
        return Value(rewriter.spread(called), value.type)

    return build


def ratio(rewriter: "OracleRewriter", node: "Expr", arguments: "list[Expr]") -> Value:
    """A value's share of the sum of its window."""
    _needs_window(rewriter, node)
    value = rewriter.numeric(rewriter.value(arguments[0]), arguments[0])
    return rewriter.divide(value, total(rewriter, node, arguments))
