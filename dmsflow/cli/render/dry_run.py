"""A dry run for a person: counts, samples with old and new values side by side, rejects, timings. Decides nothing."""

from collections.abc import Iterator
from datetime import timedelta

from dmsflow.cli.render.effects import render_rejected, render_samples
from dmsflow.cli.render.report import render_report
from dmsflow.cli.render.words import escape, write_span
from dmsflow.rehearsal.dry_run import DryRun, RowsFrom


def render_dry_run(shown: DryRun, *, colour: bool) -> str:
    """The report, each effect with its samples, the rejects, how long it took."""
    lines = [render_report(shown.report, colour=colour)]
    lines += render_samples(shown.effects, shown.columns, colour=colour)
    lines += render_rejected(shown.report.rows.rejected, shown.rejects, colour=colour)
    seconds = shown.seconds
    target = "a new target" if shown.new_target else f"a target of {shown.rows_from} rows"
    touched = "the databases were only read" if shown.rows_from is RowsFrom.SAMPLED else "no database was opened"
    lines += [
        "",
        f"a dry run into {target}: prepared in {_span(seconds.prepare)}, planned in {_span(seconds.plan)}, "
        f"run in {_span(seconds.run)}; {touched}",
    ]
    lines += _render_sample(shown)
    return "\n".join(lines)


def _render_sample(shown: DryRun) -> Iterator[str]:
    """What was read of which table, and what is to be known of it."""
    for sampled in shown.sampled:
        total = f" of {sampled.of:,}" if sampled.of is not None else ""
        by = f", where {escape(' and '.join(sampled.by))}" if sampled.by else ""
        yield f"sampled: {sampled.rows:,}{total} rows of {escape(sampled.table)}{by}"
    yield from (f"note: {escape(note)}" for note in shown.notes)


def _span(seconds: float) -> str:
    return write_span(timedelta(seconds=seconds))
