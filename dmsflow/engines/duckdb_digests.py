"""DuckDB's words for digests of rows. Opens nothing; a canonical text here is the one that PostgreSQL writes too."""

from collections.abc import Sequence

from dmsflow.engines.digests import Typed, one_segment
from dmsflow.engines.name_keys import cut_key
from dmsflow.model.table import DataType, TypeName

NULL = "'~'"
"""No value of a type with an alphabet of its own; text has its length before it."""

SHORT_DECIMAL = 18
"""So many digits fit into 64 bits."""


ONE_TO_ONE = ("boolean", "integer", "float", "date", "timestamp", "timestamptz")
"""The families whose values DuckDB hashes to as many numbers."""


class DuckDBHash:
    """DuckDB's own hash: of typed values, so that -0.0 is 0.0 and every NaN is one.

    Hashes of values are joined by XOR, so that two rows which exchange a value may add up to the same: what is joined
    is hashed once more.
    """

    canonical = False

    def number(self, values: Sequence[Typed]) -> str:
        """64 bits, without a sign."""
        return f"hash(hash({', '.join(map(_comparable, values))}))"

    def other_number(self, values: Sequence[Typed]) -> str:
        """Of other text, since whatever is joined with the hash of one value tells no more than that."""
        return f"hash(hash('dmsflow', {', '.join(map(_comparable_other, values))}))"

    def segment(self, values: Sequence[Typed], segments: int) -> str:
        """By the key's hash."""
        return f"CAST({self.number(values)} % {segments} AS INTEGER)"

    def text(self, value: Typed) -> str:
        """As a person reads it."""
        return write_text_of(value)


class DuckDBCanonical:
    """md5 of canonical text."""

    canonical = True

    def number(self, values: Sequence[Typed]) -> str:
        """The first 60 bits of the md5."""
        return f"CAST('0x' || substr(md5({_row(values)}), 1, 15) AS BIGINT)"

    def other_number(self, values: Sequence[Typed]) -> str:
        """The next 60 bits."""
        return f"CAST('0x' || substr(md5({_row(values)}), 16, 15) AS BIGINT)"

    def segment(self, values: Sequence[Typed], segments: int) -> str:
        """By the key, or its digest."""
        return f"CAST({one_segment(values, self.number(values), segments)} AS INTEGER)"

    def text(self, value: Typed) -> str:
        """As a person reads it."""
        return write_text_of(value)


def _comparable(value: Typed) -> str:
    """The value as DuckDB's hash takes it; of 128 bits it would not tell which half is which."""
    kind = value.type
    long = kind.family == "decimal" and (kind.precision or 38) > SHORT_DECIMAL
    if long or kind.name in (TypeName.UUID, TypeName.HUGEINT):
        return f"CAST({value.sql} AS VARCHAR)"
    return _minified(value.sql) if kind.family == "json" else value.sql


def _comparable_other(value: Typed) -> str:
    """A value whose hash is another one."""
    one = _comparable(value)
    return one if value.type.family in ONE_TO_ONE else f"'dmsflow' || CAST({one} AS VARCHAR)"


def _minified(sql: str) -> str:
    return f"CASE WHEN json_valid(CAST({sql} AS VARCHAR)) THEN CAST(json({sql}) AS VARCHAR) ELSE {sql} END"


def _row(values: Sequence[Typed]) -> str:
    return f"concat({', '.join(map(_part, values))})"


def _part(value: Typed) -> str:
    """A value in the text of a row: typed by its place, and either of a known alphabet or behind its length."""
    if value.type.family in ("text", "other"):
        return f"coalesce(strlen({value.sql}) || ':' || {value.sql}, {NULL})"
    return f"coalesce({write_canonical(value)}, {NULL}), ','"


def write_canonical(value: Typed) -> str:
    """One value as text that is the same in every database."""
    sql = value.sql
    match value.type.family:
        case "text" | "other":
            return sql
        case "float":
            bits = f"lower(hex(CAST(CAST(CAST({sql} AS DOUBLE) + 0.0 AS BIT) AS BLOB)))"
            return f"CASE WHEN isnan({sql}) THEN 'nan' ELSE {bits} END"
        case "bytes":
            return f"lower(hex({sql}))"
        case "timestamptz":
            return _write_time(f"CAST({sql} AS TIMESTAMP)", "TIMESTAMP")
        case "date" | "timestamp":
            return _write_time(sql, "DATE" if value.type.family == "date" else "TIMESTAMP")
        case "json":
            return _minified(sql)
        case "decimal" if value.type.precision == value.type.scale:
            # DuckDB writes .5 where no digit has a place before the point.
            return f"regexp_replace(CAST({sql} AS VARCHAR), '^(-?)[.]', '\\10.')"
    return f"CAST({sql} AS VARCHAR)"


def _write_time(sql: str, kind: str) -> str:
    """A day or an instant; of years before the first, the era stands at the end."""
    text = f"CAST({sql} AS VARCHAR)"
    ancient = f"isfinite({sql}) AND {sql} < {kind} '0001-01-01'"
    return f"CASE WHEN {ancient} THEN replace({text}, ' (BC)', '') || ' BC' ELSE {text} END"


def write_text_of(value: Typed) -> str:
    """One value as a person reads it."""
    if value.type.family == "float":
        return f"CAST({value.sql} AS VARCHAR)"
    return write_canonical(value)


def name_key(types: Sequence[DataType]) -> str:
    """A surrogate key over values of these types (see name_keys)."""
    parts = [Typed(sql=f"{{{i}}}", type=data_type) for i, data_type in enumerate(types)]
    digest = f"sha256(concat({', '.join(map(_write_part_of_name, parts))}))"
    return f"CAST({cut_key(digest)} AS UUID)"


def _write_part_of_name(value: Typed) -> str:
    if value.type.family == "text":
        return f"strlen({value.sql}), ':', {value.sql}"
    exact = Typed(sql=f"CAST({value.sql} AS TIMESTAMP)", type=value.type) if value.type.family == "timestamp" else value
    return f"{write_canonical(exact)}, ','"
