"""Judges an extract before the table is changed for it: a run that is refused leaves the table as it was (law 27).

What judges all of an extract are guards and checks on the staged rows. Where a plan has no step they look at the rows
that are about to be merged; where it has some, at rows that are read, compared with the changed table, and undone.
"""

from contextlib import closing
from functools import partial

from msgspec.structs import replace

from dmsflow.model.checks import CheckOn, CheckSeverity
from dmsflow.model.plan import Plan
from dmsflow.model.spec import Deletes
from dmsflow.runtime.admission import admit_extract
from dmsflow.runtime.executor import Clock, Tell
from dmsflow.runtime.guards import NOTHING_WRITTEN, judge_changes, judge_gone, judge_rows
from dmsflow.runtime.look import Seen, count_effects, look_after_steps
from dmsflow.runtime.merge import is_over_budget
from dmsflow.runtime.migration import changes_table, free_columns
from dmsflow.runtime.persist import Persistence
from dmsflow.runtime.run import Run, Steps
from dmsflow.runtime.sequence import hold_sequence
from dmsflow.runtime.snapshot import hold_snapshot
from dmsflow.runtime.stop import StopSignal


def needs_foresight(plan: Plan, steps: Steps) -> bool:
    """Whether something may refuse the extract once steps have changed the table.

    A database that ends a transaction with each step has no way to try one.
    """
    guards = plan.guards
    staged = any(it.on is CheckOn.STAGED and it.severity is CheckSeverity.ERROR for it in plan.checks)
    judged = guards.count_rows or guards.count_shares or staged
    return judged and changes_table(plan) and not steps.session.traits.ddl_commits


def foresee(run: Run, steps: Steps, persistence: Persistence, clock: Clock, tell: Tell) -> None:
    """Raise what refuses the extract, as the run itself would; nothing of the look stays."""
    with closing(run.refinery):
        persistence.call(partial(_foresee, run, steps, persistence.stop, clock, tell))


def _foresee(run: Run, steps: Steps, stop: StopSignal, clock: Clock, tell: Tell) -> None:
    """Look, in one thread: a table is changed in one transaction at a time."""
    plan = replace(run.plan, direct=False, workers=1)
    free_columns(plan, steps.session)
    with (
        hold_snapshot(plan, run.access) as snapshot,
        hold_sequence(plan, run.access, run.binds(), run.refinery, stop) as sequence,
    ):
        run = replace(run, plan=plan, snapshot=snapshot, sequence=sequence)
        if len(plan.chunks) > 1:
            admit_extract(run, steps, partial(count_effects, run, stop, clock, tell, steps_first=True))
        else:
            _judge(run, steps, look_after_steps(run, plan.chunks[0]))


def _judge(run: Run, steps: Steps, seen: Seen) -> None:
    """The guards over an only chunk."""
    plan, classes = run.plan, seen.classes
    judge_rows(run, seen.read)
    if not steps.has("current_total"):
        return
    current = steps.count("current_total")
    doomed = is_over_budget(plan, classes["fault"] + classes["late"], seen.read)
    gone = 0 if doomed or plan.deletes == Deletes.IGNORE else classes["gone"]
    judge_gone(run, gone, current, NOTHING_WRITTEN)
    judge_changes(run, classes.changed, gone, current)
