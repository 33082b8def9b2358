"""How SQLite keeps each type: the declared names, and values as they are stored. Opens nothing, refuses NaN.

SQLite has five storage classes and guesses from a declared name how a value is kept. The names here are chosen so that
no value changes on the way: what must stay text has TEXT in its name, and what SQLite may turn into a number is never
text that looks like one.
"""

import math
import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation
from uuid import UUID

from dmsflow.engines.engine import Value
from dmsflow.errors import PermanentError
from dmsflow.model.table import DataType, TypeName

EXACT_DIGITS = 15
"""Decimals of so many digits survive SQLite's floating-point numbers; longer ones are kept as text."""

Stored = int | float | str | bytes | None

DECLARED = {
    TypeName.SMALLINT: "SMALLINT",
    TypeName.INTEGER: "INT4",
    TypeName.BIGINT: "INTEGER",
    TypeName.HUGEINT: "HUGE_TEXT",
    TypeName.REAL: "FLOAT4",
    TypeName.DOUBLE: "DOUBLE",
    TypeName.BOOLEAN: "BOOLEAN",
    TypeName.TEXT: "TEXT",
    TypeName.DATE: "DATE",
    TypeName.TIMESTAMP: "TIMESTAMP",
    TypeName.TIMESTAMPTZ: "TIMESTAMPTZ",
    TypeName.BYTES: "BLOB",
    TypeName.UUID: "UUID_TEXT",
    TypeName.JSON: "JSON_TEXT",
    TypeName.OTHER: "TEXT",
}

NAMES = {
    "TINYINT": TypeName.SMALLINT,
    "SMALLINT": TypeName.SMALLINT,
    "INT2": TypeName.SMALLINT,
    "INT4": TypeName.INTEGER,
    "FLOAT4": TypeName.REAL,
    "BOOL": TypeName.BOOLEAN,
    "BOOLEAN": TypeName.BOOLEAN,
    "DATE": TypeName.DATE,
    "DATETIME": TypeName.TIMESTAMP,
    "TIMESTAMP": TypeName.TIMESTAMP,
    "TIMESTAMP WITHOUT TIME ZONE": TypeName.TIMESTAMP,
    "TIMESTAMPTZ": TypeName.TIMESTAMPTZ,
    "TIMESTAMP WITH TIME ZONE": TypeName.TIMESTAMPTZ,
    "UUID": TypeName.UUID,
    "UUID_TEXT": TypeName.UUID,
    "JSON": TypeName.JSON,
    "JSON_TEXT": TypeName.JSON,
    "HUGE_TEXT": TypeName.HUGEINT,
    "BINARY": TypeName.BYTES,
    "VARBINARY": TypeName.BYTES,
}

PARTS = (
    ("INT", TypeName.BIGINT),
    ("CHAR", TypeName.VARCHAR),
    ("CLOB", TypeName.TEXT),
    ("TEXT", TypeName.TEXT),
    ("BLOB", TypeName.BYTES),
    ("REAL", TypeName.DOUBLE),
    ("FLOA", TypeName.DOUBLE),
    ("DOUB", TypeName.DOUBLE),
)
"""SQLite's own rule: the first part that a declared name contains decides."""

DECIMALS = ("DECIMAL", "NUMERIC", "NUMBER", "DEC", "DECIMAL_TEXT")


def declare(data_type: DataType) -> str:
    """The declared name under which a column of this type loses nothing."""
    if data_type.name is TypeName.VARCHAR:
        return f"VARCHAR({data_type.length})" if data_type.length else "TEXT"
    if data_type.name is TypeName.DECIMAL:
        precision = data_type.precision or 38
        name = "DECIMAL" if precision <= EXACT_DIGITS else "DECIMAL_TEXT"
        return f"{name}({precision},{data_type.scale or 0})"
    return DECLARED[data_type.name]


def read_type(declared: str) -> DataType | None:
    """The type of a declared name; None where it tells nothing, as for an expression."""
    written = re.fullmatch(
        r"(?P<name>[^(]*?)\s*(?:\(\s*(?P<size>\d+)\s*(?:,\s*(?P<scale>\d+)\s*)?\))?", declared.strip()
    )
    if written is None or not written["name"]:
        return None
    name, size = written["name"].upper(), int(written["size"]) if written["size"] else None
    if name in DECIMALS:
        if size is None or size > 38:
            return None
        scale = int(written["scale"] or 0)
        return DataType(name=TypeName.DECIMAL, precision=size, scale=scale, native=declared)
    found = NAMES.get(name) or next((kind for part, kind in PARTS if part in name), None)
    if found is None:
        return None
    if found is TypeName.VARCHAR:
        return DataType(name=TypeName.VARCHAR if size else TypeName.TEXT, length=size, native=declared)
    return DataType(name=found, native=declared)


def is_text_decimal(data_type: DataType) -> bool:
    """Whether a column keeps its decimals as text; such text does not sort as numbers do."""
    return data_type.family == "decimal" and (data_type.native or "").upper().startswith("DECIMAL_TEXT")


def adapt(value: Value) -> Stored:
    """A value as SQLite stores it. Raises PermanentError for one that it cannot store."""
    match value:
        case bool():
            return int(value)
        case int():
            return value if -(2**63) <= value < 2**63 else str(value)
        case float():
            if math.isnan(value):
                raise PermanentError("SQLite cannot store NaN: it would become NULL")
            return value
        case Decimal():
            return write_number(value)
        case datetime():
            return write_timestamp(value)
        case date():
            return value.isoformat()
        case UUID():
            return str(value)
        case None | str() | bytes():
            return value
    raise PermanentError(f"SQLite cannot store a {type(value).__name__}")


def write_timestamp(value: datetime) -> str:
    """Always six digits, so that text sorts as time does; an instant in UTC, with its offset."""
    moment = value.astimezone(UTC) if value.tzinfo is not None else value
    return moment.isoformat(sep=" ", timespec="microseconds")


def write_number(value: Decimal) -> Stored:
    """A decimal as a number where SQLite's numbers are exact, else as text."""
    if not value.is_finite():
        raise PermanentError(f"SQLite cannot store the decimal {value}")
    if value == value.to_integral_value() and -(2**63) <= value < 2**63:
        return int(value)
    digits = len("".join(str(digit) for digit in value.as_tuple().digits).strip("0"))
    return float(value) if digits <= EXACT_DIGITS else format(value, "f")


def write_decimal(value: Decimal, scale: int) -> str:
    """A decimal as text with exactly ``scale`` decimals. Raises PermanentError where digits would be lost."""
    try:
        exact = value.quantize(
            Decimal(1).scaleb(-scale),
            context=Context(prec=99, rounding=ROUND_HALF_EVEN, traps=[Inexact, InvalidOperation]),
        )
    except (Inexact, InvalidOperation) as error:
        raise PermanentError(f"the decimal {value} does not fit into {scale} decimals") from error
    return format(exact if exact else abs(exact), "f")


def write_literal(value: Value) -> str:
    """A constant in SQL, as the database stores it; None is NULL."""
    stored = adapt(value)
    match stored:
        case None:
            return "NULL"
        case bytes():
            return f"x'{stored.hex()}'"
        case float() if math.isinf(stored):
            return "9e999" if stored > 0 else "-9e999"
        case int() | float():
            return repr(stored)
        case str() if "\0" in stored:
            return f"CAST(x'{stored.encode().hex()}' AS TEXT)"
    return "'" + stored.replace("'", "''") + "'"
