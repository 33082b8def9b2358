"""Oracle's ROWNUM as a number over the rows of a source. Refuses a number that is given before rows are ordered."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dmsflow.rehearsal.dialects.calls import Untranslated

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

    from dmsflow.rehearsal.dialects.oracle import OracleRewriter

NUMBERED, ORDERED = "_dms_rownum", "_dms_order"


def own_columns(select: "Expr", name: str) -> "list[Expr]":
    """The columns of that name that belong to this SELECT, not to one inside."""
    from sqlglot import exp

    return [
        column
        for column in select.find_all(exp.Column, exp.Pseudocolumn)
        if column.name.upper() == name
        and not column.args.get("table")
        and not column.this.args.get("quoted")
        and column.find_ancestor(exp.Select) is select
    ]


def number_rows(rewriter: "OracleRewriter", select: "Expr") -> "Expr":
    """The SELECT over its source with numbers, or over the first rows of it."""
    from sqlglot import exp

    found = own_columns(select, "ROWNUM")
    if not found or select.args.get("from_") is None:
        return select
    if select.args.get("order"):
        raise Untranslated(found[0], "ROWNUM is counted before ORDER BY: order in a subquery, and count around it")
    for column in found:
        if column.find_ancestor(exp.Join, exp.Having, exp.Group, exp.Select) is not select:
            raise Untranslated(column, "ROWNUM is covered in the select list and in WHERE")
    made = select.copy()
    limits, others = _split(made)
    if made.args.get("joins"):
        return _number_join(made, limits, others)
    source = made.args["from_"].this
    order, hidden = _order_of(source)
    numbered = exp.Window(this=exp.Anonymous(this="ROW_NUMBER"), order=order, over="OVER")
    inner = exp.Select(
        expressions=[_star(source, hidden), exp.alias_(numbered.copy(), NUMBERED)],
        from_=exp.From(this=source.copy()),
        where=exp.Where(this=exp.and_(*others, copy=False)) if others else None,
        qualify=_qualify(limits, numbered),
    )
    alias = source.alias_or_name
    made.set("where", None)
    made.set(
        "from_",
        exp.From(this=exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier(alias)) if alias else None)),
    )
    for column in own_columns(made, "ROWNUM"):
        column.replace(exp.column(NUMBERED))
    _hide(made)
    return made


def _split(select: "Expr") -> "tuple[list[Expr], list[Expr]]":
    """The conditions on ROWNUM, and the others."""
    from sqlglot import exp

    where = select.args.get("where")
    if where is None:
        return [], []
    limits, others = [], []
    for part in where.this.flatten() if isinstance(where.this, exp.And) else [where.this]:
        inside = [column for column in own_columns(select, "ROWNUM") if _is_within(column, part)]
        if not inside:
            others.append(part.copy())
        elif (limit := _limit(part)) is not None:
            limits.append(limit)
        else:
            raise Untranslated(inside[0], "ROWNUM in a condition is covered as ROWNUM <= n, ROWNUM < n and ROWNUM = 1")
    return limits, others


def _is_within(node: "Expr", whole: "Expr") -> bool:
    at: Expr | None = node
    while at is not None and at is not whole:
        at = at.parent
    return at is whole


def _limit(part: "Expr") -> "Expr | None":
    """ROWNUM on the left of < or <=."""
    from sqlglot import exp

    if isinstance(part, exp.GT | exp.GTE) and _is_rownum(part.expression):
        turned = exp.LT if isinstance(part, exp.GT) else exp.LTE
        part = turned(this=part.expression.copy(), expression=part.this.copy())
    if isinstance(part, exp.Between) and _is_rownum(part.this) and part.args["low"].name in ("0", "1"):
        part = exp.LTE(this=part.this.copy(), expression=part.args["high"].copy())
    if isinstance(part, exp.EQ) and _is_rownum(part.this) and part.expression.name == "1":
        part = exp.LTE(this=part.this.copy(), expression=part.expression.copy())
    if isinstance(part, exp.LT | exp.LTE) and _is_rownum(part.this) and not part.expression.find(exp.Column):
        return part.copy()
    return None


def _is_rownum(node: "Expr") -> bool:
    from sqlglot import exp

    return isinstance(node, exp.Column | exp.Pseudocolumn) and node.name.upper() == "ROWNUM"


def _qualify(limits: "list[Expr]", numbered: "Expr") -> "Expr | None":
    from sqlglot import exp

    if not limits:
        return None
    parts = []
    for limit in limits:
        limit.set("this", numbered.copy())
        parts.append(limit)
    return exp.Qualify(this=exp.and_(*parts, copy=False))


def _star(source: "Expr", hidden: bool) -> "Expr":
    from sqlglot import exp

    return exp.Star(except_=[exp.to_identifier(ORDERED, quoted=True)]) if hidden else exp.Star()


def _hide(select: "Expr") -> None:
    """No * shows the number."""
    from sqlglot import exp

    for part in select.expressions:
        star = part if isinstance(part, exp.Star) else part.this if isinstance(part, exp.Column) else None
        if isinstance(star, exp.Star):
            star.set("except_", [*(star.args.get("except_") or ()), exp.to_identifier(NUMBERED, quoted=True)])


def _order_of(source: "Expr") -> "tuple[Expr | None, bool]":
    """The order of a subquery, kept as a column of it."""
    from sqlglot import exp

    inner = source.this if isinstance(source, exp.Subquery) else None
    order = inner.args.get("order") if inner is not None else None
    if order is None or inner is None or inner.args.get("limit") or inner.args.get("offset"):
        if inner is not None and order is not None:
            raise Untranslated(order, "ROWNUM over a subquery with FETCH or OFFSET is not covered")
        return None, False
    if isinstance(inner, exp.Select) and not inner.args.get("distinct"):
        keys = [_key(part, inner) for part in order.expressions]
        inner.set("order", None)
        inner.append("expressions", _position(keys))
    else:
        keys = [_named_key(part, inner) for part in order.expressions]
        inner.set("order", None)
        wrapped = exp.Select(
            expressions=[exp.Star(), _position(keys)], from_=exp.From(this=exp.Subquery(this=inner.copy()))
        )
        source.set("this", wrapped)
    return exp.Order(expressions=[exp.Ordered(this=exp.column(ORDERED, quoted=True), nulls_first=False)]), True


def _position(keys: "list[Expr]") -> "Expr":
    from sqlglot import exp

    window = exp.Window(this=exp.Anonymous(this="ROW_NUMBER"), order=exp.Order(expressions=keys), over="OVER")
    return exp.alias_(window, ORDERED, quoted=True)


def _outputs(query: "Expr") -> "Iterator[Expr]":
    from sqlglot import exp

    if isinstance(query, exp.Query):
        yield from query.selects


def _key(part: "Expr", inner: "Expr") -> "Expr":
    """An order key with positions and aliases replaced by what they stand for."""
    from sqlglot import exp

    made = part.copy()
    outputs = list(_outputs(inner))
    named = {output.alias.lower(): output.this for output in outputs if isinstance(output, exp.Alias)}
    key = made.this
    if isinstance(key, exp.Literal) and key.is_int:
        chosen = outputs[int(key.this) - 1] if int(key.this) <= len(outputs) else None
        if chosen is None or chosen.is_star:
            raise Untranslated(part.this, "this position is not one of a column that is written")
        made.set("this", chosen.unalias().copy())
        return made
    made.set("this", key.transform(lambda node: _unaliased(node, named)))
    return made


def _unaliased(node: "Expr", named: "dict[str, Expr]") -> "Expr":
    from sqlglot import exp

    if isinstance(node, exp.Column) and not node.args.get("table") and node.name.lower() in named:
        return named[node.name.lower()].copy()
    return node


def _named_key(part: "Expr", inner: "Expr") -> "Expr":
    """An order key of a set or of different rows: a column that it returns."""
    from sqlglot import exp

    made = part.copy()
    key, outputs = made.this, list(_outputs(inner))
    if isinstance(key, exp.Literal) and key.is_int and int(key.this) <= len(outputs):
        key = exp.column(outputs[int(key.this) - 1].alias_or_name)
    if not isinstance(key, exp.Column):
        raise Untranslated(part.this, "order different rows by a column that is selected")
    made.set("this", exp.column(key.name))
    return made


def _number_join(select: "Expr", limits: "list[Expr]", others: "list[Expr]") -> "Expr":
    """Rows of a join, counted as they come."""
    from sqlglot import exp

    grouped = any(select.args.get(name) for name in ("group", "having", "distinct"))
    windows = [window for window in select.find_all(exp.Window) if window.find_ancestor(exp.Select) is select]
    aggregates = [
        call
        for call in select.find_all(exp.Anonymous)
        if call.find_ancestor(exp.Select) is select and str(call.this).upper() in ("COUNT", "SUM", "MIN", "MAX", "AVG")
    ]
    if grouped or windows or aggregates:
        at = own_columns(select, "ROWNUM")[0]
        raise Untranslated(at, "ROWNUM with groups over a join is not covered: count in a subquery")
    select.set("where", exp.Where(this=exp.and_(*others, copy=False)) if others else None)
    numbered = exp.Window(this=exp.Anonymous(this="ROW_NUMBER"), over="OVER")
    select.set("qualify", _qualify(limits, numbered))
    for column in own_columns(select, "ROWNUM"):
        column.replace(numbered.copy())
    return select
