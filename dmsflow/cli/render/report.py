"""The report of a run for a person. Foreign text is escaped; says nothing that the report does not hold."""

from datetime import timedelta

from dmsflow.cli.render.checks import render_checks
from dmsflow.cli.render.colour import STATUS_COLOURS, paint
from dmsflow.cli.render.table import TableColumn, align
from dmsflow.cli.render.words import count_of, escape, write_count, write_span
from dmsflow.events import redact
from dmsflow.model.result import Failure, RowCounts, RunReport, RunStatus, WatermarkMove

SHOWN_ERRORS = 5

COUNTS = RowCounts.__struct_fields__


def render_report(report: RunReport, *, colour: bool) -> str:
    """How it ended, where the rows went, how far it read, and what went wrong."""
    lines = [_status_line(report, colour), "", *render_counts(report.rows)]
    moved = write_watermark(report.watermark)
    if moved:
        lines += ["", moved]
    if report.checks:
        lines += ["", *render_checks(report.checks, colour=colour)]
    if report.allowed:
        lines += ["", *(f"allowed: {one.guard}, by {escape(one.by)}" for one in report.allowed)]
    if report.errors:
        lines += ["", *(write_failure(error, report) for error in report.errors[:SHOWN_ERRORS])]
        if len(report.errors) > SHOWN_ERRORS:
            lines.append(f"and {count_of(len(report.errors) - SHOWN_ERRORS, 'more failure')}")
    return "\n".join(lines)


def write_failure(failure: Failure, report: RunReport) -> str:
    """``chunk 7 of 12 failed after 3 attempts: why | watermark stays at ... | next: what to do``."""
    subject = f"chunk {failure.chunk} of {report.chunks.total}" if failure.chunk is not None else "the run"
    attempts = f" after {failure.attempts} attempts" if failure.attempts > 1 else ""
    message = redact(failure.message)
    if failure.code and failure.code not in message:
        message = f"{failure.code} {message}"
    parts = [f"{subject} failed{attempts}: {escape(message)}"]
    moved = write_watermark(report.watermark)
    if moved:
        parts.append(moved)
    if failure.next_step:
        parts.append(f"next: {escape(redact(failure.next_step))}")
    return " | ".join(parts)


def write_watermark(move: WatermarkMove) -> str:
    """``watermark stays at id = 7`` or ``watermark moves from id = 7 to id = 9``; empty where none is kept."""
    before, after = (escape(str(mark)) if mark else None for mark in (move.before, move.after))
    if after is None or after == before:
        return f"watermark stays at {before}" if before else ""
    return f"watermark moves from {before} to {after}" if before else f"watermark is now {after}"


def _status_line(report: RunReport, colour: bool) -> str:
    status = paint(report.status.value, STATUS_COLOURS[report.status.value]) if colour else report.status.value
    chunks = report.chunks
    done = (
        count_of(chunks.total, "chunk")
        if report.status is RunStatus.SUCCEEDED
        else f"{chunks.done} of {count_of(chunks.total, 'chunk')} done"
    )
    facts = [done]
    if chunks.failed:
        facts.append(f"{chunks.failed} failed")
    facts += [report.transfer, write_span(timedelta(seconds=report.seconds))]
    if report.rows.read:
        facts.append(f"{write_count(report.rows_per_second)} rows/s")
    return f"{escape(report.pipeline)} {status}: {', '.join(facts)} (run {escape(report.run_id)})"


def render_counts(rows: RowCounts) -> list[str]:
    """Where rows went, as a table of one line; few loads rewrite history, so the others say nothing of it."""
    names = [name for name in COUNTS if name != "rewritten" or rows.rewritten]
    columns = [TableColumn(heading=name, number=True) for name in names]
    return align(columns, [[write_count(getattr(rows, name)) for name in names]])
