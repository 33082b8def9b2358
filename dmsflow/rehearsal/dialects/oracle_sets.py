"""Oracle's aggregates that sort: LISTAGG, PERCENTILE, KEEP (DENSE_RANK FIRST)."""

from dataclasses import replace
from typing import TYPE_CHECKING

from dmsflow.rehearsal.dialects.calls import Untranslated
from dmsflow.rehearsal.dialects.kinds import INTEGER, MAX_SCALE, TEXT, Kind, Type, Value
from dmsflow.rehearsal.dialects.templates import decimal, fill, text

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

    from dmsflow.rehearsal.dialects.oracle import OracleRewriter

KEPT = ("MIN", "MAX", "SUM", "AVG", "COUNT")


def list_texts(rewriter: "OracleRewriter", node: "Expr") -> Value:
    """LISTAGG(value, separator) WITHIN GROUP (ORDER BY ...)."""
    from sqlglot import exp

    if node.args.get("on_overflow"):
        raise Untranslated(_at(node), "LISTAGG with ON OVERFLOW TRUNCATE is not covered")
    inside = replace(rewriter, over=None)
    order = node.this if isinstance(node.this, exp.Order) else None
    given = order.this if order is not None else node.this
    distinct = isinstance(given, exp.Distinct)
    item = given.expressions[0] if distinct else given
    value = inside.take("t", item)
    separator = node.args.get("separator")
    between = fill("coalesce({s}, '')", s=inside.take("t", separator)) if separator is not None else text("")
    listed: Expr = exp.Distinct(expressions=[value]) if distinct else value
    if order is not None:
        between = exp.Order(
            this=between, expressions=[inside.ordered(part, positions=False) for part in order.expressions]
        )
    joined = rewriter.spread(exp.Anonymous(this="string_agg", expressions=[listed, between]))
    return Value(rewriter.call("nullif", joined, text("")), TEXT)


def within_group(rewriter: "OracleRewriter", node: "Expr") -> Value:
    """PERCENTILE_CONT and PERCENTILE_DISC."""
    from sqlglot import exp

    name = str(node.this.this).upper() if isinstance(node.this, exp.Anonymous) else ""
    if name not in ("PERCENTILE_CONT", "PERCENTILE_DISC") or len(node.expression.expressions) != 1:
        raise Untranslated(_at(node), f"there is no translation of {name or node.key.upper()} WITHIN GROUP to DuckDB")
    inside = replace(rewriter, over=None)
    ordered = node.expression.expressions[0]
    value = inside.value(ordered.this)
    part = decimal(inside.take("n", node.this.expressions[0]), MAX_SCALE)
    return percentile(rewriter, name, value, part, ordered)


def percentile(rewriter: "OracleRewriter", name: str, value: Value, part: "Expr", ordered: "Expr") -> Value:
    """The value at a part of the sorted ones; between two of them it is computed."""
    from sqlglot import exp

    exact = name == "PERCENTILE_CONT"
    if exact and value.kind is not Kind.NUMBER:
        raise Untranslated(ordered.this, f"{name} of a {value.kind.value} is not covered")
    sql = decimal(value.sql, MAX_SCALE) if exact else value.sql
    sort = exp.Ordered(this=sql.copy(), desc=ordered.args.get("desc"), nulls_first=False)
    made = rewriter.spread(exp.Anonymous(this="list", expressions=[exp.Order(this=sql, expressions=[sort])]))
    called = rewriter.call("ora_percentile" if exact else "ora_percentile_disc", made, part)
    return Value(called, Type(Kind.NUMBER, MAX_SCALE) if exact else value.type)


def keep(rewriter: "OracleRewriter", node: "Expr") -> Value:
    """AGGREGATE(value) KEEP (DENSE_RANK FIRST | LAST ORDER BY ...)."""
    from sqlglot import exp

    inner = node.this
    name = str(inner.this).upper() if isinstance(inner, exp.Anonymous) else ""
    ranked = node.args.get("alias")
    if name not in KEPT or ranked is None or ranked.name.upper() != "DENSE_RANK" or len(inner.expressions) != 1:
        raise Untranslated(_at(node), "this KEEP is not covered")
    argument = inner.expressions[0]
    if isinstance(argument, exp.Distinct):
        raise Untranslated(argument, "KEEP with DISTINCT is not covered")
    inside = replace(rewriter, over=None)
    star = isinstance(argument, exp.Star)
    value = Value(exp.Literal.number(1), INTEGER) if star else inside.value(argument)
    if name in ("SUM", "AVG"):
        value = inside.numeric(value, argument)
        value = Value(inside.fixed(value), value.type)
    sorts = [
        _turned(inside.ordered(part, positions=False), last=not node.args.get("first"))
        for part in node.args["order"].expressions
    ]
    keys = ", ".join(f"k{index} := {{k{index}}}" for index in range(len(sorts)))
    packed = fill(
        f"struct_pack(k := struct_pack({keys}), v := {{v}})",
        v=value.sql,
        **{f"k{index}": part.this for index, part in enumerate(sorts)},
    )
    listed = rewriter.spread(exp.Anonymous(this="list", expressions=[exp.Order(this=packed, expressions=sorts)]))
    kept = rewriter.call("ora_kept", listed)
    return _fold(rewriter, name, kept, value)


def _fold(rewriter: "OracleRewriter", name: str, kept: "Expr", value: Value) -> Value:
    def aggregate(function: str) -> "Expr":
        return rewriter.call("list_aggregate", kept.copy(), text(function))

    if name == "COUNT":
        return Value(aggregate("count"), INTEGER)
    if name == "AVG":
        total = Value(aggregate("sum"), value.type)
        return rewriter.divide(total, Value(aggregate("count"), INTEGER))
    return Value(aggregate(name.lower()), value.type)


def _turned(part: "Expr", *, last: bool) -> "Expr":
    """The order, the other way round for LAST."""
    if last:
        part.set("desc", not part.args.get("desc"))
        part.set("nulls_first", not part.args.get("nulls_first"))
    return part


def _at(node: "Expr") -> "Expr":
    return node
