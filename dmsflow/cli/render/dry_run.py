"""A dry run for a person: counts, samples with old and new values side by side, rejects, timings. Decides nothing."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from dmsflow.cli.render.colour import paint
from dmsflow.cli.render.rejects import COLUMNS as REJECT_COLUMNS
from dmsflow.cli.render.rejects import cells_of, shorten
from dmsflow.cli.render.report import render_report
from dmsflow.cli.render.table import TableColumn, align
from dmsflow.cli.render.words import count_of, escape, write_span
from dmsflow.rehearsal.dry_run import DryRun, RowsFrom
from dmsflow.rehearsal.effects import Effect, Row, Sample

COLOURS = {"inserted": "green", "versioned": "cyan", "updated": "yellow", "closed": "red", "rejected": "red"}
ARROW = " -> "
LONGEST = 40


def render_dry_run(shown: DryRun, *, colour: bool) -> str:
    """The report, each effect with its samples, the rejects, how long it took."""
    lines = [render_report(shown.report, colour=colour)]
    for effect in shown.effects:
        if effect.samples:
            lines += ["", *_render_effect(effect, shown.columns, colour)]
    if shown.rejects:
        lines += ["", *_render_rejects(shown, colour)]
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


def _render_effect(effect: Effect, looked_at: Sequence[str], colour: bool) -> Iterator[str]:
    head = f"{effect.kind}: {_told(effect.rows, len(effect.samples))}"
    yield paint(head, COLOURS.get(effect.kind, "bold")) if colour else head
    names = [name for name in looked_at if any(_shows(name, sample) for sample in effect.samples)]
    columns = [TableColumn(heading=name) for name in names]
    heading, *lines = align(columns, [[_cell(name, sample) for name in names] for sample in effect.samples])
    yield f"  {heading}"
    for line in lines:
        yield f"  {_paint_arrows(line) if colour else line}"


def _render_rejects(shown: DryRun, colour: bool) -> Iterator[str]:
    head = f"rejected: {_told(shown.report.rows.rejected, len(shown.rejects))}"
    yield paint(head, COLOURS["rejected"]) if colour else head
    rows = [[shorten(cell) for cell in cells_of(reject)] for reject in shown.rejects]
    yield from (f"  {line}" for line in align(REJECT_COLUMNS, rows))


def _span(seconds: float) -> str:
    return write_span(timedelta(seconds=seconds))


def _told(rows: int, shown: int) -> str:
    return count_of(rows, "row") + (f", {shown} of them:" if shown < rows else ":")


def _shows(name: str, sample: Sample) -> bool:
    return any(row and row.get(name) is not None for row in (sample.old, sample.new))


def _cell(name: str, sample: Sample) -> str:
    """The value, or the old one and the new one where they differ."""
    if sample.old is None or sample.new is None:
        return _value(name, sample.new or sample.old or {})
    old, new = _value(name, sample.old), _value(name, sample.new)
    return new if old == new else f"{old}{ARROW}{new}"


def _value(name: str, row: Row) -> str:
    value = row.get(name)
    text = "NULL" if value is None else value
    return escape(text if len(text) <= LONGEST else f"{text[:LONGEST]}...")


def _paint_arrows(line: str) -> str:
    return line.replace(ARROW, f" {paint('->', 'yellow')} ")
