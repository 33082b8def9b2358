"""Statements that read a chunk's rows where they are, without a stage. Decides nothing: the reading does."""

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa

from dmsflow.compiler.arrivals import make_staging
from dmsflow.compiler.statements import Relation, compile_statement
from dmsflow.engines.engine import Idioms
from dmsflow.model.plan import DELTA, RangeShape, Side, Statement
from dmsflow.model.table import DataType, TypeName
from dmsflow.scd import classify, duplicates, staging, write
from dmsflow.scd.native import Native
from dmsflow.scd.shape import Element, Query

if TYPE_CHECKING:
    from dmsflow.compiler.build import Builder


class Reading(StrEnum):
    """How a chunk's rows are read: into a stage, or first where they are; then again if need be, or once."""

    STAGED = "staged"
    AGAIN = "again"
    ONCE = "once"


def probing_statements(builder: "Builder", rows: sa.FromClause, shape: RangeShape, suffix: str) -> Iterator[Statement]:
    """Statements that only count rows."""
    merge, target = builder.merge, builder.target
    counted = duplicates.probe(merge, rows, unique=builder.unique)
    yield compile_statement(f"probe{suffix}", Side.TARGET, counted, target, shape=shape)
    if merge.keyed and target.streams_windows:
        climbs = duplicates.count_climbs(merge, rows)
        yield compile_statement(f"climbs{suffix}", Side.TARGET, climbs, target, shape=shape)
    if merge.keyed:
        matched = classify.matched_rows(merge, rows)
        yield compile_statement(f"matched{suffix}", Side.TARGET, matched, target, shape=shape)


def direct_statements(
    builder: "Builder", projection: Query, ends: tuple[bool, bool], shape: RangeShape
) -> Iterator[Statement]:
    """Statements of the target's own session: each row that they read is sound, or they fail."""
    merge, target, lines = builder.merge, builder.target, builder.facts.source.lines
    sound = _sound_rows(builder, projection.subquery("arriving"))
    if builder.reading is Reading.AGAIN:
        yield from probing_statements(builder, sound, shape, "_direct")
    if builder.fills:
        filled = write.insert_all(merge, sound)
        yield compile_statement("fill_direct", Side.TARGET, filled, target, shape=shape)
    if builder.reading is Reading.ONCE and builder.fills and merge.keyed:
        yield compile_statement("probe_filled", Side.TARGET, duplicates.probe(merge, merge.target()), target)
    if not builder.sweeps_directly:
        return
    chosen = classify.classify(merge, sound, *ends)
    yield compile_statement("classify_direct", Side.TARGET, chosen, target, shape=shape, temporary=DELTA)
    if builder.reading is Reading.ONCE and lines is not None:
        for name, counted in (("count_lines", Relation(lines, ())), ("count_direct", sound)):
            counting = sa.select(sa.func.count()).select_from(counted)
            yield compile_statement(name, Side.TARGET, counting, target, shape=shape)
        current = duplicates.probe(merge, classify.current_versions(merge))
        yield compile_statement("probe_current", Side.TARGET, current, target)
        yield compile_statement("probe_delta", Side.TARGET, duplicates.probe(merge, classify.brought(merge)), target)


def copied_statements(builder: "Builder", projection: Query, shape: RangeShape) -> Iterator[Statement]:
    """Statements of the source's session: the number of rows, and the rows as a new table of the target has them."""
    counted = duplicates.probe(builder.merge, projection.subquery("counted"), unique=True)
    yield compile_statement("probe_direct", Side.SOURCE, counted, builder.source.idioms, shape=shape)
    chosen = _rows_to_send(builder, projection.subquery("arriving"), builder.source.idioms)
    yield compile_statement("fill_direct", Side.SOURCE, chosen, builder.source.idioms, shape=shape)


def refined_statement(builder: "Builder", incoming: sa.FromClause) -> Statement:
    """The statement of the refinery that makes the target's rows of those that come."""
    chosen = _rows_to_send(builder, incoming, builder.stager)
    return compile_statement("fill_direct", Side.REFINERY, chosen, builder.stager)


def _rows_to_send(builder: "Builder", arriving: sa.FromClause, idioms: Idioms) -> Query:
    """The rows as the target has them, each of our own values of the type that our own columns have."""
    fields = builder.merge.fields
    types = {
        fields.surrogate_key: TypeName.BIGINT,
        fields.is_current: TypeName.BOOLEAN,
        fields.is_deleted: TypeName.BOOLEAN,
    }

    def cast(name: str, value: Element) -> Element:
        wanted = DataType(name=types.get(name, TypeName.TIMESTAMP))
        return sa.cast(value, Native(idioms.type_sql(wanted)))

    return write.select_all(builder.merge, _sound_rows(builder, arriving), cast)


def _sound_rows(builder: "Builder", arriving: sa.FromClause) -> sa.FromClause:
    failing = builder.stager.failing
    assert failing is not None, "only DuckDB and PostgreSQL read directly"
    rows = staging.sound_rows(builder.merge, make_staging(builder), arriving, failing)
    return rows.subquery("sound")
