"""Rows made up from a seed: of likely values, and of those on the edge of their type. Writes one scratch table."""

from msgspec import Struct

from dmsflow.compiler.columns import LoadedColumn
from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.model.table import DataType, TypeName

POOL, TABLE = "pool", "rows"
EDGE_ODDS = 8
"""One row of so many has a value on the edge, where a column has any."""
quote = DuckDBIdioms().quote


class ScratchColumn(Struct, frozen=True, kw_only=True):
    """A column of the scratch source: a source column by its name, or what an expression made.

    ``likely`` are values, as SQL, that one of ``odds`` rows has; ``edges`` some that a few rows have.
    """

    name: str
    type: DataType
    column: LoadedColumn | None = None
    likely: tuple[str, ...] = ()
    odds: int = 2
    edges: tuple[str, ...] = ()


class Layout(Struct, frozen=True, kw_only=True):
    """The scratch source's columns, and which of them are the key, the checkpoint, the order in time."""

    columns: tuple[ScratchColumn, ...]
    key: tuple[str, ...]
    checkpoint: tuple[str, ...]
    effective: tuple[str, ...]
    unique: bool
    append: bool

    @property
    def names(self) -> tuple[str, ...]:
        """All columns."""
        return tuple(column.name for column in self.columns)


def make_rows(layout: Layout, rows: int, seed: int, scratch: DuckDBSession) -> None:
    """Make up so many rows: keys that differ, checkpoints that climb, other values few enough to repeat."""
    climbing = {*layout.key[:1], *layout.checkpoint, *layout.effective}
    picked = ", ".join(
        f"CAST({_value(column, climbs=column.name in climbing, salt=seed + i)} AS "
        f"{DuckDBIdioms().type_sql(column.type)}) AS {quote(column.name)}"
        for i, column in enumerate(layout.columns)
    )
    scratch.execute(f"CREATE TABLE {POOL} AS SELECT {picked} FROM range({rows}) AS r (i)")


def _value(column: ScratchColumn, *, climbs: bool, salt: int) -> str:
    """SQL of a value of row ``i``; one that does not climb is NULL in one row of ten."""
    number = "i" if climbs else f"CAST(hash(i, {salt}) % {_variety(column.type)} AS BIGINT)"
    fitting = _fit_number(number, column.type, climbs=climbs)
    text = f"lpad(CAST({number} AS VARCHAR), 6, '0')" if climbs else f"substr(md5(CAST({number} AS VARCHAR)), 1, 6)"
    length = column.type.length
    by_family = {
        "integer": fitting,
        "decimal": fitting,
        "float": f"{number} / 4",
        "boolean": f"{number} % 2 = 0",
        "text": text if length is None else f"right({text}, {length})",
        "date": f"DATE '2024-01-01' + CAST({number} AS INTEGER)",
        "timestamp": f"TIMESTAMP '2024-01-01' + to_minutes({number})",
        "timestamptz": f"TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_minutes({number})",
        "bytes": f"encode({text})",
        "uuid": f"CAST(md5(CAST({number} AS VARCHAR)) AS UUID)",
        "json": f"json_object('n', {number})",
    }
    value = by_family[column.type.family]
    if climbs:
        return value
    rare = _choose(column, column.edges, EDGE_ODDS, f"{salt}, 'edge'")
    often = _choose(column, column.likely, column.odds, f"{salt}, 'likely'")
    return f"CASE {often}{rare}WHEN hash(i, {salt}, 'null') % 10 > 0 THEN {value} END"


def _fit_number(number: str, data_type: DataType, *, climbs: bool) -> str:
    """SQL of the number as a value of its type: as far as there are so many, and in its last digits if need be."""
    if bits := INTEGER_BITS.get(data_type.name):
        return f"{number} % {2 ** (bits - 1)}"
    if data_type.name is not TypeName.DECIMAL:
        return number
    digits, scale = data_type.precision or 38, data_type.scale or 0
    if digits - scale >= (WIDE if climbs else 1):
        return number
    return f"CAST(({number} % {10 ** min(digits, EXACT)}) / 1e{scale} AS {DuckDBIdioms().type_sql(data_type)})"


def _choose(column: ScratchColumn, values: tuple[str, ...], odds: int, salt: str) -> str:
    """Branches of a CASE by which one row of so many has one of the values."""
    type_sql = DuckDBIdioms().type_sql(column.type)
    dice = f"hash(i, {salt}) % {odds * len(values)}"
    return "".join(f"WHEN {dice} = {place} THEN CAST({text} AS {type_sql}) " for place, text in enumerate(values))


def _variety(data_type: DataType) -> int:
    """How many different values a column that repeats has: as many as fit."""
    digits, scale = data_type.precision or 38, data_type.scale or 0
    return min(50, 10 ** ((digits - scale) or digits)) if data_type.name is TypeName.DECIMAL else 50


WIDE, EXACT = 9, 15
"""Digits before the point that are enough for any number of rows, and digits that a double has."""
INTEGER_BITS = {TypeName.SMALLINT: 16, TypeName.INTEGER: 32, TypeName.BIGINT: 64}
MILD = {
    "text": (
        "''",
        "' two  words '",
        "'O''Brien \"x\"'",
        "'\u00e4\u00df\u6f22\U0001f642'",
        "'a' || chr(9) || chr(10) || 'b'",
    ),
    "integer": ("0", "-1"),
    "decimal": ("0", "-1"),
    "float": ("0", "-1.5"),
    "date": ("DATE '2024-02-29'",),
    "timestamp": ("TIMESTAMP '2024-02-29 23:59:59.999999'",),
    "timestamptz": ("TIMESTAMPTZ '2024-02-29 23:59:59.999999+00'",),
    "bytes": ("''::BLOB", "from_hex('00ff')"),
    "uuid": ("'00000000-0000-0000-0000-000000000000'",),
    "json": ("'null'", "'{}'"),
}
"""Values of each family that are rare and harmless."""

EXTREME = {
    "float": ("1e38", "-1e38"),
    "date": ("DATE '1900-01-01'", "DATE '9999-12-31'"),
    "timestamp": ("TIMESTAMP '1900-01-01'", "TIMESTAMP '9999-12-31 23:59:59'"),
}
"""Values after which nothing comes: an expression over them may overflow."""


def edges_of(data_type: DataType, *, extreme: bool) -> tuple[str, ...]:
    """Values on the edge of a type, as SQL; without ``extreme`` only those that SQL can go on computing with."""
    found = [*MILD.get(data_type.family, ())]
    if data_type.name is TypeName.DECIMAL and data_type.precision == data_type.scale:
        found.remove("-1")
    if data_type.length is not None:
        found += [f"repeat('x', {data_type.length})", f"repeat('x', {data_type.length + 1})"]
    if not extreme:
        return tuple(found)
    found += EXTREME.get(data_type.family, ())
    if bits := INTEGER_BITS.get(data_type.name):
        found += [f"{2 ** (bits - 1) - 1}", f"-{2 ** (bits - 1) - 1} - 1"]
    if data_type.name is TypeName.DECIMAL:
        nines = "9" * (data_type.precision or 38)
        scale = data_type.scale or 0
        largest = f"{nines[: len(nines) - scale] or '0'}.{nines[len(nines) - scale :]}" if scale else nines
        found += [f"'{largest}'", f"'-{largest}'"]
    return tuple(found)
