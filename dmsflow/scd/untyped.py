"""Rows whose values are still text, read as the target's own types: one that is none is a fault. Runs nothing.

No other chunk needs it than one in which the target has refused a value while the rows came in.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from dmsflow.model.plan import STAGE, UNTYPED, Fault
from dmsflow.scd.shape import FAULT, VALUE, Element, number
from dmsflow.scd.staging import Arrivals, Staging, list_arrivals


def untyped_columns(staging: Staging) -> Arrivals:
    """The staged columns of which only the target can tell whether a text is one of their values."""
    return [(name, arrival) for name, arrival in list_arrivals(staging) if arrival.untyped]


def type_faults(staging: Staging, known: Sequence[Fault]) -> tuple[Fault, ...]:
    """What such values are refused for, numbered after the faults that are known."""
    return tuple(
        Fault(number=i, reason="cast", column=arrival.name, message=f"the value is no {arrival.type}")
        for i, (_, arrival) in enumerate(untyped_columns(staging), start=len(known) + 1)
    )


def reader_name(position: int) -> str:
    """The function that reads the texts of one such column."""
    return f"_dms_read_{position}"


def type_rows(names: Sequence[str], columns: Arrivals, faults: Sequence[Fault], schema: str) -> sa.Insert:
    """Fill the stage; ``names`` are all of its columns, ``faults`` those of the untyped ``columns``, in their order."""
    rows = sa.table(UNTYPED, *(sa.column(name) for name in names)).alias("u")
    read: dict[str, Element] = {
        name: getattr(getattr(sa.func, schema), reader_name(i))(rows.c[name]) for i, (name, _) in enumerate(columns)
    }
    typed = sa.select(
        *(read.get(name, rows.c[name]).label(name) for name in names),
        *(rows.c[name].label(f"_dms_raw_{i}") for i, (name, _) in enumerate(columns)),
    ).subquery("y")
    lost: list[tuple[Fault, Element, Element]] = []
    for i, ((name, _), fault) in enumerate(zip(columns, faults, strict=True)):
        raw = typed.c[f"_dms_raw_{i}"]
        none = typed.c[name].is_not_distinct_from(sa.null())
        lost.append((fault, sa.and_(typed.c[FAULT].is_(None), raw.is_not(None), none), raw))
    told: dict[str, Element] = {
        FAULT: sa.case(*((when, number(fault.number)) for fault, when, _ in lost), else_=typed.c[FAULT]),
        VALUE: sa.case(*((when, raw) for _, when, raw in lost), else_=typed.c[VALUE]),
    }
    chosen = sa.select(*(told.get(name, typed.c[name]).label(name) for name in names))
    stage = sa.table(STAGE, *(sa.column(name) for name in names))
    return sa.insert(stage).from_select(list(names), chosen)
