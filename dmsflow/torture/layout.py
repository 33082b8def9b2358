"""A spec made ready for scratch data: which columns the scratch source has, and the spec that reads them. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from dmsflow.compiler.columns import LoadedColumn, listed_lookups
from dmsflow.model.lookup import Lookup
from dmsflow.model.spec import PipelineSpec, Policy, ScdType
from dmsflow.model.table import DataType, TableName, TypeName
from dmsflow.rehearsal.generated import operations
from dmsflow.rehearsal.made_up import TABLE, Layout, ScratchColumn
from dmsflow.rehearsal.made_up_dimensions import list_dimensions
from dmsflow.torture.scratch import SOURCE

CHUNKS, NEW_CHUNKS = 5, 15
"""Into how many chunks the first day is cut: into more where a checkpoint leaves the other days few rows."""
WORKERS = 2
RETRY = {"attempts": 8, "first_delay": "20ms", "max_delay": "200ms"}
MANY = 1_000_000_000
UNWRITABLE = (TypeName.OTHER, TypeName.HUGEINT)


def lay_out(spec: PipelineSpec, columns: Sequence[LoadedColumn], types: dict[str, DataType]) -> Layout:
    """The scratch source of a spec; ``types`` are those of the source's columns."""
    found: dict[str, ScratchColumn] = {}
    scratch_names: dict[str, str] = {}
    for i, column in enumerate(columns):
        if column.spec.has_value or column.spec.lookup:
            continue
        name = column.source.name if column.source else f"expr_{i}"
        scratch_names[column.name.lower()] = name
        found.setdefault(name, ScratchColumn(name=name, type=column.arrives, column=column))
    effective = (spec.scd.effective_at,) if spec.scd.effective_at else ()
    marked = (spec.scd.within.column,) if spec.scd.within.marked else ()
    looked = [name for _, lookup in listed_lookups(spec) for name in lookup.source_columns]
    for name in (*spec.checkpoint.columns, *effective, *spec.scd.order_by, *marked, *looked):
        found.setdefault(name, ScratchColumn(name=name, type=types[name]))
    if spec.source.op:
        name = spec.source.op.column
        likely = operations(spec, name)
        found[name] = ScratchColumn(name=name, type=DataType(name=TypeName.TEXT), likely=likely)
    parts = {name.lower(): [source for _, source in lookup.key] for name, lookup in listed_lookups(spec)}
    key = (source for name in spec.key for source in parts.get(name.lower(), [scratch_names.get(name.lower())]))
    return Layout(
        columns=tuple(found.values()),
        key=tuple(dict.fromkeys(name for name in key if name is not None)),
        checkpoint=spec.checkpoint.columns if spec.checkpoint.by_key else (),
        effective=effective,
        unique=spec.source.unique,
        append=spec.scd.type is ScdType.APPEND,
    )


def rewrite(spec: PipelineSpec, content: dict[str, Any], columns: Sequence[LoadedColumn], rows: int) -> dict[str, Any]:
    """The spec over the scratch source and its dimensions, as YAML has it, but for its connections."""
    checkpoint = content.get("checkpoint")
    if isinstance(checkpoint, dict):
        checkpoint = {name: value for name, value in checkpoint.items() if name != "settle"}
    chunks = NEW_CHUNKS if spec.checkpoint.by_key else CHUNKS
    parallel: dict[str, Any] = {"workers": WORKERS, "min_rows": 0, "chunk_rows": max(rows * 6 // 10 // chunks, 1)}
    if spec.parallel.chunk_by:
        parallel["chunk_by"] = list(spec.parallel.chunk_by)
    named = name_dimensions(spec)
    dimensions = {lookup: named[dimension.table] for dimension in list_dimensions(spec) for lookup in dimension.lookups}
    target: dict[str, Any] = {"connection": "scratch_target", "table": spec.target.table.table}
    if spec.target.table.schema:
        target["schema"] = spec.target.table.schema
    written: dict[str, Any] = {
        "version": 1,
        "pipeline": spec.pipeline,
        "source": {"connection": SOURCE, "table": TABLE, "unique": spec.source.unique} | _feed(spec),
        "target": target | {"kind": spec.target.kind.value, "unique_index": spec.target.unique_index.value},
        "key": list(spec.key) or None,
        "columns": {column.name: _entry(column, i, dimensions) for i, column in enumerate(columns)},
        "scd": content["scd"],
        "checkpoint": checkpoint,
        "parallel": parallel,
        "retry": RETRY,
        "errors": {"max_rows": MANY},
        "checks": [check for check in content.get("checks") or () if check.get("on", "row") == "row"] or None,
    }
    return {name: value for name, value in written.items() if value is not None}


def _feed(spec: PipelineSpec) -> dict[str, Any]:
    """What the source says of its rows where they are changes."""
    if not spec.is_feed:
        return {}
    op = spec.source.op
    said = ("insert", "update", "delete")
    values = {name: list(value) for name in said if (value := getattr(op, name))} if op else {}
    return {"grain": spec.source.grain.value} | ({"op": {"column": op.column, **values}} if op else {})


def _entry(column: LoadedColumn, position: int, dimensions: Mapping[Lookup, str]) -> dict[str, Any]:
    """One column of the target, from the scratch source."""
    spec = column.spec
    entry: dict[str, Any] = {"scd": _scd(spec.policy)} if spec.policy else {}
    entry |= {name: given for name in ("type1", "previous", "since") if (given := getattr(spec, name)) is not None}
    if spec.lookup is not None:
        return entry | {"lookup": _lookup(spec.lookup, dimensions[spec.lookup])}
    if is_writable(column.type):
        entry["type"] = str(column.type)
    if spec.has_value:
        return entry | {"value": str(spec.value) if isinstance(spec.value, date | datetime | Decimal) else spec.value}
    return entry | {"from": column.source.name if column.source else f"expr_{position}"}


def name_dimensions(spec: PipelineSpec) -> dict[TableName, str]:
    """The dimensions under the names that they have beside the scratch target: their own, where these differ."""
    taken, found = [spec.target.table.table.lower()], {}
    for i, dimension in enumerate(list_dimensions(spec)):
        name = dimension.table.table
        found[dimension.table] = name if name.lower() not in taken else f"{name}_{i}"
        taken.append(name.lower())
    return found


def _lookup(lookup: Lookup, name: str) -> dict[str, Any]:
    """The same lookup, in the scratch."""
    fields = {part: getattr(lookup.fields, part) for part in ("valid_from", "valid_to", "is_current")}
    written = {
        "dimension": f'"{name}"',
        "key": dict(lookup.key),
        "as_of": lookup.as_of,
        "on_miss": lookup.on_miss.value,
        "fields": fields | {"surrogate_key": lookup.surrogate_key},
    }
    return {part: value for part, value in written.items() if value is not None}


def _scd(policy: Policy) -> int | str:
    return int(policy.value) if policy.value.isdigit() else policy.value


def is_writable(data_type: DataType) -> bool:
    """Whether a spec can name the type."""
    return not data_type.foreign and data_type.name not in UNWRITABLE and bool(re.match("[a-z]", str(data_type)))
