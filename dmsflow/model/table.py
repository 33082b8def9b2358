"""Tables as values: names, data types, columns, shapes. Knows no database; engines translate types."""

from enum import StrEnum
from functools import cached_property

from msgspec import Struct

RESERVED_PREFIX = "_dms_"
"""Column names that begin with it are the engine's."""

FAMILIES = {
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
    "hugeint": "integer",
    "decimal": "decimal",
    "real": "float",
    "double": "float",
    "boolean": "boolean",
    "varchar": "text",
    "text": "text",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamptz",
    "bytes": "bytes",
    "uuid": "uuid",
    "json": "json",
    "other": "other",
}


class TypeName(StrEnum):
    """The types a spec may name, as in ANSI SQL; ``hugeint`` and ``other`` are only ever found, never written."""

    SMALLINT = "smallint"
    INTEGER = "integer"
    BIGINT = "bigint"
    HUGEINT = "hugeint"
    DECIMAL = "decimal"
    REAL = "real"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    VARCHAR = "varchar"
    TEXT = "text"
    DATE = "date"
    TIMESTAMP = "timestamp"
    TIMESTAMPTZ = "timestamptz"
    BYTES = "bytes"
    UUID = "uuid"
    JSON = "json"
    OTHER = "other"


class DataType(Struct, frozen=True, kw_only=True):
    """A type with its parameters: ``length`` in characters of a varchar, ``precision`` and ``scale`` of a decimal.

    A ``foreign`` type is one that its database alone has, under the name ``native``: its values travel as those of the
    type that is named, and sort in an order of their own.
    """

    name: TypeName
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    native: str | None = None
    foreign: bool = False

    @property
    def family(self) -> str:
        """Types of one family compare and sort alike."""
        return FAMILIES[self.name.value]

    def __str__(self) -> str:
        if self.name is TypeName.DECIMAL and self.precision is not None:
            return f"decimal({self.precision},{self.scale or 0})"
        if self.name is TypeName.VARCHAR and self.length is not None:
            return f"varchar({self.length})"
        if self.native and (self.foreign or self.name is TypeName.OTHER):
            return self.native
        return self.name.value

    def is_among(self, names: tuple[str, ...]) -> bool:
        """Whether the type or its family is one of these."""
        return self.family in names or self.name.value in names

    @property
    def common(self) -> "DataType":
        """The type that every database has for the same values."""
        if not self.foreign:
            return self
        name = TypeName.VARCHAR if self.name is TypeName.TEXT and self.length else self.name
        return DataType(name=name, length=self.length, precision=self.precision, scale=self.scale)


class TableName(Struct, frozen=True, kw_only=True):
    """A table as written in the spec: up to catalog.schema.table, each part verbatim."""

    table: str
    schema: str | None = None
    catalog: str | None = None

    def __str__(self) -> str:
        return ".".join(part for part in (self.catalog, self.schema, self.table) if part)


class Column(Struct, frozen=True, kw_only=True):
    """A column of a real table or query. A ``generated`` one fills itself; a ``computed`` one takes no other value."""

    name: str
    type: DataType
    nullable: bool = True
    generated: bool = False
    computed: bool = False
    comparable: bool = True
    """Whether the database can tell two of its values apart."""
    collation: str | None = None
    """By what a text is compared, where that is not the order of its database."""
    domain: str | None = None
    """The type of the user's own that it is of, with checks that ``type`` does not have."""


class TableShape(Struct, frozen=True, kw_only=True, dict=True):
    """What a table or query looks like: its columns in order. One that is ``divided`` is a sum of other tables.

    One that ``intercepts`` rows may keep some out, or write them elsewhere: what was inserted is not what was sent.
    One that ``hides`` rows may not show all of them to this user.
    """

    columns: tuple[Column, ...]
    view: bool = False
    divided: bool = False
    intercepts: bool = False
    hides: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order, in the case the database stores."""
        return tuple(column.name for column in self.columns)

    def find(self, name: str) -> Column | None:
        """The column of that name: exactly as written, else the only one that differs in case alone."""
        exact, folded = self._places
        alike = folded.get(name.lower(), ())
        return exact.get(name) or (alike[0] if len(alike) == 1 else None)

    @cached_property
    def _places(self) -> tuple[dict[str, Column], dict[str, list[Column]]]:
        """The columns by name, and by name without its case: looked up once for every column of a wide table."""
        exact: dict[str, Column] = {}
        folded: dict[str, list[Column]] = {}
        for column in self.columns:
            exact.setdefault(column.name, column)
            folded.setdefault(column.name.lower(), []).append(column)
        return exact, folded


class UniqueKey(Struct, frozen=True, kw_only=True):
    """Columns whose values no two rows share: of all rows, or of those that meet a ``condition`` of the database."""

    columns: tuple[str, ...]
    condition: str | None = None


INTEGER_DIGITS = {TypeName.SMALLINT: 5, TypeName.INTEGER: 10, TypeName.BIGINT: 19, TypeName.HUGEINT: 39}


def cast_can_fail(arrives: DataType, wanted: DataType) -> bool:
    """Whether some value of one type has no place in the other. Widening casts never fail."""
    if wanted.family in ("text", "json", "other") or arrives == wanted:
        return wanted.family == "json" and arrives.family != "json"
    source, target = arrives.family, wanted.family
    if source != target:
        if (source, target) == ("integer", "decimal"):
            return (wanted.precision or 38) - (wanted.scale or 0) < INTEGER_DIGITS.get(arrives.name, 39)
        return (source, target) not in {
            ("date", "timestamp"),
            ("integer", "float"),
            ("decimal", "float"),
            ("timestamp", "date"),
            ("timestamp", "timestamptz"),
            ("timestamptz", "timestamp"),
            ("uuid", "text"),
        }
    if source == "integer":
        return INTEGER_DIGITS.get(arrives.name, 39) > INTEGER_DIGITS.get(wanted.name, 39)
    if source == "decimal":
        whole = (arrives.precision or 38) - (arrives.scale or 0)
        return whole > (wanted.precision or 38) - (wanted.scale or 0) or (arrives.scale or 0) > (wanted.scale or 0)
    return source == "float" and wanted.name is TypeName.REAL and arrives.name is TypeName.DOUBLE


def find_wider(arrives: DataType, wanted: DataType) -> DataType | None:
    """A type that has every value of the wanted one, and shows what a cast rounds; None where it rounds nothing."""
    if wanted.family == "date" and arrives.family in ("timestamp", "timestamptz", "text"):
        return DataType(name=TypeName.TIMESTAMP)
    finer = arrives.family == "text" or (arrives.family == "decimal" and (arrives.scale or 0) > (wanted.scale or 0))
    if wanted.family not in ("integer", "decimal") or not finer:
        return None
    whole = INTEGER_DIGITS.get(wanted.name, (wanted.precision or 38) - (wanted.scale or 0))
    return DataType(name=TypeName.DECIMAL, precision=38, scale=38 - whole) if whole < 38 else None


def can_stand(data_type: DataType) -> bool:
    """Whether a value of this type can be a watermark: exact, ordered, and the same in a driver's hands."""
    return can_bound(data_type) and data_type.family != "bytes"


def can_bound(data_type: DataType) -> bool:
    """Whether values of this type can bound a range exactly, here as elsewhere."""
    inexact = (TypeName.OTHER, TypeName.JSON, TypeName.REAL, TypeName.DOUBLE, TypeName.BOOLEAN)
    return data_type.name not in inexact and not (data_type.foreign and data_type.family == "text")
