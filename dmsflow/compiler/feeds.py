"""The statements of a feed, in which a key may have several rows. Decides nothing: the shape of the merge does."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
from msgspec.structs import replace

from dmsflow.compiler.arrivals import make_staging
from dmsflow.compiler.statements import compile_statement, create_table
from dmsflow.compiler.uniqueness import keeps_key
from dmsflow.marks.names import REJECT, SEEN_PREFIX
from dmsflow.marks.tables import mark_table
from dmsflow.model.plan import DELTA, Fault, RangeShape, Side, Statement
from dmsflow.model.table import Column, DataType, TableName, TypeName
from dmsflow.scd import chain_write, changes, classify, feed, rejects, staging, write
from dmsflow.scd.shape import EFFECTIVE
from dmsflow.scd.verify import verify_delta

if TYPE_CHECKING:
    from dmsflow.compiler.build import Builder


def feed_reading(builder: "Builder", ends: tuple[bool, bool], shape: RangeShape) -> Iterator[Statement]:
    """Statements over the staged rows of one range."""
    merge, target, stage = builder.merge, builder.target, builder.merge.stage()
    if merge.chained:
        for name, single in (("chain", False), ("chain_single", True)):
            chosen = changes.chain_stage(merge, stage, *ends, single=single)
            yield compile_statement(name, Side.TARGET, chosen, target, shape=shape, temporary=DELTA)
    else:
        chosen = feed.classify_last(merge, stage, *ends)
        yield compile_statement("classify_last", Side.TARGET, chosen, target, shape=shape, temporary=DELTA)


def feed_merging(builder: "Builder", faults: Sequence[Fault]) -> Iterator[Statement]:
    """Statements over rows that are classified; the same for every range."""
    merge, target = builder.merge, builder.target

    def compiled(name: str, element: sa.Executable) -> Statement:
        return compile_statement(name, Side.TARGET, element, target)

    for name, element in feed.reduce_statements(merge):
        yield compiled(name, element)
    yield compiled("count_met", changes.count_met(merge, merge.stage()))
    if not merge.chained:
        yield compiled("count_classes", classify.count_classes())
        for name, dml in (*write.write_statements(merge), *feed.remove_statements(merge)):
            yield compiled(name, dml)
        if keeps_key(builder):
            yield compiled("verify", verify_delta(merge))
        return
    yield compiled("count_chain", chain_write.count_chain())
    yield compiled("reject", rejects.reject_statements(merge, faults, mark_table(REJECT, merge.schema)))
    for name, dml in chain_write.chain_statements(merge):
        yield compiled(name, dml)
    yield compiled("verify", chain_write.verify_chain(merge, chain_write.written_keys(merge)))
    if builder.spec.remembers:
        yield from _memory_statements(builder, faults)


def _memory_statements(builder: "Builder", faults: Sequence[Fault]) -> Iterator[Statement]:
    """Statements over what is remembered, and over the rows that are late."""
    from dmsflow.scd import replay, replay_write

    merge, target, window = builder.merge, builder.target, builder.spec.scd.window
    seen = replay.memory(merge, SEEN_PREFIX)
    found = (*replay.memory_statements(merge, seen), *replay.chunk_statements(merge, seen, window=window is not None))
    for name, element, temporary in found:
        yield compile_statement(name, Side.TARGET, element, target, temporary=temporary)
    known = (*faults, *replay.late_faults(say_window(window) if window else None))
    rejected = rejects.reject_statements(merge, known, mark_table(REJECT, merge.schema), replay.late_rows(merge))
    yield compile_statement("reject_late", Side.TARGET, rejected, target)
    for name, statement in replay_write.replay_statements(merge):
        yield compile_statement(name, Side.TARGET, statement, target)


def say_window(window: timedelta) -> str:
    """A window in words, as short as it goes."""
    return str(window).removesuffix(", 0:00:00")


def memory_ddl(builder: "Builder") -> Iterator[Statement]:
    """The table of what is remembered; of a target that is not there nothing is."""
    if not builder.spec.remembers:
        return
    from dmsflow.scd import replay

    merge, target, table = builder.merge, builder.target, builder.spec.target.table
    place = TableName(table=SEEN_PREFIX + table.table, schema=table.schema, catalog=table.catalog)
    if builder.facts.target.shape is None:
        yield Statement(name="drop_seen", side=Side.TARGET, sql=f"DROP TABLE IF EXISTS {target.qualify(place)}")
    wanted = {*replay.observed(merge)}
    staged = staging.stage_columns(make_staging(builder))
    columns = [
        Column(name=name, type=replace(kind, length=None), nullable=name not in (*merge.key, EFFECTIVE))
        for name, kind in staged
        if name in wanted
    ]
    columns.append(Column(name=replay.SEEN_BY, type=DataType(name=TypeName.TEXT)))
    yield compile_statement("create_seen", Side.TARGET, create_table(target, place, columns), target)
