"""Ledger rows to values and back: times as UTC text, parts of results as JSON without secrets. Opens nothing."""

import sqlite3
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from dmsflow.events import redact
from dmsflow.ledger.rows import RunRow, is_stale
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
from dmsflow.model.watermark import Watermark
from dmsflow.processes import process_lives

COUNTS = RowCounts.__struct_fields__

T = TypeVar("T")


def write_time(moment: datetime) -> str:
    """A moment as UTC text that sorts. Raises ValueError for one without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment in the ledger has a time zone")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def write_report(report: RunReport) -> str:
    """A report as JSON, its messages without secrets."""
    return _write_json(replace(report, errors=tuple(_redact_failure(error) for error in report.errors)))


def write_chunk(run_id: str, result: ChunkResult) -> dict[str, object]:
    """The columns of a chunk."""
    failure = _redact_failure(result.failure) if result.failure else None
    return {
        "run_id": run_id,
        "number": result.number,
        "status": result.status.value,
        **{name: getattr(result.rows, name) for name in COUNTS},
        "seconds": result.seconds,
        "attempts": result.attempts,
        "watermark": _write_json(result.watermark) if result.watermark else None,
        "failure": _write_json(failure) if failure else None,
    }


def read_chunk(row: sqlite3.Row) -> ChunkResult:
    """A chunk as it was recorded."""
    return ChunkResult(
        number=row["number"],
        status=ChunkStatus(row["status"]),
        rows=RowCounts(**{name: row[name] for name in COUNTS}),
        watermark=_read_json(row["watermark"], Watermark),
        seconds=row["seconds"],
        attempts=row["attempts"],
        failure=_read_json(row["failure"], Failure),
    )


def write_attempt(run_id: str, failure: Failure) -> dict[str, object]:
    """The columns of an attempt that failed."""
    told = _write_json(_redact_failure(failure))
    return {"run_id": run_id, "chunk": failure.chunk or 0, "attempt": failure.attempts, "failure": told}


def read_attempt(row: sqlite3.Row) -> Failure:
    """An attempt as it was recorded."""
    return msgspec.json.decode(row["failure"], type=Failure)


def read_run(row: sqlite3.Row, *, now: datetime, host: str) -> RunRow:
    """A run as it looks now from this host."""
    report = _read_json(row["report"], RunReport)
    status = RunStatus(row["status"])
    heartbeat_at = datetime.fromisoformat(row["heartbeat_at"])
    suspect = status is RunStatus.RUNNING and row["host"] == host and is_stale(heartbeat_at, now)
    return RunRow(
        **{name: row[name] for name in ("run_id", "pipeline", "spec_file", "spec_digest", "target", "transfer")},
        **{name: row[name] for name in ("host", "pid", "plan", "estimated_rows")},
        **{name: row[name] for name in ("rows_so_far", "rows_before", "chunks_before")},
        status=status,
        started_at=datetime.fromisoformat(row["started_at"]),
        resumed_at=datetime.fromisoformat(row["resumed_at"]),
        heartbeat_at=heartbeat_at,
        seen_at=now,
        finished_at=datetime.fromisoformat(row["finished_at"]) if row["finished_at"] else None,
        rows=report.rows if report else RowCounts(**{name: row[name] for name in COUNTS}),
        chunks=report.chunks if report else _tally(row),
        watermark=report.watermark if report else WatermarkMove(),
        errors=report.errors if report else (),
        allowed=report.allowed if report else (),
        checks=report.checks if report else (),
        stop_requested=bool(row["stop_requested"]),
        lost=suspect and process_lives(row["pid"]) is False,
        is_latest=bool(row["is_latest"]),
    )


def _tally(row: sqlite3.Row) -> ChunkTally:
    total, done, failed = row["chunks_total"], row["chunks_done"], row["chunks_failed"]
    return ChunkTally(total=total, done=done, failed=failed, pending=max(0, total - done - failed))


def _redact_failure(failure: Failure) -> Failure:
    next_step = redact(failure.next_step) if failure.next_step else None
    return replace(failure, message=redact(failure.message), next_step=next_step)


def _write_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _read_json(text: str | None, kind: type[T]) -> T | None:
    return None if text is None else msgspec.json.decode(text, type=kind)
