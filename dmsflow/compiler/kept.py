"""What dmsflow keeps in a target, for commands that look at it or correct it. Builds SQL and runs it, outside runs."""

import os
from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from dmsflow.compiler.build import schema_of
from dmsflow.compiler.ddl import beside
from dmsflow.compiler.statements import compile_statement, create_table
from dmsflow.engines.engine import Binds, Engine, Row, Session, Value, transaction
from dmsflow.engines.one_name import name_once
from dmsflow.errors import ConnectionFailed, TargetBusy
from dmsflow.marks.checkpoint import Cause, Checkpoint, Move, this_user, write_watermark
from dmsflow.marks.lease import Holder, read_instant
from dmsflow.marks.names import CHECKPOINT, CHECKPOINT_HISTORY, LEASE, REJECT
from dmsflow.marks.reject import Reject
from dmsflow.marks.tables import MARK_TABLES, count_rejects, find_moves, find_rejects, mark_statements
from dmsflow.model.plan import Side, Statement
from dmsflow.model.spec import PipelineSpec
from dmsflow.model.table import TableName
from dmsflow.model.watermark import Watermark
from dmsflow.processes import this_host

BATCH_ROWS = 10_000


class Kept(Struct, frozen=True, kw_only=True):
    """The tables beside the target of a pipeline, through a session."""

    session: Session
    engine: Engine
    table: TableName
    pipeline: str

    @property
    def schema(self) -> str | None:
        """Catalog and schema as SQLAlchemy's one schema string."""
        return schema_of(self.table)

    def has(self, name: str) -> bool:
        """Whether there is such a table beside the target."""
        return self.session.describe_table(beside(self.table, name)) is not None

    def expect(self, name: str) -> None:
        """Raise ConnectionFailed where there is no such table."""
        if not self.has(name):
            place = f' in schema "{self.table.schema}"' if self.table.schema else ""
            raise ConnectionFailed(
                f"the target has no table {name}{place}: it was dropped, or nothing was loaded there: "
                "check the connection and the target of the spec"
            )

    def create(self, *names: str) -> None:
        """Make tables that are not there yet."""
        for name in names:
            columns, key = MARK_TABLES[name]
            element = create_table(self.engine.idioms, beside(self.table, name), columns, key)
            self.session.execute(compile_statement(name, Side.TARGET, element, self.engine.idioms).sql)

    def execute(self, name: str, **values: Value) -> int:
        """Run one of the statements over marks; the rows it wrote."""
        statement = self._compile(name, self._marks[name])
        return self.session.execute(statement.sql, self._bind(statement, values))

    def find(self, name: str, element: sa.Executable | None = None, **values: Value) -> list[Row]:
        """Run a query, or one of those over marks; its rows."""
        statement = self._compile(name, self._marks[name] if element is None else element)
        return self.session.fetch(statement.sql, self._bind(statement, values))

    def count_rejects(self, run_id: str) -> int:
        """How many rows of a run were rejected. Raises ConnectionFailed where the table is gone."""
        self.expect(REJECT)
        return int(str(self.find("count_rejects", count_rejects(self.schema), run_id=run_id)[0][0]))

    def rejects(self, run_id: str, limit: int | None) -> Iterator[Reject]:
        """The rejects of a run, a few at a time."""
        query = self._compile("find_rejects", find_rejects(self.schema, limit))
        for batch in self.session.stream(query.sql, {"run_id": run_id}, BATCH_ROWS):
            for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                yield Reject.read(values)

    def checkpoint(self) -> Checkpoint | None:
        """Where the pipeline stands; None before its first successful run."""
        rows = self.find("find_checkpoint") if self.has(CHECKPOINT) else []
        return Checkpoint.read(rows[0]) if rows else None

    def moves(self, limit: int) -> tuple[Move, ...]:
        """How the checkpoint moved, the latest first."""
        rows = self.find("find_moves", find_moves(self.schema, limit)) if self.has(CHECKPOINT_HISTORY) else []
        return tuple(Move.read(row) for row in rows)

    def holder(self) -> Holder | None:
        """Who holds the lease of the target."""
        rows = self.find("find_lease") if self.has(LEASE) else []
        return Holder.read(rows[0]) if rows else None

    def clock(self) -> datetime:
        """The target's own clock, by which a lease is judged."""
        return read_instant(self.session.fetch(self.engine.idioms.now)[0][0])

    def check_free(self) -> None:
        """Raise TargetBusy where a run is at work."""
        holder = self.holder()
        if holder is not None and holder.is_alive(self.clock()):
            raise TargetBusy(holder.describe(str(self.table)))

    @property
    def _marks(self) -> dict[str, sa.Executable]:
        return dict(mark_statements(self.schema))

    def _compile(self, name: str, element: sa.Executable) -> Statement:
        return compile_statement(name, Side.TARGET, element, self.engine.idioms)

    def _bind(self, statement: Statement, values: Binds) -> Binds:
        # No other of these statements names the table than those over its lease.
        known = {"pipeline": self.pipeline, "target_table": name_once(self.session, self.table), **values}
        return {name: known[name] for name in statement.binds}


def move_checkpoint(kept: Kept, mark: Watermark | None, *, spec_digest: str, force: bool = False) -> None:
    """Set the checkpoint of a pipeline, or forget it, and note that, in one transaction. No run begins meanwhile.

    Raises TargetBusy where a run is at work, unless forced.
    """
    written, cause = write_watermark(mark), Cause.RESET if mark is None else Cause.SET
    mover, now = f"checkpoint-{cause.value}", kept.clock()
    with transaction(kept.session):
        kept.create(CHECKPOINT, CHECKPOINT_HISTORY, LEASE)
        holds = not force and kept.holder() is None
        if not force:
            kept.check_free()
        if holds:
            kept.execute("take_lease", run_id=mover, host=this_host(), pid=os.getpid(), since=now, heartbeat_at=now)
        noted = {"run_id": None, "changed_by": this_user(), "changed_at": now}
        kept.execute("note_checkpoint", watermark=written, cause=cause.value, **noted)
        kept.execute("forget_checkpoint")
        if mark is not None:
            kept.execute("write_checkpoint", watermark=written, run_id=None, run_at=now, spec_digest=spec_digest)
        if holds:
            kept.execute("release_lease", run_id=mover)


def keep_of(spec: PipelineSpec, engine: Engine, session: Session) -> Kept:
    """What is kept for the pipeline of a spec."""
    return Kept(session=session, engine=engine, table=engine.locate(spec.target.table), pipeline=spec.pipeline)
