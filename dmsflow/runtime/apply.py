"""Runs a plan: DDL, lease, chunks, deletes, checkpoint, report. The only writer of a target."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial

from msgspec.structs import replace

from dmsflow.engines.access import Access
from dmsflow.engines.engine import Binds, Session, transaction
from dmsflow.errors import DmsflowError, Interrupted
from dmsflow.events import log_event
from dmsflow.marks.lease import read_instant
from dmsflow.model.plan import Plan
from dmsflow.model.result import ChunkResult, Failure, RowCounts, RunReport
from dmsflow.model.spec import ScdType
from dmsflow.runtime.admission import admit_extract, check_plan, find_last_run
from dmsflow.runtime.checkpoint import write_checkpoint
from dmsflow.runtime.checks import judge_result
from dmsflow.runtime.executor import execute_chunks, settle
from dmsflow.runtime.finish import finish_run
from dmsflow.runtime.foresight import foresee, needs_foresight
from dmsflow.runtime.lease import Holding, hold_lease
from dmsflow.runtime.look import count_effects
from dmsflow.runtime.merge import is_over_budget
from dmsflow.runtime.migration import take_steps
from dmsflow.runtime.persist import Persistence
from dmsflow.runtime.room import make_room
from dmsflow.runtime.run import Run, Steps, SurrogateKeys, Witness
from dmsflow.runtime.sequence import hold_sequence
from dmsflow.runtime.snapshot import hold_snapshot
from dmsflow.runtime.stop import StopSignal, stop_on_signals
from dmsflow.runtime.tally import Tally, budget_failure, failure_of, write_report
from dmsflow.runtime.writers import await_writers
from dmsflow.transfer.refinery import Refinery

logger = logging.getLogger("dmsflow.runtime")
MARK_DDL = ("create_schema", "create_dmsflow_", "create_gone")


class Watcher:
    """Hears what happens in a run; the ledger and the progress bar are watchers. Does nothing itself."""

    def prepared(self, run: Run) -> None:
        """The run holds its lease; its target may have to follow the spec first, and the source's writers to end."""

    def begun(self, run: Run) -> None:
        """The run holds its lease and is about to load."""

    def chunk_ended(self, result: ChunkResult) -> None:
        """A chunk ended, well or not."""

    def attempt_failed(self, failure: Failure) -> None:
        """An attempt failed, at a chunk or at what begins and ends a run, whether or not another one follows."""

    def stop_requested(self) -> bool:
        """Whether somebody asked the run to stop."""
        return False


def apply_plan(
    plan: Plan,
    access: Access,
    *,
    params: Binds,
    run_id: str,
    watchers: tuple[Watcher, ...] = (),
    resume_at: datetime | None = None,
    stop: StopSignal | None = None,
    hold: Holding = hold_lease,
    witness: Witness | None = None,
) -> RunReport:
    """Run the plan and say what it did. Failures are in the report; only a target that is busy is raised."""
    started, clock_start = datetime.now(UTC), time.perf_counter()
    stop = stop or StopSignal()
    tally, tell = Tally(), partial(_tell_attempt, plan, watchers)
    persistence = Persistence(policy=plan.retry, stop=stop, tell=lambda error, n: tell(failure_of(error, n)))
    for engine in (access.target, access.source):
        if engine is not None:
            engine.heed(stop)
    with _session(access) as session:
        prepare = _first_steps(session, plan, run_id)
        _run_ddl(prepare, persistence, marks=True)
        with hold(prepare, _now, access.open_target, persistence) as beat:
            try:
                with stop_on_signals(stop, at_once=len(plan.chunks) == 1):
                    run = Run(
                        run_id=run_id,
                        run_at=_admit_plan(plan, prepare, persistence, resume_at),
                        plan=plan,
                        access=access,
                        params=params,
                        refinery=Refinery(stop),
                        witness=witness,
                        findings=tally.findings,
                    )
                    with closing(run.refinery):
                        _begin(run, prepare, watchers, stop, tally, beat, persistence, resumes=resume_at is not None)
            except (KeyboardInterrupt, Interrupted):
                tally.interrupted = True
            except DmsflowError as error:
                tally.failures.append(failure_of(error))
    report = write_report(plan, run_id, tally, started, time.perf_counter() - clock_start, stop)
    _log_end(report)
    return report


def _first_steps(session: Session, plan: Plan, run_id: str) -> Steps:
    """Statements that need no more than the run's name."""
    values = {"run_id": run_id, "target_table": str(plan.target.table), "pipeline": plan.pipeline}
    return Steps(session=session, plan=plan, values=values)


def _log_end(report: RunReport) -> None:
    """The last event of a run; its first error is the cause of the others. A person reads the report instead."""
    log_event(
        logger,
        logging.INFO,
        "run ended",
        pipeline=report.pipeline,
        run_id=report.run_id,
        status=report.status.value,
        rows=report.rows.read,
        seconds=report.seconds,
        error=report.errors[0].message if report.errors else None,
    )


def _begin(
    run: Run,
    steps: Steps,
    watchers: tuple[Watcher, ...],
    stop: StopSignal,
    tally: Tally,
    beat: Callable[[], None],
    persistence: Persistence,
    *,
    resumes: bool,
) -> None:
    """A run that holds its lease, from the first thing that is made to its end."""
    plan, access = run.plan, run.access
    tell = partial(_tell_attempt, plan, watchers)
    for watcher in watchers:
        watcher.prepared(run)
    run = _prepare(run, steps, persistence, tell, resumes=resumes)
    if not resumes:
        persistence.call(lambda: await_writers(plan, access, stop))
    with (
        hold_snapshot(plan, access) as snapshot,
        hold_sequence(plan, access, run.binds(), run.refinery, stop) as sequence,
    ):
        run = replace(run, snapshot=snapshot, sequence=sequence)
        look = None if resumes else partial(count_effects, run, stop, _now, tell)
        tally.current = persistence.call(lambda: admit_extract(run, steps, look))
        _run(run, watchers, stop, tally, beat, persistence)


def _prepare(
    run: Run, steps: Steps, persistence: Persistence, tell: Callable[[Failure], None], *, resumes: bool
) -> Run:
    """What is made before the first chunk; an extract is judged before a step changes the table."""
    plan = run.plan
    make_room(steps, persistence)

    def look() -> Run:
        last = steps.fetch("last_surrogate_key")[0][0] if steps.has("last_surrogate_key") else 0
        return replace(
            run,
            keys=SurrogateKeys(max(int(last or 0), 0)),  # type: ignore[arg-type]
            fills=steps.has("find_any") and not steps.count("find_any"),
            last=find_last_run(steps) if plan.guards.count_rows else None,
        )

    def begin() -> Run:
        found = look()
        if steps.has("add_unknown"):
            with transaction(steps.session):
                steps.execute("add_unknown", run_at=run.run_at)
        return replace(found, horizon=_begin_memory(plan, steps, empty=found.fills))

    if not resumes:
        if needs_foresight(plan, steps):
            looking = replace(persistence.call(look), refinery=Refinery(persistence.stop))
            foresee(looking, steps, persistence, _now, tell)
        take_steps(plan, steps.session, persistence)
        _run_ddl(steps, persistence, marks=False)
    return persistence.call(begin)


def _admit_plan(plan: Plan, steps: Steps, persistence: Persistence, resume_at: datetime | None) -> datetime:
    """The instant of the run, by the target's clock. Raises PlanRefused where the plan does not fit any more."""

    def look() -> datetime:
        check_plan(plan, steps, resumes=resume_at is not None)
        return resume_at or read_instant(steps.session.fetch(plan.clock)[0][0])

    return persistence.call(look)


def _begin_memory(plan: Plan, steps: Steps, *, empty: bool) -> datetime | None:
    """Where the window of late rows begins, for a plan that remembers rows."""
    if plan.feed is None or not plan.feed.remembers:
        return None
    from dmsflow.runtime.replay import begin_memory

    return begin_memory(plan, steps, empty=empty)


def _run(
    run: Run,
    watchers: tuple[Watcher, ...],
    stop: StopSignal,
    tally: Tally,
    beat: Callable[[], None],
    persistence: Persistence,
) -> None:
    """The chunks, and the end of the run."""
    plan = run.plan
    log_event(logger, logging.INFO, "run begins", pipeline=plan.pipeline, run_id=run.run_id, chunks=len(plan.chunks))
    for watcher in watchers:
        watcher.begun(run)

    try:
        _load_chunks(run, stop, tally, watchers, beat)
    except KeyboardInterrupt:
        committed = settle(run, plan.chunks[0]) if len(plan.chunks) == 1 else None
        if committed is None:
            raise
        if not tally.done:
            tally.add(committed)
            _tell(watchers, committed, stop)
    _end(run, tally, persistence)


def _load_chunks(
    run: Run, stop: StopSignal, tally: Tally, watchers: tuple[Watcher, ...], beat: Callable[[], None]
) -> None:
    """All chunks, until one fails or there are too many rejects; those in flight are waited for, and counted.

    An only chunk ends its run in its own transaction.
    """
    plan = run.plan

    def finish(steps: Steps, rows: RowCounts) -> None:
        if _may_end(plan, over_budget=is_over_budget(plan, rows.rejected, rows.read)):
            judge_result(run, steps)
            write_checkpoint(run, steps, _now())

    for result in execute_chunks(run, stop, _now, finish, partial(_tell_attempt, plan, watchers)):
        tally.add(result)
        _tell(watchers, result, stop)
        beat()
        if not _may_end(plan, over_budget=is_over_budget(plan, tally.rows.rejected, 0)):
            tally.over_budget = True
            stop.request()


def _end(run: Run, tally: Tally, persistence: Persistence) -> None:
    """After the last chunk: gone keys and the checkpoint, or the reason why not."""
    plan = run.plan
    tally.over_budget = tally.over_budget or is_over_budget(plan, tally.rows.rejected, tally.rows.read)
    if tally.over_budget:
        tally.failures.append(budget_failure(plan, tally.rows.rejected))
    if not _may_end(plan, over_budget=tally.over_budget) or tally.done < len(plan.chunks):
        return
    if len(plan.chunks) > 1:
        tally.rows += RowCounts(closed=persistence.call(lambda: finish_run(run, tally, _now)))
    tally.finished = True


def _may_end(plan: Plan, *, over_budget: bool) -> bool:
    """Whether the checkpoint may move. An append moves it even with too many rejects: its rows are in (law 9)."""
    return plan.scd is ScdType.APPEND or not over_budget


def _run_ddl(steps: Steps, persistence: Persistence, *, marks: bool) -> None:
    """Every DDL statement before any worker starts (law 36); the tables of the marks come before the lease.

    Those of the target run once: a run that has a mark to resume from has run them.
    """
    for statement in steps.plan.ddl:
        if statement.name.startswith(MARK_DDL) is marks:
            log_event(logger, logging.DEBUG, "ddl", statement=statement.name)
            persistence.call(partial(steps.session.execute, statement.sql))


def _tell_attempt(plan: Plan, watchers: tuple[Watcher, ...], failure: Failure) -> None:
    tell = partial(log_event, logger, logging.WARNING, "attempt failed")
    told = partial(tell, chunk=failure.chunk) if failure.chunk else tell
    told(attempt=failure.attempts, of=plan.retry.attempts, error=failure.message)
    for watcher in watchers:
        watcher.attempt_failed(failure)


def _tell(watchers: tuple[Watcher, ...], result: ChunkResult, stop: StopSignal) -> None:
    log_event(
        logger,
        logging.WARNING if result.failure else logging.INFO,
        "chunk ended",
        chunk=result.number,
        status=result.status.value,
        rows=result.rows.read,
        attempts=result.attempts,
        error=result.failure.message if result.failure else None,
    )
    for watcher in watchers:
        watcher.chunk_ended(result)
        if watcher.stop_requested():
            stop.request()


@contextmanager
def _session(access: Access) -> Iterator[Session]:
    session = access.open_target()
    try:
        yield session
    finally:
        session.close()


def _now() -> datetime:
    """The clock of this machine in UTC, without a zone: for marks and leases, never for history."""
    return datetime.now(UTC).replace(tzinfo=None)


def new_run_id() -> str:
    """A run's name: when it began, and a few letters that no other has."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.urandom(3).hex()}"
