"""Puts a plan together from a builder: the merge in the target's words, every choice, every statement. Pure."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from dmsflow.compiler.build import Builder, build_statements, merge_scope, target_schema
from dmsflow.compiler.check_sql import asks_the_stage, plan_checks, row_warnings
from dmsflow.compiler.chunking import Cut, count_off, count_workers, make_chunks
from dmsflow.compiler.columns import LoadedColumn, source_keeps_key
from dmsflow.compiler.ddl import build_ddl, columns_after_ddl
from dmsflow.compiler.direct import Reading
from dmsflow.compiler.evolution.migration import new_terms, plan_migration
from dmsflow.compiler.explain_choices import explain_choices
from dmsflow.compiler.lookups import padded_parts, shape_lookups
from dmsflow.compiler.member import shape_member
from dmsflow.compiler.remembered import digest_facts, planned_source
from dmsflow.compiler.source_sql import SourceSql
from dmsflow.compiler.surrogates import is_counted, word_keys
from dmsflow.compiler.table_rules import engine_names
from dmsflow.compiler.transfers import SERVER, Route
from dmsflow.engines.engine import Idioms
from dmsflow.model.facts import Facts
from dmsflow.model.plan import CheckpointPlan, Feed, Merge, Plan, PlannedTarget, Statement, Transfer
from dmsflow.model.previous import previous_of
from dmsflow.model.spec import PipelineSpec, Policy, ScdType
from dmsflow.model.table import TypeName
from dmsflow.scd.shape import MergeShape, Padded, Type

FOLLOWED = {Policy.PREVIOUS: Policy.OVERWRITE}
"""How the value of a column itself is written; what it held before stands in columns of the engine's own."""


def merge_shape(
    spec: PipelineSpec, facts: Facts, columns: Sequence[LoadedColumn], cut: Cut, idioms: Idioms
) -> MergeShape:
    """The shape of the merge in the target's own words."""
    by_name = {column.name.lower(): column.name for column in columns}
    scd = spec.scd
    key = tuple(by_name[name.lower()] for name in spec.key)
    return MergeShape(
        table=spec.target.table.table,
        schema=target_schema(spec),
        columns=tuple(column.name for column in columns),
        key=key,
        policies={column.name: FOLLOWED.get(column.policy, column.policy) for column in columns},
        scd=scd.type,
        fields=scd.fields,
        scope=merge_scope(spec, cut),
        deletes=scd.deletes,
        duplicates=scd.duplicates,
        late=scd.late,
        row_id=idioms.row_id,
        has_effective=scd.effective_at is not None,
        first_valid_from=idioms.literal(scd.first_valid_from) if scd.first_valid_from else None,
        open_end=idioms.literal(scd.open_end),
        order_by=len(scd.last_by),
        marks=len(spec.checkpoint.columns) if sql_refuses_null_marks(spec) else 0,
        warnings=len(row_warnings(spec.checks)),
        scope_where=scd.within.where,
        partition=tuple(by_name[name.lower()] for name in scd.within.partition),
        marks_of_deleted=tuple(idioms.literal(value) for value in scd.within.values),
        unfilled=_unfilled(spec, facts, columns),
        carried=_carried(spec, facts, columns),
        range_keys=cut.targets if scd.type is not ScdType.APPEND else (),
        types=_types(facts, columns, key, idioms),
        staged_types=_staged_types(columns, idioms) | padded_parts(spec, facts, idioms),
        feed=spec.is_feed,
        op=spec.source.op if spec.is_feed else None,
        instant=_instant(spec, columns),
        key_from=scd.surrogate.made_from,
        key_words=word_keys(spec, columns, idioms),
        everywhere=tuple(column.name for column in columns if spec.is_everywhere(column.spec)),
        previous=tuple(previous_of(it.spec, it.name) for it in columns if it.policy is Policy.PREVIOUS),
        lookups=shape_lookups(spec, facts, columns, idioms),
        **_flags(spec, facts, idioms),
        **shape_member(spec, columns, idioms),
    )


def _flags(spec: PipelineSpec, facts: Facts, idioms: Idioms) -> dict[str, Any]:
    """How the engine's own two flags are written in the target, set and not."""
    on, off = flag_literals(facts, spec.scd.fields.is_current, idioms)
    gone, here = flag_literals(facts, spec.scd.fields.is_deleted, idioms)
    return {"on": on, "off": off, "gone": gone, "here": here}


def _instant(spec: PipelineSpec, columns: Sequence[LoadedColumn]) -> str | None:
    """The column of a target without history that keeps the business time of its rows, and compares as a time."""
    at = spec.scd.effective_at
    if at is None or not spec.is_feed or spec.scd.type is ScdType.HISTORY:
        return None
    times = ("date", "timestamp", "timestamptz")
    found = (
        it.name for it in columns if it.source and it.source.name.lower() == at.lower() and it.type.family in times
    )
    return next(found, None)


def _unfilled(spec: PipelineSpec, facts: Facts, columns: Sequence[LoadedColumn]) -> frozenset[str]:
    """Columns in which NULL only says that the column is new (law 28)."""
    if facts.target.shape is None:
        return frozenset()
    return frozenset(c.name for c in columns if c.existing is None or c.name in facts.unfilled)


def _carried(spec: PipelineSpec, facts: Facts, columns: Sequence[LoadedColumn]) -> tuple[str, ...]:
    """Columns that only the target has: a version takes them over from the one before."""
    if facts.target.shape is None or spec.scd.type is not ScdType.HISTORY:
        return ()
    known = {column.name.lower() for column in columns} | {name.lower() for name in engine_names(spec)}
    return tuple(c.name for c in facts.target.shape.columns if c.name.lower() not in known and not c.generated)


def sql_refuses_null_marks(spec: PipelineSpec) -> bool:
    """Whether the checkpoint columns are staged, so that a NULL among them is refused."""
    return spec.checkpoint.by_key and spec.checkpoint.on_null == "reject"


def flag_literals(facts: Facts, name: str, idioms: Idioms) -> tuple[str, str]:
    """How the target writes a flag: as a boolean, or as Y and N in a target of the seed's kind."""
    shape = facts.target.shape
    column = shape.find(name) if shape else None
    if column is not None and column.type.family == "text":
        return "'Y'", "'N'"
    if column is not None and column.type.family in ("integer", "decimal"):
        return "1", "0"
    return idioms.flags if column is None else ("TRUE", "FALSE")


def _types(facts: Facts, columns: Sequence[LoadedColumn], key: Sequence[str], idioms: Idioms) -> dict[str, Type]:
    """The types of the columns that are large in the target: those of LOBs, of which no key is."""
    existing = facts.target.shape.columns if facts.target.shape else ()
    kinds = {c.name: c.type for c in columns if c.name not in key} | {c.name: c.type for c in existing}
    large = ((name, kind) for name, kind in kinds.items() if idioms.is_large(kind))
    return {name: sa.LargeBinary() if kind.family == "bytes" else sa.Text() for name, kind in large}


def _staged_types(columns: Sequence[LoadedColumn], idioms: Idioms) -> dict[str, Type]:
    """The types of staged values that are filled up with blanks in the target."""
    found = ((column.name, idioms.compared_as(column.type)) for column in columns)
    return {name: Padded(native) for name, native in found if native}


def make_builder(
    spec: PipelineSpec,
    facts: Facts,
    columns: tuple[LoadedColumn, ...],
    cut: Cut,
    sql: SourceSql,
    checkpoint: CheckpointPlan,
    idioms: Idioms,
    route: Route,
) -> Builder:
    """What the statements are built from."""
    return Builder(
        spec=spec,
        facts=facts,
        columns=columns,
        cut=cut,
        source=sql,
        target=idioms,
        route=route,
        reading=choose_reading(spec, facts, columns, cut, route.transfer),
        checkpoint=checkpoint,
        merge=merge_shape(spec, facts, columns, cut, idioms),
    )


def choose_reading(
    spec: PipelineSpec, facts: Facts, columns: Sequence[LoadedColumn], cut: Cut, transfer: Transfer
) -> Reading:
    """Read directly again where that costs little, once where no reject is expected; else stage."""
    makes_keys = (spec.scd.fields.surrogate_key and not is_counted(spec)) or any(it.lookup for it in spec.columns)
    makes_keys = makes_keys or bool(spec.scd.unknown_member)
    if cut.counted or spec.is_feed or spec.scd.within.scopes or makes_keys or asks_the_stage(spec):
        return Reading.STAGED
    rejects_allowed = spec.errors.max_rows > 0 or spec.errors.max_percent
    if transfer is Transfer.ARROW and not rejects_allowed and _appends_as_sent(spec, facts, columns):
        return Reading.ONCE
    if facts.source.engine == SERVER:
        return _choose_of_server(spec, facts, columns, transfer)
    if transfer is not Transfer.IN_PLACE:
        return Reading.STAGED
    if facts.source.repeatable and not any(column.spec.expr for column in columns):
        return Reading.AGAIN
    return Reading.STAGED if cut.count > 1 or rejects_allowed else Reading.ONCE


def _choose_of_server(spec: PipelineSpec, facts: Facts, columns: Sequence[LoadedColumn], transfer: Transfer) -> Reading:
    """Directly where the server tells that no key repeats: within a database, or into a table that takes all rows."""
    within = transfer is Transfer.IN_PLACE
    piped = transfer is Transfer.COPY and _takes_as_sent(spec, facts, columns)
    if not facts.source.repeatable or not (within or piped):
        return Reading.STAGED
    if spec.scd.type is ScdType.APPEND:
        # The rows are counted before they are inserted where surrogate keys want it, or some may be kept out.
        counted = spec.scd.fields.surrogate_key or (facts.target.shape is not None and facts.target.shape.intercepts)
        return Reading.ONCE if within and not counted else Reading.AGAIN
    return Reading.AGAIN if source_keeps_key(spec, facts, columns) else Reading.STAGED


def _appends_as_sent(spec: PipelineSpec, facts: Facts, columns: Sequence[LoadedColumn]) -> bool:
    """Whether a server can append the rows while they come; for surrogate keys they have to be counted first."""
    appends = spec.scd.type is ScdType.APPEND and not spec.scd.fields.surrogate_key
    server = facts.target.engine == SERVER and facts.source.repeatable
    return appends and server and _takes_as_sent(spec, facts, columns)


def _takes_as_sent(spec: PipelineSpec, facts: Facts, columns: Sequence[LoadedColumn]) -> bool:
    """Whether rows can be written as they are sent: by type append, or into a new table; nothing casts them there."""
    shape, fields = facts.target.shape, spec.scd.fields
    if shape is None:
        return True
    if shape.intercepts:
        return False
    own = {fields.surrogate_key: TypeName.BIGINT, fields.inserted_at: TypeName.TIMESTAMP}
    found = [(column, kind) for name, kind in own.items() if name and (column := shape.find(name)) is not None]
    same = all(column.existing is None or column.existing.type == column.type for column in columns)
    return spec.scd.type is ScdType.APPEND and same and all(column.type.name is kind for column, kind in found)


def planned_target(builder: Builder) -> PlannedTarget:
    """The target as a plan names it."""
    spec, target = builder.spec, builder.facts.target
    return PlannedTarget(
        connection=spec.target.connection,
        engine=target.engine,
        table=spec.target.table,
        exists=target.shape is not None,
        columns=columns_after_ddl(builder),
        surrogate_key=spec.scd.fields.surrogate_key,
        estimated_rows=target.estimated_rows,
    )


def build_plan(builder: Builder, boundaries: Statement | None, clock: str, spec_digest: str) -> Plan:
    """Every choice and every statement of a run."""
    spec, facts = builder.spec, builder.facts
    statements, faults = build_statements(builder)
    if boundaries is not None:
        statements = (*statements, boundaries)
    chunks = make_chunks(builder.cut, facts)
    workers, why_workers = count_workers(spec, facts, len(chunks))
    return Plan(
        pipeline=spec.pipeline,
        spec_file=str(Path(spec.file).absolute()) if spec.file else "",
        source=planned_source(spec, facts),
        target=planned_target(builder),
        scd=spec.scd.type,
        key=builder.merge.key,
        transfer=builder.transfer,
        direct=builder.direct,
        merge=Merge.PER_CHUNK if len(chunks) > 1 else Merge.ONCE,
        scope=builder.merge.scope,
        deletes=spec.scd.deletes,
        chunk_by=builder.cut.keys,
        chunks=chunks,
        workers=workers,
        checkpoint=builder.checkpoint,
        ddl=build_ddl(builder),
        statements=statements,
        faults=faults,
        guards=spec.guards,
        errors=spec.errors,
        retry=spec.retry,
        decisions=explain_choices(builder, workers, why_workers),
        digests=digest_facts(spec_digest, facts),
        clock=clock,
        snapshot=builder.reads_snapshot,
        counted=count_off(spec, builder.cut),
        checks=plan_checks(builder, faults),
        feed=Feed(remembers=spec.remembers, window=spec.scd.window) if spec.is_feed else None,
        within=spec.scd.within.scope,
        params=tuple((param.name, str(param.value)) for param in spec.params if param.value is not None),
        columns=tuple(column.name for column in builder.columns),
        looked_up=tuple(lookup.column for lookup in builder.merge.lookups),
        migration=plan_migration(builder),
        terms=new_terms(builder),
    )
