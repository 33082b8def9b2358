"""Which columns are compared, and as what type; of the others, why not. Pure."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from dmsflow.compiler.columns import LoadedColumn
from dmsflow.engines.engine import Idioms
from dmsflow.model.spec import Policy, ScdType
from dmsflow.model.table import DataType, TypeName
from dmsflow.scd.shape import MergeShape
from dmsflow.verify.report import LeftOut

TEXT = DataType(name=TypeName.TEXT)

POLICIES = {
    Policy.KEEP: "its first value is kept (scd: 0)",
    Policy.IGNORE: "a change of it is none (scd: ignore)",
}


class Compared(Struct, frozen=True, kw_only=True):
    """A column and the type in which both sides compare it; blanks at the end of a ``padded`` one do not count.

    ``lookup`` is the place among the lookups of one that is looked up.
    """

    name: str
    type: DataType
    padded: bool = False
    lookup: int | None = None


class Choice(Struct, frozen=True, kw_only=True):
    """The columns of the key, those of the row with the key's first, and those left out.

    ``partition`` are those by which absence counts; none where one of them is left out.
    """

    key: tuple[Compared, ...]
    row: tuple[Compared, ...]
    left_out: tuple[LeftOut, ...]
    partition: tuple[Compared, ...] = ()

    @property
    def looked_up(self) -> tuple[Compared, ...]:
        """The columns that are looked up."""
        return tuple(column for column in self.row if column.lookup is not None)

    @property
    def arriving(self) -> tuple[Compared, ...]:
        """The others."""
        return tuple(column for column in self.row if column.lookup is None)

    @property
    def identity(self) -> tuple[Compared, ...]:
        """By what rows of both sides are paired: the key, else all that is not looked up."""
        return self.key or self.arriving or self.row


def choose_columns(
    merge: MergeShape,
    columns: Sequence[LoadedColumn],
    target: Idioms,
    *,
    alike: bool,
    unread: Mapping[str, str] = {},
) -> Choice:
    """The choice. ``alike``: one kind of database computes the checksums of both sides.

    ``unread`` columns are looked up where the rows are not, each with the reason why they cannot be here.
    """
    compared, left_out = [], []
    for column in columns:
        why = _obstacle(merge, column, target, alike=alike) or unread.get(column.name)
        if why is None:
            compared.append(_compared(merge, column, target))
        else:
            left_out.append(LeftOut(column=column.name, why=why))
    key = tuple(column for name in merge.key for column in compared if column.name == name)
    rest = tuple(column for column in compared if column not in key)
    parts = tuple(column for name in merge.partition for column in compared if column.name == name)
    whole = parts if len(parts) == len(merge.partition) else ()
    return Choice(key=key, row=(*key, *rest), left_out=tuple(left_out), partition=whole)


def _compared(merge: MergeShape, column: LoadedColumn, target: Idioms) -> Compared:
    existing = column.existing
    assert existing is not None
    textual = existing.type.foreign or column.type.family == "text"
    padded = is_padded(existing.type, target)
    lookup = next((i for i, it in enumerate(merge.lookups) if it.column == column.name), None)
    return Compared(name=column.name, type=TEXT if textual else column.type, padded=padded, lookup=lookup)


def is_padded(data_type: DataType, target: Idioms) -> bool:
    """Whether the target fills its values up with blanks."""
    return (data_type.native or "").startswith(target.padded)


def _obstacle(merge: MergeShape, column: LoadedColumn, target: Idioms, *, alike: bool) -> str | None:
    """Why a column is not compared."""
    existing = column.existing
    if existing is None:
        return "the target does not have it yet: the next run adds it"
    if column.name not in merge.key and (why := _unfollowed(merge, column)):
        return why
    if existing.type.name is TypeName.OTHER or column.type.name is TypeName.OTHER:
        return f"its type, {existing.type}, has no text that is the same everywhere"
    if column.type.family == "json" and not alike:
        return "json has no text that is the same in two kinds of databases"
    if existing.type.foreign and not alike and not is_padded(existing.type, target):
        return f"only its own kind of database can write a value of {existing.type}"
    return None


def _unfollowed(merge: MergeShape, column: LoadedColumn) -> str | None:
    """Why the target need not have the source's value."""
    if merge.scd is ScdType.APPEND:
        return None
    if merge.scd is ScdType.KEEP:
        return "a row is kept as it was first loaded (scd: 0)"
    if column.name in merge.unfilled:
        return "it is new in the target, and no full read has filled it yet"
    return POLICIES.get(merge.policies[column.name])
