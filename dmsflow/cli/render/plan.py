"""A plan for a person: what will happen, why, over which ranges, and with which statements."""

from collections.abc import Iterator

from dmsflow.cli.render.colour import paint
from dmsflow.cli.render.migration import render_migration
from dmsflow.cli.render.table import TableColumn, align
from dmsflow.cli.render.words import count_of, escape, write_count
from dmsflow.model.plan import Chunk, Plan, RangeShape
from dmsflow.model.watermark import Bound

SHOWN_CHUNKS = 20


def render_plan(plan: Plan, *, sql: bool, colour: bool) -> str:
    """The plan, its statements too when ``sql``."""

    def title(text: str) -> str:
        return paint(text, "bold") if colour else text

    lines = [title(f"plan of {plan.pipeline}"), "", *_ends(plan), "", title("why")]
    lines += _decisions(plan)
    lines += ["", title("chunks"), *_chunks(plan), "", title("guards and limits"), *_limits(plan)]
    if plan.migration:
        lines += ["", title("migration"), *render_migration(plan)]
    lines += ["", title("DDL"), *_ddl(plan)]
    if sql:
        lines += ["", title("statements"), *_statements(plan)]
    return "\n".join(lines)


def _ends(plan: Plan) -> list[str]:
    target = plan.target
    held = (
        f"about {write_count(target.estimated_rows)} rows" if target.estimated_rows is not None else "rows not counted"
    )
    rows = plan.source.estimated_rows
    size = f"about {write_count(rows)} rows" if rows is not None else "rows not counted"
    table = [
        ("source", f"{escape(plan.source.label)} ({plan.source.engine}), {size}"),
        (
            "target",
            f"{target.connection}: {escape(str(target.table))} ({target.engine}), "
            + (held if target.exists else "to be created"),
        ),
        ("scd", f"type {plan.scd}" if plan.scd != "append" else "append"),
        ("key", ", ".join(escape(name) for name in plan.key) or "none"),
    ]
    return [f"  {name:<11}{text}" for name, text in table]


def _decisions(plan: Plan) -> list[str]:
    columns = [TableColumn(heading="")] * 3
    rows = [(f"  {d.about}", escape(d.choice), escape(d.why)) for d in plan.decisions]
    return [line.rstrip() for line in align(columns, rows)[1:]] if rows else []


def _chunks(plan: Plan) -> Iterator[str]:
    keys = plan.counted.by if plan.counted else plan.chunk_by
    by = f" by {', '.join(keys)}" if keys else ""
    yield f"  {count_of(len(plan.chunks), 'chunk')}{by}, {count_of(plan.workers, 'worker')}"
    if len(plan.chunks) == 1:
        return
    for chunk in plan.chunks[:SHOWN_CHUNKS]:
        yield f"  {chunk.number:>5}  {_range(plan, chunk)}  about {write_count(chunk.estimated_rows)} rows"
    if len(plan.chunks) > SHOWN_CHUNKS:
        yield f"         and {len(plan.chunks) - SHOWN_CHUNKS} more; --format json lists them all"


def _range(plan: Plan, chunk: Chunk) -> str:
    if plan.counted:
        first, last = (chunk.number - 1) * plan.counted.rows + 1, chunk.number * plan.counted.rows
        return f"rows {first:,} to {'the last' if chunk is plan.chunks[-1] else f'{last:,}'}"
    return f"[{_bound(chunk.lower, 'NULL and lowest')}, {_bound(chunk.upper, 'highest')})"


def _bound(bound: Bound | None, open_end: str) -> str:
    return ", ".join(escape(value.text) for value in bound) if bound else open_end


def _limits(plan: Plan) -> Iterator[str]:
    errors, guards = plan.errors, plan.guards
    if guards.min_rows is not None:
        yield f"  refuse an extract of fewer than {guards.min_rows} rows"
    if guards.max_close_percent is not None:
        yield f"  refuse to close more than {guards.max_close_percent:g} percent of the current keys"
    if guards.max_change_percent is not None:
        yield f"  refuse to change more than {guards.max_change_percent:g} percent of the current rows"
    if guards.max_shrink_percent is not None:
        yield f"  refuse an extract that is more than {guards.max_shrink_percent:g} percent smaller than the last run's"
    if guards.max_growth_percent is not None:
        yield f"  refuse an extract that is more than {guards.max_growth_percent:g} percent larger than the last run's"
    if errors.max_percent is not None:
        yield f"  fail beyond {errors.max_percent:g} percent of rejected rows"
    if errors.max_rows is not None and errors.max_rows < 2**63 - 1:
        yield f"  fail beyond {errors.max_rows} rejected rows"
    yield f"  try a chunk {plan.retry.attempts} times where the error is transient"


def _ddl(plan: Plan) -> Iterator[str]:
    for statement in plan.ddl:
        yield f"  {statement.name}"


def _statements(plan: Plan) -> Iterator[str]:
    steps = (statement for step in plan.migration for statement in (*step.aside, *step.statements))
    for statement in (*plan.ddl, *steps, *plan.statements):
        shape = "" if statement.shape is RangeShape.ANY else f" ({statement.shape} range)"
        yield f"-- {statement.name}{shape} [{statement.side}]"
        yield f"{statement.sql.strip()};"
        yield ""
