"""What torture did, as a table for a person, and how to repeat it. Pure."""

from datetime import timedelta

from dmsflow.cli.render.table import TableColumn, align
from dmsflow.cli.render.words import count_of, escape, write_count, write_span
from dmsflow.model.result import RowCounts
from dmsflow.torture.result import TortureReport

WORK = tuple(TableColumn(heading=heading, number=True) for heading in ("day", "chunks", *RowCounts.__struct_fields__))
COLUMNS = (
    TableColumn(heading="disturbance"),
    TableColumn(heading="times", number=True),
    TableColumn(heading="unfinished applies", number=True),
)


def render_torture(report: TortureReport) -> str:
    """The result in lines."""
    rows = [(deed.kind, write_count(deed.count), write_count(deed.unfinished)) for deed in report.disturbances]
    work = [
        [str(day.day), str(day.chunks), *(write_count(getattr(day.rows, name)) for name in day.rows.__struct_fields__)]
        for day in report.work
    ]
    made = "made-up rows" if report.generated else "rows of the source"
    lines = [
        f"{report.pipeline} on {report.engine}: {write_count(report.rows)} {made}, {count_of(report.rounds, 'round')} "
        f"of days, {write_span(timedelta(seconds=report.seconds))}",
        "",
        *align(WORK, work),
        "",
        *align(COLUMNS, rows),
        "",
        f"{count_of(report.kills, 'kill')}, {count_of(report.resumes, 'resume')}, "
        f"{write_count(report.applies)} applies, {count_of(len(report.differences), 'difference')}",
        *(f"  {escape(difference)}" for difference in report.differences),
        f"seed {report.seed}: repeat it with --seed {report.seed}",
    ]
    if report.scratch:
        lines.append(f"the scratch is kept in {escape(report.scratch)}")
    lines += [
        f"the schema {escape(schema)} of the target's database is kept: drop it later" for schema in report.schemas
    ]
    return "\n".join(lines)
