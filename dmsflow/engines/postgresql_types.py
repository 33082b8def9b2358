"""Which types PostgreSQL's are, and how it declares ours. Asks no server; reads what the catalog says.

A type that no other database declares alike is ``foreign``: it travels as text, and keeps its own name where a table of
PostgreSQL has it already. So a numeric without a limit, an enum, an array or a network address loses nothing.
"""

from dmsflow.model.table import DataType, TypeName

LONGEST_NAME = 63
"""Bytes of an identifier; PostgreSQL cuts off the rest without a word."""

NUMERIC, VARCHAR, BPCHAR = 1700, 1043, 1042

PADDED = ("character(", "bpchar")
"""How the names of types begin whose values are filled up with blanks."""

TYPES = {
    16: TypeName.BOOLEAN,
    17: TypeName.BYTES,
    20: TypeName.BIGINT,
    21: TypeName.SMALLINT,
    23: TypeName.INTEGER,
    25: TypeName.TEXT,
    114: TypeName.JSON,
    700: TypeName.REAL,
    701: TypeName.DOUBLE,
    1082: TypeName.DATE,
    1114: TypeName.TIMESTAMP,
    1184: TypeName.TIMESTAMPTZ,
    2950: TypeName.UUID,
    3802: TypeName.JSON,
}
"""Types by the numbers that they have in every server."""

TIMES = (1114, 1184)
FULL_PRECISION = 6

DECLARED = {
    TypeName.SMALLINT: "SMALLINT",
    TypeName.INTEGER: "INTEGER",
    TypeName.BIGINT: "BIGINT",
    TypeName.HUGEINT: "NUMERIC(39,0)",
    TypeName.REAL: "REAL",
    TypeName.DOUBLE: "DOUBLE PRECISION",
    TypeName.BOOLEAN: "BOOLEAN",
    TypeName.TEXT: "TEXT",
    TypeName.DATE: "DATE",
    TypeName.TIMESTAMP: "TIMESTAMP",
    TypeName.TIMESTAMPTZ: "TIMESTAMPTZ",
    TypeName.BYTES: "BYTEA",
    TypeName.UUID: "UUID",
    TypeName.JSON: "JSONB",
    TypeName.OTHER: "TEXT",
}

LOOSE = ("hugeint", "decimal", "date", "timestamp", "timestamptz", "uuid")
"""What arrives as text: a long number, NaN, an infinite time or a year before the first has no word in Arrow."""

MAX_PRECISION = 38
HUGE = (39, 0)


def read_type(oid: int, modifier: int, native: str) -> DataType:
    """A type by its number, its modifier (-1 for none) and its full name."""
    if oid == NUMERIC:
        return _read_numeric(modifier, native)
    if oid == VARCHAR:
        return DataType(name=TypeName.VARCHAR, length=modifier - 4) if modifier > 0 else DataType(name=TypeName.TEXT)
    if oid == BPCHAR:
        # Blanks at its end do not count: only PostgreSQL itself can compare it.
        length = modifier - 4 if modifier > 0 else None
        return DataType(name=TypeName.TEXT, length=length, native=native, foreign=True)
    if oid in TIMES and modifier not in (-1, FULL_PRECISION):
        return DataType(name=TYPES[oid], native=native, foreign=True)
    known = TYPES.get(oid)
    return DataType(name=known) if known else DataType(name=TypeName.TEXT, native=native, foreign=True)


def _read_numeric(modifier: int, native: str) -> DataType:
    """A decimal, or a foreign type where it has no limit, or one that no decimal of 38 digits can hold."""
    precision = (modifier - 4) >> 16 & 0xFFFF
    scale = ((modifier - 4 & 0x7FF) ^ 0x400) - 0x400
    if (precision, scale) == HUGE:
        return DataType(name=TypeName.HUGEINT)
    if modifier < 0 or precision > MAX_PRECISION or not 0 <= scale <= precision:
        return DataType(name=TypeName.TEXT, native=native, foreign=True)
    return DataType(name=TypeName.DECIMAL, precision=precision, scale=scale)


def is_padded(data_type: DataType) -> bool:
    """Whether values are filled up with blanks, which do not count; an array of such values is none."""
    native = data_type.native or ""
    return data_type.foreign and native.startswith(PADDED) and not native.endswith("]")


def declare(data_type: DataType) -> str:
    """How a column of this type is declared."""
    if data_type.foreign and data_type.native:
        return "BPCHAR" if is_padded(data_type) and data_type.length is None else data_type.native
    if data_type.name is TypeName.DECIMAL:
        return f"NUMERIC({data_type.precision or MAX_PRECISION},{data_type.scale or 0})"
    if data_type.name is TypeName.VARCHAR:
        return f"VARCHAR({data_type.length})" if data_type.length else "TEXT"
    return DECLARED[data_type.name]
