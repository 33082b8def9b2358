"""A reject as it is kept: which row, which column and value, why. A value; the statements that write it are in scd."""

from collections.abc import Sequence

from msgspec import Struct

from dmsflow.engines.engine import Value


class Reject(Struct, frozen=True, kw_only=True):
    """One rejected row. ``row_key`` is its business key as a JSON object, as it is stored."""

    row_key: str | None
    column: str | None
    value: str | None
    reason: str
    message: str
    chunk: int

    @classmethod
    def read(cls, row: Sequence[Value]) -> "Reject":
        """A reject from its row."""
        key, column, value, reason, message, chunk = row
        return cls(
            row_key=None if key is None else str(key),
            column=None if column is None else str(column),
            value=None if value is None else str(value),
            reason=str(reason),
            message=str(message),
            chunk=int(str(chunk)),
        )
