"""Finds a broken run that can go on: same spec, same chunks, same instant (law 10)."""

from contextlib import closing
from datetime import UTC, datetime

from msgspec import Struct

from dmsflow.engines.access import Access
from dmsflow.engines.engine import Session
from dmsflow.errors import PlanRefused
from dmsflow.ledger import Ledger, RunRow
from dmsflow.marks.names import CHUNK
from dmsflow.model.plan import Plan, Sections, decode_plan
from dmsflow.model.spec import PipelineSpec, ScdType
from dmsflow.model.table import TableName
from dmsflow.runtime.run import Steps

WHOLE = ("rejects", "GuardRefused", "CheckFailed")
"""The codes of failures for which the source has to change."""


class BrokenRun(Struct, frozen=True, kw_only=True):
    """A run of several chunks, some of which are committed."""

    run_id: str
    run_at: datetime
    plan: Plan
    done: int
    total: int


def find_broken(
    ledger: Ledger, spec: PipelineSpec, spec_digest: str, access: Access, sections: Sections = ()
) -> BrokenRun | None:
    """The pipeline's last run when it has committed chunks and misses others; the target's marks decide.

    A run that failed as a whole, by its rejects or a guard, is not broken off: the source has to change first, and
    then all of it is read again.

    Raises PlanRefused when the spec is another one now, whose chunks could not be told from those of the old run, or
    when the table is, which may have lost what the marks say is loaded.
    """
    with closing(access.open_target()) as session:
        found = find_unfinished(ledger, spec.pipeline, session)
        if found is None:
            return None
        last, plan, done = found
        changes = _find_changes(plan, session)
    delete = "or delete its rows from the target and its marks from dmsflow_chunk"
    forgetting = delete if plan.scd is ScdType.APPEND else "or forget it with --restart"
    if last.spec_digest != spec_digest:
        raise PlanRefused(
            f"DMS405 broken-run-of-another-spec: run {last.run_id} is broken off after {done} of {len(plan.chunks)} "
            f"chunks, and the spec has changed since{plan.digests.name_changes(sections)}: restore the spec to resume "
            f"it, {forgetting}"
        )
    if changes:
        raise PlanRefused(
            f"DMS406 broken-run-of-another-target: run {last.run_id} is broken off after {done} of "
            f"{len(plan.chunks)} chunks, and the target has changed since, {changes}: restore the table to resume it, "
            "or forget it with --restart"
        )
    run_at = last.started_at.astimezone(UTC).replace(tzinfo=None)
    return BrokenRun(run_id=last.run_id, run_at=run_at, plan=plan, done=done, total=len(plan.chunks))


def find_unfinished(ledger: Ledger, pipeline: str, session: Session) -> tuple[RunRow, Plan, int] | None:
    """The run that can go on, its plan, and how many of its chunks are committed, by a session of the target."""
    last = ledger.unfinished(pipeline)
    if last is None or last.plan is None:
        return None
    try:
        plan = decode_plan(last.plan)
    except ValueError:
        return None
    # The rows of an append stay where a check has failed: only the run that loaded them can go on behind them.
    whole = WHOLE[:2] if plan.scd is ScdType.APPEND else WHOLE
    if any(error.chunk is None and error.code in whole for error in last.errors):
        return None
    done = _count_marks(plan, last.run_id, session)
    return (last, plan, done) if done and len(plan.chunks) > 1 else None


def _count_marks(plan: Plan, run_id: str, session: Session) -> int:
    """How many chunks of the run are committed in the target."""
    table = plan.target.table
    if session.describe_table(TableName(table=CHUNK, schema=table.schema, catalog=table.catalog)) is None:
        return 0
    steps = Steps(session=session, plan=plan, values={"run_id": run_id})
    return sum(bool(steps.fetch("find_mark", chunk=chunk.number)) for chunk in plan.chunks)


def _find_changes(plan: Plan, session: Session) -> str:
    """In words, how the target differs from what the run's DDL had made of it; empty when it does not."""
    shape = session.describe_table(plan.target.table)
    if shape is None:
        return f"{plan.target.table} is gone"
    planned = {name.lower(): name for name in plan.target.columns}
    found = {column.name.lower(): column.name for column in shape.columns}
    lost = [f'column "{planned[name]}" is gone' for name in planned if name not in found]
    return " and ".join([*lost, *(f'column "{found[name]}" is new' for name in found if name not in planned)])
