"""A dry run: the plan of a spec, run in a scratch, and what it did there. Opens no connection of the spec."""

import dataclasses
import time
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from dmsflow.compiler.compile import compile_plan, name_fields
from dmsflow.compiler.digest import digest_spec
from dmsflow.compiler.load import LoadedSpec, place_problem
from dmsflow.compiler.statements import compile_statement
from dmsflow.diagnostics import Diagnostic
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.errors import PlanRefused, SpecRejected
from dmsflow.marks.reject import Reject
from dmsflow.marks.tables import find_rejects
from dmsflow.model.facts import Facts
from dmsflow.model.plan import Plan, Side
from dmsflow.model.previous import find_previous
from dmsflow.model.result import RunReport, RunStatus
from dmsflow.model.spec import Deletes, ErrorBudget, PipelineSpec, ScdType, param_values
from dmsflow.rehearsal.effects import Effect, compare, keep_before, rename_before
from dmsflow.rehearsal.generated import generate_days
from dmsflow.rehearsal.given import Given
from dmsflow.rehearsal.joins import NotSampled
from dmsflow.rehearsal.prepare import Rehearsed, rehearse, without_databases
from dmsflow.rehearsal.sampled import Sampled, SampledRows, sample_source, sample_tables, try_query
from dmsflow.rehearsal.sampled_dimensions import describe_dimensions, sample_dimensions
from dmsflow.rehearsal.sampled_target import sample_target
from dmsflow.rehearsal.scratch import Scratch, open_scratch
from dmsflow.rehearsal.target import fill_target
from dmsflow.runtime.apply import apply_plan, new_run_id

SAMPLES = 5
ONE_DAY = timedelta(days=1)
MANY = 1_000_000_000


class Timings(Struct, frozen=True, kw_only=True):
    """Seconds that each part took."""

    prepare: float
    plan: float
    run: float


class RowsFrom(StrEnum):
    """Where the rows of a dry run come from."""

    GIVEN = "given"
    MADE_UP = "made up"
    SAMPLED = "sampled"


class DryRun(Struct, frozen=True, kw_only=True):
    """What a run would do with the given rows; its JSON is a contract (see the reference)."""

    report: RunReport
    new_target: bool
    rows_from: RowsFrom
    columns: tuple[str, ...]
    """Of the target, what a person looks at: the user's, and when a version holds."""
    effects: tuple[Effect, ...]
    rejects: tuple[Reject, ...]
    seconds: Timings
    sampled: tuple[Sampled, ...] = ()
    """What was read of the source, in the order in which it was."""
    notes: tuple[str, ...] = ()
    """What a person must know to judge a sample."""


Shown = tuple[DryRun, tuple[Diagnostic, ...]]
"""A dry run, and what the compiler had to say."""


class Rehearsal(Struct, frozen=True, kw_only=True):
    """A plan that was run in a scratch."""

    plan: Plan
    report: RunReport
    facts: Facts
    diagnostics: tuple[Diagnostic, ...]
    seconds: tuple[float, float]


def run_rehearsed(rehearsed: Rehearsed, memory: Path | None = None) -> Rehearsal:
    """Compile and run, as ``apply`` does, without a ledger. ``memory`` is a folder of plans made before."""
    spec, access = rehearsed.loaded.raise_if_rejected(), rehearsed.scratch.access
    started = time.perf_counter()
    # The rehearsed spec is not that of the file: guards may be off, SQL is translated. A memory must tell them apart.
    loaded = dataclasses.replace(rehearsed.loaded, digest=digest_spec(spec))
    compiled = compile_plan(loaded, access, memory)
    planned = time.perf_counter()
    report = apply_plan(compiled.plan, access, params=param_values(spec.params), run_id=new_run_id())
    return Rehearsal(
        plan=compiled.plan,
        report=report,
        facts=compiled.facts,
        diagnostics=compiled.diagnostics,
        seconds=(planned - started, time.perf_counter() - planned),
    )


def dry_run(loaded: LoadedSpec, given: Given, *, samples: int = SAMPLES) -> Shown:
    """Run a spec over given rows. Raises SpecRejected, PlanRefused."""
    started = time.perf_counter()
    with open_scratch() as scratch:
        scratch.set_clock(datetime.now(UTC).replace(tzinfo=None))
        rehearsed = rehearse(loaded, given, scratch)
        has_target = fill_target(rehearsed, given)
        return _show(rehearsed, samples, started, RowsFrom.GIVEN, new_target=not has_target)


def dry_run_sampled(loaded: LoadedSpec, rows: int, seed: int = 1, *, samples: int = SAMPLES) -> Shown:
    """Run a spec over a sample of its source and what its target has of it: both are read. Raises ConnectionFailed."""
    started = time.perf_counter()
    spec = loaded.raise_if_rejected()
    with open_scratch() as scratch:
        scratch.set_clock(datetime.now(UTC).replace(tzinfo=None))
        rehearsed, sample = rehearse_sample(loaded, rows, seed, scratch)
        sample = sample_target(spec, rehearsed, sample_dimensions(spec, rehearsed, sample))
        has_target = fill_target(rehearsed, sample)
        shown, problems = _show(rehearsed, samples, started, RowsFrom.SAMPLED, new_target=not has_target)
    return replace(shown, sampled=sample.read, notes=sample.notes), problems


def rehearse_sample(loaded: LoadedSpec, rows: int, seed: int, scratch: Scratch) -> tuple[Rehearsed, SampledRows]:
    """A scratch with a sample: of every table of a query, else of the source as a whole. Raises SpecRejected."""
    try:
        return _rehearse_sample(loaded, rows, seed, scratch)
    except SpecRejected as error:
        placed = (place_problem(problem, loaded.document, loaded.connections_document) for problem in error.diagnostics)
        raise SpecRejected(tuple(placed)) from error


def _rehearse_sample(loaded: LoadedSpec, rows: int, seed: int, scratch: Scratch) -> tuple[Rehearsed, SampledRows]:
    spec = loaded.raise_if_rejected()
    notes: tuple[str, ...] = ()
    try:
        read_sample, sample = sample_tables(spec, rows, seed, scratch)
        sample = describe_dimensions(spec, sample, scratch.session)
        rehearsed = rehearse(dataclasses.replace(loaded, spec=read_sample), sample, scratch)
        try_query(rehearsed, sample)
        return rehearsed, sample
    except NotSampled as reason:
        if spec.source.query is not None:
            notes = (f"the first rows of the query as a whole are taken, not of its tables: {reason}",)
    read_sample, sample = sample_source(spec, rows, seed, scratch.session, notes)
    sample = describe_dimensions(spec, sample, scratch.session)
    return rehearse(dataclasses.replace(loaded, spec=read_sample), sample, scratch), sample


def dry_run_generated(loaded: LoadedSpec, rows: int, seed: int, *, samples: int = SAMPLES) -> Shown:
    """Run a spec over rows that are made up: a first day fills the target, the second one is shown.

    All rejects are wanted, so that there is no limit to them. Raises SpecRejected, PlanRefused.
    """
    started = time.perf_counter()
    loaded = without_databases(loaded)
    spec = loaded.raise_if_rejected()
    loaded = dataclasses.replace(loaded, spec=replace(spec, errors=ErrorBudget(max_rows=MANY)))
    today = datetime.now(UTC).replace(tzinfo=None)
    with open_scratch() as scratch, generate_days(spec, rows, seed) as (first, second):
        scratch.set_clock(today - ONE_DAY)
        filled = run_rehearsed(rehearse(loaded, first, scratch)).report
        if filled.status is not RunStatus.SUCCEEDED:
            causes = "; ".join(error.message for error in filled.errors)
            raise PlanRefused(f"the made-up rows of a first day cannot be loaded: {causes}")
        if not filled.rows.read:
            raise PlanRefused("no made-up row meets source.where: give rows that do with --data")
        scratch.set_clock(today)
        return _show(rehearse(loaded, second, scratch), samples, started, RowsFrom.MADE_UP, new_target=False)


def _show(rehearsed: Rehearsed, samples: int, started: float, rows_from: RowsFrom, *, new_target: bool) -> Shown:
    """Run, and compare the target before and after."""
    scratch, spec = rehearsed.scratch, rehearsed.loaded.raise_if_rejected()
    known = keep_before(scratch.session, spec.target.table)
    prepared = time.perf_counter()
    ran = run_rehearsed(rehearsed)
    known = rename_before(scratch.session, ran.plan, known)
    plan_seconds, run_seconds = ran.seconds
    shown = DryRun(
        report=ran.report,
        new_target=new_target,
        rows_from=rows_from,
        columns=look_at(spec, ran.plan),
        effects=compare(scratch.session, name_fields(spec, ran.facts), known, ran.report.rows, samples),
        rejects=read_rejects(scratch, spec, ran.report.run_id, samples),
        seconds=Timings(prepare=round(prepared - started, 3), plan=round(plan_seconds, 3), run=round(run_seconds, 3)),
    )
    return shown, ran.diagnostics


def look_at(spec: PipelineSpec, plan: Plan) -> tuple[str, ...]:
    """The columns of the target that tell what happened: the user's, and the validity of a version."""
    fields = spec.scd.fields
    validity = (fields.valid_from, fields.valid_to) if spec.scd.type is ScdType.HISTORY else ()
    marks = (fields.is_deleted,) if spec.scd.deletes in (Deletes.TOMBSTONE, Deletes.FLAG) else ()
    kept = (name for found in find_previous(spec.columns) for name in found.names)
    return (*plan.columns, *kept, *validity, *marks)


def read_rejects(scratch: Scratch, spec: PipelineSpec, run_id: str, limit: int | None = None) -> tuple[Reject, ...]:
    """The rejects of a run, by chunk and key; at most so many."""
    query = find_rejects(spec.target.table.schema, limit)
    statement = compile_statement("find_rejects", Side.TARGET, query, DuckDBIdioms())
    return tuple(map(Reject.read, scratch.session.fetch(statement.sql, {"run_id": run_id})))
