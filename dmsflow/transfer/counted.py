"""Rows that are counted off one stream, and what they add up to. Knows no chunk and no mark."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dmsflow.engines.duckdb import DuckDBEngine
from dmsflow.engines.duckdb_driver import driver
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.engines.engine import Stopping
from dmsflow.transfer.refinery import Refinery

if TYPE_CHECKING:
    import pyarrow as pa

PORTION = "_dms_portion"

COLLECTED_BYTES = 8 * 2**20

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


class Sum:
    """What rows add up to, whatever their order; values that are equal count alike."""

    def __init__(self, refinery: Refinery) -> None:
        self._refinery = refinery
        self._rows = self._total = self._bytes = 0
        self._held: list[pa.RecordBatch] = []

    def add(self, rows: "pa.Table | pa.RecordBatchReader") -> None:
        """Add rows, by one statement of DuckDB over all of their columns."""
        columns = ", ".join(DuckDBIdioms().quote(name) for name in rows.schema.names)
        with self._refinery.session() as session:
            session.register(PORTION, rows)
            count, total = session.fetch(f'SELECT count(*), sum(hash({columns})) FROM "{PORTION}"')[0]
        self._rows += int(str(count))
        self._total += int(str(total or 0))

    def collect(self, batch: "pa.RecordBatch") -> None:
        """Add a batch, together with others: a statement for each one would cost more than what it adds."""
        self._held.append(batch)
        self._bytes += batch.nbytes
        if self._bytes >= COLLECTED_BYTES:
            self._add_held()

    def write(self) -> str:
        """The sum as it is kept: another version of DuckDB may come to another one."""
        self._add_held()
        return f"duckdb-{driver.__version__} {self._rows} {self._total:x}"

    def _add_held(self) -> None:
        import pyarrow as pa

        if self._held:
            self.add(pa.Table.from_batches(self._held))
            self._held, self._bytes = [], 0


def open_file_reader(stopping: Stopping) -> DuckDBEngine:
    """A private DuckDB that reads files from their first row to their last, as others of dmsflow need not."""
    engine = DuckDBEngine(None, IN_FILE_ORDER)
    engine.heed(stopping)
    return engine
