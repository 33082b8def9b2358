"""A run as the ledger knows it, and how far it is. A value; asks no clock and no database."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dmsflow.model.checks import CheckResult
from dmsflow.model.guards import Allowed
from dmsflow.model.result import ChunkTally, Failure, RowCounts, RunStatus, WatermarkMove

STALE_AFTER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run. ``resumed_at`` is when its latest attempt began, ``seen_at`` when this row was read.

    ``rows`` are of finished chunks; ``rows_so_far`` also counts rows in flight, as the latest heartbeat told them.
    ``rows_before`` and ``chunks_before`` are what earlier attempts had done. ``lost``: it says that it runs, but
    its process is gone. ``plan`` is the JSON of the plan, kept until the run succeeds or a newer one begins.
    """

    run_id: str
    pipeline: str
    spec_file: str
    spec_digest: str
    target: str
    transfer: str
    status: RunStatus
    host: str
    pid: int
    started_at: datetime
    resumed_at: datetime
    heartbeat_at: datetime
    seen_at: datetime
    rows: RowCounts
    chunks: ChunkTally
    watermark: WatermarkMove
    finished_at: datetime | None = None
    rows_so_far: int = 0
    rows_before: int = 0
    chunks_before: int = 0
    estimated_rows: int | None = None
    errors: tuple[Failure, ...] = ()
    allowed: tuple[Allowed, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    stop_requested: bool = False
    lost: bool = False
    is_latest: bool = True
    plan: bytes | None = field(default=None, repr=False)

    @property
    def runs(self) -> bool:
        """Whether it runs now, as far as anyone can tell."""
        return self.status is RunStatus.RUNNING and not self.lost

    @property
    def shown_status(self) -> str:
        """The status for a person: also ``lost``, and ``stopping`` between the request and the end."""
        if self.lost:
            return "lost"
        return "stopping" if self.runs and self.stop_requested else self.status.value

    @property
    def rows_read(self) -> int:
        """Rows read, those in flight included while it runs."""
        if not self.runs:
            return self.rows.read
        return max(self.rows.read, self.rows_so_far)

    @property
    def silence(self) -> timedelta:
        """How long ago it gave its latest sign of life."""
        return max(self.seen_at - self.heartbeat_at, timedelta())

    @property
    def elapsed(self) -> timedelta:
        """How long the latest attempt took, or takes so far."""
        end = self.finished_at or (self.heartbeat_at if self.lost else self.seen_at)
        return max(end - self.resumed_at, timedelta())

    @property
    def rows_per_second(self) -> float | None:
        """The pace of the latest attempt up to its latest sign of life; None before there is one."""
        seconds = ((self.finished_at or self.heartbeat_at) - self.resumed_at).total_seconds()
        return max(0, self.rows_read - self.rows_before) / seconds if seconds > 0 else None

    @property
    def share(self) -> float | None:
        """How much is done, from 0 to 1: chunks done, and rows in flight against the estimate. None: unknown."""
        if self.status is RunStatus.SUCCEEDED:
            return 1.0
        if not self.chunks.total:
            return None
        done = self.chunks.done / self.chunks.total
        if not self.runs:
            return done
        in_flight = self.rows_read - self.rows.read
        if not self.estimated_rows:
            return done if self.chunks.total > 1 else None
        return min(done + min(in_flight / self.estimated_rows, 1 - done), 0.99)

    @property
    def remaining(self) -> timedelta | None:
        """How long it still takes at the pace of this attempt; None when nobody can tell."""
        if not self.runs or self.share is None:
            return None
        gained = self.share - self.chunks_before / self.chunks.total
        return self.elapsed * ((1 - self.share) / gained) if gained > 0 else None


def is_stale(heartbeat_at: datetime, now: datetime) -> bool:
    """Whether the latest sign of life is too old to believe in without asking."""
    return now - heartbeat_at > STALE_AFTER
