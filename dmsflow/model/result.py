"""What came out: row counts, chunk results, the report of a run. Values only; states the identity of law 30."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from dmsflow.model.checks import CheckResult
from dmsflow.model.guards import Allowed
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


class RowCounts(Struct, frozen=True, kw_only=True):
    """Where every source row went, counted by the database that did it.

    ``closed`` and ``rewritten`` count target rows instead: versions that end, and closed ones that are overwritten.
    """

    read: int = 0
    inserted: int = 0
    versioned: int = 0
    updated: int = 0
    unchanged: int = 0
    collapsed: int = 0
    rejected: int = 0
    closed: int = 0
    rewritten: int = 0

    @property
    def accounted(self) -> int:
        """Rows that are known to have gone somewhere."""
        return self.inserted + self.versioned + self.updated + self.unchanged + self.collapsed + self.rejected

    @property
    def balanced(self) -> bool:
        """Law 30: every row read is accounted for, and none is counted off against another."""
        return self.read == self.accounted and min(getattr(self, name) for name in self.__struct_fields__) >= 0

    def __add__(self, other: "RowCounts") -> "RowCounts":
        return RowCounts(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})

    def __sub__(self, other: "RowCounts") -> "RowCounts":
        return RowCounts(**{name: getattr(self, name) - getattr(other, name) for name in self.__struct_fields__})


class ExpectedRows(Struct, frozen=True, kw_only=True):
    """What a plan expects of its run: ``rows`` to come, beside those that a broken run has ``loaded``."""

    rows: RowCounts
    loaded: RowCounts = RowCounts()

    def differences(self, found: RowCounts) -> tuple[tuple[str, int, int], ...]:
        """Where a run counted otherwise: what, how many were expected, and how many there were."""
        expected = self.rows + self.loaded
        pairs = ((name, getattr(expected, name), getattr(found, name)) for name in RowCounts.__struct_fields__)
        return tuple(pair for pair in pairs if pair[1] != pair[2])


class Failure(Struct, frozen=True, kw_only=True):
    """Why a chunk or a run failed: ``code`` is the database's own, where it has one."""

    message: str
    code: str | None = None
    chunk: int | None = None
    attempts: int = 1
    next_step: str | None = None


class ChunkResult(Struct, frozen=True, kw_only=True):
    """One chunk, finished. ``rows`` are zero where it failed: its transaction is gone."""

    number: int
    status: ChunkStatus
    rows: RowCounts = RowCounts()
    watermark: Watermark | None = None
    seconds: float = 0.0
    attempts: int = 1
    failure: Failure | None = None


class ChunkTally(Struct, frozen=True, kw_only=True):
    """How many chunks a run has, by where they stand."""

    total: int = 0
    done: int = 0
    failed: int = 0
    pending: int = 0


class WatermarkMove(Struct, frozen=True, kw_only=True):
    """Where the checkpoint stood before a run, and after it."""

    before: Watermark | None = None
    after: Watermark | None = None


class RunReport(Struct, frozen=True, kw_only=True):
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
    allowed: tuple[Allowed, ...] = ()
    checks: tuple[CheckResult, ...] = ()
