"""The exact effects of a plan on its real databases: it is run as apply runs it, and everything is undone.

Nothing less finds what a target refuses, or what its triggers do. The counts are those of the run; the samples are the
rows of a few keys, before and after.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from dmsflow.compiler.build import schema_of
from dmsflow.compiler.statements import compile_statement
from dmsflow.engines.access import Access, open_target
from dmsflow.engines.aside import open_undone
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.engines.undoing import Undoing
from dmsflow.errors import DatabaseError, PermanentError, PlanRefused
from dmsflow.marks.reject import Reject
from dmsflow.marks.tables import find_rejects
from dmsflow.model.plan import Plan, Side, Transfer
from dmsflow.model.previous import store_names
from dmsflow.model.result import ChunkResult, ChunkStatus, ExpectedRows, RowCounts, RunReport
from dmsflow.model.spec import Fields, PipelineSpec, param_values
from dmsflow.model.table import TableName, TableShape
from dmsflow.rehearsal.dry_run import SAMPLES, look_at
from dmsflow.rehearsal.effects import BEFORE, Effect, Row, compare, old_names, rename_before
from dmsflow.rehearsal.scratch import Scratch, open_scratch
from dmsflow.rehearsal.standing import expect_standing, keep_standing, make_before
from dmsflow.rehearsal.witness import Key, KeyWitness, read_rows
from dmsflow.runtime.apply import Watcher, apply_plan, new_run_id
from dmsflow.runtime.lease import heed_lease, hold_lease

AFTER = TableName(table="_dms_after")


class ExactEffects(Struct, frozen=True, kw_only=True):
    """What a run would do now; its JSON is a contract (see the reference).

    ``report`` is that of the run that was undone; ``expected`` parts its rows into those that are still to be done,
    and those of chunks that a broken run has loaded.
    """

    report: RunReport
    expected: ExpectedRows
    new_target: bool
    columns: tuple[str, ...]
    effects: tuple[Effect, ...]
    rejects: tuple[Reject, ...]


class Resumed(Struct, frozen=True, kw_only=True):
    """The broken run that would go on: its name, and its instant."""

    run_id: str
    run_at: datetime


class Looked(Struct, frozen=True, kw_only=True):
    """What was read before everything was undone."""

    report: RunReport
    shape: TableShape | None = None
    rows: tuple[Row, ...] = ()
    keys: tuple[Key, ...] = ()
    rejects: tuple[Reject, ...] = ()


class LoadedBefore(Watcher):
    """Adds up the rows of chunks that are loaded already."""

    rows = RowCounts()

    def chunk_ended(self, result: ChunkResult) -> None:
        """Add up."""
        if result.status is ChunkStatus.SKIPPED:
            self.rows += result.rows


def measure_effects(
    plan: Plan,
    spec: PipelineSpec,
    *,
    resumed: Resumed | None = None,
    samples: int = SAMPLES,
    watchers: tuple[Watcher, ...] = (),
) -> ExactEffects:
    """Run a plan, look, and undo it. Raises ConnectionFailed, TargetBusy, and PlanRefused where it may not be run."""
    before = LoadedBefore()
    spec = _name_stored(spec, plan)
    with ExitStack() as opened:
        with _allowed():
            access = opened.enter_context(open_undone(spec, partial(_prepare, plan, resumed=resumed is not None)))
        looked = _run(_as_undone(plan, access), access, spec, resumed, samples, (before, *watchers))
    expected = ExpectedRows(rows=looked.report.rows - before.rows, loaded=before.rows)
    return ExactEffects(
        report=looked.report,
        expected=expected,
        new_target=not plan.target.exists,
        columns=look_at(spec, plan),
        effects=_compare(spec, plan, looked, expected.rows, samples),
        rejects=looked.rejects,
    )


def _prepare(plan: Plan, access: Access, *, resumed: bool) -> Undoing:
    """What a server has to know of the run. Raises PlanRefused where it would need DDL that cannot be undone."""
    table = plan.target.table
    if access.target.traits.ddl_commits:
        expect_standing(plan, access, resumed=resumed)
        return Undoing(table=table, before=make_before(plan))
    steady = (plan.snapshot and plan.transfer is Transfer.IN_PLACE) or bool(plan.looked_up)
    return Undoing(table=table, repeatable=steady)


@contextmanager
def _allowed() -> Iterator[None]:
    """Say why the permissions of apply are needed, where the database refuses a step. Raises PlanRefused."""
    try:
        yield
    except PermanentError as error:
        raise PlanRefused(
            f"DMS412 effects-not-allowed: the effects are found by doing what a run does and undoing it, which is "
            f"refused: {error}"
        ) from error


def _as_undone(plan: Plan, access: Access) -> Plan:
    """The plan as it is run here: staged, so that there is something to look at.

    In the one transaction of a server it is run in one thread, and what fails there has failed.
    """
    plan = replace(plan, direct=False)
    if access.target.traits.embedded:
        return plan
    if access.target.traits.ddl_commits:
        plan = keep_standing(plan, access)
    return replace(plan, workers=1, retry=replace(plan.retry, attempts=1))


def _run(
    plan: Plan,
    access: Access,
    spec: PipelineSpec,
    resumed: Resumed | None,
    samples: int,
    watchers: tuple[Watcher, ...],
) -> Looked:
    """Run, and look at what is there then."""
    witness = KeyWitness(plan, access.target_idioms, samples)
    run_id = resumed.run_id if resumed else new_run_id()
    with _allowed():
        report = apply_plan(
            plan,
            access,
            params=param_values(spec.params),
            run_id=run_id,
            watchers=watchers,
            resume_at=resumed.run_at if resumed else None,
            hold=hold_lease if access.target.traits.embedded else heed_lease,
            witness=witness,
        )
    try:
        return _look(plan, access, witness, report, samples)
    except DatabaseError:
        if not report.errors:
            raise
    # What has ended the run keeps anybody from looking, too.
    return Looked(report=report)


def _look(plan: Plan, access: Access, witness: KeyWitness, report: RunReport, samples: int) -> Looked:
    """Read the rows of the keys that were seen, and the first rejects."""
    idioms = access.target_idioms
    find = compile_statement("find_rejects", Side.TARGET, find_rejects(schema_of(plan.target.table), samples), idioms)
    with closing(access.open_target()) as session:
        rows = read_rows(session, idioms, plan, plan.target.columns, witness.keys)
        return Looked(
            report=report,
            shape=session.describe_table(plan.target.table),
            rows=(*witness.rows, *rows),
            keys=witness.keys,
            rejects=tuple(map(Reject.read, session.fetch(find.sql, {"run_id": report.run_id}))),
        )


def _compare(spec: PipelineSpec, plan: Plan, looked: Looked, counts: RowCounts, samples: int) -> tuple[Effect, ...]:
    """The effects, sampled: the rows of the same keys as they are, and as they would be, side by side."""
    known, rows = _read_before(spec, plan, looked.keys)
    with open_scratch() as scratch:
        flags = (spec.scd.fields.is_current, spec.scd.fields.is_deleted)
        if known:
            _keep(scratch, BEFORE, known, rows, flags)
            known = rename_before(scratch.session, plan, known)
        _keep(scratch, DuckDBIdioms().qualify(AFTER), plan.target.columns, looked.rows, flags)
        kept = replace(spec, target=replace(spec.target, table=AFTER))
        return compare(scratch.session, kept, known, counts, samples, looked.shape)


def _read_before(spec: PipelineSpec, plan: Plan, keys: Sequence[Key]) -> tuple[tuple[str, ...], Sequence[Row]]:
    """The columns that the target has, and its rows of the keys."""
    if not plan.target.exists:
        return (), ()
    with open_target(spec, read_only=True) as engine, closing(engine.connect()) as session:
        shape = session.describe_table(plan.target.table)
        names = shape.names if shape else ()
        old = old_names(plan)
        found_by = replace(plan, key=tuple(old.get(name, name) for name in plan.key))
        return names, tuple(read_rows(session, engine.idioms, found_by, names, keys))


def _keep(
    scratch: Scratch, table: str, columns: Sequence[str], rows: Sequence[Row], flags: Sequence[str | None]
) -> None:
    """Put rows into a table of the scratch: texts, but for the flags."""
    import pyarrow as pa

    texts = pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in columns})
    scratch.session.register("_dms_rows", texts)
    quote = DuckDBIdioms().quote
    cells = (f"CAST({quote(name)} AS BOOLEAN) AS {quote(name)}" if name in flags else quote(name) for name in columns)
    scratch.session.execute(f'CREATE TABLE {table} AS SELECT {", ".join(cells)} FROM "_dms_rows"')
    scratch.session.unregister("_dms_rows")


def _name_stored(spec: PipelineSpec, plan: Plan) -> PipelineSpec:
    """The spec with the engine's own columns named as the target has them, which may differ in case (law 37)."""
    stored = {name.lower(): name for name in plan.target.columns}
    fields = spec.scd.fields
    named = {
        name: stored.get(str(getattr(fields, name)).lower(), getattr(fields, name)) for name in Fields.__struct_fields__
    }
    columns = store_names(spec.columns, stored)
    return replace(spec, scd=replace(spec.scd, fields=replace(fields, **named)), columns=columns)
