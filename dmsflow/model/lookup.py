"""A column that holds the surrogate key of a row of a dimension, as a spec asks for it. Values only."""

from enum import StrEnum

from msgspec import Struct

from dmsflow.model.table import TableName


class OnMiss(StrEnum):
    """What happens to a row whose key the dimension does not have: it is refused, or gets the unknown member's key."""

    REJECT = "reject"
    UNKNOWN = "unknown"


class LookupFields(Struct, frozen=True, kw_only=True):
    """The names of a dimension's own columns; ``surrogate_key`` None is the table's name and _sk.

    When a version was inserted and last written is no part of a lookup: it tells what has changed since one.
    """

    surrogate_key: str | None = None
    valid_from: str = "valid_from"
    valid_to: str = "valid_to"
    is_current: str = "is_current"
    inserted_at: str = "inserted_at"
    modified_at: str = "modified_at"


class Lookup(Struct, frozen=True, kw_only=True):
    """``key`` are columns of the dimension, each with the source column that holds its value here.

    ``as_of`` is the source column of the time at which the version shall hold; None asks for the current one.
    """

    dimension: TableName
    key: tuple[tuple[str, str], ...]
    as_of: str | None = None
    on_miss: OnMiss = OnMiss.REJECT
    fields: LookupFields = LookupFields()

    @property
    def source_columns(self) -> tuple[str, ...]:
        """The source columns that are read for it, the time last."""
        return (*(source for _, source in self.key), *((self.as_of,) if self.as_of else ()))

    @property
    def surrogate_key(self) -> str:
        """The name of the dimension's surrogate key."""
        return self.fields.surrogate_key or f"{self.dimension.table}_sk"
