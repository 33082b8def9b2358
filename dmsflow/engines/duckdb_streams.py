"""Rows of a DuckDB as Arrow batches; a query that lacks memory begins anew with more. Writes no query."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dmsflow.engines.duckdb_driver import driver
from dmsflow.engines.duckdb_memory import MemoryBound
from dmsflow.errors import DatabaseError, TransientError

if TYPE_CHECKING:
    import pyarrow as pa

Read = Callable[[], "pa.RecordBatchReader"]


def stream_batches(
    read: Read, memory: MemoryBound | None, judge: Callable[[Exception], DatabaseError]
) -> "pa.RecordBatchReader":
    """The batches of a query. Raises TransientError where it gets more memory when some of them are out already."""
    import pyarrow as pa

    def open_reader() -> "pa.RecordBatchReader":
        low = memory is not None and memory.low
        try:
            return read()
        except driver.Error as error:
            if low and memory is not None and memory.widen(str(error)):
                return open_reader()
            raise judge(error) from error

    def batches(reader: "pa.RecordBatchReader", *, low: bool) -> "Iterator[pa.RecordBatch]":
        begun = False
        try:
            for batch in reader:
                begun = True
                yield batch
            return
        except (driver.Error, pa.ArrowException, OSError) as error:
            if not (low and memory is not None and memory.widen(str(error))):
                raise judge(error) from error
            if begun:
                raise TransientError("DuckDB needs more memory for these rows, and has it now") from error
        finally:
            reader.close()
        yield from batches(open_reader(), low=False)

    low = memory is not None and memory.low
    reader = open_reader()
    return pa.RecordBatchReader.from_batches(reader.schema, batches(reader, low=low))
