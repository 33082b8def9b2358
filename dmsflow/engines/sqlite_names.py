"""Surrogate keys in SQLite, which has no digest of its own: a function of this process makes them. Opens nothing."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from dmsflow.engines.name_keys import Named, make_key
from dmsflow.engines.sqlite_values import Stored
from dmsflow.model.table import DataType

NAME_KEY = "_dms_name_key"


def name_key(types: Sequence[DataType]) -> str:
    """A call of the function: the families of the values, then the values."""
    kinds = " ".join(f"{it.family}:{it.scale or 0}" for it in types)
    return f"{NAME_KEY}('{kinds}', {', '.join(f'{{{i}}}' for i in range(len(types)))})"


def make_stored_key(kinds: str, *values: Stored) -> str:
    """The key of stored values (see name_keys)."""
    return str(make_key([_read(kind, value) for kind, value in zip(kinds.split(), values, strict=True)]))


def _read(kind: str, value: Stored) -> Named:
    """A value as what its type says."""
    family, _, scale = kind.partition(":")
    match family:
        case "boolean":
            return bool(value)
        case "decimal":
            return Decimal(str(value)).quantize(Decimal(1).scaleb(-int(scale)))
        case "timestamp" | "timestamptz":
            return datetime.fromisoformat(str(value))
        case "integer":
            return Decimal(str(value))
        case "date":
            return date.fromisoformat(str(value))
        case "uuid":
            return UUID(str(value))
    return str(value)
