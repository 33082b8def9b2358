"""Small texts of a spec to values: durations, types, timestamps, table names, constants. Knows no place."""

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from dmsflow.diagnostics import did_you_mean
from dmsflow.model.spec import ParamValue
from dmsflow.model.table import DataType, TableName, TypeName

_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_TYPE = re.compile(r"([a-z]+) ?(?:\( ?([0-9]+) ?(?:, ?([0-9]+) ?)?\))?\Z")
_TABLE_PART = re.compile(r'(?:"((?:[^"]|"")+)"|([^".\s]+))(\.|\Z)')
_WRITTEN_TYPES = tuple(name.value for name in TypeName if name not in (TypeName.HUGEINT, TypeName.OTHER))
_OTHER_NAMES = {
    "int": "integer",
    "int4": "integer",
    "int8": "bigint",
    "long": "bigint",
    "numeric": "decimal",
    "number": "decimal",
    "float": "double",
    "string": "text",
    "clob": "text",
    "char": "varchar",
    "varchar2": "varchar",
    "nvarchar": "varchar",
    "bool": "boolean",
    "datetime": "timestamp",
    "blob": "bytes",
    "bytea": "bytes",
}
MAX_PRECISION = 38
MAX_LENGTH = 1_000_000
MAX_DURATION = timedelta(days=3650)


class LiteralError(ValueError):
    """A text that is not what its place wants; ``help`` says what to write."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.message = message
        self.help = help


def parse_duration(text: str) -> timedelta:
    """``10m``, ``1h30m``, ``500ms``. Raises LiteralError; a number without a unit is one."""
    parts = _DURATION_PART.findall(text)
    help = "write a number with its unit: ms, s, m, h or d, such as 10m or 1h30m"
    if not parts or "".join(number + unit for number, unit in parts) != text:
        reason = "has no unit" if text.replace(".", "", 1).isdigit() else "is not a duration"
        raise LiteralError(f'"{text}" {reason}', help)
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if seconds > MAX_DURATION.total_seconds():
        raise LiteralError(f'"{text}" is longer than ten years', "write a shorter duration")
    return timedelta(seconds=seconds)


def parse_type(text: str) -> DataType:
    """A type as in ANSI SQL, such as ``decimal(18,2)``. Raises LiteralError."""
    match = _TYPE.match(text)
    word = match[1] if match else text.partition("(")[0].strip()
    if match is None or word not in _WRITTEN_TYPES:
        meant = _OTHER_NAMES.get(word.lower())
        near = f'did you mean "{meant}"?' if meant else did_you_mean(word, _WRITTEN_TYPES)
        known = f"write one of {', '.join(_WRITTEN_TYPES)}"
        raise LiteralError(f'"{text}" is not a type', near or known)
    name, first, second = TypeName(word), match[2], match[3]
    if name is TypeName.DECIMAL:
        return _parse_decimal(text, first, second)
    if name is TypeName.VARCHAR and second is None:
        if first and not 1 <= int(first[:9]) <= MAX_LENGTH:
            raise LiteralError(f'"{text}" has no usable length', f"write a length from 1 to {MAX_LENGTH}, or text")
        return DataType(name=name, length=int(first) if first else None)
    if first is not None:
        raise LiteralError(f'"{text}" has a number that {word} does not take', f'write "{word}"')
    return DataType(name=name)


def _parse_decimal(text: str, precision: str | None, scale: str | None) -> DataType:
    if precision is None:
        return DataType(name=TypeName.DECIMAL)
    digits, places = int(precision[:9]), int(scale[:9]) if scale else 0
    if not 1 <= digits <= MAX_PRECISION:
        raise LiteralError(f'"{text}" has no usable precision', f"write a precision from 1 to {MAX_PRECISION}")
    if places > digits:
        raise LiteralError(f'"{text}" has more decimal places than digits', f"write a scale from 0 to {digits}")
    return DataType(name=TypeName.DECIMAL, precision=digits, scale=places)


def parse_timestamp(text: str) -> datetime:
    """A date, or a date and a time. With an offset it is moved to UTC; the result has no zone."""
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except (ValueError, OverflowError):
        help = "write YYYY-MM-DD, or YYYY-MM-DD hh:mm:ss"
        raise LiteralError(f'"{text}" is not a timestamp', help) from None


def parse_table_name(text: str) -> TableName:
    """``table``, ``schema.table`` or ``catalog.schema.table``, parts verbatim in double quotes."""
    parts, at = [], 0
    while match := _TABLE_PART.match(text, at):
        parts.append(match[1].replace('""', '"') if match[1] is not None else match[2])
        at = match.end()
        if not match[3]:
            break
    if at != len(text) or text.endswith(".") or not 1 <= len(parts) <= 3:
        help = "write schema.table; put double quotes around a part with spaces or dots: '\"my table\"'"
        raise LiteralError(f"'{text}' is not a table name", help)
    padded = [None, None, *parts][-3:]
    return TableName(table=parts[-1], schema=padded[1], catalog=padded[0])


def parse_constant(text: str, type: DataType) -> ParamValue:
    """A text as a value of the type. Raises LiteralError that names the type."""
    try:
        if "_" in text and type.family in ("integer", "decimal", "float"):
            raise ValueError(text)
        return _CONSTANTS.get(type.family, str)(text)
    except (ValueError, ArithmeticError, InvalidOperation):
        raise LiteralError(f'"{text}" is not a {type}', f"write a {type} value") from None


def _read_decimal(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite():
        raise ValueError(text)
    return value


def _read_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _read_boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _read_zoned(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


_CONSTANTS: dict[str, Callable[[str], ParamValue]] = {
    "integer": int,
    "decimal": _read_decimal,
    "float": _read_float,
    "boolean": _read_boolean,
    "date": date.fromisoformat,
    "timestamp": parse_timestamp,
    "timestamptz": _read_zoned,
}
