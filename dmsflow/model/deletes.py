"""What tells that a key is gone: its absence from the source, from a part of it, or a mark. Values only."""

from enum import StrEnum

from msgspec import Struct

from dmsflow.model.checks import AcceptedValue


class DeleteScope(StrEnum):
    """Where the absence of a key means something."""

    SOURCE = "source"
    WHERE = "where"
    PARTITION = "partition"
    COLUMN = "column"


class DeletesWithin(Struct, frozen=True, kw_only=True):
    """The scope of deletes. ``scopes`` are those that are written: at most one, once the rules have looked."""

    scopes: tuple[DeleteScope, ...] = ()
    where: str = ""
    partition: tuple[str, ...] = ()
    column: str = ""
    values: tuple[AcceptedValue, ...] = ()

    @property
    def scope(self) -> DeleteScope:
        """The one that holds."""
        return self.scopes[0] if self.scopes else DeleteScope.SOURCE

    @property
    def marked(self) -> bool:
        """Whether the source marks deleted rows, so that absence means nothing."""
        return self.scope is DeleteScope.COLUMN
