"""Type 3 columns: the names under which a target keeps what a column held before, and since when. Decides nothing."""

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from dmsflow.model.spec import ColumnSpec, Policy


class Previous(Struct, frozen=True, kw_only=True):
    """A ``column`` of which ``value`` keeps what it held before its last change, and ``since`` when that was.

    Both are NULL as long as the column has not changed.
    """

    column: str
    value: str
    since: str

    @property
    def names(self) -> tuple[str, str]:
        """The two columns of the engine's own."""
        return self.value, self.since


def find_previous(columns: Iterable[ColumnSpec]) -> tuple[Previous, ...]:
    """Of every type 3 column, where its previous value is kept."""
    return tuple(previous_of(column, column.name) for column in columns if column.policy is Policy.PREVIOUS)


def previous_of(column: ColumnSpec, name: str) -> Previous:
    """Where the previous value of a column is kept that has this name in the target."""
    return Previous(column=name, value=column.previous or f"{name}_previous", since=column.since or f"{name}_since")


def store_names(columns: Iterable[ColumnSpec], stored: Mapping[str, str]) -> tuple[ColumnSpec, ...]:
    """The columns with the names of their previous values as the target has them: ``stored`` by their lower case."""
    return tuple(_store(column, stored) if column.policy is Policy.PREVIOUS else column for column in columns)


def _store(column: ColumnSpec, stored: Mapping[str, str]) -> ColumnSpec:
    value, since = (stored.get(name.lower(), name) for name in previous_of(column, column.name).names)
    return replace(column, previous=value, since=since)
