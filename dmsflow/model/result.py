"""What came out: row counts, chunk results, the report of a run. Values only; states the identity of law 30."""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum

from dmsflow.model.watermark import Watermark


class RunStatus(StrEnum):
    """How a run ended, or that it still runs."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PARTIAL = "partial"
    STOPPED = "stopped"


class ChunkStatus(StrEnum):
    """How a chunk ended. ``skipped``: a committed mark says that it was loaded before."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCounts:
    """Where every source row went, counted by the database that did it. ``closed`` counts target rows instead."""

    read: int = 0
    inserted: int = 0
    versioned: int = 0
    updated: int = 0
    unchanged: int = 0
    collapsed: int = 0
    rejected: int = 0
    closed: int = 0

    @property
    def accounted(self) -> int:
        """Rows that are known to have gone somewhere."""
        return self.inserted + self.versioned + self.updated + self.unchanged + self.collapsed + self.rejected

    @property
    def balanced(self) -> bool:
        """Law 30: every row read is accounted for, and none is counted off against another."""
        return self.read == self.accounted and min(getattr(self, f.name) for f in fields(self)) >= 0

    def __add__(self, other: "RowCounts") -> "RowCounts":
        return RowCounts(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a chunk or a run failed: ``code`` is the database's own, where it has one."""

    message: str
    code: str | None = None
    chunk: int | None = None
    attempts: int = 1
    next_step: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkResult:
    """One chunk, finished. ``rows`` are zero where it failed: its transaction is gone."""

    number: int
    status: ChunkStatus
    rows: RowCounts = RowCounts()
    watermark: Watermark | None = None
    seconds: float = 0.0
    attempts: int = 1
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkTally:
    """How many chunks a run has, by where they stand."""

    total: int = 0
    done: int = 0
    failed: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WatermarkMove:
    """Where the checkpoint stood before a run, and after it."""

    before: Watermark | None = None
    after: Watermark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """The report of one run; its JSON is a contract (see the reference)."""

    pipeline: str
    run_id: str
    status: RunStatus
    rows: RowCounts
    chunks: ChunkTally
    watermark: WatermarkMove
    started_at: datetime
    finished_at: datetime
    seconds: float
    rows_per_second: float
    transfer: str
    errors: tuple[Failure, ...] = ()
