"""A lookup in the target's own words: which columns meet which. Builds no statement."""

from msgspec import Struct

PREFIX = "_dms_look_"


def key_column(lookup: int, part: int) -> str:
    """The staged name of a part of the key that is looked up."""
    return f"{PREFIX}{lookup}_{part}"


def time_column(lookup: int) -> str:
    """The staged name of the time at which the version shall hold."""
    return f"{PREFIX}{lookup}_at"


def since_column(lookup: int) -> str:
    """The name of the time since when a lookup finds what it finds."""
    return f"{PREFIX}{lookup}_since"


class LookupShape(Struct, frozen=True, kw_only=True):
    """A column that is looked up. ``key`` are columns of the dimension, each with the staged one that it equals.

    ``at`` is staged too; without it the version is meant whose flag ``is_current`` is ``on``, or, where there is no
    flag, the one row of the key. ``told`` are the names of the source columns, in the order of the staged ones.
    ``unknown`` is the literal of the unknown member's key, where a miss becomes that. ``content``: of a row that says
    that its key was deleted nothing is looked up. ``inserted_at`` and ``modified_at`` are columns of the dimension,
    where it has them.
    """

    column: str
    dimension: str
    schema: str | None
    surrogate_key: str
    key: tuple[tuple[str, str], ...]
    told: tuple[str, ...]
    at: str | None = None
    valid_from: str = ""
    valid_to: str = ""
    is_current: str | None = None
    on: str = "TRUE"
    unknown: str | None = None
    content: bool = True
    inserted_at: str | None = None
    modified_at: str | None = None

    @property
    def staged(self) -> tuple[str, ...]:
        """The staged columns that are looked up by, the time last."""
        return (*(staged for _, staged in self.key), *((self.at,) if self.at else ()))
