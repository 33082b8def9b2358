"""What is known of a run while it goes on, and the report that is made of it. Runs nothing."""

from datetime import UTC, datetime

from msgspec import Struct, field

from dmsflow.errors import DmsflowError, Refusal
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
from dmsflow.runtime.checkpoint import next_watermark
from dmsflow.runtime.findings import Findings
from dmsflow.runtime.stop import StopSignal

REJECTED = "look at table dmsflow_reject in the target, correct the rows, and apply again"
"""What to do about rejects."""


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
    findings: Findings = field(default_factory=Findings)

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


def failure_of(error: DmsflowError, attempts: int = 1) -> Failure:
    """What ended a run, or an attempt to begin or to end it, as its report tells it."""
    step = error.next_step if isinstance(error, Refusal) else None
    return Failure(message=str(error), code=type(error.__cause__ or error).__name__, attempts=attempts, next_step=step)


def budget_failure(plan: Plan, rejected: int) -> Failure:
    """That there are more rejects than the spec allows."""
    limit = tell_budget(plan, rejected)
    return Failure(message=f"{rejected:,} rows were rejected, {limit}", code="rejects", next_step=REJECTED)


def tell_budget(plan: Plan, rejected: int) -> str:
    """Which limit of the spec these rejects are beyond."""
    if plan.errors.max_rows is not None and rejected > plan.errors.max_rows:
        return f"errors.max_rows is {plan.errors.max_rows}"
    return f"errors.max_percent is {plan.errors.max_percent or 0:g}"


def write_report(
    plan: Plan, run_id: str, tally: Tally, started: datetime, seconds: float, stop: StopSignal
) -> RunReport:
    """What a run did."""
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
        allowed=plan.allowed,
        checks=tally.findings.total(plan),
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
