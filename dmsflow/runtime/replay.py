"""The memory of a feed at work: late rows put where they belong, others remembered, old ones forgotten."""

from collections import defaultdict
from datetime import datetime

from dmsflow.marks.lease import read_instant
from dmsflow.model.plan import LATE, REPLAY, Plan
from dmsflow.model.result import RowCounts
from dmsflow.runtime.merge import rewrite_closed, verify_chain
from dmsflow.runtime.run import Run, Steps
from dmsflow.runtime.temporaries import drop_temporaries


def begin_memory(plan: Plan, steps: Steps, *, empty: bool) -> datetime | None:
    """Before the first chunk: the instant at which the window begins, None where there is none.

    What is remembered of an ``empty`` target that had versions is of another one: somebody has emptied it since.
    """
    if empty:
        steps.execute("forget_stale")
    return _horizon(plan, steps, "latest_before")


def _horizon(plan: Plan, steps: Steps, latest: str) -> datetime | None:
    """Where the window begins: it ends at the greatest instant that was observed, so that a replay judges the same."""
    window = plan.feed.window if plan.feed else None
    found = steps.fetch(latest)[0][0] if window is not None else None
    return None if found is None or window is None else read_instant(found) - window


def replay_late(run: Run, steps: Steps) -> RowCounts:
    """Take from the stage what is known, and the keys with late rows; bring their history to what is known now."""
    known = steps.execute("drop_known")
    steps.execute("find_late")
    late = steps.count("count_late")
    counts = RowCounts(unchanged=known)
    if late:
        steps.execute("leave_late")
        counts += _replay(run, steps, late)
    drop_temporaries(steps, LATE, REPLAY)
    return counts


def _replay(run: Run, steps: Steps, late: int) -> RowCounts:
    """The history of the keys with late rows."""
    for name in ("judge_window", "judge_memory", "judge_ties"):
        if steps.has(name):
            steps.execute(name)
    agreeing = steps.execute("drop_agreeing")
    rejected = steps.execute("reject_late")
    steps.execute("drop_rejected")
    steps.execute("replay")
    rows: dict[str, int] = defaultdict(int)
    for found, count in steps.fetch("count_replay"):
        rows[str(found)] = int(count or 0)  # type: ignore[arg-type]
    if run.witness:
        run.witness.classified(steps, rows, REPLAY)
    for name in ("remove_versions", "overwrite_before", "end_before", "change_versions"):
        steps.execute(name)
    steps.execute("add_versions", sk_base=run.keys.reserve(steps.count("count_versions")))
    rewritten = rewrite_closed(steps, rows, "rewrite_replayed", "learn_replay")
    verify_chain(steps, "verify_replay")
    steps.execute("remember_late")
    return RowCounts(
        inserted=rows["new"],
        versioned=rows["version"],
        updated=rows["update"] + rows["end"],
        unchanged=rows["unchanged"] + agreeing,
        # Rows that another one of their instant supersedes are in no chain.
        collapsed=rows["collapsed"] + late - rejected - agreeing - sum(rows.values()),
        rejected=rejected,
        closed=rows["end"],
        rewritten=rewritten,
    )


def forget_old(plan: Plan, steps: Steps) -> None:
    """At the end of a run, forget what is older than the window."""
    if plan.feed is None or not plan.feed.remembers:
        return
    horizon = _horizon(plan, steps, "latest_seen")
    if horizon is not None:
        steps.execute("forget_seen", horizon=horizon)
