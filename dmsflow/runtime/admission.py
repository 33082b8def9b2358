"""What a run looks at once it holds the lease, before it writes. Raises what refuses the run; writes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

from dmsflow.engines.access import Access
from dmsflow.engines.engine import Binds, Session
from dmsflow.errors import PlanRefused
from dmsflow.marks.checkpoint import read_watermark
from dmsflow.model.plan import Plan
from dmsflow.model.spec import ScdType
from dmsflow.runtime.merge import check_close_guard, check_row_guard
from dmsflow.runtime.run import Steps


def check_checkpoint(plan: Plan, steps: Steps) -> None:
    """Law 12's second half: nobody moved the checkpoint between plan and lease, but for an earlier try of this run."""
    rows = steps.fetch("find_checkpoint")
    if rows and rows[0][1] == steps.values["run_id"]:
        return
    found = read_watermark(rows[0][0]) if rows else None
    if found != plan.checkpoint.start and plan.checkpoint.columns:
        moved = f"DMS403 checkpoint-moved: the checkpoint moved to {found} after the plan was made"
        raise PlanRefused(f"{moved}: plan again")


def check_appended(plan: Plan, steps: Steps) -> None:
    """Refuse to append what a run that never ended has appended: only its own chunks tell those rows (law 8)."""
    if plan.scd is not ScdType.APPEND or not plan.target.exists:
        return
    for run_id, chunks in steps.fetch("find_broken_off"):
        raise PlanRefused(
            f"DMS407 append-broken-off: run {run_id} has appended {chunks} chunks and was broken off, and its rows "
            "would be inserted twice: resume it without --restart, with the ledger that knows it; where that is lost, "
            "delete its rows from the target and its marks from dmsflow_chunk"
        )


def check_size(plan: Plan, steps: Steps, access: Access, params: Binds) -> int:
    """The guard on rows, before the first of several chunks writes anything (law 27); how many keys are live then."""
    if plan.find("count_source") is None or (plan.guards.min_rows is None and plan.guards.max_close_percent is None):
        return 0
    with _source(access, steps.session) as source:
        counting = Steps(session=source, plan=plan, values={**params, **plan.checkpoint.binds()})
        read = counting.count("count_source")
    check_row_guard(plan, read)
    if not plan.target.exists or plan.find("current_total") is None:
        return 0
    current = steps.count("current_total")
    check_close_guard(plan, max(current - read, 0), current)
    return current


@contextmanager
def _source(access: Access, target: Session) -> Iterator[Session]:
    if access.in_place:
        yield target
        return
    session = access.open_source()
    try:
        yield session
    finally:
        session.close()
