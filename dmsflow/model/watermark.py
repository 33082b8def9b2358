"""Typed values that are kept as text: watermarks and chunk boundaries. Ordered as tuples, exact to the last digit."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import total_ordering
from uuid import UUID

Scalar = int | Decimal | float | str | date | datetime | bool | bytes | UUID


@total_ordering
@dataclass(frozen=True, slots=True, kw_only=True, eq=True)
class TypedValue:
    """One value with its type family, both as text, so that JSON keeps it exactly."""

    family: str
    text: str

    @classmethod
    def of(cls, value: Scalar) -> "TypedValue":  # noqa: C901 - one line per type
        """Write a driver's value down. Raises TypeError for a type that cannot bound a range."""
        match value:
            case bool():
                return cls(family="boolean", text=str(value).lower())
            case int():
                return cls(family="integer", text=str(value))
            case Decimal():
                return cls(family="decimal", text=str(value))
            case float():
                return cls(family="float", text=repr(value))
            case str():
                return cls(family="text", text=value)
            case datetime() if value.tzinfo is not None:
                return cls(family="timestamptz", text=value.astimezone(UTC).isoformat(sep=" "))
            case datetime():
                return cls(family="timestamp", text=value.isoformat(sep=" "))
            case date():
                return cls(family="date", text=value.isoformat())
            case bytes():
                return cls(family="bytes", text=value.hex())
            case UUID():
                return cls(family="uuid", text=str(value))
        raise TypeError(f"a {type(value).__name__} cannot bound a range")

    def value(self) -> Scalar:
        """The value again, as a driver takes it."""
        match self.family:
            case "boolean":
                return self.text == "true"
            case "integer":
                return int(self.text)
            case "decimal":
                return Decimal(self.text)
            case "float":
                return float(self.text)
            case "timestamp" | "timestamptz":
                return datetime.fromisoformat(self.text)
            case "date":
                return date.fromisoformat(self.text)
            case "bytes":
                return bytes.fromhex(self.text)
            case "uuid":
                return UUID(self.text)
        return self.text

    def __lt__(self, other: "TypedValue") -> bool:
        if self.family != other.family:
            raise TypeError(f"a {self.family} does not compare with a {other.family}")
        return self.value() < other.value()  # type: ignore[operator]

    def __str__(self) -> str:
        return self.text


Bound = tuple[TypedValue, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """How far a pipeline has read: the values of its checkpoint columns, compared as one tuple (law 14).

    ``ties`` is how many source rows had just these values when they were read; None where nobody counted.
    """

    columns: tuple[str, ...]
    values: Bound
    ties: int | None = field(default=None, compare=False)

    def counted(self, ties: int | None) -> "Watermark":
        """The same place, with the number of rows that are there."""
        return replace(self, ties=ties)

    def __lt__(self, other: "Watermark") -> bool:
        return self.values < other.values

    def __str__(self) -> str:
        return ", ".join(f"{name} = {value}" for name, value in zip(self.columns, self.values, strict=True))
