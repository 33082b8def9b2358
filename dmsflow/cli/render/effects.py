"""What a run does, or would do, for a person: samples with old and new values side by side, and rejects."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from msgspec.structs import replace

from dmsflow.cli.render.colour import paint
from dmsflow.cli.render.rejects import COLUMNS as REJECT_COLUMNS
from dmsflow.cli.render.rejects import cells_of, shorten
from dmsflow.cli.render.report import SHOWN_ERRORS, render_counts, write_failure
from dmsflow.cli.render.table import TableColumn, align
from dmsflow.cli.render.words import count_of, escape, write_span
from dmsflow.marks.reject import Reject
from dmsflow.model.result import Failure, RunStatus
from dmsflow.rehearsal.effects import Effect, Row, Sample
from dmsflow.rehearsal.exact import ExactEffects
from dmsflow.runtime.tally import REJECTED

COLOURS = {
    "inserted": "green",
    "versioned": "cyan",
    "updated": "yellow",
    "rewritten": "yellow",
    "closed": "red",
    "rejected": "red",
}
ARROW = " -> "
LONGEST = 40


def render_effects(shown: ExactEffects, *, colour: bool) -> str:
    """What a run would do now, or why it would fail; with samples."""
    report, expected = shown.report, shown.expected
    head = "effects" if report.status is RunStatus.SUCCEEDED else "effects of a run that would fail"
    lines = [paint(head, "bold") if colour else head, *render_counts(expected.rows)]
    if expected.loaded.read:
        lines.append(f"{count_of(expected.loaded.read, 'row')} of run {escape(report.run_id)} are read already")
    if report.errors:
        lines += ["", *(write_failure(_told_here(error), report) for error in report.errors[:SHOWN_ERRORS])]
    lines += render_samples(shown.effects, shown.columns, colour=colour)
    lines += render_rejected(expected.rows.rejected, shown.rejects, colour=colour)
    span = write_span(timedelta(seconds=report.seconds))
    needs = "" if report.status is RunStatus.SUCCEEDED else "; it needs the permissions of apply"
    return "\n".join([*lines, "", f"counted in {span} by a run that was undone{needs}; the target is as it was"])


def _told_here(failure: Failure) -> Failure:
    """Rejects of a run that was undone stand in no table."""
    return replace(failure, next_step="correct the rows, or allow them") if failure.next_step == REJECTED else failure


def render_samples(effects: Iterable[Effect], looked_at: Sequence[str], *, colour: bool) -> Iterator[str]:
    """The effects of which there are samples, each after an empty line."""
    for effect in effects:
        if effect.samples:
            yield ""
            yield from _render_effect(effect, looked_at, colour)


def _render_effect(effect: Effect, looked_at: Sequence[str], colour: bool) -> Iterator[str]:
    head = f"{effect.kind}: {_told(effect.rows, len(effect.samples))}"
    yield paint(head, COLOURS.get(effect.kind, "bold")) if colour else head
    names = [name for name in looked_at if any(_shows(name, sample) for sample in effect.samples)]
    columns = [TableColumn(heading=name) for name in names]
    heading, *lines = align(columns, [[_cell(name, sample) for name in names] for sample in effect.samples])
    yield f"  {heading}"
    for line in lines:
        yield f"  {_paint_arrows(line) if colour else line}"


def render_rejected(rejected: int, rejects: Sequence[Reject], *, colour: bool) -> Iterator[str]:
    """The rejects that are shown, of so many; nothing where there is none to show."""
    if not rejects:
        return
    head = f"rejected: {_told(rejected, len(rejects))}"
    yield ""
    yield paint(head, COLOURS["rejected"]) if colour else head
    rows = [[shorten(cell) for cell in cells_of(reject)] for reject in rejects]
    yield from (f"  {line}" for line in align(REJECT_COLUMNS, rows))


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
