"""What only Oracle's SELECT has, said in SQL that others have too: levels without a table, pivots. Reads raw trees."""

from typing import TYPE_CHECKING

from dmsflow.rehearsal.dialects.calls import Untranslated
from dmsflow.rehearsal.dialects.oracle_joins import join_by_marks
from dmsflow.rehearsal.dialects.oracle_pivots import unfold_pivots
from dmsflow.rehearsal.dialects.oracle_rownum import number_rows, own_columns

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

    from dmsflow.rehearsal.dialects.oracle import OracleRewriter

LEVELS = "levels"
"""The mark of a source that counts levels; it holds how many."""


def prepare(rewriter: "OracleRewriter", select: "Expr") -> "Expr":
    """The SELECT without (+), ROWNUM, CONNECT BY LEVEL, PIVOT and UNPIVOT."""
    for step in (_check_sets, unfold_pivots, _count_levels, join_by_marks, number_rows):
        select = step(rewriter, select)
    return select


def _check_sets(rewriter: "OracleRewriter", select: "Expr") -> "Expr":
    """An alias right behind a digit is Oracle's 1d or 1f."""
    from sqlglot import exp

    for part in select.expressions:
        if isinstance(part, exp.Alias) and isinstance(part.this, exp.Literal):
            end, start = part.this.meta.get("end"), part.args["alias"].meta.get("start")
            if end is not None and start == end + 1 and not part.args["alias"].args.get("quoted"):
                raise Untranslated(part.this, "a binary number such as 1d is not covered: write TO_NUMBER or a decimal")
    return select


def _count_levels(rewriter: "OracleRewriter", select: "Expr") -> "Expr":
    """CONNECT BY LEVEL <= n over DUAL is a series of numbers."""
    from sqlglot import exp

    connect = select.args.get("connect")
    if connect is None:
        return select
    table = select.args["from_"].this if select.args.get("from_") else None
    only_dual = isinstance(table, exp.Table) and table.name.upper() == "DUAL" and not select.args.get("joins")
    count = _level_count(connect.args.get("connect"))
    if table is None or not only_dual or connect.args.get("start") or count is None:
        raise Untranslated(
            connect,
            "CONNECT BY is covered as CONNECT BY LEVEL <= n over DUAL: write the hierarchy as WITH ... UNION ALL",
        )
    made = select.copy()
    made.set("connect", None)
    series = table.copy()
    series.meta[LEVELS] = count.copy()
    made.set("from_", exp.From(this=series))
    for column in own_columns(made, "ROWNUM"):
        column.replace(exp.column("level"))
    return made


def _level_count(condition: "Expr | None") -> "Expr | None":
    from sqlglot import exp

    if not isinstance(condition, exp.LT | exp.LTE) or not isinstance(condition.this, exp.Column | exp.Pseudocolumn):
        return None
    if condition.this.name.upper() not in ("LEVEL", "ROWNUM"):
        return None
    if isinstance(condition, exp.LTE):
        count: Expr = condition.expression
        return count
    ceiling = exp.Anonymous(this="CEIL", expressions=[condition.expression.copy()])
    return exp.Sub(this=ceiling, expression=exp.Literal.number(1))
