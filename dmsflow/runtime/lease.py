"""Holds the target's lease for a run. The rules of the lease are in marks/lease.py."""

import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from msgspec.structs import replace

from dmsflow.engines.engine import transaction
from dmsflow.errors import DatabaseError, TargetBusy
from dmsflow.marks.lease import Holder
from dmsflow.runtime.run import Steps

Now = Callable[[], datetime]


@contextmanager
def hold_lease(steps: Steps, now: Now) -> Iterator[Callable[[], None]]:
    """Take the lease or raise TargetBusy; gives the heartbeat; released at the end whatever happens."""
    _take(steps, now())
    try:
        yield lambda: _beat(steps, now)
    finally:
        with transaction(steps.session):
            steps.execute("release_lease")


def _take(steps: Steps, now: datetime) -> None:
    try:
        with transaction(steps.session):
            rows = steps.fetch("find_lease")
            if rows:
                holder = Holder.read(rows[0])
                if not _is_own(holder, steps) and holder.is_alive(now):
                    raise TargetBusy(_describe(holder, str(steps.values["target_table"])))
                previous = replace_run(steps, holder.run_id)
                previous.execute("release_lease")
            steps.execute("take_lease", host=platform.node(), pid=os.getpid(), since=now, heartbeat_at=now)
    except DatabaseError as error:
        raise TargetBusy(f"the lease of {steps.values['target_table']} cannot be taken: {error}") from error


def _is_own(holder: Holder, steps: Steps) -> bool:
    """Whether this process holds it for this run; one that resumes a run which is still at work does not."""
    this = (steps.values["run_id"], platform.node(), os.getpid())
    return (holder.run_id, holder.host, holder.pid) == this


def replace_run(steps: Steps, run_id: str) -> Steps:
    """The same steps on behalf of another run."""
    return replace(steps, values={**steps.values, "run_id": run_id})


def _beat(steps: Steps, now: Now) -> None:
    with transaction(steps.session):
        steps.execute("beat_lease", heartbeat_at=now())


def _describe(holder: Holder, table: str) -> str:
    since = f"{holder.since:%Y-%m-%d %H:%M:%S} UTC"
    return (
        f'{table} is being loaded by run {holder.run_id} of pipeline "{holder.pipeline}" on {holder.host}, '
        f"process {holder.pid}, since {since}: wait for it to end"
    )
