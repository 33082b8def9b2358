"""Rows of PostgreSQL's COPY as Arrow batches and back, by column. Opens nothing; import it late, as pyarrow.

Both ways are CSV: an empty text stands in quotes, NULL is nothing at all. Values that Arrow has no word for travel as
text. No value is touched by Python alone, but for those that no calendar of Arrow knows.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from dmsflow.engines.generic_arrow import arrow_type, slice_batches
from dmsflow.engines.postgresql_types import LOOSE
from dmsflow.errors import PermanentError, TransientError
from dmsflow.model.table import Column, DataType

Array: TypeAlias = "pa.Array[Any]"

BEFORE_CHRIST = (
    (r"^(\S+) BC$", r"\1 (BC)"),
    (r"^(\S+) (\S+) BC$", r"\1 (BC) \2"),
)
"""Where DuckDB wants to read of it: beside the day."""

PARSING = csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)
WRITING = csv.WriteOptions(include_header=False)

EPOCH_DAYS = date(1970, 1, 1).toordinal()
FIRST_DAY, LAST_DAY = 1 - EPOCH_DAYS, date(9999, 12, 31).toordinal() - EPOCH_DAYS
DAY = 86_400_000_000
INFINITE_DAYS, INFINITE_TIME = 2**31 - 1, 2**63 - 1
"""How DuckDB says infinity in Arrow's numbers."""
CYCLE_YEARS, CYCLE_DAYS = 400, 146_097
"""The calendar repeats itself."""


def read_blocks(blocks: Iterator[bytes], columns: Sequence[Column], batch_rows: int) -> pa.RecordBatchReader:
    """The rows of CSV blocks, each of whole rows, as batches of the columns' types."""
    wanted = [_arrives(column.type) for column in columns]
    places = [f"c{i}" for i in range(len(columns))]
    schema = pa.schema([(column.name, kind) for column, kind in zip(columns, wanted, strict=True)])
    parsed = [
        pa.string() if column.type.family == "bytes" else kind for column, kind in zip(columns, wanted, strict=True)
    ]
    convert = csv.ConvertOptions(
        column_types=dict(zip(places, parsed, strict=True)),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        true_values=["t"],
        false_values=["f"],
    )

    def batches() -> Iterator[pa.RecordBatch]:
        for block in blocks:
            reading = csv.ReadOptions(column_names=places, block_size=len(block) + 1, use_threads=False)
            try:
                table = csv.read_csv(pa.BufferReader(block), reading, PARSING, convert)  # type: ignore[arg-type]
            except pa.ArrowException as error:
                raise TransientError(f"the rows that PostgreSQL sent cannot be read: {error}") from error
            for batch in table.to_batches(batch_rows):
                arrays = [_finish(c, array) for c, array in zip(columns, batch.columns, strict=True)]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _arrives(data_type: DataType) -> pa.DataType:
    return pa.string() if data_type.is_among(LOOSE) else arrow_type(data_type)


def _finish(column: Column, array: Array) -> Array:
    """What CSV could not say: bytes, and years before the first in the words of DuckDB."""
    match column.type.family:
        case "bytes":
            return _read_hex(array)
        case "date" | "timestamp" | "timestamptz" if pc.any(pc.ends_with(array, " BC")).as_py():
            for pattern, words in BEFORE_CHRIST:
                array = pc.replace_substring_regex(array, pattern, words)
    return array


def _read_hex(array: Array) -> Array:
    r"""The bytes that stand as ``\x0aff``, all of them in one go."""
    digits = pc.utf8_slice_codeunits(array, 2)
    digits = pa.concat_arrays([digits])
    validity, offsets, data = digits.buffers()
    if digits.offset or data is None:
        return pa.array([None if value is None else bytes.fromhex(value) for value in digits.to_pylist()], pa.binary())
    places = pa.Array.from_buffers(pa.int32(), len(digits) + 1, [None, offsets])
    halves = pc.divide(places, pa.scalar(2, pa.int32()))
    raw = bytes.fromhex(data.to_pybytes()[: places[-1].as_py()].decode("ascii"))
    return pa.Array.from_buffers(pa.binary(), len(digits), [validity, halves.buffers()[1], pa.py_buffer(raw)])


def write_blocks(batches: pa.RecordBatchReader) -> Iterator[bytes]:
    """The rows of batches as CSV that COPY reads. Raises PermanentError that names a column it cannot write."""
    for batch in slice_batches(batches):
        arrays = [_write(name, array) for name, array in zip(batch.schema.names, batch.columns, strict=True)]
        places = [f"c{i}" for i in range(len(arrays))]
        sink = pa.BufferOutputStream()
        csv.write_csv(pa.RecordBatch.from_arrays(arrays, names=places), sink, WRITING)
        block = sink.getvalue()
        text = block.to_pybytes()
        if b"\0" in text:
            raise PermanentError(_name_nul(batch))
        yield text


def _name_nul(batch: pa.RecordBatch) -> str:
    """Which column holds the one character that PostgreSQL's text cannot hold."""
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_string(array.type) and pc.any(pc.match_substring(array, "\0")).as_py():
            return (
                f'column "{name}" holds the character NUL, which PostgreSQL cannot store in text: remove it with expr'
            )
    return "a text holds the character NUL, which PostgreSQL cannot store"


def _write(name: str, array: Array) -> Array:
    """A column as write_csv takes it."""
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _write(name, array.dictionary_decode())  # type: ignore[attr-defined]
    if pa.types.is_fixed_size_binary(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _write_hex(array.cast(pa.binary()))
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _write_time(array)
    if pa.types.is_time(kind):
        return array.cast(pa.string())
    if pa.types.is_nested(kind) or pa.types.is_interval(kind):
        raise PermanentError(f'column "{name}": PostgreSQL has no type for {kind}: cast it to text or json')
    return array


def _write_hex(array: Array) -> Array:
    r"""Bytes as ``\x0aff``."""
    array = pa.concat_arrays([array])
    validity, offsets, data = array.buffers()
    if array.offset or data is None:
        return pa.array([None if value is None else f"\\x{value.hex()}" for value in array.to_pylist()], pa.string())
    places = pa.Array.from_buffers(pa.int32(), len(array) + 1, [None, offsets])
    if 2 * places[-1].as_py() > 2**31 - 1:
        return pa.array([None if value is None else f"\\x{value.hex()}" for value in array.to_pylist()], pa.string())
    doubled = pc.multiply(places, pa.scalar(2, pa.int32()))
    digits = pa.py_buffer(data.to_pybytes()[: places[-1].as_py()].hex().encode())
    text = pa.Array.from_buffers(pa.string(), len(array), [validity, doubled.buffers()[1], digits])
    prefixed: Array = pc.binary_join_element_wise("\\x", text, "")  # type: ignore[call-overload]
    return prefixed


def _write_time(array: Array) -> Array:
    """Dates and times as text where some lie outside of the calendar that Arrow writes; else as they are."""
    is_date = pa.types.is_date(array.type)
    array = array.cast(pa.date32()) if is_date else array.cast(pa.timestamp("us", tz=array.type.tz))
    numbers = array.view(pa.int32() if is_date else pa.int64())
    step = 1 if is_date else DAY
    ends: Any = pc.min_max(numbers).as_py()
    if ends["min"] is None or (ends["min"] >= FIRST_DAY * step and ends["max"] < (LAST_DAY + 1) * step):
        return array
    return pa.array([None if n is None else _write_far(n, step) for n in numbers.to_pylist()], pa.string())


def _write_far(number: int, step: int) -> str:
    """A day or an instant of any year, also an infinite one."""
    limit = INFINITE_DAYS if step == 1 else INFINITE_TIME
    if abs(number) >= limit:
        return "infinity" if number > 0 else "-infinity"
    days, rest = divmod(number, step)
    cycles, ordinal = divmod(days + EPOCH_DAYS - 1, CYCLE_DAYS)
    day = date.fromordinal(ordinal + 1)
    year = day.year + cycles * CYCLE_YEARS
    told = f"{year if year > 0 else 1 - year:04}-{day.month:02}-{day.day:02}"
    clock = f" {timedelta(microseconds=rest)!s}" if step > 1 else ""
    return f"{told}{clock}{'' if year > 0 else ' BC'}"
