"""Waits for transactions that may still commit rows below the end of what a run reads (law 17). Reads no row."""

import logging
import time
from contextlib import closing

from dmsflow.engines.access import Access
from dmsflow.errors import Interrupted, PlanRefused
from dmsflow.events import log_event
from dmsflow.model.plan import Plan
from dmsflow.runtime.stop import StopSignal

logger = logging.getLogger("dmsflow.runtime")

LOOK_SECONDS = 0.2
PATIENCE_SECONDS = 60.0


def await_writers(plan: Plan, access: Access, stop: StopSignal) -> None:
    """Return when all those have ended that are open now; whoever begins later writes what sorts after the end.

    Raises PlanRefused where one takes too long, and Interrupted where a stop is requested meanwhile.
    """
    statement = plan.find("find_writers")
    if statement is None:
        return
    with closing(access.open_source()) as source:
        latest = time.monotonic() + PATIENCE_SECONDS
        awaited = {str(writer): str(who) for writer, who in source.fetch(statement.sql)}
        if awaited:
            log_event(logger, logging.WARNING, "waiting for open transactions", who="; ".join(awaited.values()))
        while awaited:
            if time.monotonic() > latest:
                raise PlanRefused(_describe(plan, list(awaited.values())))
            if stop.wait(LOOK_SECONDS):
                raise Interrupted("the run was stopped while it waited for open transactions")
            still = {str(row[0]) for row in source.fetch(statement.sql)}
            awaited = {writer: who for writer, who in awaited.items() if writer in still}


def _describe(plan: Plan, writers: list[str]) -> str:
    others = f" and {len(writers) - 1} others" if len(writers) > 1 else ""
    return (
        f"DMS408 open-writers: {writers[0]}{others} may still commit rows before {plan.checkpoint.fence}, which no "
        f"later run would read, and did not end in {PATIENCE_SECONDS:.0f} s: wait for it, end it, or set "
        "checkpoint.settle"
    )
