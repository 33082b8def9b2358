"""What is known of a value before it is computed: its kind and its scale. Knows no dialect."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from dmsflow.model.table import DataType

if TYPE_CHECKING:
    from sqlglot.expressions import Expr


class Kind(StrEnum):
    """What values of an expression are, as far as operators tell them apart."""

    NUMBER = "number"
    FLOAT = "binary number"
    TEXT = "text"
    CHAR = "blank-padded text"
    DATE = "date"
    TIMESTAMP = "timestamp"
    MOMENT = "date or timestamp"
    """A column that the spec calls a timestamp: the source may hold either."""
    TIMESTAMPTZ = "timestamp with time zone"
    DAYS = "interval of days"
    MONTHS = "interval of months"
    INTERVAL = "interval"
    BOOLEAN = "condition"
    NULL = "null"
    OTHER = "value of another type"
    UNKNOWN = "value of an unknown type"


class Type(Struct, frozen=True):
    """A kind, the digits of a number behind its point, and whether it is stored as an integer."""

    kind: Kind
    scale: int = 0
    whole: bool = False


class Value(Struct, frozen=True):
    """An expression in DuckDB's dialect, and what it returns."""

    sql: "Expr"
    type: Type

    @property
    def kind(self) -> Kind:
        """The kind alone."""
        return self.type.kind


Columns = Mapping[str, Type]
"""Types by names in lower case, in the order of the columns."""

NUMBER, FLOAT, TEXT, CHAR = Type(Kind.NUMBER), Type(Kind.FLOAT), Type(Kind.TEXT), Type(Kind.CHAR)
INTEGER = Type(Kind.NUMBER, 0, True)
DATE, TIMESTAMP, TIMESTAMPTZ = Type(Kind.DATE), Type(Kind.TIMESTAMP), Type(Kind.TIMESTAMPTZ)
BOOLEAN, NULL, OTHER, UNKNOWN = Type(Kind.BOOLEAN), Type(Kind.NULL), Type(Kind.OTHER), Type(Kind.UNKNOWN)
DAYS, MONTHS, INTERVAL = Type(Kind.DAYS), Type(Kind.MONTHS), Type(Kind.INTERVAL)
MOMENT = Type(Kind.MOMENT)

TEXTS = (Kind.TEXT, Kind.CHAR)
NUMBERS = (Kind.NUMBER, Kind.FLOAT)
MOMENTS = (Kind.DATE, Kind.TIMESTAMP, Kind.MOMENT)
MAX_SCALE = 18
"""Digits behind the point that a quotient keeps; 20 remain before it."""

FAMILIES = {
    "float": FLOAT,
    "boolean": BOOLEAN,
    "text": TEXT,
    "date": DATE,
    "timestamptz": TIMESTAMPTZ,
}


def type_of(column: DataType) -> Type:
    """What a column of a given table returns."""
    if column.family == "integer":
        return INTEGER
    if column.family == "decimal":
        return Type(Kind.NUMBER, MAX_SCALE if column.precision is None else column.scale or 0)
    if column.family == "timestamp":
        return DATE if (column.native or "").upper() == "DATE" else MOMENT
    return FAMILIES.get(column.family, OTHER)
