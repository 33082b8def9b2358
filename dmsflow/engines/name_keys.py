"""Surrogate keys that a row's own values give: a UUID of version 8 (RFC 9562), the same in every database.

The name of a row is its parts one after another: a text behind its bytes in UTF-8 and a colon, all else in its
canonical text before a comma. Of the name's SHA-256 the first 128 bits are taken. SHA-1, of which version 5 is made, is
in neither PostgreSQL nor SQLite.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Protocol, runtime_checkable
from uuid import UUID

from dmsflow.engines.engine import Idioms
from dmsflow.model.table import DataType

NAMING = ("integer", "decimal", "boolean", "text", "date", "timestamp", "timestamptz", "uuid")
"""Families of types whose values have one canonical text."""

VARIANT = "'0123456789abcdef', '89ab89ab89ab89ab'"
"""The hexadecimal digit of the variant, by the one that stands there."""

UNKNOWN_NUMBER, UNKNOWN_UUID = -1, UUID(int=0)
"""The surrogate key of the unknown member."""

Named = int | Decimal | bool | str | date | datetime | UUID


@runtime_checkable
class NamingIdioms(Idioms, Protocol):
    """The words of a database that makes such keys itself."""

    def name_key(self, types: Sequence[DataType]) -> str | None:
        """An expression of the key over values of these types, at ``{0}``, ``{1}`` and so on; None where it has none.

        The values are stored ones of columns of these types. None of them is NULL.
        """
        ...


def can_name(types: Sequence[DataType]) -> bool:
    """Whether values of all these types have one text."""
    return all(data_type.family in NAMING and not data_type.foreign for data_type in types)


def cut_key(digest: str) -> str:
    """An expression of the key as text, without hyphens, over a digest of 64 hexadecimal digits."""
    variant = f"translate(substr({digest}, 17, 1), {VARIANT})"
    parts = (f"substr({digest}, 1, 12)", "'8'", f"substr({digest}, 14, 3)", variant, f"substr({digest}, 18, 15)")
    return " || ".join(parts)


def make_key(values: Sequence[Named]) -> UUID:
    """The same key of values in Python, which is what all databases must agree with."""
    name = "".join(map(_write_part, values))
    return UUID(bytes=_of_version_8(hashlib.sha256(name.encode()).digest()[:16]))


def _of_version_8(digest: bytes) -> bytes:
    return digest[:6] + bytes([digest[6] & 0x0F | 0x80, digest[7], digest[8] & 0x3F | 0x80]) + digest[9:]


def _write_part(value: Named) -> str:
    match value:
        case str():
            return f"{len(value.encode())}:{value}"
        case bool():
            return f"{str(value).lower()},"
        case Decimal():
            return f"{value:f},"
        case datetime():
            return f"{write_moment(value)},"
        case date():
            return f"{value.isoformat()},"
    return f"{value},"


def write_moment(value: datetime) -> str:
    """An instant in UTC, with as many decimals of its seconds as it needs."""
    moment = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo is not None else value
    text = moment.isoformat(sep=" ", timespec="microseconds")
    return text.rstrip("0").rstrip(".")
