"""Builds the plan: every choice and every statement of a run. Pure: a spec and facts in, a plan out."""

from collections.abc import Iterator, Sequence
from enum import StrEnum

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from dmsflow.compiler.chunking import Cut
from dmsflow.compiler.columns import INSTANT, LoadedColumn
from dmsflow.compiler.source_sql import SourceSql
from dmsflow.compiler.statements import Relation, compile_statement
from dmsflow.engines.duckdb_sql import PART, DuckDBIdioms
from dmsflow.engines.engine import Idioms
from dmsflow.marks.names import GONE_PREFIX, REJECT
from dmsflow.marks.tables import forget_columns, mark_statements, mark_table
from dmsflow.model.facts import Facts
from dmsflow.model.plan import ARRIVES, CheckpointPlan, Fault, RangeShape, Scope, Side, Statement, Transfer
from dmsflow.model.spec import Deletes, PipelineSpec, ScdType
from dmsflow.model.table import Column, DataType
from dmsflow.scd import classify, duplicates, rejects, staging, write
from dmsflow.scd.shape import DELTA, STAGE, MergeShape
from dmsflow.scd.verify import verify_history

INCOMING = "_dms_incoming"

ENDS = {
    RangeShape.WHOLE: (False, False),
    RangeShape.FIRST: (False, True),
    RangeShape.MIDDLE: (True, True),
    RangeShape.LAST: (True, False),
}


class Reading(StrEnum):
    """How a chunk's rows are read: into a stage, or first where they are; then again if need be, or once."""

    STAGED = "staged"
    AGAIN = "again"
    ONCE = "once"


class Builder(Struct, frozen=True, kw_only=True):
    """What the statements of one plan are built from."""

    spec: PipelineSpec
    facts: Facts
    columns: tuple[LoadedColumn, ...]
    cut: Cut
    source: SourceSql
    target: Idioms
    transfer: Transfer
    reading: Reading
    checkpoint: CheckpointPlan
    merge: MergeShape

    @property
    def refined(self) -> bool:
        """Whether a private DuckDB stages the rows, because the target is none."""
        return self.facts.target.engine != "duckdb"

    @property
    def direct(self) -> bool:
        """Whether a chunk is first merged without a stage."""
        return self.reading is not Reading.STAGED

    @property
    def sweeps_directly(self) -> bool:
        """Whether rows that are read where they are can be compared with the target, and counted."""
        lines = self.facts.source.lines is not None and self.merge.scope is Scope.SWEEP
        return self.merge.keyed and (self.reading is Reading.AGAIN or (self.reading is Reading.ONCE and lines))

    @property
    def fills(self) -> bool:
        """Whether chunks may insert what they read: type append, or no two of them can bring the same key."""
        return not self.merge.keyed or {*self.cut.targets} <= {*self.merge.key}

    @property
    def shapes(self) -> tuple[RangeShape, ...]:
        """The range shapes that the chunks have."""
        if self.cut.count == 1:
            return (RangeShape.WHOLE,)
        return (RangeShape.FIRST, RangeShape.MIDDLE, RangeShape.LAST)

    def extra_columns(self) -> tuple[str, ...]:
        """Source columns that are staged beside the user's: business time, order, checkpoint."""
        names = [self.spec.scd.effective_at] if self.spec.scd.effective_at else []
        names += [*self.spec.scd.order_by]
        if self.source.refuses_null_marks:
            names += [*self.checkpoint.columns]
        found = [self.facts.source.shape.find(name) for name in names]
        return tuple(column.name for column in found if column is not None)

    def make_staging(self) -> staging.Staging:
        """How arriving columns become staged ones."""
        extra = [self._extra(i, name) for i, name in enumerate(self.extra_columns())]
        effective = extra.pop(0) if self.spec.scd.effective_at else None
        orders = len(self.spec.scd.order_by)
        return staging.Staging(
            columns=tuple(self._arrival(i, column) for i, column in enumerate(self.columns)),
            effective=effective,
            order_by=tuple(extra[:orders]),
            marks=tuple(extra[orders:]),
            checks=tuple((check.name, check.expr) for check in self.spec.checks),
            reject_null_marks=self.source.refuses_null_marks,
        )

    def _arrival(self, position: int, column: LoadedColumn) -> staging.Arrival:
        source = column.source
        return staging.Arrival(
            name=column.name,
            raw=f"{ARRIVES}{position}",
            arrives=column.arrives,
            type=column.type,
            type_sql=DuckDBIdioms().type_sql(column.type),
            required=column.existing is not None and not column.existing.nullable,
            blank_is_null=self.facts.source.as_text and column.arrives.family == "text",
            loose=column.arrives.is_among(self.facts.source.loose),
            formats=self._formats(source.name, column.type) if source else (),
            nan_allowed=self.facts.target.stores_nan,
            instant=column.arrives.family == "timestamptz" and column.type.family in ("date", "timestamp"),
            far_times_allowed=self.facts.target.stores_far_times,
            nul_allowed=self.facts.target.stores_nul or not self.facts.source.stores_nul,
        )

    def _extra(self, position: int, name: str) -> staging.Arrival:
        column = self.facts.source.shape.find(name)
        assert column is not None
        wanted = INSTANT if self.spec.scd.effective_at and position == 0 else self._compared_type(column)
        return staging.Arrival(
            name=column.name,
            raw=f"_dms_x{position}",
            arrives=self.facts.source.arrives(column.name, column.type),
            type=wanted,
            type_sql=DuckDBIdioms().type_sql(wanted),
            blank_is_null=self.facts.source.as_text,
            loose=column.type.is_among(self.facts.source.loose),
            formats=self._formats(column.name, wanted),
            instant=wanted is INSTANT and column.type.family in ("text", "timestamptz"),
            nan_allowed=self.facts.target.stores_nan,
            far_times_allowed=self.facts.target.stores_far_times,
            nul_allowed=self.facts.target.stores_nul or not self.facts.source.stores_nul,
        )

    def _compared_type(self, column: Column) -> DataType:
        """Text of a file that is loaded as a number is also ordered as one."""
        if not self.facts.source.as_text or column.type.family != "text" or column.name not in self.spec.scd.order_by:
            return column.type
        declared = (it.type for it in self.columns if it.source is not None and it.source.name == column.name)
        return next(declared, column.type)

    def _formats(self, name: str, wanted: DataType) -> tuple[str, ...]:
        """The formats in which a text file writes a date, when it is to become one."""
        if wanted.family not in ("date", "timestamp"):
            return ()
        return tuple(form for column, form in self.facts.source.formats if column == name)


def build_statements(builder: Builder) -> tuple[tuple[Statement, ...], tuple[Fault, ...]]:
    """Every statement of the plan, and the faults that the staging statement numbers."""
    found: list[Statement] = []
    faults: tuple[Fault, ...] = ()
    for shape in builder.shapes:
        made, faults = _staging_statements(builder, shape)
        found += made
    if builder.cut.count > 1:
        rows = builder.source.projection((), (), (), builder.checkpoint, lower=False, upper=False).subquery("counted")
        counted = sa.select(sa.func.count()).select_from(rows)
        found.append(compile_statement("count_source", Side.SOURCE, counted, builder.source.idioms))
    found += _merge_statements(builder, faults)
    schema = builder.merge.schema
    found += [
        compile_statement(name, Side.TARGET, element, builder.target) for name, element in mark_statements(schema)
    ]
    return tuple(found), faults


def _staging_statements(builder: Builder, shape: RangeShape) -> tuple[list[Statement], tuple[Fault, ...]]:
    """Reading and staging one range, and what is asked of it before it is merged."""
    lower, upper = ENDS[shape]
    merge, target = builder.merge, builder.target
    projection = builder.source.projection(
        builder.columns, builder.extra_columns(), builder.cut.keys, builder.checkpoint, lower=lower, upper=upper
    )
    plan_staging = builder.make_staging()
    if builder.transfer is Transfer.IN_PLACE:
        staged, faults = staging.stage_rows(merge, plan_staging, projection.subquery("arriving"))
        found = [compile_statement("stage", Side.TARGET, staged, target, shape=shape, temporary=STAGE)]
        if builder.direct:
            sound = staging.sound_rows(merge, plan_staging, projection.subquery("arriving"))
            found += _direct_statements(builder, sound.subquery("sound"), shape)
        found += _reading_statements(builder, faults, shape)
        return found, faults
    found = [compile_statement("read", Side.SOURCE, projection, builder.source.idioms, shape=shape)]
    incoming = Relation(f'"{INCOMING}"', projection.subquery().c.keys())
    staged, faults = staging.stage_rows(merge, plan_staging, incoming)
    if builder.refined:
        found.append(compile_statement("refine", Side.REFINERY, staged, DuckDBIdioms(), shape=RangeShape.ANY))
        found.append(_create_stage(builder, plan_staging))
    else:
        found.append(compile_statement("stage", Side.TARGET, staged, target, temporary=STAGE))
    found += _reading_statements(builder, faults, shape)
    return _once(found, shape), faults


def _once(statements: list[Statement], shape: RangeShape) -> list[Statement]:
    """Drop what an earlier range shape has brought already."""
    first = shape in (RangeShape.WHOLE, RangeShape.FIRST)
    return [statement for statement in statements if first or statement.shape is not RangeShape.ANY]


def _reading_statements(builder: Builder, faults: Sequence[Fault], shape: RangeShape) -> Iterator[Statement]:
    """Statements that read staged rows."""
    merge, target, stage = builder.merge, builder.target, builder.merge.stage()
    lower, upper = ENDS[shape]
    if shape in (RangeShape.WHOLE, RangeShape.FIRST):
        yield from _probing_statements(builder, stage, RangeShape.ANY, "")
        if builder.fills:
            refused = rejects.reject_statements(merge, faults, mark_table(REJECT, merge.schema), stage)
            yield compile_statement("refuse", Side.TARGET, refused, target)
            yield compile_statement("fill", Side.TARGET, write.insert_all(merge, stage), target)
    if merge.keyed:
        own = shape if merge.range_keys else RangeShape.ANY
        chosen = classify.classify(merge, stage, lower, upper)
        yield compile_statement("classify", Side.TARGET, chosen, target, shape=own, temporary=DELTA)
        current = classify.current_rows(merge, lower, upper)
        yield compile_statement("current_rows", Side.TARGET, current, target, shape=own)


def _probing_statements(builder: Builder, rows: sa.FromClause, shape: RangeShape, suffix: str) -> Iterator[Statement]:
    """Statements that only count rows."""
    merge, target = builder.merge, builder.target
    yield compile_statement(f"probe{suffix}", Side.TARGET, duplicates.probe(merge, rows), target, shape=shape)
    if merge.keyed and target.streams_windows:
        climbs = duplicates.count_climbs(merge, rows)
        yield compile_statement(f"climbs{suffix}", Side.TARGET, climbs, target, shape=shape)
    if merge.keyed:
        matched = classify.matched_rows(merge, rows)
        yield compile_statement(f"matched{suffix}", Side.TARGET, matched, target, shape=shape)


def _direct_statements(builder: Builder, sound: sa.FromClause, shape: RangeShape) -> Iterator[Statement]:
    """Statements that read a chunk's rows where they are, each of them sound."""
    merge, target, lines = builder.merge, builder.target, builder.facts.source.lines
    if builder.reading is Reading.AGAIN:
        yield from _probing_statements(builder, sound, shape, "_direct")
    if builder.fills:
        filled = write.insert_all(merge, sound)
        yield compile_statement("fill_direct", Side.TARGET, filled, target, shape=shape)
    if builder.reading is Reading.ONCE and builder.fills and merge.keyed:
        yield compile_statement("probe_filled", Side.TARGET, duplicates.probe(merge, merge.target()), target)
    if not builder.sweeps_directly:
        return
    chosen = classify.classify(merge, sound, *ENDS[shape])
    yield compile_statement("classify_direct", Side.TARGET, chosen, target, shape=shape, temporary=DELTA)
    if builder.reading is Reading.ONCE and lines is not None:
        for name, counted in (("count_lines", Relation(lines, ())), ("count_direct", sound)):
            counting = sa.select(sa.func.count()).select_from(counted)
            yield compile_statement(name, Side.TARGET, counting, target, shape=shape)
        current = duplicates.probe(merge, classify.current_versions(merge))
        yield compile_statement("probe_current", Side.TARGET, current, target)
        yield compile_statement("probe_delta", Side.TARGET, duplicates.probe(merge, classify.brought(merge)), target)


def _merge_statements(builder: Builder, faults: tuple[Fault, ...]) -> Iterator[Statement]:
    """Statements over the classified rows; the same for every range."""
    merge, target = builder.merge, builder.target

    def compiled(name: str, element: sa.Executable) -> Statement:
        return compile_statement(name, Side.TARGET, element, target)

    if builder.source.spec.scd.fields.surrogate_key:
        key = merge.target().c[builder.source.spec.scd.fields.surrogate_key]
        yield compiled("last_surrogate_key", sa.select(sa.func.max(key)))
    if merge.unfilled and not builder.checkpoint.columns:
        yield compiled("forget_columns", forget_columns(merge.schema))
    if not merge.keyed:
        return
    if builder.fills:
        yield compiled("find_any", write.find_any(merge))
    for name, element in duplicates.duplicate_statements(merge):
        yield compiled(name, element)
    yield compiled("count_classes", classify.count_classes())
    yield compiled("reject", rejects.reject_statements(merge, faults, mark_table(REJECT, merge.schema)))
    for name, dml in write.write_statements(merge):
        yield compiled(name, dml)
    for name, dml in write.delete_statements(merge):
        yield compiled(name, dml)
    yield compiled("verify", verify_history(merge))
    if merge.deleting:
        yield from _gone_statements(builder)


def _gone_statements(builder: Builder) -> Iterator[Statement]:
    """Keys that chunks miss, kept until the last chunk is done and the guards have looked (law 27)."""
    from dmsflow.scd import deletes

    table = deletes.gone_table(builder.merge, GONE_PREFIX)
    for name, element, temporary in deletes.gone_statements(builder.merge, table):
        yield compile_statement(name, Side.TARGET, element, builder.target, temporary=temporary)


def _create_stage(builder: Builder, plan_staging: staging.Staging) -> Statement:
    """DDL of the temporary stage in a target that DuckDB only refines for; a text that is too long has a place too."""
    declared = ", ".join(
        f"{builder.target.quote(name)} {builder.target.type_sql(replace(data_type, length=None))}"
        for name, data_type in staging.stage_columns(plan_staging)
    )
    sql = f"CREATE TEMPORARY TABLE {builder.target.quote(STAGE)} ({declared})"
    return Statement(name="create_stage", side=Side.TARGET, sql=sql)


def merge_scope(spec: PipelineSpec, cut: Cut) -> Scope:
    """Whether a chunk sees all keys of its range; only a full read of a snapshot does."""
    whole = not spec.checkpoint.by_key and spec.scd.deletes is not Deletes.IGNORE
    return Scope.SWEEP if whole and spec.scd.type is not ScdType.APPEND else Scope.LOOKUP


def target_schema(spec: PipelineSpec) -> str | None:
    """Catalog and schema of the target as SQLAlchemy's one schema string."""
    table = spec.target.table
    return PART.join(part for part in (table.catalog, table.schema) if part) or None
