"""Which types Oracle's are, by its catalog and by a cursor's description. Asks no server.

A NUMBER without a precision has no type elsewhere that holds all of its values: it travels as text, exactly, and keeps
its own name where a table of Oracle has it already. Oracle's DATE has a time of day, so that it is a timestamp.
"""

import re
from typing import Protocol

from dmsflow.model.table import DataType, TypeName

MAX_PRECISION = 38
FLOATING = -127
"""The scale of a number whose point floats."""

MICROSECONDS = 6

KNOWN = {
    "BINARY_FLOAT": DataType(name=TypeName.REAL),
    "BINARY_DOUBLE": DataType(name=TypeName.DOUBLE),
    "CLOB": DataType(name=TypeName.TEXT),
    "NCLOB": DataType(name=TypeName.TEXT, native="NCLOB", foreign=True),
    "BLOB": DataType(name=TypeName.BYTES),
    "DATE": DataType(name=TypeName.TIMESTAMP, native="DATE", foreign=True),
    "JSON": DataType(name=TypeName.JSON),
    "BOOLEAN": DataType(name=TypeName.BOOLEAN),
}
"""Types that have no parameters."""

WRITTEN_OUT = ("XMLTYPE", "ROWID", "UROWID", "INTERVAL")
"""Types that arrive as the text in which Oracle writes them."""

TIMESTAMP = re.compile(r"TIMESTAMP\((\d)\)( WITH (?:LOCAL )?TIME ZONE)?")

FETCHED = {
    "DB_TYPE_BINARY_FLOAT": "BINARY_FLOAT",
    "DB_TYPE_BINARY_DOUBLE": "BINARY_DOUBLE",
    "DB_TYPE_CLOB": "CLOB",
    "DB_TYPE_NCLOB": "NCLOB",
    "DB_TYPE_BLOB": "BLOB",
    "DB_TYPE_DATE": "DATE",
    "DB_TYPE_JSON": "JSON",
    "DB_TYPE_BOOLEAN": "BOOLEAN",
    "DB_TYPE_XMLTYPE": "XMLTYPE",
    "DB_TYPE_ROWID": "ROWID",
    "DB_TYPE_UROWID": "UROWID",
    "DB_TYPE_INTERVAL_DS": "INTERVAL DAY TO SECOND",
    "DB_TYPE_INTERVAL_YM": "INTERVAL YEAR TO MONTH",
    "DB_TYPE_LONG": "LONG",
    "DB_TYPE_LONG_NVARCHAR": "LONG",
    "DB_TYPE_LONG_RAW": "LONG RAW",
    "DB_TYPE_BFILE": "BFILE",
    "DB_TYPE_VECTOR": "VECTOR",
    "DB_TYPE_OBJECT": "OBJECT",
    "DB_TYPE_CURSOR": "CURSOR",
}
"""The driver's names of types, and Oracle's."""

ZONES = {
    "DB_TYPE_TIMESTAMP": "",
    "DB_TYPE_TIMESTAMP_TZ": " WITH TIME ZONE",
    "DB_TYPE_TIMESTAMP_LTZ": " WITH LOCAL TIME ZONE",
}
TEXTS = {
    "DB_TYPE_VARCHAR": "VARCHAR2",
    "DB_TYPE_NVARCHAR": "NVARCHAR2",
    "DB_TYPE_CHAR": "CHAR",
    "DB_TYPE_NCHAR": "NCHAR",
}


class Named(Protocol):
    """A type of the driver."""

    name: str


class Described(Protocol):
    """A column of a cursor's description, as python-oracledb's FetchInfo has it."""

    name: str
    type_code: Named
    display_size: int | None
    precision: int | None
    scale: int | None
    null_ok: bool


def read_fetched(column: Described) -> DataType:
    """The type of a column that a query returns."""
    name = column.type_code.name
    if name == "DB_TYPE_NUMBER":
        return read_number(column.precision, column.scale)
    if name in TEXTS:
        return read_text(TEXTS[name], column.display_size)
    if name == "DB_TYPE_RAW":
        return read_raw(column.display_size)
    if name in ZONES:
        # None and None are how the driver tells a precision of none.
        return read_declared(f"TIMESTAMP({column.scale or 0}){ZONES[name]}")
    return read_declared(FETCHED.get(name, name))


def read_stored(declared: str, length: int | None, precision: int | None, scale: int | None) -> DataType:
    """The type of a column by ALL_TAB_COLS; ``length`` is in characters, of a RAW in bytes."""
    if declared in ("NUMBER", "FLOAT"):
        return read_number(precision, FLOATING if declared == "FLOAT" else scale)
    if declared in TEXTS.values():
        return read_text(declared, length)
    return read_raw(length) if declared == "RAW" else read_declared(declared)


def read_declared(declared: str) -> DataType:
    """A type that is known by its name alone; one that nothing else has is of no type of ours."""
    if declared in KNOWN:
        return KNOWN[declared]
    if found := TIMESTAMP.fullmatch(declared):
        name = TypeName.TIMESTAMPTZ if found[2] else TypeName.TIMESTAMP
        ours = int(found[1]) == MICROSECONDS and "LOCAL" not in (found[2] or "")
        return DataType(name=name) if ours else DataType(name=name, native=declared, foreign=True)
    if declared.startswith(WRITTEN_OUT):
        return DataType(name=TypeName.TEXT, native=declared, foreign=True)
    return DataType(name=TypeName.OTHER, native=declared)


def read_number(precision: int | None, scale: int | None) -> DataType:
    """A decimal that holds every value, or text where none does. Without a precision, a scale of 0 is INTEGER."""
    if scale == FLOATING or (not precision and scale != 0):
        native = f"FLOAT({precision})" if precision else "NUMBER"
        return DataType(name=TypeName.TEXT, native=native, foreign=True)
    digits, scale = precision or MAX_PRECISION, scale or 0
    whole, fraction = max(digits - scale, 0), max(scale, 0)
    if 0 <= scale <= digits:
        return DataType(name=TypeName.DECIMAL, precision=digits, scale=scale)
    native = f"NUMBER({digits},{scale})"
    if whole + fraction > MAX_PRECISION:
        return DataType(name=TypeName.TEXT, native=native, foreign=True)
    return DataType(name=TypeName.DECIMAL, precision=whole + fraction, scale=fraction, native=native, foreign=True)


def read_text(declared: str, length: int | None) -> DataType:
    """A text of a length in characters; one that is filled up with blanks can be compared by Oracle alone."""
    if declared in ("CHAR", "NCHAR"):
        unit = " CHAR" if declared == "CHAR" else ""
        return DataType(name=TypeName.TEXT, length=length, native=f"{declared}({length}{unit})", foreign=True)
    return DataType(name=TypeName.VARCHAR, length=length) if length else DataType(name=TypeName.TEXT)


def read_raw(length: int | None) -> DataType:
    """Bytes of a length."""
    return DataType(name=TypeName.BYTES, native=f"RAW({length})" if length else None, foreign=bool(length))
