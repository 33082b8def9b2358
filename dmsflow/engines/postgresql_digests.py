"""PostgreSQL's words for digests of rows. Opens nothing; a canonical text here is the one that DuckDB writes too.

Its sessions write times in UTC and in ISO's order, and floating-point numbers in the shortest way that is exact.
"""

from collections.abc import Sequence

from dmsflow.engines.digests import Typed, one_segment
from dmsflow.engines.name_keys import cut_key
from dmsflow.model.table import DataType

NULL = "'~'"
SEED, OTHER_SEED = 0, 1

PROBE = """
SELECT CAST(hash_record_extended(ROW(1::int8, 'dms'::text, 1.5::numeric, true, '2026-01-01'::date,
    '2026-01-01'::timestamp, '{"a": 1}'::jsonb, '\\x00ff'::bytea, 1.5::float8), 0) AS text)
"""


class PostgreSQLHash:
    """The server's own hash of a record: by type, so that 1.5 is 1.50; it may change with a major version.

    A record's hash is a sum of its columns' hashes, so that two rows which exchange a value would add up to the same:
    it is hashed once more.
    """

    canonical = False

    def number(self, values: Sequence[Typed]) -> str:
        """64 bits with a sign."""
        return self._hash(values, SEED)

    def other_number(self, values: Sequence[Typed]) -> str:
        """With another seed."""
        return self._hash(values, OTHER_SEED)

    def segment(self, values: Sequence[Typed], segments: int) -> str:
        """By the key's hash."""
        return f"CAST(abs({self.number(values)} % {segments}) AS int4)"

    def text(self, value: Typed) -> str:
        """As a person reads it."""
        return write_text_of(value)

    def _hash(self, values: Sequence[Typed], seed: int) -> str:
        record = f"hash_record_extended(ROW({', '.join(map(_comparable, values))}), {seed})"
        return f"hash_record_extended(ROW(int8send({record})), {seed})"


class PostgreSQLCanonical:
    """md5 of canonical text."""

    canonical = True

    def __init__(self, *, unicode: bool) -> None:
        self._unicode = unicode

    def number(self, values: Sequence[Typed]) -> str:
        """The first 60 bits of the md5."""
        return f"CAST(CAST('x' || substr({self._md5(values)}, 1, 15) AS bit(60)) AS int8)"

    def other_number(self, values: Sequence[Typed]) -> str:
        """The next 60 bits."""
        return f"CAST(CAST('x' || substr({self._md5(values)}, 16, 15) AS bit(60)) AS int8)"

    def segment(self, values: Sequence[Typed], segments: int) -> str:
        """By the key, or its digest."""
        return f"CAST({one_segment(values, self.number(values), segments)} AS int4)"

    def text(self, value: Typed) -> str:
        """As a person reads it."""
        return write_text_of(value)

    def _md5(self, values: Sequence[Typed]) -> str:
        row = " || ".join(map(self._part, values))
        return f"md5({row})" if self._unicode else f"md5(convert_to({row}, 'UTF8'))"

    def _part(self, value: Typed) -> str:
        if value.type.family in ("text", "other"):
            text = f"CAST({value.sql} AS text)"
            stored = text if self._unicode else f"convert_to({text}, 'UTF8')"
            return f"coalesce(octet_length({stored}) || ':' || {text}, {NULL})"
        return f"coalesce({write_canonical(value)}, {NULL}) || ','"


def _comparable(value: Typed) -> str:
    """The value as its type's hash takes it; text by its bytes, whatever its collation takes for equal.

    The server folds the 64 bits of a number or an instant into 32 before it hashes them: 1 would be 4294967296. Their
    bytes are hashed.
    """
    match value.type.family:
        case "text" | "other":
            return f'CAST({value.sql} AS text) COLLATE "C"'
        case "json":
            return f"CAST({value.sql} AS jsonb)"
        case "integer":
            return f"int8send(CAST({value.sql} AS int8))"
        case "timestamp" | "timestamptz":
            return f"{value.type.family}_send(CAST({value.sql} AS {value.type.family}))"
    return value.sql


def write_canonical(value: Typed) -> str:
    """One value as text that is the same in every database."""
    sql = value.sql
    match value.type.family:
        case "float":
            bits = f"encode(float8send(CAST({sql} AS float8) + 0.0::float8), 'hex')"
            return f"CASE WHEN {sql} = 'NaN' THEN 'nan' ELSE {bits} END"
        case "bytes":
            return f"encode({sql}, 'hex')"
        case "timestamptz":
            return f"CAST(CAST({sql} AS timestamp) AS text)"
        case "json":
            return f"CAST(CAST({sql} AS jsonb) AS text)"
    return f"CAST({sql} AS text)"


def write_text_of(value: Typed) -> str:
    """One value as a person reads it."""
    if value.type.family == "float":
        return f"CAST({value.sql} AS text)"
    return write_canonical(value)


def name_key(types: Sequence[DataType]) -> str:
    """A surrogate key over values of these types (see name_keys). OFFSET 0 keeps the digest from being made anew."""
    parts = (Typed(sql=f"{{{i}}}", type=data_type) for i, data_type in enumerate(types))
    name = " || ".join(map(_write_part_of_name, parts))
    digest = f"(SELECT encode(sha256(convert_to({name}, 'UTF8')), 'hex') AS h OFFSET 0) AS d"
    return f"(SELECT CAST({cut_key('d.h')} AS uuid) FROM {digest})"


def _write_part_of_name(value: Typed) -> str:
    match value.type.family:
        case "text":
            text = f"CAST({value.sql} AS text)"
            return f"octet_length(convert_to({text}, 'UTF8')) || ':' || {text}"
        case "timestamp":
            return f"CAST(CAST({value.sql} AS timestamp) AS text) || ','"
    return f"{write_canonical(value)} || ','"
