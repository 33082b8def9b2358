"""Rows that travel as Arrow batches, a few at a time. Decides no type and refuses no row: the statements do.

A target that is not DuckDB gets its rows through the refinery, a private DuckDB in memory, so that a value is cast and
refused in one way whatever the databases are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.engines.duckdb_words import judge_reading
from dmsflow.engines.engine import Binds, Session
from dmsflow.errors import DatabaseError
from dmsflow.model.plan import STAGE
from dmsflow.model.table import TableName
from dmsflow.transfer.refinery import Refinery

if TYPE_CHECKING:
    import pyarrow as pa

INCOMING = "_dms_incoming"


def stage_arrow_duckdb(rows: "pa.RecordBatchReader", target: Session, stage: str, stage_binds: Binds) -> None:
    """Fill the stage of a DuckDB target from what the source streams."""
    assert isinstance(target, DuckDBSession), "only DuckDB reads Arrow data where it lies"
    with own_errors(rows) as incoming:
        target.register(INCOMING, incoming)
        try:
            target.execute(stage, stage_binds)
        finally:
            target.unregister(INCOMING)


def stage_arrow_refined(
    rows: "pa.RecordBatchReader",
    target: Session,
    refinery: Refinery,
    refine: str,
    refine_binds: Binds,
    batch_rows: int,
    place: str = STAGE,
) -> None:
    """Fill the stage of any other target from what the refinery makes of the source's stream."""
    with own_errors(rows) as incoming, refinery.session() as session:
        session.register(INCOMING, incoming)
        target.load(place, session.stream(refine, refine_binds, batch_rows))


def fill_refined(
    source: Session,
    target: Session,
    refinery: Refinery,
    read: str,
    read_binds: Binds,
    fill: str,
    fill_binds: Binds,
    table: TableName,
    batch_rows: int,
) -> int:
    """Fill a table of the target with what the refinery makes of the source's stream; the number of rows."""
    from dmsflow.engines.postgresql_session import PostgreSQLSession

    assert isinstance(target, PostgreSQLSession), "only PostgreSQL takes rows as they are sent"
    with own_errors(source.stream(read, read_binds, batch_rows)) as incoming, refinery.session() as session:
        session.register(INCOMING, incoming)
        return target.load_into(table, session.stream(fill, fill_binds, batch_rows))


@contextmanager
def own_errors(reader: "pa.RecordBatchReader") -> "Iterator[pa.RecordBatchReader]":
    """The same batches; the source's own error comes out, not what others made of it on the way (law 32)."""
    import pyarrow as pa

    failures: list[DatabaseError] = []

    def batches() -> "Iterator[pa.RecordBatch]":
        try:
            yield from reader
        except DatabaseError as error:
            failures.append(error)
            raise
        except (pa.ArrowException, OSError) as error:
            # DuckDB as the source fails through its Arrow stream, which knows its words alone.
            failures.append(judge_reading(str(error)))
            raise failures[0] from error

    try:
        yield pa.RecordBatchReader.from_batches(reader.schema, batches())
    except DatabaseError as error:
        if failures and error is not failures[0]:
            raise failures[0] from failures[0].__cause__
        raise
    finally:
        reader.close()
