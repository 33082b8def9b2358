"""Rows that are counted off one stream, and what they add up to. Knows no chunk and no mark."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from dmsflow.engines.duckdb import DuckDBEngine
from dmsflow.engines.duckdb_driver import driver
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.engines.engine import Stopping
from dmsflow.transfer.refinery import Refinery

if TYPE_CHECKING:
    import pyarrow as pa

PORTION = "_dms_portion"

IN_FILE_ORDER: dict[str, str | int | bool] = {"preserve_insertion_order": "true"}


class Portions:
    """A stream of batches, cut into portions; a batch that stands across their border is cut in two."""

    def __init__(self, batches: "Iterable[pa.RecordBatch]") -> None:
        self._batches = iter(batches)
        self._left: pa.RecordBatch | None = None

    def take(self, rows: int | None) -> "Iterator[pa.RecordBatch]":
        """The next rows, fewer where the stream ends; None takes all that are left."""
        while rows is None or rows > 0:
            batch, self._left = self._left or next(self._batches, None), None
            if batch is None:
                return
            if rows is not None and batch.num_rows > rows:
                batch, self._left = batch.slice(0, rows), batch.slice(rows)
            rows = None if rows is None else rows - batch.num_rows
            yield batch


class Sum(Struct):
    """What rows add up to, whatever their order; values that are equal count alike."""

    rows: int = 0
    total: int = 0

    def add(self, refinery: Refinery, rows: "pa.Table | pa.RecordBatchReader") -> None:
        """Add rows, by one statement of DuckDB over all of their columns."""
        columns = ", ".join(DuckDBIdioms().quote(name) for name in rows.schema.names)
        with refinery.session() as session:
            session.register(PORTION, rows)
            count, total = session.fetch(f'SELECT count(*), sum(hash({columns})) FROM "{PORTION}"')[0]
        self.rows += int(str(count))
        self.total += int(str(total or 0))

    @property
    def fingerprint(self) -> str:
        """The sum as it is kept: another version of DuckDB may come to another one."""
        return f"duckdb-{driver.__version__} {self.rows} {self.total:x}"


def open_file_reader(stopping: Stopping) -> DuckDBEngine:
    """A private DuckDB that reads files from their first row to their last, as others of dmsflow need not."""
    engine = DuckDBEngine(None, IN_FILE_ORDER)
    engine.heed(stopping)
    return engine
