"""Ends a run of several chunks: gone keys, what the result is checked for, the checkpoint. Runs no chunk."""

from collections.abc import Callable
from contextlib import closing
from datetime import datetime

from dmsflow.engines.engine import transaction
from dmsflow.model.plan import DELTA
from dmsflow.runtime.checkpoint import write_checkpoint
from dmsflow.runtime.checks import judge_result
from dmsflow.runtime.guards import judge_gone
from dmsflow.runtime.merge import delete_gone, verify_history
from dmsflow.runtime.run import Run, Steps
from dmsflow.runtime.tally import Tally
from dmsflow.runtime.temporaries import define_temporaries, drop_temporaries


def finish_run(run: Run, tally: Tally, clock: Callable[[], datetime]) -> int:
    """End a run of several chunks, in one transaction; how many keys it closed that are not counted yet."""
    with closing(run.access.open_target()) as session:
        steps = Steps(session=session, plan=run.plan, values=run.binds())
        if steps.has("find_gone"):
            define_temporaries(steps, DELTA)
        with transaction(session):
            return _finish_in_transaction(run, steps, tally, clock())


def _finish_in_transaction(run: Run, steps: Steps, tally: Tally, now: datetime) -> int:
    """The body of that transaction."""
    plan, gone = run.plan, 0
    if any(row[1] == run.run_id for row in steps.fetch("find_checkpoint")):
        # An earlier try was committed, and only its answer was lost.
        return steps.count("count_closed") - tally.rows.closed
    if steps.has("find_gone"):
        gone = _count_gone(steps)
        judge_gone(run, gone, tally.current)
        if gone:
            if run.witness:
                run.witness.classified(steps, {"gone": gone})
            delete_gone(run, steps, gone)
            steps.execute("note_closed", chunk=plan.chunks[-1].number, rows_closed=gone)
            verify_history(steps, "verify_gone")
        steps.execute("forget_gone")
        drop_temporaries(steps, DELTA)
    judge_result(run, steps)
    write_checkpoint(run, steps, now)
    return gone


def _count_gone(steps: Steps) -> int:
    steps.execute("find_gone")
    return steps.count("count_gone")
