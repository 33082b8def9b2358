"""How rows travel from source to stage."""

from collections.abc import Callable
from typing import Protocol

from dmsflow.engines.engine import Session
from dmsflow.model.plan import Plan, Statement, Transfer
from dmsflow.model.watermark import Scalar

BATCH_ROWS = 65_536


class BindValues(Protocol):
    """The values a statement takes."""

    def __call__(self, statement: Statement) -> dict[str, Scalar | None]:
        """The values by name."""
        ...


def fill_stage(
    plan: Plan,
    find: Callable[[str], Statement],
    binds: BindValues,
    source: Session,
    target: Session,
    snapshot: str | None = None,
) -> None:
    """Bring a chunk's rows into the stage of the target's session, by the plan's transfer.

    The source's session reads the state that the run has exported already; ``snapshot`` is its name.
    """
    match plan.transfer:
        case Transfer.IN_PLACE:
            from dmsflow.transfer.in_place import stage_in_place

            stage = find("stage")
            stage_in_place(target, stage.sql, binds(stage))
        case Transfer.COPY:
            from dmsflow.transfer.copy import stage_copied

            read = find("read")
            stage_copied(source, target, read.sql, binds(read), find("create_stage").sql)
        case Transfer.ARROW | Transfer.ATTACH:
            _stage_arrow(plan, find, binds, source, target, snapshot)
    if learn := plan.find("learn_stage"):
        target.execute(learn.sql)


def _stage_arrow(
    plan: Plan,
    find: Callable[[str], Statement],
    binds: BindValues,
    source: Session,
    target: Session,
    snapshot: str | None,
) -> None:
    from dmsflow.transfer import arrow

    read = find("read")
    if plan.find("refine") is None:
        stage = find("stage")
        if plan.transfer is Transfer.ATTACH:
            from dmsflow.transfer.attach import is_attached, stage_attached

            if is_attached(target):
                statements = (read.sql, binds(read), stage.sql, binds(stage))
                stage_attached(source, target, *statements, snapshot=snapshot, alone=plan.workers == 1)
                return
        arrow.stage_arrow_duckdb(source, target, read.sql, binds(read), stage.sql, binds(stage), BATCH_ROWS)
        return
    refine, create = find("refine"), find("create_stage")
    arrow.stage_arrow_refined(source, target, read.sql, binds(read), refine.sql, binds(refine), create.sql, BATCH_ROWS)
