"""A ledger in a real file, a clock that stands still until it is moved, and values to put in."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dmsflow.ledger import Ledger, open_ledger
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
from dmsflow.model.watermark import TypedValue, Watermark

NOON = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


class StillClock:
    """Tells the same time until ``forward`` is called."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".dmsflow" / "ledger.db"


@pytest.fixture
def ledger(path: Path, clock: StillClock) -> Iterator[Ledger]:
    with open_ledger(path, clock=clock, host="here") as opened:
        yield opened


Start = Callable[..., None]


@pytest.fixture
def start(ledger: Ledger) -> Start:
    return make_start(ledger)


def make_start(ledger: Ledger) -> Start:
    def start_run(run_id: str, **changes: object) -> None:
        values: dict[str, object] = {
            "pipeline": "orders",
            "spec_file": "orders.yaml",
            "spec_digest": "d1",
            "plan_json": b'{"plan": 1}',
            "target": "dw.orders",
            "transfer": "in-place",
            "chunks_total": 4,
            "estimated_rows": 400,
            "host": "here",
            "pid": os.getpid(),
            "started_at": NOON,
        }
        ledger.start_run(run_id, **{**values, **changes})

    return start_run


def chunk(number: int, rows: int = 100, status: ChunkStatus = ChunkStatus.DONE) -> ChunkResult:
    if status is ChunkStatus.FAILED:
        failure = Failure(message="end-of-file", code="ORA-03113", chunk=number, attempts=3)
        return ChunkResult(number=number, status=status, attempts=3, failure=failure)
    return ChunkResult(
        number=number,
        status=status,
        rows=RowCounts(read=rows, inserted=rows),
        watermark=Watermark(columns=("id",), values=(TypedValue.of(number * 100),)),
        seconds=1.5,
    )


def report(run_id: str, status: RunStatus = RunStatus.SUCCEEDED, **changes: object) -> RunReport:
    values: dict[str, object] = {
        "pipeline": "orders",
        "run_id": run_id,
        "status": status,
        "rows": RowCounts(read=400, inserted=300, unchanged=100),
        "chunks": ChunkTally(total=4, done=4),
        "watermark": WatermarkMove(after=Watermark(columns=("id",), values=(TypedValue.of(400),))),
        "started_at": NOON,
        "finished_at": NOON + timedelta(seconds=8),
        "seconds": 8.0,
        "rows_per_second": 50.0,
        "transfer": "in-place",
    }
    return RunReport(**{**values, **changes})
