"""How rows travel from source to stage."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from dmsflow.engines.engine import Session
from dmsflow.model.plan import STAGE, UNTYPED, Plan, Statement, Transfer
from dmsflow.model.watermark import Scalar

if TYPE_CHECKING:
    import pyarrow as pa

    from dmsflow.transfer.refinery import Refinery

BATCH_ROWS = 8_192


class BindValues(Protocol):
    """The values a statement takes."""

    def __call__(self, statement: Statement) -> dict[str, Scalar | None]:
        """The values by name."""
        ...


class Sessions(Struct, frozen=True, kw_only=True):
    """What a chunk's rows pass through. The source reads the state that the run has exported; ``snapshot`` names it.

    ``rows`` are those of the chunk, where one reading of the source goes on from chunk to chunk.
    """

    source: Session
    target: Session
    refinery: "Refinery"
    snapshot: str | None = None
    rows: "pa.RecordBatchReader | None" = None


def fill_stage(
    plan: Plan, find: Callable[[str], Statement], binds: BindValues, sessions: Sessions, *, untyped: bool = False
) -> None:
    """Bring a chunk's rows into the stage of the target's session, by the plan's transfer.

    ``untyped``: values that the target alone can judge arrive as text, and are read as their types in the stage.
    """
    target = sessions.target
    for name in ("create_stage", *(("create_untyped",) if untyped else ())):
        if create := plan.find(name):
            target.execute(create.sql)
    place = UNTYPED if untyped else STAGE
    match plan.transfer:
        case Transfer.IN_PLACE:
            from dmsflow.transfer.in_place import stage_in_place

            stage = find("stage")
            stage_in_place(target, stage.sql, binds(stage))
        case Transfer.COPY:
            from dmsflow.transfer.copy import stage_copied

            read = find("read")
            stage_copied(sessions.source, target, read.sql, binds(read), place)
        case Transfer.ARROW | Transfer.ATTACH:
            _stage_arrow(plan, find, binds, sessions, place)
    if untyped:
        target.execute(find("type_rows").sql)
    if learn := plan.find("learn_stage"):
        target.execute(learn.sql)


def fill_table(plan: Plan, find: Callable[[str], Statement], binds: BindValues, sessions: Sessions) -> int:
    """Bring a chunk's rows straight into the target's table; the number of rows. They fail where one is not sound."""
    fill, table = find("fill_direct"), plan.target.table
    if plan.transfer is Transfer.COPY:
        from dmsflow.transfer.copy import fill_copied

        return fill_copied(sessions.source, sessions.target, fill.sql, binds(fill), table)
    from dmsflow.transfer.arrow import fill_refined

    read = find("read")
    statements = (read.sql, binds(read), fill.sql, binds(fill))
    return fill_refined(sessions.source, sessions.target, sessions.refinery, *statements, table, BATCH_ROWS)


def _stage_arrow(
    plan: Plan, find: Callable[[str], Statement], binds: BindValues, sessions: Sessions, place: str
) -> None:
    from dmsflow.transfer import arrow

    source, target, read = sessions.source, sessions.target, find("read")
    if plan.find("refine") is None:
        stage = find("stage")
        if plan.transfer is Transfer.ATTACH:
            from dmsflow.transfer.attach import is_attached, stage_attached

            if is_attached(target):
                statements = (read.sql, binds(read), stage.sql, binds(stage))
                stage_attached(source, target, *statements, snapshot=sessions.snapshot, alone=plan.workers == 1)
                return
        arrow.stage_arrow_duckdb(_stream(sessions, read, binds), target, stage.sql, binds(stage))
        return
    refine = find("refine")
    rows = _stream(sessions, read, binds)
    arrow.stage_arrow_refined(rows, target, sessions.refinery, refine.sql, binds(refine), BATCH_ROWS, place)


def _stream(sessions: Sessions, read: Statement, binds: BindValues) -> "pa.RecordBatchReader":
    if sessions.rows is not None:
        return sessions.rows
    return sessions.source.stream(read.sql, binds(read), BATCH_ROWS)
