"""What dmsflow keeps in a target, for commands that look at it. Builds SQL and runs it; runs have theirs in a plan."""

from collections.abc import Iterator

import sqlalchemy as sa
from msgspec import Struct

from dmsflow.compiler.build import schema_of
from dmsflow.compiler.ddl import beside
from dmsflow.compiler.statements import compile_statement
from dmsflow.engines.engine import Binds, Engine, Row, Session
from dmsflow.errors import ConnectionFailed
from dmsflow.marks.names import REJECT
from dmsflow.marks.reject import Reject
from dmsflow.marks.tables import count_rejects, find_rejects
from dmsflow.model.plan import Side
from dmsflow.model.spec import PipelineSpec
from dmsflow.model.table import TableName

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

    def fetch(self, name: str, element: sa.Executable, binds: Binds) -> list[Row]:
        """Run a query; its rows."""
        return self.session.fetch(compile_statement(name, Side.TARGET, element, self.engine.idioms).sql, binds)

    def count_rejects(self, run_id: str) -> int:
        """How many rows of a run were rejected. Raises ConnectionFailed where the table is gone."""
        self.expect(REJECT)
        return int(str(self.fetch("count_rejects", count_rejects(self.schema), {"run_id": run_id})[0][0]))

    def rejects(self, run_id: str, limit: int | None) -> Iterator[Reject]:
        """The rejects of a run, a few at a time."""
        query = compile_statement("find_rejects", Side.TARGET, find_rejects(self.schema, limit), self.engine.idioms)
        for batch in self.session.stream(query.sql, {"run_id": run_id}, BATCH_ROWS):
            for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                yield Reject.read(values)


def keep_of(spec: PipelineSpec, engine: Engine, session: Session) -> Kept:
    """What is kept for the pipeline of a spec."""
    return Kept(session=session, engine=engine, table=engine.locate(spec.target.table), pipeline=spec.pipeline)
