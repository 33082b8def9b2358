"""What a verification found, for a person: counts, differing rows side by side, broken intervals. Decides nothing."""

from collections.abc import Iterator
from datetime import timedelta

from dmsflow.cli.render.colour import paint
from dmsflow.cli.render.rejects import shorten
from dmsflow.cli.render.table import TableColumn, align
from dmsflow.cli.render.words import count_of, escape, write_span
from dmsflow.verify.report import Difference, HistoryFound, Kind, Rows, Tally, Values, Verdict, Verification, Violation

TOLD = {
    "missing": "the source has them, the target does not",
    "extra": "the target has them, the source does not",
    "different": "a column differs",
    "duplicate": "the target has them more than once",
    "kept": "the target alone has them: no difference, the source does not say that they are gone",
    "late": "older than the target's version: no difference, a run rejects them",
    "outdated": "a dimension has another version for them since they were loaded: no difference",
    "rejected": "a run rejects them: no difference",
}
LAWS = {
    "no_start": "a version has no start",
    "current_twice": "a key has more than one current version",
    "repeated": "two versions of a key have one start",
    "inverted": "a version ends at or before its start",
    "overlap": "a version begins before the one before it has ended",
    "closed_current": "a current version has an end",
    "open_not_current": "a version without an end is not current",
    "not_rewritten": "a column of type1: all is not what the next version has",
}
HEADINGS = ("", "key", "column", "expected", "actual")


def render_verification(found: Verification, *, colour: bool) -> str:
    """The verdict first; then rows, and history."""
    equal = found.verdict is Verdict.EQUAL
    head = f"{found.pipeline}: {found.verdict}"
    lines = [paint(head, "green" if equal else "red") if colour else head]
    if found.source is not None:
        lines.append(f"  source  {escape(found.source)}")
    lines.append(f"  target  {escape(found.target)}")
    if found.loading is not None:
        lines.append(f"  note    {escape(found.loading)}; what differs may be on its way")
    if found.rows is not None:
        lines += ["", *_render_rows(found.rows, colour)]
    if found.history is not None:
        lines += ["", *_render_history(found.history, colour)]
    lines += ["", f"verified in {write_span(timedelta(seconds=found.seconds))}; nothing was written"]
    return "\n".join(lines)


def _render_rows(rows: Rows, colour: bool) -> Iterator[str]:
    tally = rows.counts
    segments = rows.segments
    yield (
        f"rows: {tally.expected:,} expected, {tally.actual:,} in the target; "
        f"{segments.differing:,} of {count_of(segments.total, 'segment')} differ"
    )
    if rows.watermark is not None:
        yield f"  compared up to the watermark {escape(str(rows.watermark))}"
    yield from _render_tally(tally, "" if rows.exact else "at least ", colour)
    for left in rows.left_out:
        yield f'  not compared: "{escape(left.column)}": {escape(left.why)}'
    if rows.differences:
        yield ""
        yield from (f"  {line}" for line in align(_columns(), [*_cells(rows.differences)]))
        shown, total = len(rows.differences), sum(getattr(tally, kind.value) for kind in Kind)
        if shown < total:
            yield f"  the first {shown:,} of {total:,}; --limit shows more"


def _render_tally(tally: Tally, least: str, colour: bool) -> Iterator[str]:
    for name, told in TOLD.items():
        count = getattr(tally, name)
        if count:
            word = f"{least}{count:,} {name}"
            bad = colour and name in [*Kind] and name != Kind.OUTDATED
            yield f"  {paint(word, 'red') if bad else word}: {told}"


def _columns() -> list[TableColumn]:
    return [TableColumn(heading=heading) for heading in HEADINGS]


def _cells(differences: tuple[Difference, ...]) -> Iterator[list[str]]:
    """A line for each column that differs; the key stands in the first one."""
    for found in differences:
        names = [*(found.expected or found.actual or {})] if found.kind in (Kind.DIFFERENT, Kind.OUTDATED) else []
        key = _key(found.key)
        if not names:
            yield [found.kind.value, key, "", "", ""]
        for i, name in enumerate(names):
            values = (_value(found.expected, name), _value(found.actual, name))
            yield [found.kind.value if i == 0 else "", key if i == 0 else "", name, *values]


def _key(key: Values) -> str:
    return shorten(", ".join(f"{name}={'NULL' if value is None else value}" for name, value in key.items()))


def _value(row: Values | None, name: str) -> str:
    if row is None or name not in row:
        return ""
    value = row[name]
    return "NULL" if value is None else shorten(value) or "''"


def _render_history(history: HistoryFound, colour: bool) -> Iterator[str]:
    yield (
        f"history: {count_of(history.versions, 'version')} of {count_of(history.keys, 'key')}, "
        f"{count_of(history.gaps, 'gap')} where a key was absent"
    )
    if not history.broken:
        yield "  every interval keeps the laws"
    for law, count in history.broken.items():
        word = f"{count:,} {law}"
        yield f"  {paint(word, 'red') if colour else word}: {LAWS[law]}"
    if history.violations:
        yield ""
        columns = [TableColumn(heading=heading) for heading in ("", "key", "version", "next version")]
        yield from (f"  {line}" for line in align(columns, [_violation(it) for it in history.violations]))


def _violation(found: Violation) -> list[str]:
    return [found.law.value, _key(found.key), _interval(found.version), _interval(found.next)]


def _interval(version: Values | None) -> str:
    if version is None:
        return "none"
    start, end, current = version.values()
    return f"[{start or 'NULL'}, {end or 'NULL'}){' current' if current == 'true' else ''}"
