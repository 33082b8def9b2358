"""What a value of its type may be that the target has no place for: its length, its bytes, its characters, its time."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import sqlalchemy as sa

from dmsflow.scd.native import Native
from dmsflow.scd.shape import Element, number

if TYPE_CHECKING:
    from dmsflow.scd.staging import Arrival

NUL: Element = sa.literal_column("chr(0)")
TIMES = {
    "date": ("0001-01-01", "9999-12-31"),
    "timestamp": ("0001-01-01", "9999-12-31 23:59:59.999999"),
    "timestamptz": ("0001-01-01 00:00:00+00", "9999-12-31 23:59:59.999999+00"),
}
"""The first and last time of each family that Python, and text of one length, can hold."""


def find_misfit(value: Element, arrival: "Arrival") -> tuple[str, Element] | None:
    """What a value of the type may be that the target has no place for, and how to know it."""
    family = arrival.type.family
    if family in ("text", "json") and arrival.unstorable is not None:
        text = sa.cast(value, sa.String())
        return "the target's encoding does not have all of its characters", make_storable(
            text, arrival.unstorable
        ) != text
    if family == "text" and not arrival.nul_allowed:
        return "the target cannot store the character NUL", sa.func.contains(value, NUL)
    if family == "float" and not arrival.nan_allowed:
        return "the target cannot store NaN", sa.func.isnan(value)
    if family in TIMES and not arrival.far_times_allowed:
        first, last = (sa.cast(sa.literal_column(f"'{end}'"), Native(arrival.type_sql)) for end in TIMES[family])
        return "the target stores the years 1 to 9999", sa.or_(value < first, value > last)
    return None


def make_storable(text: Element, unstorable: str) -> Element:
    """A text with a question mark for each of these characters; DuckDB and PostgreSQL say it in the same words."""
    given: Element = sa.literal_column(f"'{unstorable}'")
    return sa.func.regexp_replace(text, given, sa.literal_column("'?'"), sa.literal_column("'g'"))


def find_too_long(arrival: "Arrival", value: Element) -> Iterator[tuple[str, Element, Element]]:
    """What is longer than its type, or than the target has room for: how it is told, how it is known, the value."""
    if arrival.may_be_long:
        yield (
            f"the value is longer than {arrival.type}",
            sa.func.length(value) > number(arrival.type.length or 0),
            value,
        )
    if arrival.longest is not None:
        yield f"the value has more than {arrival.longest} bytes", _beyond_room(arrival, value), value


def _beyond_room(arrival: "Arrival", value: Element) -> Element:
    """Whether a text, or bytes, take more bytes than there is room for."""
    size = sa.func.octet_length(value) if arrival.type.family == "bytes" else sa.func.strlen(value)
    longer: Element = size > number(arrival.longest or 0)
    return longer


def without_misfits(value: Element, arrival: "Arrival") -> Element:
    """The value, or NULL: its row is refused, but all rows of a chunk stand in one stage."""
    misfit = find_misfit(value, arrival)
    conditions = [] if misfit is None else [misfit[1]]
    if arrival.longest is not None:
        conditions += [longer for _, longer, _ in find_too_long(arrival, value)]
    return sa.case(*((condition, sa.null()) for condition in conditions), else_=value) if conditions else value
