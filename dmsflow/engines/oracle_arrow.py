"""Rows of Oracle as Arrow batches and back, by the driver's data frames. Opens nothing; import it late, as pyarrow."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

import pyarrow as pa
from msgspec import Struct

from dmsflow.engines.generic_arrow import arrow_type, slice_batches
from dmsflow.engines.oracle_exact import wrap_query
from dmsflow.errors import PermanentError
from dmsflow.model.table import Column, DataType

if TYPE_CHECKING:
    import oracledb

Array: TypeAlias = "pa.Array[Any]"

LONG_ROWS = 256
"""Rows of a batch that holds LOBs, each of which may be large."""

LARGE = ("DB_TYPE_CLOB", "DB_TYPE_NCLOB", "DB_TYPE_BLOB")


class Reading(Struct, frozen=True, kw_only=True):
    """How a query is read: the SQL, the schema that the driver is asked for, and the one that comes out."""

    sql: str
    asked: pa.Schema
    gives: pa.Schema
    rows: int


def plan_reading(sql: str, columns: Sequence[Column], batch_rows: int, *, large: bool) -> Reading:
    """How to read a query of these columns; ``large``: some of them are LOBs."""
    gives = pa.schema([(column.name, arrow_type(column.type)) for column in columns])
    asked = pa.schema([(column.name, _asked(column.type)) for column in columns])
    return Reading(
        sql=wrap_query(sql, columns), asked=asked, gives=gives, rows=min(batch_rows, LONG_ROWS) if large else batch_rows
    )


def _asked(data_type: DataType) -> pa.DataType:
    """The type that the driver makes; an instant comes as its time in UTC."""
    return pa.timestamp("us") if data_type.family == "timestamptz" else arrow_type(data_type)


def read_frames(
    connection: "oracledb.Connection",
    reading: Reading,
    sql: str,
    binds: dict[str, Any],
    judged: Callable[[], AbstractContextManager[object]],
) -> pa.RecordBatchReader:
    """What a query returns, as ``sql`` names its parameters; fetched as it is asked for (law 34)."""

    def batches() -> Iterator[pa.RecordBatch]:
        with judged():
            frames = iter(connection.fetch_df_batches(sql, binds, reading.rows, requested_schema=reading.asked))
        while True:
            with judged():
                frame = next(frames, None)
            if frame is None:
                return
            yield from _convert(frame, reading.gives)

    return pa.RecordBatchReader.from_batches(reading.gives, batches())


def _convert(frame: Any, gives: pa.Schema) -> Iterator[pa.RecordBatch]:  # noqa: ANN401 - a data frame of the driver
    """A frame in the types that were promised; its empty end is no batch."""
    if not frame.num_rows():
        return
    for batch in pa.RecordBatchReader.from_stream(frame):
        arrays = [array.cast(field.type) for array, field in zip(batch.columns, gives, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=gives)


class Binding(Struct, frozen=True, kw_only=True):
    """A column of a table that is written: its name and the driver's name of its type."""

    name: str
    kind: str


def bind_slices(batches: pa.RecordBatchReader, columns: Sequence[Binding]) -> Iterator[pa.Table]:
    """The rows in pieces that are sent at once, as the driver binds Arrow data (user guide, "Inserting Data Frames").

    A piece has fewer rows than the 65,535 of which Oracle tells errors apart. Raises PermanentError.
    """
    names = [column.name for column in columns]
    for batch in slice_batches(batches):
        if batch.num_rows:
            arrays = [_bind(column, array) for column, array in zip(columns, batch.columns, strict=True)]
            yield pa.Table.from_arrays(arrays, names=names)


def _bind(column: Binding, array: Array) -> Array:
    """A column as the driver binds it: large text and bytes for LOBs, numbers for booleans, text for the rest."""
    if isinstance(array, pa.ExtensionArray):
        array = pa.array(
            [None if value is None else str(UUID(bytes=value)) for value in array.storage.to_pylist()], pa.string()
        )
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _bind(column, array.cast(kind.value_type))
    if pa.types.is_boolean(kind) and column.kind != "DB_TYPE_BOOLEAN":
        return array.cast(pa.int8())
    if pa.types.is_timestamp(kind):
        # The time zone of our sessions is UTC.
        return array.cast(pa.timestamp("us", tz=kind.tz)).cast(pa.timestamp("us"))
    if pa.types.is_time(kind):
        return array.cast(pa.string())
    if pa.types.is_nested(kind) or pa.types.is_interval(kind):
        raise PermanentError(f'column "{column.name}": Oracle has no type for {kind}: cast it to text or json')
    if column.kind in LARGE:
        return array.cast(pa.large_binary() if column.kind == "DB_TYPE_BLOB" else pa.large_string())
    return array
