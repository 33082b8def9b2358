"""Runs for a person and for a program: what ran, what runs. Reads no ledger."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec.structs import asdict

from dmsflow.cli.render.colour import paint, paint_status
from dmsflow.cli.render.table import TableColumn, align
from dmsflow.cli.render.words import write_count, write_moment, write_share, write_span
from dmsflow.ledger import RunRow
from dmsflow.model.watermark import Watermark

QUIET_AFTER = timedelta(seconds=15)

HISTORY = (
    TableColumn(heading="run"),
    TableColumn(heading="pipeline"),
    TableColumn(heading="status"),
    TableColumn(heading="started"),
    TableColumn(heading="took", number=True),
    TableColumn(heading="chunks", number=True),
    *(
        TableColumn(heading=name, number=True)
        for name in ("read", "inserted", "versioned", "updated", "unchanged", "rejected", "closed")
    ),
)

PROGRESS = (
    TableColumn(heading="pipeline"),
    TableColumn(heading="status"),
    TableColumn(heading="done", number=True),
    TableColumn(heading="chunks", number=True),
    TableColumn(heading="rows", number=True),
    TableColumn(heading="rows/s", number=True),
    TableColumn(heading="left", number=True),
    TableColumn(heading="since"),
    TableColumn(heading="run"),
    TableColumn(heading="process"),
)


def render_history(runs: Sequence[RunRow], *, colour: bool) -> str:
    """A table of runs, in the order given."""
    if not runs:
        return "no run yet"
    return _paint_table(align(HISTORY, [_history_cells(run) for run in runs]), runs, colour)


def render_running(runs: Sequence[RunRow], latest: RunRow | None, *, colour: bool) -> str:
    """A table of what runs now; where nothing does, how the latest run ended."""
    if runs:
        lines = _paint_table(align(PROGRESS, [_progress_cells(run) for run in runs]), runs, colour)
        return "\n".join([lines, *_hints(runs)])
    if latest is None:
        return "nothing runs now, and nothing ran before"
    ended = write_moment(latest.finished_at or latest.heartbeat_at, latest.seen_at)
    line = (
        f"nothing runs now | latest: {latest.pipeline} {latest.shown_status} at {ended},"
        f" {write_count(latest.rows_read)} rows in {write_span(latest.elapsed)} (run {latest.run_id})"
    )
    return paint_status(line, latest.shown_status) if colour else line


def render_stop(run: RunRow, *, at_once: bool) -> str:
    """What was asked of a run; how it ended, where it has."""
    name = f'run {run.run_id} of pipeline "{run.pipeline}"'
    if run.lost:
        return f'{name} is lost: process {run.pid} is gone | next: run "dmsflow apply {run.spec_file}" to resume it'
    if not run.runs:
        done = f"{run.chunks.done} of {run.chunks.total} chunks, {write_count(run.rows_read)} rows"
        return f"{name} has ended: {run.status.value}, {done}"
    if at_once:
        return f"{name} is asked to stop at once: what is at work is rolled back"
    again = f'"dmsflow stop {run.run_id}" rolls them back'
    return f"{name} is asked to stop: the chunks at work end first | to wait no longer: {again}"


def runs_as_json(runs: Sequence[RunRow]) -> str:
    """A JSON array of runs; times in UTC, the plan left out."""
    return json.dumps([run_as_values(run) for run in runs], indent=2)


def running_as_json(runs: Sequence[RunRow], latest: RunRow | None, *, indent: int | None = 2) -> str:
    """``{"running": [...], "latest": run or null}``, on one line without indent."""
    return json.dumps(
        {"running": [run_as_values(run) for run in runs], "latest": run_as_values(latest) if latest else None},
        indent=indent,
    )


def run_as_values(run: RunRow) -> dict[str, object]:
    """A run as JSON knows it; part of the contract that scripts rely on."""
    return {
        "run_id": run.run_id,
        "pipeline": run.pipeline,
        "status": run.shown_status,
        "spec_file": run.spec_file,
        "spec_digest": run.spec_digest,
        "target": run.target,
        "transfer": run.transfer,
        "host": run.host,
        "pid": run.pid,
        "started_at": _utc(run.started_at),
        "resumed_at": _utc(run.resumed_at),
        "heartbeat_at": _utc(run.heartbeat_at),
        "finished_at": _utc(run.finished_at) if run.finished_at else None,
        "seconds": round(run.elapsed.total_seconds(), 3),
        "share": round(run.share, 4) if run.share is not None else None,
        "seconds_left": round(run.remaining.total_seconds(), 1) if run.remaining is not None else None,
        "estimated_rows": run.estimated_rows,
        "rows_read": run.rows_read,
        "rows_per_second": round(run.rows_per_second, 1) if run.rows_per_second is not None else None,
        "rows": asdict(run.rows),
        "chunks": asdict(run.chunks),
        "watermark": {"before": _watermark(run.watermark.before), "after": _watermark(run.watermark.after)},
        "errors": [asdict(error) for error in run.errors],
        "allowed": [asdict(one) for one in run.allowed],
        "checks": [asdict(one) for one in run.checks],
    }


def _history_cells(run: RunRow) -> tuple[str, ...]:
    rows = run.rows
    counts = (rows.inserted, rows.versioned, rows.updated, rows.unchanged, rows.rejected, rows.closed)
    return (
        run.run_id,
        run.pipeline,
        run.shown_status,
        write_moment(run.started_at, run.seen_at),
        write_span(run.elapsed),
        f"{run.chunks.done}/{run.chunks.total}",
        write_count(run.rows_read),
        *(write_count(count) for count in counts),
    )


def _progress_cells(run: RunRow) -> tuple[str, ...]:
    return (
        run.pipeline,
        run.shown_status,
        write_share(run.share),
        f"{run.chunks.done}/{run.chunks.total}",
        write_count(run.rows_read),
        write_count(run.rows_per_second),
        write_span(run.remaining),
        f"{write_moment(run.resumed_at, run.seen_at)} ({write_span(run.elapsed)})",
        run.run_id,
        f"{run.host}:{run.pid}",
    )


def _hints(runs: Sequence[RunRow]) -> list[str]:
    hints = []
    for run in runs:
        if run.lost:
            hints.append(
                f"{run.pipeline}: process {run.pid} is gone, its latest sign of life was"
                f' {write_span(run.silence)} ago | next: run "dmsflow apply {run.spec_file}" again to resume'
            )
        elif run.silence > QUIET_AFTER:
            hints.append(f"{run.pipeline}: no sign of life for {write_span(run.silence)}")
        if run.chunks.failed:
            hints.append(f"{run.pipeline}: {run.chunks.failed} of {run.chunks.total} chunks failed so far")
    return hints


def _paint_table(lines: list[str], runs: Sequence[RunRow], colour: bool) -> str:
    if not colour:
        return "\n".join(lines)
    heading, *body = lines
    painted = [paint_status(line, run.shown_status) for line, run in zip(body, runs, strict=True)]
    return "\n".join([paint(heading, "dim"), *painted])


def _watermark(watermark: Watermark | None) -> dict[str, str] | None:
    if watermark is None:
        return None
    return {name: str(value) for name, value in zip(watermark.columns, watermark.values, strict=True)}


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
