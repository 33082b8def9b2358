"""Staged rows get the surrogate keys of a dimension: found by one join, and refused where there is none. Runs nothing.

A version holds from its start on, up to its end, which it does not reach.
"""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from dmsflow.model.plan import Fault
from dmsflow.scd.lookup_shape import LookupShape
from dmsflow.scd.shape import FAULT, GONE, VALUE, Element, MergeShape, Query, Told, number, word

NULL, MISS = "lookup_null", "lookup_miss"
"""Why a row is refused: there is nothing to look up, or the dimension does not have it."""


def number_faults(shape: MergeShape, known: Sequence[Fault]) -> tuple[Fault, ...]:
    """The faults of lookups, numbered after those that staging knows: two for each, in their order."""
    found = []
    for lookup in shape.lookups:
        named = f"{' and '.join(lookup.told)} {'is' if len(lookup.told) == 1 else 'are'}"
        null = f"{named} NULL" if len(lookup.told) == 1 else f"one of {', '.join(lookup.told)} is NULL"
        found.append((NULL, lookup.column, f"{null}: there is nothing to look up in {lookup.dimension}"))
        which = "version that holds then" if lookup.at else "current version"
        found.append((MISS, lookup.column, f"{lookup.dimension} has no {which} of this key"))
    return tuple(
        Fault(number=place, reason=reason, column=column, message=message)
        for place, (reason, column, message) in enumerate(found, start=len(known) + 1)
    )


def lookup_statements(shape: MergeShape, faults: Sequence[Fault]) -> Iterator[tuple[str, sa.Executable]]:
    """Every statement by name, in the order in which a chunk runs them; ``faults`` are those of number_faults."""
    for i, lookup in enumerate(shape.lookups):
        yield f"lookup_{i}", _find(shape, lookup)
        yield f"lookup_{i}_twice", _count_doubtful(shape, lookup)
        if lookup.unknown is not None:
            yield f"lookup_{i}_unknown", _take_unknown(shape, lookup)
        yield f"lookup_{i}_refuse", _refuse(shape, lookup, faults[2 * i], faults[2 * i + 1])


def dimension(lookup: LookupShape, *more: str) -> sa.TableClause:
    """The dimension's table, with what a lookup asks of it."""
    names = [lookup.surrogate_key, *(name for name, _ in lookup.key), *more]
    names += [lookup.valid_from, lookup.valid_to] if lookup.at else []
    names += [lookup.is_current] if lookup.is_current else []
    return sa.table(lookup.dimension, *(sa.column(name) for name in dict.fromkeys(names)), schema=lookup.schema)


def _is_meant(lookup: LookupShape, stage: sa.FromClause, version: sa.FromClause) -> list[Element]:
    """Whether a version is the one that a staged row looks for."""
    met: list[Element] = [version.c[name] == stage.c[staged] for name, staged in lookup.key]
    return [*met, *holds_then(lookup, stage, version)]


def holds_then(lookup: LookupShape, stage: sa.FromClause, version: sa.FromClause) -> Iterator[Element]:
    """Whether a version holds at the time that a staged row asks for."""
    if lookup.at:
        at, end = stage.c[lookup.at], version.c[lookup.valid_to]
        yield version.c[lookup.valid_from] <= at
        yield sa.or_(end.is_(None), at < end)
    elif lookup.is_current:
        yield version.c[lookup.is_current] == sa.literal_column(lookup.on)


def has_unknown(lookup: LookupShape) -> Element:
    """Whether the dimension has an unknown member."""
    member = dimension(lookup).alias("u")
    is_unknown = member.c[lookup.surrogate_key] == sa.literal_column(str(lookup.unknown))
    return sa.exists(sa.select(number(1)).select_from(member).where(is_unknown).correlate_except(member))


def needs_key(shape: MergeShape, lookup: LookupShape, stage: sa.FromClause) -> Iterator[Element]:
    """Whether something is looked up for a staged row: of one that says that its key is deleted only the key counts."""
    if lookup.content and shape.op is not None:
        yield stage.c[GONE] == number(0)
    if lookup.content and shape.marks_of_deleted:
        yield sa.not_(shape.is_marked(stage))


def _waits(shape: MergeShape, lookup: LookupShape, stage: sa.FromClause) -> list[Element]:
    """Whether a row is sound and has no key yet, though it needs one."""
    return [stage.c[FAULT].is_(None), stage.c[lookup.column].is_(None), *needs_key(shape, lookup, stage)]


def _find(shape: MergeShape, lookup: LookupShape) -> sa.Update:
    """Give every sound row the key of the version that it looks for."""
    stage, version = shape.stage(shape.row_id), dimension(lookup).alias("l")
    meant = _is_meant(lookup, stage, version)
    found = {lookup.column: version.c[lookup.surrogate_key]}
    return sa.update(stage).values(found).where(stage.c[FAULT].is_(None), *meant)


def _count_doubtful(shape: MergeShape, lookup: LookupShape) -> Query:
    """How often a row meets another version than the one whose key it got, and that one is not the only one.

    Where it is, the dimension has changed between two statements.
    """
    stage, version, rival = shape.stage().alias("s"), dimension(lookup).alias("l"), dimension(lookup).alias("o")
    joined = stage.join(version, sa.and_(*_is_meant(lookup, stage, version)))
    other = stage.c[lookup.column].is_distinct_from(version.c[lookup.surrogate_key])
    apart = rival.c[lookup.surrogate_key].is_distinct_from(version.c[lookup.surrogate_key])
    rivals = sa.select(number(1)).select_from(rival).where(*_is_meant(lookup, stage, rival), apart)
    twice = sa.exists(rivals.correlate_except(rival))
    return sa.select(sa.func.count()).select_from(joined).where(stage.c[FAULT].is_(None), other, twice)


def _take_unknown(shape: MergeShape, lookup: LookupShape) -> sa.Update:
    """Give the others the key of the unknown member, where the dimension has one."""
    stage = shape.stage()
    unknown: Element = sa.literal_column(str(lookup.unknown))
    waiting = (*_waits(shape, lookup, stage), has_unknown(lookup))
    return sa.update(stage).values({lookup.column: unknown}).where(*waiting)


def _refuse(shape: MergeShape, lookup: LookupShape, null: Fault, miss: Fault) -> sa.Update:
    """Refuse the rows that are left."""
    stage = shape.stage()
    parts = [stage.c[name] for name in lookup.staged]
    fault = sa.case(
        (sa.or_(*(part.is_(None) for part in parts)), number(null.number)),
        else_=number(miss.number),
    )
    told: Element = sa.cast(parts[0], Told())
    if len(parts) > 1:
        named = zip(lookup.told, parts, strict=True)
        told = sa.cast(
            sa.func.json_object(*(it for name, part in named for it in (word(name.replace("'", "''")), part))), Told()
        )
    return sa.update(stage).values({FAULT: fault, VALUE: told}).where(*_waits(shape, lookup, stage))
