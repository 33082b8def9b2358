"""Oracle's (+) as LEFT JOIN. Refuses what Oracle refuses, and what a name does not tell."""

from typing import TYPE_CHECKING

from dmsflow.rehearsal.dialects.calls import Untranslated

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

    from dmsflow.rehearsal.dialects.oracle import OracleRewriter


def join_by_marks(rewriter: "OracleRewriter", select: "Expr") -> "Expr":
    """The tables whose columns are marked, joined from the left by the conditions that mark them."""
    from sqlglot import exp

    where = select.args.get("where")
    if where is None or not any(_is_marked(column) for column in where.find_all(exp.Column)):
        return select
    parts = list(where.this.flatten() if isinstance(where.this, exp.And) else [where.this])
    marked: dict[str, list[Expr]] = {}
    kept = []
    tables = _tables(select)
    for part in parts:
        name = _marked_table(rewriter, part, tables)
        if name is None:
            kept.append(part.copy())
        else:
            marked.setdefault(name, []).append(part.copy())
    made = select.copy()
    made.set("where", exp.Where(this=exp.and_(*kept, copy=False)) if kept else None)
    first, joins = _order(rewriter, select, tables, marked)
    made.set("from_", exp.From(this=first))
    made.set("joins", joins)
    return made


def _is_marked(column: "Expr") -> bool:
    return bool(column.args.get("join_mark"))


def _tables(select: "Expr") -> "dict[str, Expr]":
    tables = {}
    for source in (select.args["from_"].this, *(join.this for join in select.args.get("joins") or ())):
        tables[source.alias_or_name.lower()] = source
    for join in select.args.get("joins") or ():
        if any(join.args.get(name) for name in ("on", "using", "side", "method")):
            raise Untranslated(join.this, "(+) and JOIN stand in one SELECT, which Oracle refuses")
    return tables


def _owner(rewriter: "OracleRewriter", column: "Expr", tables: "dict[str, Expr]") -> str:
    """The table of a column, by its qualifier or as the only one that has it."""
    if column.args.get("table"):
        return str(column.args["table"].name).lower()
    having = []
    for name, source in tables.items():
        columns = rewriter.source(source)[2]
        if columns is None or column.name.lower() in columns:
            having.append(name)
    if len(having) != 1:
        raise Untranslated(column, f'write the table before "{column.name}": the other side of (+) is told by it')
    return having[0]


def _marked_table(rewriter: "OracleRewriter", part: "Expr", tables: "dict[str, Expr]") -> str | None:
    from sqlglot import exp

    columns = list(part.find_all(exp.Column))
    marks = [column for column in columns if _is_marked(column)]
    if not marks:
        return None
    if isinstance(part, exp.Or | exp.Paren) or part.find(exp.Query):
        raise Untranslated(marks[0], "(+) with OR, or with a subquery, is not covered")
    names = {_owner(rewriter, column, tables) for column in marks}
    if len(names) != 1:
        raise Untranslated(marks[0], "(+) stands at two tables in one condition, which Oracle refuses")
    name = names.pop()
    for column in columns:
        if not _is_marked(column) and _owner(rewriter, column, tables) == name:
            raise Untranslated(column, f'"{column.name}" has no (+), and other columns of its table have')
    return name


def _order(
    rewriter: "OracleRewriter", select: "Expr", tables: "dict[str, Expr]", marked: "dict[str, list[Expr]]"
) -> "tuple[Expr, list[Expr]]":
    """The tables that are not marked, then each of the others once all that it is joined to are there."""
    from sqlglot import exp

    for name, conditions in marked.items():
        if name not in tables:
            column = next(column for column in conditions[0].find_all(exp.Column) if _is_marked(column))
            raise Untranslated(column, f'there is no table "{name}" in FROM')
    placed = [name for name in tables if name not in marked]
    if not placed:
        raise Untranslated(select, "every table has a (+)")
    joins: list[Expr] = [exp.Join(this=tables[name].copy(), kind="CROSS") for name in placed[1:]]
    waiting = [name for name in tables if name in marked]
    done = set(placed)
    while waiting:
        ready = next((name for name in waiting if _needs(rewriter, marked[name], tables) - {name} <= done), None)
        if ready is None:
            raise Untranslated(marked[waiting[0]][0], "tables are joined by (+) in a circle")
        waiting.remove(ready)
        done.add(ready)
        conditions = [condition.copy() for condition in marked[ready]]
        for condition in conditions:
            for column in condition.find_all(exp.Column):
                column.set("join_mark", None)
        joins.append(exp.Join(this=tables[ready].copy(), side="LEFT", on=exp.and_(*conditions, copy=False)))
    return tables[placed[0]].copy(), joins


def _needs(rewriter: "OracleRewriter", conditions: "list[Expr]", tables: "dict[str, Expr]") -> set[str]:
    from sqlglot import exp

    return {
        _owner(rewriter, column, tables)
        for condition in conditions
        for column in condition.find_all(exp.Column)
        if column.args.get("table") or column.name.upper() not in ("SYSDATE",)
    }
