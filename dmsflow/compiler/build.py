"""Builds the plan: every choice and every statement of a run. Pure: a spec and facts in, a plan out."""

from collections.abc import Callable, Iterator, Sequence

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from dmsflow.compiler.arrivals import make_staging
from dmsflow.compiler.attached import send_exactly
from dmsflow.compiler.check_sql import check_statements
from dmsflow.compiler.chunking import Cut
from dmsflow.compiler.columns import LoadedColumn, source_keeps_key
from dmsflow.compiler.direct import Reading, copied_statements, direct_statements, probing_statements, refined_statement
from dmsflow.compiler.evolution.migration import keep_terms
from dmsflow.compiler.feeds import feed_merging, feed_reading
from dmsflow.compiler.looked_up import staged_parts
from dmsflow.compiler.lookups import look_up, stage_rows
from dmsflow.compiler.pieces import piece_statements
from dmsflow.compiler.refusals import refusal_statements
from dmsflow.compiler.rewriting import rewriting_statements
from dmsflow.compiler.source_sql import SourceSql
from dmsflow.compiler.statements import Relation, compile_statement
from dmsflow.compiler.surrogates import is_counted
from dmsflow.compiler.temporaries import create_stage, temporary_statements
from dmsflow.compiler.transfers import SERVER, Route
from dmsflow.compiler.uniqueness import keeps_key
from dmsflow.compiler.writers import writers_statement
from dmsflow.engines.duckdb_sql import PART, DuckDBIdioms
from dmsflow.engines.engine import Idioms
from dmsflow.marks.names import CHUNK, FINGERPRINT, GONE_PREFIX, REJECT, REWRITTEN
from dmsflow.marks.tables import fingerprint_statements, mark_statements, mark_table, rewritten_statements
from dmsflow.model.facts import Facts, Writers
from dmsflow.model.plan import DELTA, STAGE, CheckpointPlan, Fault, RangeShape, Scope, Side, Statement, Transfer
from dmsflow.model.spec import Deletes, PipelineSpec, ScdType
from dmsflow.model.table import DataType, TableName, TypeName
from dmsflow.scd import classify, duplicates, rejects, write
from dmsflow.scd.member import insert_member
from dmsflow.scd.shape import MergeShape
from dmsflow.scd.verify import verify_delta, verify_history

INCOMING = "_dms_incoming"

ENDS = {
    RangeShape.WHOLE: (False, False),
    RangeShape.FIRST: (False, True),
    RangeShape.MIDDLE: (True, True),
    RangeShape.LAST: (True, False),
}


class Builder(Struct, frozen=True, kw_only=True):
    """What the statements of one plan are built from."""

    spec: PipelineSpec
    facts: Facts
    columns: tuple[LoadedColumn, ...]
    cut: Cut
    source: SourceSql
    target: Idioms
    route: Route
    reading: Reading
    checkpoint: CheckpointPlan
    merge: MergeShape

    @property
    def transfer(self) -> Transfer:
        """How rows travel."""
        return self.route.transfer

    @property
    def refined(self) -> bool:
        """Whether a private DuckDB stages the rows, because the target is none."""
        return self.facts.target.engine != "duckdb"

    @property
    def staged_by_server(self) -> bool:
        """Whether the source's own database judges the rows, in its own words: no DuckDB sees them."""
        return self.facts.source.engine == SERVER and self.transfer in (Transfer.IN_PLACE, Transfer.COPY)

    @property
    def stager(self) -> Idioms:
        """The dialect in which rows are staged."""
        return self.source.idioms if self.staged_by_server else DuckDBIdioms()

    @property
    def direct(self) -> bool:
        """Whether a chunk is first merged without a stage."""
        return self.reading is not Reading.STAGED

    @property
    def sweeps_directly(self) -> bool:
        """Whether rows that are read where they are can be compared with the target, and counted."""
        if self.transfer is not Transfer.IN_PLACE:
            return False
        lines = self.facts.source.lines is not None and self.merge.scope is Scope.SWEEP
        return self.merge.keyed and (self.reading is Reading.AGAIN or (self.reading is Reading.ONCE and lines))

    @property
    def fills(self) -> bool:
        """Whether chunks may insert what they read: type append, or no two of them can bring the same key."""
        return not self.merge.keyed or {*self.cut.targets} <= {*self.merge.key}

    @property
    def unique(self) -> bool:
        """Whether the source itself keeps apart what becomes the key."""
        return self.staged_by_server and source_keeps_key(self.spec, self.facts, self.columns)

    @property
    def reads_snapshot(self) -> bool:
        """Whether the run exports a state of the source for its chunks (law 5)."""
        several = self.cut.count > 1 or self.transfer is Transfer.IN_PLACE
        return several and not self.cut.counted and self.facts.source.exports_snapshots

    @property
    def shapes(self) -> tuple[RangeShape, ...]:
        """The range shapes that the chunks have."""
        if self.cut.count == 1 or self.cut.counted:
            return (RangeShape.WHOLE,)
        return (RangeShape.FIRST, RangeShape.MIDDLE, RangeShape.LAST)

    def extra_columns(self) -> tuple[str, ...]:
        """Source columns that are staged beside the user's: business time, order, checkpoint."""
        names = [self.spec.scd.effective_at] if self.spec.scd.effective_at else []
        names += [*self.spec.scd.last_by]
        if self.source.refuses_null_marks:
            names += [*self.checkpoint.columns]
        names += [self.merge.op.column] if self.merge.op else []
        names += [self.spec.scd.within.column] if self.spec.scd.within.marked else []
        found = [self.facts.source.shape.find(name) for name in names]
        return tuple(column.name for column in found if column is not None)

    def columns_beside(self) -> tuple[str, ...]:
        """The same, and then those that are looked up."""
        looked = (self.facts.source.shape.find(name) for _, name, _ in staged_parts(self.spec, self.facts))
        return (*self.extra_columns(), *(column.name for column in looked if column is not None))


def build_statements(builder: Builder) -> tuple[tuple[Statement, ...], tuple[Fault, ...]]:
    """Every statement of the plan, and the faults that the staging statement numbers."""
    found: list[Statement] = []
    faults: tuple[Fault, ...] = ()
    for shape in builder.shapes:
        made, faults = _staging_statements(builder, shape)
        found += made
    found += look_up(builder, faults)
    if builder.cut.count > 1:
        rows = builder.source.projection((), (), (), builder.checkpoint, lower=False, upper=False).subquery("counted")
        counted = sa.select(sa.func.count()).select_from(rows)
        found.append(compile_statement("count_source", Side.SOURCE, counted, builder.source.idioms))
        found += piece_statements(builder, ENDS)
    if builder.facts.writers is Writers.AWAITED:
        found.append(writers_statement(builder.spec, builder.source))
    found += _merge_statements(builder, faults)
    found += refusal_statements(builder, faults)
    found += temporary_statements(builder)
    found += check_statements(builder, faults)
    found += _mark_statements(builder)
    if builder.cut.counted:
        found += _more_of_marks(builder, FINGERPRINT, TypeName.TEXT, fingerprint_statements)
    if builder.merge.everywhere:
        found += _more_of_marks(builder, REWRITTEN, TypeName.BIGINT, rewritten_statements)
    found += keep_terms(builder)
    return tuple(found), faults


MarkStatements = Callable[[str | None], Iterator[tuple[str, sa.Executable]]]

_MARKS: dict[tuple[str, str | None], tuple[Statement, ...]] = {}
"""Statements over dmsflow's own tables, by engine and schema: the same for every pipeline of a target."""


def _mark_statements(builder: Builder) -> tuple[Statement, ...]:
    place = builder.facts.target.engine, builder.merge.schema
    if place not in _MARKS:
        elements = mark_statements(builder.merge.schema)
        _MARKS[place] = tuple(compile_statement(name, Side.TARGET, it, builder.target) for name, it in elements)
    return _MARKS[place]


def _more_of_marks(builder: Builder, column: str, kind: TypeName, statements: MarkStatements) -> Iterator[Statement]:
    """What marks know beside the counts of all runs; a table of an earlier dmsflow has no place for it yet."""
    place = replace(builder.spec.target.table, table=CHUNK)
    sql = builder.target.add_column(place, column, DataType(name=kind))
    yield Statement(name=f"add_{column}", side=Side.TARGET, sql=sql)
    for name, element in statements(builder.merge.schema):
        yield compile_statement(name, Side.TARGET, element, builder.target)


def _staging_statements(builder: Builder, shape: RangeShape) -> tuple[list[Statement], tuple[Fault, ...]]:
    """Reading and staging one range, and what is asked of it before it is merged."""
    lower, upper = ENDS[shape]
    merge, target = builder.merge, builder.target
    projection = builder.source.projection(
        builder.columns,
        builder.columns_beside(),
        builder.cut.keys,
        builder.checkpoint,
        lower=lower,
        upper=upper,
        ordered=builder.cut.counted,
    )
    plan_staging = make_staging(builder)
    if builder.transfer is Transfer.IN_PLACE:
        staged, faults = stage_rows(merge, plan_staging, projection.subquery("arriving"))
        found = [compile_statement("stage", Side.TARGET, staged, target, shape=shape, temporary=STAGE)]
        if builder.direct:
            found += direct_statements(builder, projection, ENDS[shape], shape)
        found += _reading_statements(builder, faults, shape)
        return found, faults
    if builder.transfer is Transfer.COPY:
        staged, faults = stage_rows(merge, plan_staging, projection.subquery("arriving"))
        found = [compile_statement("read", Side.SOURCE, staged, builder.source.idioms, shape=shape)]
        if builder.direct:
            found += copied_statements(builder, projection, shape)
        found += create_stage(builder, plan_staging)
        found += _reading_statements(builder, faults, shape)
        return _once(found, shape), faults
    found = [compile_statement("read", Side.SOURCE, projection, builder.source.idioms, shape=shape)]
    names: Sequence[str] = projection.subquery().c.keys()
    if builder.transfer is Transfer.ATTACH:
        found[0], names, plan_staging = send_exactly(found[0], names, plan_staging, builder.source)
    incoming = Relation(f'"{INCOMING}"', names)
    staged, faults = stage_rows(merge, plan_staging, incoming)
    if builder.refined:
        found.append(compile_statement("refine", Side.REFINERY, staged, DuckDBIdioms(), shape=RangeShape.ANY))
        found += create_stage(builder, plan_staging)
        if builder.direct:
            found.append(refined_statement(builder, incoming))
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
        if merge.keyed and (learn := target.learn_rows(STAGE, merge.key)):
            yield Statement(name="learn_stage", side=Side.TARGET, sql=learn)
        yield from probing_statements(builder, stage, RangeShape.ANY, "")
        if builder.fills or merge.feed:
            refused = rejects.reject_statements(merge, faults, mark_table(REJECT, merge.schema), stage)
            yield compile_statement("refuse", Side.TARGET, refused, target)
        if builder.fills and not merge.op:
            yield compile_statement("fill", Side.TARGET, write.insert_all(merge, stage), target)
    own = shape if merge.range_keys else RangeShape.ANY
    if merge.feed:
        yield from feed_reading(builder, ENDS[shape], own)
    elif merge.keyed:
        chosen = classify.classify(merge, stage, lower, upper)
        yield compile_statement("classify", Side.TARGET, chosen, target, shape=own, temporary=DELTA)
        current = classify.current_rows(merge, lower, upper)
        yield compile_statement("current_rows", Side.TARGET, current, target, shape=own)
    yield from rewriting_statements(builder, ENDS[shape], own)
    if merge.keyed and not merge.chained and not keeps_key(builder):
        touched = verify_history(merge, lower, upper)
        yield compile_statement("verify", Side.TARGET, touched, target, shape=own)


def _merge_statements(builder: Builder, faults: tuple[Fault, ...]) -> Iterator[Statement]:
    """Statements that are the same for every range."""
    merge, target = builder.merge, builder.target

    def compiled(name: str, element: sa.Executable) -> Statement:
        return compile_statement(name, Side.TARGET, element, target)

    if merge.fields.surrogate_key and is_counted(builder.spec):
        key = merge.target().c[merge.fields.surrogate_key]
        yield compiled("last_surrogate_key", sa.select(sa.func.max(key)))
    if merge.unknown:
        yield compiled("add_unknown", insert_member(merge))
    if not merge.keyed:
        return
    if builder.fills or merge.feed:
        yield compiled("find_any", write.find_any(merge))
    yield from feed_merging(builder, faults) if merge.feed else _snapshot_merging(builder, faults)


def _snapshot_merging(builder: Builder, faults: tuple[Fault, ...]) -> Iterator[Statement]:
    """Statements over classified rows of which no two have one key."""
    merge, target = builder.merge, builder.target

    def compiled(name: str, element: sa.Executable) -> Statement:
        return compile_statement(name, Side.TARGET, element, target)

    for name, element in duplicates.duplicate_statements(merge):
        yield compiled(name, element)
    yield compiled("count_classes", classify.count_classes())
    yield compiled("reject", rejects.reject_statements(merge, faults, mark_table(REJECT, merge.schema)))
    for name, dml in write.write_statements(merge):
        yield compiled(name, dml)
    for name, dml in write.delete_statements(merge):
        yield compiled(name, dml)
    if keeps_key(builder):
        yield compiled("verify", verify_delta(merge))
    yield from _statements_of_guards(builder)


def _statements_of_guards(builder: Builder) -> Iterator[Statement]:
    """What the guards look at, and what they hold back until the last chunk is done."""
    if builder.merge.deleting:
        yield from _gone_statements(builder)
    elif builder.spec.guards.max_change_percent is not None:
        whole = classify.current_rows(builder.merge, False, False)
        yield compile_statement("current_total", Side.TARGET, whole, builder.target)


def _gone_statements(builder: Builder) -> Iterator[Statement]:
    """Keys that chunks miss, kept until the last chunk is done and the guards have looked (law 27)."""
    from dmsflow.scd import deletes

    table = deletes.gone_table(builder.merge, GONE_PREFIX)
    for name, element, temporary in deletes.gone_statements(builder.merge, table):
        yield compile_statement(name, Side.TARGET, element, builder.target, temporary=temporary)
    touched = verify_delta(builder.merge) if keeps_key(builder) else verify_history(builder.merge, False, False)
    yield compile_statement("verify_gone", Side.TARGET, touched, builder.target)


def merge_scope(spec: PipelineSpec, cut: Cut) -> Scope:
    """Whether a chunk sees all keys of its range; only a full read of a snapshot does."""
    absence_counts = spec.scd.deletes is not Deletes.IGNORE and not spec.is_feed and not spec.scd.within.marked
    whole = absence_counts and not spec.checkpoint.by_key
    return Scope.SWEEP if whole and spec.scd.type is not ScdType.APPEND else Scope.ARRIVALS


def target_schema(spec: PipelineSpec) -> str | None:
    """Catalog and schema of the target as SQLAlchemy's one schema string."""
    return schema_of(spec.target.table)


def schema_of(table: TableName) -> str | None:
    """Catalog and schema of a table, the same way."""
    return PART.join(part for part in (table.catalog, table.schema) if part) or None
