"""One run: its identity, its instant, its databases. Shared by all workers; changed by none of them."""

import threading
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, field

from dmsflow.engines.access import Access
from dmsflow.engines.engine import Binds, Row, Session
from dmsflow.model.plan import DELTA, Chunk, Plan, RangeShape, Statement
from dmsflow.model.watermark import Scalar
from dmsflow.runtime.findings import Findings
from dmsflow.runtime.pieces import Pieces
from dmsflow.runtime.sequence import Sequence
from dmsflow.runtime.snapshot import Snapshot
from dmsflow.transfer.refinery import Refinery


class SurrogateKeys:
    """Hands out blocks of surrogate keys; the lease keeps other runs away, the lock other threads."""

    def __init__(self, last: int = 0) -> None:
        self._last = last
        self._lock = threading.Lock()

    def reserve(self, count: int) -> int:
        """The number before the first of ``count`` keys that nobody else gets. Gaps are harmless."""
        with self._lock:
            base = self._last
            self._last += count
            return base


class Witness:
    """Sees what a chunk is about to do, in the chunk's own transaction and thread. Does nothing itself."""

    def classified(self, steps: "Steps", rows: Mapping[str, int], table: str = DELTA) -> None:
        """The delta, or another table, holds so many rows of each class, of which nothing is written yet."""

    def filling(self, steps: "Steps") -> None:
        """Every sound row of the stage is about to be inserted."""


class LastRun(Struct, frozen=True, kw_only=True):
    """The run before: the last one of this pipeline that succeeded, and the rows it read."""

    run_id: str
    rows: int


class Run(Struct, frozen=True, kw_only=True):
    """What every chunk of a run shares (laws 5, 19: one state of the source, one instant).

    ``fills``: the target had no row when the run began. ``last`` is known where a guard looks at rows. ``horizon``:
    where the window of late rows begins.
    """

    run_id: str
    run_at: datetime
    plan: Plan
    access: Access
    params: Binds
    refinery: Refinery
    keys: SurrogateKeys = field(default_factory=SurrogateKeys)
    fills: bool = False
    horizon: datetime | None = None
    snapshot: Snapshot | None = None
    sequence: Sequence | None = None
    witness: Witness | None = None
    pieces: Pieces = field(default_factory=Pieces)
    last: LastRun | None = None
    findings: Findings = field(default_factory=Findings)

    def binds(self, chunk: Chunk | None = None) -> dict[str, Scalar | None]:
        """The values that statements may take."""
        ends = chunk.binds() if chunk else {}
        return {
            "run_id": self.run_id,
            "run_at": self.run_at,
            "pipeline": self.plan.pipeline,
            "target_table": str(self.plan.target.table),
            "chunk": chunk.number if chunk else None,
            "horizon": self.horizon,
            **self.params,
            **self.plan.checkpoint.binds(),
            **ends,
        }


class Steps(Struct, frozen=True, kw_only=True):
    """The plan's statements, run by name in one session."""

    session: Session
    plan: Plan
    values: Binds
    shape: RangeShape = RangeShape.ANY

    def has(self, name: str) -> bool:
        """Whether the plan has such a statement."""
        return self.plan.find(name, self.shape) is not None

    def find(self, name: str) -> Statement:
        """The statement of that name. Raises KeyError: a plan without it is broken."""
        statement = self.plan.find(name, self.shape)
        if statement is None:
            raise KeyError(name)
        return statement

    def binds(self, statement: Statement, **more: Scalar | None) -> dict[str, Scalar | None]:
        """The values that this statement takes."""
        known = {**self.values, **more}
        return {name: known[name] for name in statement.binds}

    def execute(self, name: str, **more: Scalar | None) -> int:
        """Run a statement; the rows it wrote."""
        statement = self.find(name)
        return self.session.execute(statement.sql, self.binds(statement, **more))

    def fetch(self, name: str, **more: Scalar | None) -> list[Row]:
        """Run a query; its rows."""
        statement = self.find(name)
        return self.session.fetch(statement.sql, self.binds(statement, **more))

    def count(self, name: str) -> int:
        """Run a query of one number."""
        value = self.fetch(name)[0][0]
        return int(value) if value is not None else 0  # type: ignore[arg-type]
