"""The ledger: runs, their chunks and stop requests in one SQLite file. Decides nothing; a load is safe without it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock

from dmsflow.errors import LedgerError
from dmsflow.ledger import records, statements
from dmsflow.ledger.location import parse_location, prepare_folder
from dmsflow.ledger.rows import RunRow
from dmsflow.ledger.schema import connect, said_of, transaction
from dmsflow.model.result import ChunkResult, Failure, RunReport, RunStatus
from dmsflow.processes import this_host

Clock = Callable[[], datetime]

KEPT_RUNS = 1000
"""How many runs of one pipeline are remembered."""


@contextmanager
def open_ledger(location: str | Path, *, clock: Clock, host: str | None = None) -> Iterator["Ledger"]:
    """The ledger at a path or ``sqlite:///path``, made when it is missing. ``clock`` gives aware times.

    Raises LedgerError for a place that cannot be written, a damaged file, or a ledger of a newer dmsflow.
    """
    path = parse_location(str(location))
    prepare_folder(path)
    with closing(connect(path)) as connection:
        yield Ledger(connection, path, clock, host or this_host())


class Ledger:
    """An open ledger. Any thread may call it, one at a time gets in; other processes read and write meanwhile.

    Every method raises LedgerError when the file does not answer.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, clock: Clock, host: str) -> None:
        connection.row_factory = sqlite3.Row
        self.path = path
        self._connection = connection
        self._clock = clock
        self._host = host
        self._lock = Lock()

    def start_run(
        self,
        run_id: str,
        *,
        pipeline: str,
        spec_file: str,
        spec_digest: str,
        plan_json: bytes,
        target: str,
        transfer: str,
        chunks_total: int,
        estimated_rows: int | None,
        host: str,
        pid: int,
        started_at: datetime,
    ) -> None:
        """Record that a run begins, or that a broken one goes on: then its failed chunks and stop request go."""
        values = {
            "run_id": run_id,
            "pipeline": pipeline,
            "spec_file": spec_file,
            "spec_digest": spec_digest,
            "plan": plan_json,
            "target": target,
            "transfer": transfer,
            "chunks_total": chunks_total,
            "estimated_rows": estimated_rows,
            "host": host,
            "pid": pid,
            "started_at": records.write_time(started_at),
            "now": self._now(),
            "kept": KEPT_RUNS,
        }
        with self._writing() as connection:
            for statement in statements.START_RUN:
                connection.execute(statement, values)

    def record_chunk(self, run_id: str, result: ChunkResult) -> None:
        """Record a chunk that ended; a chunk known as done stays so when it is skipped later. A sign of life."""
        values = records.write_chunk(run_id, result) | {"now": self._now()}
        with self._writing() as connection:
            for statement in statements.RECORD_CHUNK:
                connection.execute(statement, values)

    def record_attempt(self, run_id: str, failure: Failure) -> None:
        """Record an attempt that failed, at a chunk or at a run as such, whether or not another one follows."""
        values = records.write_attempt(run_id, failure) | {"now": self._now()}
        with self._writing() as connection:
            connection.execute(statements.RECORD_ATTEMPT, values)

    def beat(self, run_id: str, rows_so_far: int) -> None:
        """Give a sign of life, with all rows read so far, those in flight included."""
        values = {"run_id": run_id, "rows": rows_so_far, "now": self._now()}
        with self._writing() as connection:
            connection.execute(statements.BEAT, values)

    def finish_run(self, report: RunReport) -> None:
        """Record how a run ended; the plan of a succeeded one is let go."""
        values = {
            "run_id": report.run_id,
            "status": report.status.value,
            "finished_at": records.write_time(report.finished_at),
            "report": records.write_report(report),
            "now": self._now(),
        }
        with self._writing() as connection:
            for statement in statements.FINISH_RUN:
                connection.execute(statement, values)

    def request_stop(self, run_id: str) -> None:
        """Ask a run to stop; asked again, at once. Starting or resuming it forgets that. Raises for an unknown run."""
        with self._writing() as connection:
            if not connection.execute(statements.REQUEST_STOP, {"run_id": run_id, "now": self._now()}).rowcount:
                raise LedgerError(_unknown(run_id))

    def stop_requested(self, run_id: str, *, at_once: bool = False) -> bool:
        """Whether someone asked this run to stop, or asked again."""
        return bool(self._rows(statements.STOP_REQUESTED, {"run_id": run_id, "at_once": at_once}))

    def runs(self, pipeline: str | None = None, limit: int = 20) -> tuple[RunRow, ...]:
        """The latest runs, newest first."""
        return self._runs(statements.LATEST_RUNS, {"pipeline": pipeline, "limit": limit})

    def running(self, pipeline: str | None = None) -> tuple[RunRow, ...]:
        """The runs that have not ended, oldest first; a lost one only while no newer run took its place."""
        found = self._runs(statements.OPEN_RUNS, {"pipeline": pipeline})
        return tuple(row for row in found if row.is_latest or not row.lost)

    def run(self, id_or_prefix: str) -> RunRow:
        """The run of that id, or the only one whose id begins so. Raises LedgerError when there is not one."""
        found = self._runs(statements.RUNS_BY_PREFIX, {"prefix": id_or_prefix})
        exact = [row for row in found if row.run_id == id_or_prefix]
        if exact:
            return exact[0]
        if not found or not id_or_prefix:
            raise LedgerError(_unknown(id_or_prefix))
        if len(found) > 1:
            ids = ", ".join(row.run_id for row in found[:5]) + (", ..." if len(found) > 5 else "")
            raise LedgerError(f'several runs begin with "{id_or_prefix}": {ids} | next: give more of the id')
        return found[0]

    def find(self, name: str) -> RunRow:
        """The latest run of the pipeline of that name, else the run of that id. Raises LedgerError as ``run`` does."""
        latest = self.runs(name, limit=1)
        return latest[0] if latest else self.run(name)

    def unfinished(self, pipeline: str) -> RunRow | None:
        """The latest run of a pipeline, unless it succeeded; with its plan, to go on with."""
        latest = self.runs(pipeline, limit=1)
        return latest[0] if latest and latest[0].status is not RunStatus.SUCCEEDED else None

    def chunks(self, run_id: str) -> tuple[ChunkResult, ...]:
        """The chunks of a run that ended, by number."""
        return tuple(records.read_chunk(row) for row in self._rows(statements.CHUNKS, {"run_id": run_id}))

    def failed_attempts(self, run_id: str) -> tuple[Failure, ...]:
        """The attempts of a run that failed, in the order in which they did."""
        return tuple(records.read_attempt(row) for row in self._rows(statements.ATTEMPTS, {"run_id": run_id}))

    def _runs(self, sql: str, values: dict[str, object]) -> tuple[RunRow, ...]:
        rows = self._rows(sql, values)
        now = self._clock()
        return tuple(records.read_run(row, now=now, host=self._host) for row in rows)

    def _rows(self, sql: str, values: dict[str, object]) -> list[sqlite3.Row]:
        with self._lock, said_of(self.path):
            return self._connection.execute(sql, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, said_of(self.path), transaction(self._connection) as connection:
            yield connection

    def _now(self) -> str:
        return records.write_time(self._clock())


def _unknown(run_id: str) -> str:
    return f'there is no run "{run_id}" | next: "dmsflow runs" lists them'
