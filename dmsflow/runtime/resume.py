"""Finds a broken run that can go on: same spec, same chunks, same instant (law 10)."""

from datetime import UTC, datetime

from msgspec import Struct

from dmsflow.engines.access import Access
from dmsflow.errors import PlanRefused
from dmsflow.ledger import Ledger
from dmsflow.marks.names import CHUNK
from dmsflow.model.plan import Plan, decode_plan
from dmsflow.model.spec import PipelineSpec, ScdType
from dmsflow.model.table import TableName
from dmsflow.runtime.run import Steps


class BrokenRun(Struct, frozen=True, kw_only=True):
    """A run of several chunks, some of which are committed."""

    run_id: str
    run_at: datetime
    plan: Plan
    done: int
    total: int


def find_broken(ledger: Ledger, spec: PipelineSpec, spec_digest: str, access: Access) -> BrokenRun | None:
    """The pipeline's last run when it has committed chunks and misses others; the target's marks decide.

    A run that failed as a whole, by its rejects or a guard, is not broken off: the source has to change first, and
    then all of it is read again.

    Raises PlanRefused when the spec is another one now: its chunks could not be told from those of the old run.
    """
    last = ledger.unfinished(spec.pipeline)
    if last is None or last.plan is None or any(error.chunk is None for error in last.errors):
        return None
    try:
        plan = decode_plan(last.plan)
    except ValueError:
        return None
    done = _count_marks(plan, last.run_id, access)
    if done == 0 or len(plan.chunks) == 1:
        return None
    if last.spec_digest != spec_digest:
        raise PlanRefused(
            f"DMS405 broken-run-of-another-spec: run {last.run_id} is broken off after {done} of {len(plan.chunks)} "
            "chunks, and the spec has changed since: restore the spec to resume it, or forget it with --restart"
        )
    run_at = last.started_at.astimezone(UTC).replace(tzinfo=None)
    return BrokenRun(run_id=last.run_id, run_at=run_at, plan=plan, done=done, total=len(plan.chunks))


def refuse_double_append(ledger: Ledger, spec: PipelineSpec, access: Access) -> None:
    """Raise PlanRefused when forgetting the broken run would append its committed chunks once more."""
    last = ledger.unfinished(spec.pipeline)
    if last is None or last.plan is None or spec.scd.type is not ScdType.APPEND:
        return
    done = _count_marks(decode_plan(last.plan), last.run_id, access)
    if done:
        raise PlanRefused(
            f"run {last.run_id} has appended {done} chunks, whose rows would be inserted twice: "
            "resume it without --restart"
        )


def _count_marks(plan: Plan, run_id: str, access: Access) -> int:
    """How many chunks of the run are committed in the target."""
    session = access.open_target()
    try:
        table = plan.target.table
        if session.describe_table(TableName(table=CHUNK, schema=table.schema, catalog=table.catalog)) is None:
            return 0
        steps = Steps(session=session, plan=plan, values={"run_id": run_id})
        return sum(bool(steps.fetch("find_mark", chunk=chunk.number)) for chunk in plan.chunks)
    finally:
        session.close()
