"""Runs a plan: DDL, lease, chunks, deletes, checkpoint, report. The only writer of a target."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from msgspec import Struct, field

from dmsflow.engines.access import Access
from dmsflow.engines.engine import Binds, Session, transaction
from dmsflow.errors import DmsflowError, GuardRefused
from dmsflow.events import log_event
from dmsflow.marks.lease import read_instant
from dmsflow.model.plan import Plan
from dmsflow.model.result import (
    ChunkResult,
    ChunkStatus,
    ChunkTally,
    Failure,
    RowCounts,
    RunReport,
    RunStatus,
    WatermarkMove,
)
from dmsflow.model.spec import ScdType
from dmsflow.runtime.admission import check_appended, check_checkpoint, check_size
from dmsflow.runtime.checkpoint import next_watermark, write_checkpoint
from dmsflow.runtime.executor import execute_chunks
from dmsflow.runtime.lease import hold_lease
from dmsflow.runtime.merge import (
    DELTA,
    check_close_guard,
    delete_gone,
    is_over_budget,
    verify_history,
)
from dmsflow.runtime.run import Run, Steps, SurrogateKeys
from dmsflow.runtime.snapshot import hold_snapshot
from dmsflow.runtime.stop import StopSignal, stop_on_signals
from dmsflow.runtime.worker import find_committed

logger = logging.getLogger("dmsflow.runtime")
MARK_DDL = ("create_schema", "create_dmsflow_", "create_gone")


class Watcher:
    """Hears what happens in a run; the ledger and the progress bar are watchers. Does nothing itself."""

    def begun(self, run: Run) -> None:
        """The run holds its lease and is about to load."""

    def chunk_ended(self, result: ChunkResult) -> None:
        """A chunk ended, well or not."""

    def stop_requested(self) -> bool:
        """Whether somebody asked the run to stop."""
        return False


class Tally(Struct):
    """What is known of a run so far. ``current``: live keys that a target of several chunks had before the run."""

    rows: RowCounts = field(default_factory=RowCounts)
    current: int = 0
    done: int = 0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)
    finished: bool = False
    interrupted: bool = False
    over_budget: bool = False

    def add(self, result: ChunkResult) -> None:
        """Count a chunk."""
        if result.status is ChunkStatus.FAILED:
            self.failed += 1
            if result.failure:
                self.failures.append(result.failure)
            return
        self.done += 1
        self.rows += result.rows
        if result.status is ChunkStatus.SKIPPED:
            self.current -= result.rows.inserted


def apply_plan(
    plan: Plan,
    access: Access,
    *,
    params: Binds,
    run_id: str,
    watchers: tuple[Watcher, ...] = (),
    resume_at: datetime | None = None,
    stop: StopSignal | None = None,
) -> RunReport:
    """Run the plan and say what it did. Failures are in the report; only a target that is busy is raised."""
    started, clock_start = datetime.now(UTC), time.perf_counter()
    stop = stop or StopSignal()
    tally = Tally()
    with _session(access) as session:
        prepare = Steps(
            session=session,
            plan=plan,
            values={"run_id": run_id, "target_table": str(plan.target.table), "pipeline": plan.pipeline},
        )
        _run_ddl(prepare, marks=True)
        with hold_lease(prepare, _now) as beat:
            try:
                _run(plan, access, prepare, params, run_id, watchers, resume_at, stop, tally, beat)
            except KeyboardInterrupt:
                tally.interrupted = True
            except DmsflowError as error:
                tally.failures.append(_failure(error))
    report = _report(plan, run_id, tally, started, time.perf_counter() - clock_start, stop)
    _log_end(report)
    return report


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


def _run(
    plan: Plan,
    access: Access,
    prepare: Steps,
    params: Binds,
    run_id: str,
    watchers: tuple[Watcher, ...],
    resume_at: datetime | None,
    stop: StopSignal,
    tally: Tally,
    beat: Callable[[], None],
) -> None:
    """What happens while the lease is held."""
    check_checkpoint(plan, prepare)
    check_appended(plan, prepare)
    if len(plan.chunks) > 1:
        tally.current = check_size(plan, prepare, access, params)
    if resume_at is None:
        _run_ddl(prepare, marks=False)
    last = prepare.fetch("last_surrogate_key")[0][0] if prepare.has("last_surrogate_key") else 0
    with hold_snapshot(plan, access) as snapshot:
        run = Run(
            run_id=run_id,
            run_at=resume_at or read_instant(prepare.session.fetch(plan.clock)[0][0]),
            plan=plan,
            access=access,
            keys=SurrogateKeys(int(last or 0)),  # type: ignore[arg-type]
            params=params,
            fills=prepare.has("find_any") and not prepare.count("find_any"),
            snapshot=snapshot,
        )
        _load(run, stop, tally, watchers, beat)


def _load(run: Run, stop: StopSignal, tally: Tally, watchers: tuple[Watcher, ...], beat: Callable[[], None]) -> None:
    """The chunks and the end of a run; a signal stops it."""
    plan = run.plan
    log_event(logger, logging.INFO, "run begins", pipeline=plan.pipeline, run_id=run.run_id, chunks=len(plan.chunks))
    for watcher in watchers:
        watcher.begun(run)
    with stop_on_signals(stop, at_once=len(plan.chunks) == 1):
        try:
            _load_chunks(run, stop, tally, watchers, beat)
        except KeyboardInterrupt:
            committed = find_committed(run, plan.chunks[0]) if len(plan.chunks) == 1 else None
            if committed is None:
                raise
            if not tally.done:
                tally.add(committed)
                _tell(watchers, committed, stop)
        _end(run, tally, stop)


def _load_chunks(
    run: Run, stop: StopSignal, tally: Tally, watchers: tuple[Watcher, ...], beat: Callable[[], None]
) -> None:
    """All chunks, until one fails or there are too many rejects; those in flight are waited for, and counted.

    An only chunk ends its run in its own transaction.
    """
    plan = run.plan

    def finish(steps: Steps, rows: RowCounts) -> None:
        if _may_end(plan, over_budget=is_over_budget(plan, rows.rejected, rows.read)):
            write_checkpoint(run, steps, _now())

    for result in execute_chunks(run, stop, _now, finish):
        tally.add(result)
        _tell(watchers, result, stop)
        beat()
        if not _may_end(plan, over_budget=is_over_budget(plan, tally.rows.rejected, 0)):
            tally.over_budget = True
            stop.request()


def _end(run: Run, tally: Tally, stop: StopSignal) -> None:
    """After the last chunk: gone keys and the checkpoint, or the reason why not."""
    plan = run.plan
    tally.over_budget = tally.over_budget or is_over_budget(plan, tally.rows.rejected, tally.rows.read)
    if tally.over_budget:
        tally.failures.append(_budget_failure(plan, tally.rows.rejected))
    if not _may_end(plan, over_budget=tally.over_budget) or tally.done < len(plan.chunks):
        return
    if len(plan.chunks) > 1:
        _finish(run, tally)
    tally.finished = True


def _finish(run: Run, tally: Tally) -> None:
    """End a run of several chunks, in one transaction."""
    plan = run.plan
    with _session(run.access) as session, transaction(session):
        steps = Steps(session=session, plan=plan, values=run.binds())
        if steps.has("find_gone"):
            gone = _count_gone(steps)
            check_close_guard(plan, gone, tally.current)
            if gone:
                delete_gone(run, steps, gone)
                verify_history(steps)
            steps.execute("forget_gone")
            session.execute(f'DROP TABLE IF EXISTS "{DELTA}"')
            tally.rows += RowCounts(closed=gone)
        write_checkpoint(run, steps, _now())


def _may_end(plan: Plan, *, over_budget: bool) -> bool:
    """Whether the checkpoint may move. An append moves it even with too many rejects: its rows are in (law 9)."""
    return plan.scd is ScdType.APPEND or not over_budget


def _count_gone(steps: Steps) -> int:
    steps.execute("find_gone")
    return int(steps.session.fetch(f'SELECT count(*) FROM "{DELTA}"')[0][0] or 0)  # type: ignore[arg-type]


def _run_ddl(steps: Steps, *, marks: bool) -> None:
    """Every DDL statement before any worker starts (law 36); the tables of the marks come before the lease.

    Those of the target run once: a run that has a mark to resume from has run them.
    """
    for statement in steps.plan.ddl:
        if statement.name.startswith(MARK_DDL) is marks:
            log_event(logger, logging.DEBUG, "ddl", statement=statement.name)
            steps.session.execute(statement.sql)


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


def _failure(error: DmsflowError) -> Failure:
    step = "check the source, or change the guard in the spec" if isinstance(error, GuardRefused) else None
    return Failure(message=str(error), code=type(error.__cause__ or error).__name__, next_step=step)


def _budget_failure(plan: Plan, rejected: int) -> Failure:
    limit = (
        f"errors.max_rows is {plan.errors.max_rows}"
        if plan.errors.max_rows is not None and rejected > plan.errors.max_rows
        else f"errors.max_percent is {plan.errors.max_percent:g}"
    )
    return Failure(
        message=f"{rejected:,} rows were rejected, {limit}",
        code="rejects",
        next_step="look at table dmsflow_reject in the target, correct the rows, and apply again",
    )


def _report(plan: Plan, run_id: str, tally: Tally, started: datetime, seconds: float, stop: StopSignal) -> RunReport:
    total = len(plan.chunks)
    status = _status(tally, stop)
    after = next_watermark(plan) if tally.finished else plan.checkpoint.start
    return RunReport(
        pipeline=plan.pipeline,
        run_id=run_id,
        status=status,
        rows=tally.rows,
        chunks=ChunkTally(total=total, done=tally.done, failed=tally.failed, pending=total - tally.done - tally.failed),
        watermark=WatermarkMove(before=plan.checkpoint.start, after=after),
        started_at=started,
        finished_at=datetime.now(UTC),
        seconds=round(seconds, 3),
        rows_per_second=round(tally.rows.read / seconds, 1) if seconds else 0.0,
        transfer=plan.transfer,
        errors=tuple(tally.failures),
    )


def _status(tally: Tally, stop: StopSignal) -> RunStatus:
    """How the run ended; succeeded only when its end was committed (law 32)."""
    if tally.finished and not tally.failures and tally.rows.balanced:
        return RunStatus.SUCCEEDED
    if tally.failures:
        return RunStatus.FAILED if tally.over_budget or not tally.done else RunStatus.PARTIAL
    if tally.interrupted or stop.requested:
        return RunStatus.STOPPED
    return RunStatus.FAILED


def new_run_id() -> str:
    """A run's name: when it began, and a few letters that no other has."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.urandom(3).hex()}"
