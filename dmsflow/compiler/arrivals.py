"""What arrives and what is staged of it, column by column, for whoever stages. Builds no statement."""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from dmsflow.compiler.check_sql import row_predicate, row_warnings
from dmsflow.compiler.columns import INSTANT, TEXT, LoadedColumn
from dmsflow.compiler.looked_up import staged_parts
from dmsflow.compiler.member import member_key
from dmsflow.engines.typing_words import TypingIdioms
from dmsflow.model.facts import Facts
from dmsflow.model.plan import ARRIVES, Transfer
from dmsflow.model.table import Column, DataType, find_wider
from dmsflow.scd import staging

if TYPE_CHECKING:
    from dmsflow.compiler.build import Builder


def make_staging(builder: "Builder") -> staging.Staging:
    """How arriving columns become staged ones."""
    extra = [_extra(builder, i, name) for i, name in enumerate(builder.extra_columns())]
    first = len(extra)
    parts = enumerate(staged_parts(builder.spec, builder.facts), start=first)
    effective = extra.pop(0) if builder.spec.scd.effective_at else None
    marked = extra.pop() if builder.spec.scd.within.marked else None
    op = extra.pop() if builder.merge.op else None
    orders = len(builder.spec.scd.last_by)
    return staging.Staging(
        columns=tuple(_arrival(builder, i, column) for i, column in enumerate(builder.columns)),
        effective=effective,
        order_by=tuple(extra[:orders]),
        marks=tuple(extra[orders:]),
        marked=marked,
        lookups=tuple((name, _exact(builder, _part(builder, i, source, kind))) for i, (name, source, kind) in parts),
        op=op,
        checks=tuple((check.name, row_predicate(check)) for check in builder.spec.checks if check.rejects),
        warnings=tuple(row_predicate(check) for check in row_warnings(builder.spec.checks)),
        member=member_key(builder.spec, builder.columns, builder.stager),
        reject_null_marks=builder.source.refuses_null_marks,
    )


def _arrival(builder: "Builder", position: int, column: LoadedColumn) -> staging.Arrival:
    facts = builder.facts
    return staging.Arrival(
        name=column.name,
        raw=f"{ARRIVES}{position}",
        arrives=column.arrives,
        type=column.type,
        type_sql=builder.stager.type_sql(column.type),
        required=column.existing is not None and not column.existing.nullable,
        looked_up=column.spec.lookup is not None,
        blank_is_null=facts.source.as_text and column.arrives.family == "text",
        loose=_arrives_loose(builder, column.arrives),
        at_home=builder.staged_by_server,
        formats=_formats(builder, column.source.name, column.type) if column.source else (),
        nan_allowed=facts.target.stores_nan,
        instant=column.arrives.family == "timestamptz" and column.type.family in ("date", "timestamp"),
        far_times_allowed=facts.target.stores_far_times,
        nul_allowed=facts.target.stores_nul or not facts.source.stores_nul,
        empty_is_null=facts.target.empty_is_null,
        filled_up=builder.target.compared_as(column.type) is not None,
        longest=builder.target.longest(column.type, builder.merge.count_compared(column.name)),
        unstorable=_unstorable(facts),
        untyped=_stays_untyped(builder, column.type),
    )


def _extra(builder: "Builder", position: int, name: str) -> staging.Arrival:
    column = builder.facts.source.shape.find(name)
    assert column is not None
    wanted = INSTANT if builder.spec.scd.effective_at and position == 0 else _compared_type(builder, column)
    if builder.merge.op and position == len(builder.extra_columns()) - 1:
        wanted = TEXT
    return _part(builder, position, name, wanted)


def _part(builder: "Builder", position: int, name: str, wanted: DataType) -> staging.Arrival:
    """A source column beside the user's, in the type that it is compared in."""
    facts = builder.facts
    column = facts.source.shape.find(name)
    assert column is not None
    return staging.Arrival(
        name=column.name,
        raw=f"_dms_x{position}",
        arrives=facts.source.arrives(column.name, column.type),
        type=wanted,
        type_sql=builder.stager.type_sql(wanted),
        blank_is_null=facts.source.as_text,
        loose=_arrives_loose(builder, column.type),
        at_home=builder.staged_by_server,
        formats=_formats(builder, column.name, wanted),
        instant=wanted is INSTANT and column.type.family in ("text", "timestamptz"),
        nan_allowed=facts.target.stores_nan,
        far_times_allowed=facts.target.stores_far_times,
        nul_allowed=facts.target.stores_nul or not facts.source.stores_nul,
        unstorable=_unstorable(facts),
        untyped=_stays_untyped(builder, wanted),
    )


def _exact(builder: "Builder", part: staging.Arrival) -> staging.Arrival:
    """A part that is looked up as it is: rounded, or cut to its day, it would find somebody else."""
    wider = find_wider(part.arrives, part.type)
    return part if wider is None else replace(part, wider=builder.stager.type_sql(wider))


def _stays_untyped(builder: "Builder", wanted: DataType) -> bool:
    """Whether a value that arrives may be one for everybody but the target, which reads it as it comes in.

    A source that stages its rows itself has read all others already.
    """
    arrives = builder.transfer is Transfer.ARROW or (builder.transfer is Transfer.COPY and wanted.foreign)
    return arrives and isinstance(builder.target, TypingIdioms) and builder.target.tells_alone(wanted)


def _unstorable(facts: Facts) -> str | None:
    """What a text of the source may hold that one of the target cannot."""
    return None if facts.source.unstorable == facts.target.unstorable else facts.target.unstorable


def _arrives_loose(builder: "Builder", arrives: DataType) -> bool:
    """Whether a value may be none of its type when it is staged; where its own database stages it, none is."""
    return not builder.staged_by_server and arrives.is_among(builder.facts.source.loose)


def _compared_type(builder: "Builder", column: Column) -> DataType:
    """Text of a file that is loaded as a number is also ordered as one."""
    ordered = column.name in builder.spec.scd.order_by
    if not builder.facts.source.as_text or column.type.family != "text" or not ordered:
        return column.type
    declared = (it.type for it in builder.columns if it.source is not None and it.source.name == column.name)
    return next(declared, column.type)


def _formats(builder: "Builder", name: str, wanted: DataType) -> tuple[str, ...]:
    """The formats in which a text file writes a date, when it is to become one."""
    if wanted.family not in ("date", "timestamp"):
        return ()
    return tuple(form for column, form in builder.facts.source.formats if column == name)
