"""Columns that are looked up in a dimension: what they meet there, in the target's words. Runs nothing."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from dmsflow.compiler.columns import LoadedColumn, place_dimension
from dmsflow.compiler.looked_up import compared_family, found_type, staged_parts
from dmsflow.compiler.statements import compile_statement
from dmsflow.engines.duckdb_sql import PART
from dmsflow.engines.engine import Idioms, Value
from dmsflow.engines.name_keys import UNKNOWN_NUMBER, UNKNOWN_UUID
from dmsflow.model.facts import Facts
from dmsflow.model.lookup import OnMiss
from dmsflow.model.plan import Fault, Side, Statement
from dmsflow.model.spec import PipelineSpec
from dmsflow.model.table import DataType, TableShape
from dmsflow.scd import lookups, staging
from dmsflow.scd.lookup_shape import LookupShape, key_column, time_column
from dmsflow.scd.shape import MergeShape, Padded, Query
from dmsflow.scd.untyped import type_faults

if TYPE_CHECKING:
    from dmsflow.compiler.build import Builder


def shape_lookups(
    spec: PipelineSpec, facts: Facts, columns: Sequence[LoadedColumn], idioms: Idioms
) -> tuple[LookupShape, ...]:
    """The lookups of the spec as the dimensions are, in the order of the columns."""
    return tuple(
        _shape(spec, facts.dimension(column.spec.name), column, i, idioms)
        for i, column in enumerate(it for it in columns if it.spec.lookup)
    )


def _shape(spec: PipelineSpec, found: TableShape, column: LoadedColumn, number: int, idioms: Idioms) -> LookupShape:
    lookup = column.spec.lookup
    assert lookup is not None
    fields, table = lookup.fields, place_dimension(spec, lookup)
    current = None if lookup.as_of else found.find(fields.is_current)
    surrogate = stored(found, lookup.surrogate_key)
    unknown = None
    if lookup.on_miss is OnMiss.UNKNOWN:
        family = compared_family(found_type(found, lookup.surrogate_key))
        keys: dict[str | None, Value] = {"uuid": UNKNOWN_UUID, "text": str(UNKNOWN_UUID)}
        unknown = idioms.literal(keys.get(family, UNKNOWN_NUMBER))
    return LookupShape(
        column=column.name,
        dimension=table.table,
        schema=PART.join(part for part in (table.catalog, table.schema) if part) or None,
        surrogate_key=surrogate,
        key=tuple((stored(found, name), key_column(number, i)) for i, (name, _) in enumerate(lookup.key)),
        told=lookup.source_columns,
        at=time_column(number) if lookup.as_of else None,
        valid_from=stored(found, fields.valid_from),
        valid_to=stored(found, fields.valid_to),
        is_current=current.name if current else None,
        on=_write_flag(current.type, idioms) if current else "",
        unknown=unknown,
        content=column.name not in spec.key,
        inserted_at=_name_of(found, fields.inserted_at),
        modified_at=_name_of(found, fields.modified_at),
    )


def _name_of(shape: TableShape, name: str) -> str | None:
    """A column that a dimension need not have."""
    column = shape.find(name)
    return column.name if column else None


def stored(shape: TableShape, name: str) -> str:
    """The name of a column as the table has it."""
    column = shape.find(name)
    return column.name if column else name


def _write_flag(data_type: DataType, idioms: Idioms) -> str:
    """How a table says that a version is the current one: as a target of its own kind does."""
    if data_type.family == "text":
        return "'Y'"
    return "1" if data_type.family in ("integer", "decimal") else idioms.flags[0]


def padded_parts(spec: PipelineSpec, facts: Facts, idioms: Idioms) -> dict[str, Padded]:
    """The types of staged parts that are compared with columns that are filled up with blanks."""
    found = ((name, idioms.compared_as(kind)) for name, _, kind in staged_parts(spec, facts))
    return {name: Padded(native) for name, native in found if native}


def stage_rows(
    merge: MergeShape, plan_staging: staging.Staging, rows: sa.FromClause
) -> tuple[Query, tuple[Fault, ...]]:
    """The select that stages rows, and the faults of staging and of the lookups after it."""
    staged, faults = staging.stage_rows(merge, plan_staging, rows)
    faults = (*faults, *type_faults(plan_staging, faults))
    return staged, (*faults, *lookups.number_faults(merge, faults))


def look_up(builder: "Builder", faults: Sequence[Fault]) -> Iterator[Statement]:
    """The statements that look up, in the target; ``faults`` are those of stage_rows."""
    merge = builder.merge
    own = faults[len(faults) - 2 * len(merge.lookups) :]
    for name, element in lookups.lookup_statements(merge, own):
        yield compile_statement(name, Side.TARGET, element, builder.target)
