"""Columns that the table of marks lacks where an earlier dmsflow has made it. Makes no table."""

from functools import partial

from msgspec.structs import replace

from dmsflow.errors import PermanentError
from dmsflow.marks.names import CHUNK, FINGERPRINT, REWRITTEN
from dmsflow.runtime.persist import Persistence
from dmsflow.runtime.run import Steps


def make_room(steps: Steps, persistence: Persistence) -> None:
    """Add those that the plan writes."""
    for column in (FINGERPRINT, REWRITTEN):
        if steps.has(f"add_{column}"):
            persistence.call(partial(_add, steps, column))


def _add(steps: Steps, column: str) -> None:
    def has_room() -> bool:
        shape = steps.session.describe_table(replace(steps.plan.target.table, table=CHUNK))
        return shape is not None and shape.find(column) is not None

    if has_room():
        return
    try:
        steps.execute(f"add_{column}")
    except PermanentError:
        # A run of another pipeline in the same schema may have made it meanwhile.
        if not has_room():
            raise
