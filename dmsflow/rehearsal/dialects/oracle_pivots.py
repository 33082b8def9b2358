"""Oracle's PIVOT and UNPIVOT as groups and unions. Refuses a pivot whose columns have no name."""

from typing import TYPE_CHECKING

from dmsflow.rehearsal.dialects.calls import Untranslated

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

    from dmsflow.rehearsal.dialects.oracle import OracleRewriter


def unfold_pivots(rewriter: "OracleRewriter", select: "Expr") -> "Expr":
    """Each pivoted source as a subquery."""
    origin = select.args.get("from_")
    sources = [origin.this] if origin else []
    sources += [join.this for join in select.args.get("joins") or ()]
    if not any(source.args.get("pivots") for source in sources):
        return select
    made = select.copy()
    for source in [made.args["from_"].this, *(join.this for join in made.args.get("joins") or ())]:
        if source.args.get("pivots"):
            source.replace(_unfold(rewriter, source))
    return made


def _unfold(rewriter: "OracleRewriter", source: "Expr") -> "Expr":
    from sqlglot import exp

    pivots = source.args["pivots"]
    pivot = pivots[0]
    if len(pivots) > 1 or len(pivot.args["fields"]) != 1 or not isinstance(pivot.args["fields"][0], exp.In):
        raise Untranslated(pivot, "this PIVOT is not covered")
    bare = source.copy()
    bare.set("pivots", None)
    columns = rewriter.source(bare)[2]
    if columns is None:
        raise Untranslated(pivot, "the columns that a PIVOT groups by cannot be told")
    build = _unpivot if pivot.args.get("unpivot") else _pivot
    alias = pivot.args.get("alias") or source.args.get("alias")
    return exp.Subquery(this=build(pivot, bare, list(columns)), alias=alias.copy() if alias else None)


def _pivot(pivot: "Expr", source: "Expr", columns: list[str]) -> "Expr":
    from sqlglot import exp

    field = pivot.args["fields"][0]
    used = {column.name.lower() for part in (*pivot.expressions, field.this) for column in part.find_all(exp.Column)}
    keys = [exp.column(name, quoted=False) for name in columns if name not in used]
    made: list[Expr] = [key.copy() for key in keys]
    for value in field.expressions:
        if not isinstance(value, exp.PivotAlias | exp.Alias):
            raise Untranslated(value, "give the value of a PIVOT a name: IN ('A' AS a)")
        for part in pivot.expressions:
            call = part.unalias()
            name = value.args["alias"].name + (f"_{part.alias}" if isinstance(part, exp.Alias) else "")
            if not isinstance(call, exp.Anonymous) or len(call.expressions) != 1:
                raise Untranslated(part, "this aggregate of a PIVOT is not covered")
            if len(pivot.expressions) > 1 and not isinstance(part, exp.Alias):
                raise Untranslated(part, "give each aggregate of a PIVOT a name")
            made.append(exp.alias_(_counted(call, field.this, value.this), name))
    group = exp.Group(expressions=keys) if keys else None
    return exp.Select(expressions=made, from_=exp.From(this=source), group=group)


def _counted(call: "Expr", field: "Expr", value: "Expr") -> "Expr":
    """The aggregate of the rows with that value."""
    from sqlglot import exp

    argument = call.expressions[0]
    given = exp.Literal.number(1) if isinstance(argument, exp.Star) else argument
    distinct = isinstance(given, exp.Distinct)
    item = given.expressions[0] if distinct else given
    test = exp.EQ(this=field.copy(), expression=value.copy())
    chosen: Expr = exp.Case(ifs=[exp.If(this=test, true=item.copy())])
    made = call.copy()
    made.set("expressions", [exp.Distinct(expressions=[chosen]) if distinct else chosen])
    return made


def _unpivot(pivot: "Expr", source: "Expr", columns: list[str]) -> "Expr":
    from sqlglot import exp

    field = pivot.args["fields"][0]
    if len(pivot.expressions) != 1 or not isinstance(pivot.expressions[0], exp.Column | exp.Identifier):
        raise Untranslated(pivot, "UNPIVOT of several columns at once is not covered")
    value_name, name = pivot.expressions[0].name, field.this.name
    given = [_named(part) for part in field.expressions]
    used = {part.name.lower() for part, _ in given}
    kept = [exp.column(column) for column in columns if column not in used]
    parts: list[Expr] = []
    for column, alias in given:
        label = exp.Literal.string(column.name.upper()) if alias is None else alias.copy()
        value = exp.column(column.name)
        selected = [*(key.copy() for key in kept), exp.alias_(label, name), exp.alias_(value.copy(), value_name)]
        filled = exp.Where(this=exp.Not(this=exp.Is(this=value, expression=exp.Null())))
        where = None if pivot.args.get("include_nulls") else filled
        parts.append(exp.Select(expressions=selected, from_=exp.From(this=source.copy()), where=where))
    made = parts[0]
    for part in parts[1:]:
        made = exp.Union(this=made, expression=part, distinct=False)
    return made


def _named(part: "Expr") -> "tuple[Expr, Expr | None]":
    """A column of IN, and the label that it is given."""
    from sqlglot import exp

    return (part.this, part.args["alias"]) if isinstance(part, exp.PivotAlias | exp.Alias) else (part, None)
