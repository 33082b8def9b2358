"""How databases tell rows apart by numbers: the contract, and which words two databases have in common.

A digest is of values that are typed alike on both sides. ``native``: a hash that one kind of database computes, fast,
and compares with its own alone. ``canonical``: md5 of one text that is the same wherever the value is stored.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from msgspec import Struct

from dmsflow.engines.engine import Idioms
from dmsflow.model.table import DataType


class Typed(Struct, frozen=True, kw_only=True):
    """A value as SQL, most often a quoted column, and the type that it has there."""

    sql: str
    type: DataType


class DigestWords(Protocol):
    """SQL of one database; all of it is the same for the same values, in the same order, of the same types."""

    canonical: bool
    """Whether the words of another kind of database say the same."""

    def number(self, values: Sequence[Typed]) -> str:
        """A whole number of 60 bits or more that differs where the values do; NULL is a value."""
        ...

    def other_number(self, values: Sequence[Typed]) -> str:
        """A second one, so that both together tell rows apart."""
        ...

    def segment(self, values: Sequence[Typed], segments: int) -> str:
        """Which of so many segments a key belongs to, from 0 on."""
        ...

    def text(self, value: Typed) -> str:
        """A value as a person reads it, the same in every database; NULL stays NULL."""
        ...


@runtime_checkable
class DigestingIdioms(Idioms, Protocol):
    """The words of a database that computes digests itself; of others the rows are read, and DuckDB computes them."""

    def native_digest(self) -> DigestWords:
        """Digests that compare with those of the same kind of database alone."""
        ...

    def canonical_digest(self, *, unicode: bool) -> DigestWords:
        """Digests that compare with those of every other; ``unicode``: text is stored as UTF-8."""
        ...

    def native_probe(self) -> str | None:
        """A query whose answer tells whether two servers compute native digests alike; None where they always do."""
        ...


def one_segment(values: Sequence[Typed], number: str, segments: int) -> str:
    """A segment by the key itself where it is one whole number, else by its digest; a prime number spreads both."""
    if len(values) == 1 and values[0].type.family == "integer":
        return f"coalesce(abs({values[0].sql} % {segments}), 0)"
    return f"abs({number} % {segments})"
