"""Judges an extract by the guards of its spec (law 27). Counts nothing; raises what refuses it."""

import logging
import shlex

from dmsflow.errors import GuardRefused
from dmsflow.events import log_event
from dmsflow.model.guards import GuardName
from dmsflow.model.plan import Plan
from dmsflow.runtime.run import LastRun, Run

logger = logging.getLogger("dmsflow.runtime")

NOTHING_WRITTEN = "nothing was written"
NONE_CLOSED = "none was closed"


def judge_rows(run: Run, read: int) -> None:
    """Refuse an extract with too few rows, or with far fewer or more than the last run read."""
    guards, last = run.plan.guards, run.last
    if guards.min_rows is not None and read < guards.min_rows:
        _refuse(run, GuardName.MIN_ROWS, f"the source has {read:,} rows, guards.min_rows is {guards.min_rows:,}")
    if last is None or not last.rows:
        return
    change = 100 * (read - last.rows) / last.rows
    shrink, growth = guards.max_shrink_percent, guards.max_growth_percent
    if shrink is not None and -change > shrink:
        told = f"the source has {read:,} rows, {-change:.1f} percent fewer than before"
        _refuse(run, GuardName.MAX_SHRINK, f"{told}, guards.max_shrink_percent is {shrink:g}")
    if growth is not None and change > growth:
        told = f"the source has {read:,} rows, {change:.1f} percent more than before"
        _refuse(run, GuardName.MAX_GROWTH, f"{told}, guards.max_growth_percent is {growth:g}")


def judge_gone(run: Run, gone: int, current: int, done: str = NONE_CLOSED) -> None:
    """Refuse to close more than the spec allows."""
    limit, share = run.plan.guards.max_close_percent, _share(gone, current)
    if limit is not None and share > limit:
        told = f"{gone:,} of {current:,} keys are gone ({share:.1f} percent)"
        _refuse(run, GuardName.MAX_CLOSE, f"{told}, guards.max_close_percent is {limit:g}", done)


def judge_changes(run: Run, changed: int, gone: int, current: int) -> None:
    """Refuse to version, overwrite or close more of the current rows than the spec allows."""
    limit, share = run.plan.guards.max_change_percent, _share(changed + gone, current)
    if limit is not None and share > limit:
        told = f"{changed + gone:,} of {current:,} current rows would change ({share:.1f} percent)"
        parts = f", {changed:,} by new values and {gone:,} because their keys are gone" if gone else ""
        _refuse(run, GuardName.MAX_CHANGE, f"{told}{parts}, guards.max_change_percent is {limit:g}")


def _share(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


def _refuse(run: Run, guard: GuardName, told: str, done: str = NOTHING_WRITTEN) -> None:
    """Raise what refuses the extract, unless somebody has allowed this run to pass."""
    for allowed in run.plan.allowed:
        if allowed.guard is guard:
            log_event(logger, logging.WARNING, "guard passed", guard=guard.value, allowed_by=allowed.by, why=told)
            return
    before = tell_last(run.last) if run.last else ""
    raise GuardRefused(f"{told}: {done}{before}", next_step=tell_how_to_pass(run.plan, guard))


def tell_last(last: LastRun) -> str:
    """What the last run read, in words."""
    return f"; the last run, {last.run_id}, read {last.rows:,} rows"


def tell_how_to_pass(plan: Plan, guard: GuardName) -> str:
    """What to do about a guard that refuses, with the command that lets one run pass."""
    words = ["dmsflow", "apply", plan.spec_file or "SPEC"]
    for name, value in plan.params:
        words += ["--set", f"{name}={value}"]
    return f"check the source; to let one run pass: {shlex.join([*words, '--allow', guard.value])}"
