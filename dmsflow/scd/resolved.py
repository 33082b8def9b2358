"""Staged rows with the keys that they would look up now: a select, for whoever may write nothing. Runs nothing."""

from collections.abc import Collection, Iterator

import sqlalchemy as sa

from dmsflow.scd.lookup_shape import LookupShape, since_column
from dmsflow.scd.lookups import dimension, has_unknown, holds_then, needs_key
from dmsflow.scd.shape import FAULT, Element, MergeShape, Query, number, word

MISSED = -1
"""The fault of a row that finds nothing; it is counted, and never told."""


def resolve_rows(
    shape: MergeShape, rows: sa.FromClause, columns: Collection[str], padded: Collection[str] = ()
) -> Query:
    """The rows, those ``columns`` looked up; a sound one that needs a key and finds none gets a fault.

    Beside each column stands since when the dimension says so. Where several versions hold at one time, there is a row
    for each of them. ``padded`` are staged parts that are compared without the blanks at their end.
    """
    joined, found, since = rows, {}, []
    fault: Element = rows.c[FAULT]
    for i, lookup in enumerate(shape.lookups):
        if lookup.column not in columns:
            continue
        version = dimension(lookup, *filter(None, [lookup.inserted_at])).alias(f"v{i}")
        same = (*_equals(lookup, rows, version, padded), *holds_then(lookup, rows, version))
        joined = joined.outerjoin(version, sa.and_(rows.c[FAULT].is_(None), *same))
        key: Element = version.c[lookup.surrogate_key]
        told: Element = version.c[lookup.inserted_at] if lookup.inserted_at else sa.null()
        if lookup.unknown is not None:
            unknown: Element = sa.literal_column(lookup.unknown)
            if lookup.modified_at:
                written = _last_written(lookup).alias(f"w{i}")
                joined = joined.outerjoin(written, sa.and_(*_equals(lookup, rows, written, padded)))
                told = sa.case((key.is_(None), written.c["at"]), else_=told)
            key = sa.case((key.is_not(None), key), (has_unknown(lookup), unknown))
        found[lookup.column] = key
        since.append(sa.cast(told, sa.types.DateTime()).label(since_column(i)))
        fault = sa.case((sa.and_(*needs_key(shape, lookup, rows), key.is_(None)), number(MISSED)), else_=fault)
    found[FAULT] = sa.case((rows.c[FAULT].is_not(None), rows.c[FAULT]), else_=fault)
    names: list[str] = rows.c.keys()
    return sa.select(*(found.get(name, rows.c[name]).label(name) for name in names), *since).select_from(joined)


def _equals(
    lookup: LookupShape, rows: sa.FromClause, version: sa.FromClause, padded: Collection[str]
) -> Iterator[Element]:
    """Whether the keys are the same; blanks that the dimension's database fills up with do not count."""
    for name, staged in lookup.key:
        one, other = version.c[name], rows.c[staged]
        if staged in padded:
            yield sa.func.rtrim(sa.cast(one, sa.String()), word(" ")) == sa.func.rtrim(other, word(" "))
        else:
            yield one == other


def _last_written(lookup: LookupShape) -> Query:
    """When the last version of each key was written."""
    version = dimension(lookup, str(lookup.modified_at)).alias("l")
    names = [name for name, _ in lookup.key]
    at = sa.func.max(version.c[str(lookup.modified_at)]).label("at")
    return sa.select(*(version.c[name] for name in names), at).group_by(*(version.c[name] for name in names))
