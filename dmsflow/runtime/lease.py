"""Holds the target's lease for a run. The rules of the lease are in marks/lease.py."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import datetime
from threading import Event, Thread

from msgspec.structs import replace

from dmsflow.engines.engine import Session, transaction
from dmsflow.engines.one_name import name_once
from dmsflow.errors import ConnectionFailed, DatabaseError, PermanentError, TargetBusy
from dmsflow.events import log_event
from dmsflow.marks.lease import Holder, read_instant
from dmsflow.processes import this_host
from dmsflow.runtime.persist import Persistence
from dmsflow.runtime.run import Steps

logger = logging.getLogger("dmsflow.runtime")

Now = Callable[[], datetime]
Holding = Callable[[Steps, Now, Callable[[], Session], Persistence], AbstractContextManager[Callable[[], None]]]
"""How the lease is held while a run goes on; what it gives is the heartbeat."""

BEAT_SECONDS = 15.0
PATIENCE_SECONDS = 2.0


@contextmanager
def hold_lease(
    steps: Steps, now: Now, open_session: Callable[[], Session], persistence: Persistence
) -> Iterator[Callable[[], None]]:
    """Take the lease or raise TargetBusy; gives the heartbeat; released at the end whatever happens.

    A server gets it from a thread of its own: a chunk may take longer than a lease lasts.
    """
    steps = _name_once(steps)
    _take(steps, now, persistence)
    lost, embedded = Event(), steps.session.traits.embedded

    def beat(session: Session) -> None:
        if not _beat(replace(steps, session=session), now):
            lost.set()

    def check() -> None:
        if embedded:
            _tolerate("the lease cannot be renewed", lambda: beat(steps.session))
        if lost.is_set():
            raise TargetBusy(
                f"another run has taken the lease of {steps.values['target_table']}, as this one gave no sign of life: "
                "wait for it to end, then apply again"
            )

    try:
        with _beating(beat, open_session, here=embedded):
            yield check
    finally:
        _tolerate("the lease cannot be released", lambda: persistence.call(lambda: _release(steps)))


@contextmanager
def heed_lease(
    steps: Steps, now: Now, open_session: Callable[[], Session], persistence: Persistence
) -> Iterator[Callable[[], None]]:
    """Take no lease, since nothing that follows stays; raise TargetBusy where another run holds it."""
    steps = _name_once(steps)
    rows = steps.fetch("find_lease")
    holder = Holder.read(rows[0]) if rows else None
    if holder is not None and holder.is_alive(_read_clock(steps, now)):
        raise TargetBusy(holder.describe(str(steps.values["target_table"])))
    yield lambda: None


def _name_once(steps: Steps) -> Steps:
    """The same steps, with the one name of the target that runs exclude each other by."""
    name = name_once(steps.session, steps.plan.target.table)
    return replace(steps, values={**steps.values, "target_table": name})


@contextmanager
def _beating(beat: Callable[[Session], None], open_session: Callable[[], Session], *, here: bool) -> Iterator[None]:
    """Beat in the background until the end of the block; a database that is ``here`` is held by this process."""
    if here:
        yield
        return
    ended = Event()

    def beat_once() -> None:
        with closing(open_session()) as session:
            beat(session)

    def keep_beating() -> None:
        while not ended.wait(BEAT_SECONDS):
            _tolerate("the lease cannot be renewed", beat_once)

    thread = Thread(target=keep_beating, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(PATIENCE_SECONDS)


def _tolerate(event: str, step: Callable[[], None]) -> None:
    """A lease that cannot be written is a warning: the data is safe without it, and it expires by itself."""
    try:
        step()
    except (DatabaseError, ConnectionFailed) as error:
        log_event(logger, logging.WARNING, event, error=str(error))


def _take(steps: Steps, now: Now, persistence: Persistence) -> None:
    try:
        try:
            persistence.call(lambda: _take_once(steps, now))
        except PermanentError:
            # Two runs took it at the same moment; the one that lost sees now who won.
            _take_once(steps, now)
    except DatabaseError as error:
        raise TargetBusy(f"the lease of {steps.values['target_table']} cannot be taken: {error}") from error


def _take_once(steps: Steps, clock: Now) -> None:
    with transaction(steps.session):
        rows = steps.fetch("find_lease")
        now = _read_clock(steps, clock)
        if rows:
            holder = Holder.read(rows[0])
            if not _is_own(holder, steps) and holder.is_alive(now):
                raise TargetBusy(holder.describe(str(steps.values["target_table"])))
            previous = replace_run(steps, holder.run_id)
            previous.execute("release_lease")
        steps.execute("take_lease", host=this_host(), pid=os.getpid(), since=now, heartbeat_at=now)
        # Whoever may take a lease but not renew it is told now, not when the lease is lost.
        steps.execute("beat_lease", heartbeat_at=now)


def _release(steps: Steps) -> None:
    with transaction(steps.session):
        steps.execute("release_lease")


def _is_own(holder: Holder, steps: Steps) -> bool:
    """Whether this process holds it for this run; one that resumes a run which is still at work does not."""
    this = (steps.values["run_id"], this_host(), os.getpid())
    return (holder.run_id, holder.host, holder.pid) == this


def replace_run(steps: Steps, run_id: str) -> Steps:
    """The same steps on behalf of another run."""
    return replace(steps, values={**steps.values, "run_id": run_id})


def _beat(steps: Steps, now: Now) -> bool:
    """Give a sign of life; whether the lease is still this run's."""
    with transaction(steps.session):
        return steps.execute("beat_lease", heartbeat_at=_read_clock(steps, now)) > 0


def _read_clock(steps: Steps, now: Now) -> datetime:
    """The one clock by which all machines judge a lease: that of the server; an embedded target has this machine's."""
    if steps.session.traits.embedded:
        return now()
    return read_instant(steps.session.fetch(steps.plan.clock)[0][0])
