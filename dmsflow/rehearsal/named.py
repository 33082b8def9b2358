"""Which source columns the SQL of a spec names, and what they likely hold. Translates nothing."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from dmsflow.compiler.rules.sql import STAGING, STANDARD, hold_places, source_dialect, written_sql
from dmsflow.model.spec import PipelineSpec
from dmsflow.model.table import DataType, TypeName

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

TEXT = DataType(name=TypeName.TEXT)


class NamedColumn(Struct, frozen=True, kw_only=True):
    """A source column that SQL of the spec names: the likely type, and values that it is compared with, as SQL."""

    type: DataType
    likely: tuple[str, ...] = ()


def named_columns(spec: PipelineSpec) -> dict[str, NamedColumn]:
    """The columns that the predicate and the expressions name."""
    import sqlglot
    from sqlglot import exp

    made = {column.name: column.type for column in spec.columns}
    params = {param.name: param.type for param in spec.params}
    found: dict[str, NamedColumn] = {}
    for sql in written_sql(spec, source_dialect(spec)):
        if not sql.prefix or sql.path[0] == "checks":
            continue
        try:
            tree = sqlglot.parse_one(sql.prefix + hold_places(sql.text), read=sql.dialect or STANDARD)
        except sqlglot.ParseError:
            continue
        target = made.get(str(sql.path[1])) if sql.path[0] == "columns" else None
        for column in tree.find_all(exp.Column):
            if column.parent_select is tree and not column.is_star:
                others = [other for other in _compared(column) if not isinstance(other, exp.Column)]
                types = [data_type for other in others if (data_type := _likely_type(other, params))]
                types += _taken_type(column.parent)
                likely = tuple(other.sql(dialect=STAGING) for other in others if isinstance(other, exp.Literal))
                known = found.get(column.name)
                found[column.name] = NamedColumn(
                    type=types[0] if types else known.type if known else target or TEXT,
                    likely=(*(known.likely if known else ()), *(likely if _is_equality(column.parent) else ())),
                )
    return found


def _compared(column: "Expr") -> "Sequence[Expr]":
    """What a column is compared with."""
    from sqlglot import exp

    match column.parent:
        case exp.In() as listed if listed.this is column:
            return listed.expressions
        case exp.Between() as between if between.this is column:
            return [between.args["low"], between.args["high"]]
        case exp.EQ() | exp.NEQ() | exp.GT() | exp.GTE() | exp.LT() | exp.LTE() as compared:
            return [compared.expression if compared.this is column else compared.this]
    return []


def _taken_type(function: "Expr | None") -> list[DataType]:
    """The type that a function takes, where its name tells."""
    from sqlglot import exp

    if isinstance(function, exp.TimeToStr | exp.TimestampTrunc | exp.DateTrunc | exp.Extract | exp.Year | exp.Month):
        return [DataType(name=TypeName.TIMESTAMP)]
    if isinstance(function, exp.Upper | exp.Lower | exp.Trim | exp.Length | exp.Substring):
        return [TEXT]
    return []


def _is_equality(node: "Expr | None") -> bool:
    from sqlglot import exp

    return isinstance(node, exp.EQ | exp.In)


def _likely_type(other: "Expr", params: Mapping[str, DataType]) -> DataType | None:
    """The type of a column that is compared with this."""
    from sqlglot import exp

    match other:
        case exp.Literal():
            name = TypeName.TEXT if other.is_string else TypeName.BIGINT if other.is_int else TypeName.DOUBLE
            return DataType(name=name)
        case exp.Placeholder():
            return params.get(other.name.strip())
        case exp.CurrentTimestamp() | exp.CurrentDate():
            return DataType(name=TypeName.TIMESTAMP)
    return None
