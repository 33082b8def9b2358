"""Rows of a DBAPI cursor as Arrow batches and back, column by column. Knows no database; import it late, as pyarrow.

A few batches are in memory at a time, whatever the size of a row: the number of rows follows the bytes of the last one.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeAlias

import pyarrow as pa
from msgspec import Struct

from dmsflow.engines.duckdb_words import judge_reading
from dmsflow.errors import DatabaseError, PermanentError
from dmsflow.model.table import DataType, TypeName

BATCH_BYTES = 32 * 2**20
FIRST_ROWS = 1024
LOAD_ROWS = 10_000

Array: TypeAlias = "pa.Array[Any]"
Values = Sequence[Any]
Writer = Callable[[Array], list[Any]]
Fetch = Callable[[int], Sequence[Values]]

ARROW_TYPES: dict[TypeName, Callable[[], pa.DataType]] = {
    TypeName.SMALLINT: pa.int16,
    TypeName.INTEGER: pa.int32,
    TypeName.BIGINT: pa.int64,
    TypeName.HUGEINT: lambda: pa.decimal128(38, 0),
    TypeName.REAL: pa.float32,
    TypeName.DOUBLE: pa.float64,
    TypeName.BOOLEAN: pa.bool_,
    TypeName.DATE: pa.date32,
    TypeName.TIMESTAMP: lambda: pa.timestamp("us"),
    TypeName.TIMESTAMPTZ: lambda: pa.timestamp("us", tz="UTC"),
    TypeName.BYTES: pa.binary,
    TypeName.UUID: pa.uuid,
}


class Reading(Struct, frozen=True, kw_only=True):
    """How the values of one column become an Arrow array of one type."""

    name: str
    type: pa.DataType
    read: Callable[[Values], Array]


def arrow_type(data_type: DataType) -> pa.DataType:
    """The Arrow type that holds a type; text for what has none of its own."""
    if data_type.family == "decimal":
        return pa.decimal128(data_type.precision or 38, data_type.scale or 0)
    found = ARROW_TYPES.get(data_type.name)
    return found() if found else pa.string()


def read_batches(
    fetch: Fetch, readings: Sequence[Reading], batch_rows: int, misread: type[DatabaseError]
) -> pa.RecordBatchReader:
    """What a cursor still has to give, fetched as it is asked for; the end of data is an empty fetch (law 34)."""
    schema = pa.schema([(reading.name, reading.type) for reading in readings])

    def batches() -> Iterator[pa.RecordBatch]:
        wanted = max(1, min(batch_rows, FIRST_ROWS))
        while rows := fetch(wanted):
            columns = zip(*rows, strict=True)
            arrays = [_read(reading, values, misread) for reading, values in zip(readings, columns, strict=True)]
            batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
            wanted = max(1, min(batch_rows, wanted * 4, len(rows) * BATCH_BYTES // max(batch.nbytes, 1)))
            yield batch

    return pa.RecordBatchReader.from_batches(schema, batches())


def _read(reading: Reading, values: Values, misread: type[DatabaseError]) -> Array:
    try:
        array = reading.read(values)
        if isinstance(array, pa.ChunkedArray):
            raise OverflowError("more than two GiB of text in one batch")
        return array
    except (pa.ArrowException, ValueError, LookupError, TypeError, ArithmeticError) as error:
        raise misread(f'column "{reading.name}" holds a value that is no {reading.type}: {error}') from error


def slice_batches(batches: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """The batches of a reader in small slices. Raises PermanentError where the reader fails, or Interrupted."""
    try:
        for batch in batches:
            for start in range(0, batch.num_rows, LOAD_ROWS):
                yield batch.slice(start, LOAD_ROWS)
    except (pa.ArrowException, OSError) as error:
        # What fails at the other end of an Arrow stream comes out as an OSError.
        raise judge_reading(str(error).strip()) from error


def write_rows(batch: pa.RecordBatch, writers: Sequence[Writer]) -> Iterator[tuple[Any, ...]]:
    """The rows of a batch, as a driver takes them."""
    columns = []
    for name, array, write in zip(batch.schema.names, batch.columns, writers, strict=True):
        try:
            columns.append(write(array))
        except PermanentError as error:
            raise PermanentError(f'column "{name}": {error}') from error
        except (pa.ArrowException, ValueError, TypeError, ArithmeticError) as error:
            raise PermanentError(f'column "{name}" cannot be written: {error}') from error
    return zip(*columns, strict=True)


def plan_generic(name: str, data_type: DataType) -> Reading:
    """A column whose driver gives Python's own types; text for a type that Arrow has no word for."""
    wanted = arrow_type(data_type)
    if wanted == pa.string():
        return Reading(name=name, type=wanted, read=lambda values: pa.array(map(_as_text, values), pa.string()))
    if data_type.name is TypeName.UUID:
        return Reading(name=name, type=wanted, read=read_uuids)
    return Reading(name=name, type=wanted, read=lambda values: pa.array(values, wanted))


def read_uuids(values: Values) -> Array:
    """UUIDs, or their text."""
    raw = (None if value is None else bytes.fromhex(str(value).replace("-", "")) for value in values)
    return pa.array(list(raw), pa.uuid())


def write_generic(array: Array) -> list[Any]:
    """Values as Python's own types; NaN stays, for the database to judge."""
    return [Decimal(value) if isinstance(value, int) and abs(value) >= 2**63 else value for value in array.to_pylist()]


def _as_text(value: object) -> str | None:
    match value:
        case None | str():
            return value
        case float():
            return repr(value) if math.isfinite(value) else str(value)
        case Decimal():
            return format(value, "f")
        case datetime() if value.tzinfo is not None:
            return value.astimezone(UTC).isoformat(sep=" ")
        case bytes() | bytearray() | memoryview():
            raise TypeError("bytes are no text")
    return str(value)
