"""What a run looks at once it holds the lease, before it writes. Raises what refuses the run; writes nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from dmsflow.engines.engine import Session
from dmsflow.errors import PlanRefused
from dmsflow.marks.checkpoint import read_watermark
from dmsflow.model.deletes import DeleteScope
from dmsflow.model.evolution import Terms
from dmsflow.model.plan import Plan, fingerprint
from dmsflow.model.spec import Deletes, ScdType
from dmsflow.runtime.guards import NOTHING_WRITTEN, judge_changes, judge_gone, judge_rows
from dmsflow.runtime.look import Effects
from dmsflow.runtime.run import LastRun, Run, Steps


def check_plan(plan: Plan, steps: Steps, *, resumes: bool) -> None:
    """Law 12's second half: what the plan rests on in the target is still so, now that nobody else can change it."""
    if not resumes:
        _check_shape(plan, steps)
    _check_checkpoint(plan, steps)
    _check_terms(plan, steps)
    _check_appended(plan, steps)


def _check_shape(plan: Plan, steps: Steps) -> None:
    """No run has made the table, or changed its columns, between plan and lease."""
    found = steps.session.describe_table(plan.target.table)
    if fingerprint(found) == plan.digests.target:
        return
    told = "was made"
    if plan.target.exists:
        told = "is gone" if found is None else "has changed its shape"
    raise PlanRefused(f"DMS402 target-changed: {plan.target.table} {told} after the plan was made: plan again")


def _check_checkpoint(plan: Plan, steps: Steps) -> None:
    """Nobody moved the checkpoint between plan and lease, but for an earlier try of this run."""
    rows = steps.fetch("find_checkpoint")
    if rows and rows[0][1] == steps.values["run_id"]:
        return
    found = read_watermark(rows[0][0]) if rows else None
    if found != plan.checkpoint.start and plan.checkpoint.columns:
        moved = f"DMS403 checkpoint-moved: the checkpoint moved to {found} after the plan was made"
        raise PlanRefused(f"{moved}: plan again")


def _check_terms(plan: Plan, steps: Steps) -> None:
    """Law 28 under the lease: a column that a run has brought up to date meanwhile is not brought so once more."""
    for written, run_id in steps.fetch("find_terms") if plan.terms is not None else ():
        found = msgspec.json.decode(str(written).encode(), type=Terms)
        if run_id != steps.values["run_id"] and not plan.fits_terms(found):
            raise PlanRefused(
                f"DMS402 target-changed: run {run_id} has loaded the target on other terms after the plan was made: "
                "plan again"
            )


def _check_appended(plan: Plan, steps: Steps) -> None:
    """Refuse to append what a run that never ended has appended: only its own chunks tell those rows (law 8)."""
    if plan.scd is not ScdType.APPEND or not plan.target.exists:
        return
    for run_id, chunks in steps.fetch("find_broken_off"):
        raise PlanRefused(
            f"DMS407 append-broken-off: run {run_id} has appended {chunks} chunks and was broken off, and its rows "
            "would be inserted twice: resume it without --restart, with the ledger that knows it; where that is lost, "
            "delete its rows from the target and its marks from dmsflow_chunk"
        )


def find_last_run(steps: Steps) -> LastRun | None:
    """The run before this one, as the target's marks tell it."""
    for run_id, rows in steps.fetch("find_last_run"):
        if run_id != steps.values["run_id"]:
            return LastRun(run_id=str(run_id), rows=int(rows or 0))  # type: ignore[arg-type]
    return None


def admit_extract(run: Run, steps: Steps, look: Callable[[], Effects] | None) -> int:
    """The guards, before the first of several chunks writes anything (law 27); how many keys are live then.

    ``look`` counts what the chunks would do; a run that goes on has done so before its first chunk.
    """
    plan, guards = run.plan, run.plan.guards
    if len(plan.chunks) == 1 or plan.find("count_source") is None or not (guards.count_rows or guards.count_shares):
        return 0
    read = _count_source(run, steps)
    judge_rows(run, read)
    if not plan.target.exists or plan.find("current_total") is None:
        return 0
    current = steps.count("current_total")
    if plan.deletes != Deletes.IGNORE and plan.within is DeleteScope.SOURCE:
        judge_gone(run, max(current - read, 0), current, NOTHING_WRITTEN)
    if guards.count_first and current and look:
        effects = look()
        judge_gone(run, effects.gone, current, NOTHING_WRITTEN)
        judge_changes(run, effects.changed, effects.gone, current)
    return current


def _count_source(run: Run, steps: Steps) -> int:
    """How many rows the chunks are going to read, in the state that they read."""
    with _source(run, steps.session) as source:
        return Steps(session=source, plan=run.plan, values=run.binds()).count("count_source")


@contextmanager
def _source(run: Run, target: Session) -> Iterator[Session]:
    """A session of the source, in a transaction that reads what the run reads."""
    source = target if run.access.in_place else run.access.open_source()
    try:
        if run.snapshot:
            run.snapshot.begin(source)
        yield source
    finally:
        source.rollback()
        if source is not target:
            source.close()
