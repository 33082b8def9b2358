"""Watches over every wait for a PostgreSQL server: who holds a lock, whether the server lives, whether to stop.

A server may rightly say nothing for hours while it sorts. So silence alone ends nothing: after a few seconds a second
connection asks what the first one waits for, and again after twice the time. A lock is told, with who holds it. A
server that answers nobody, or that waits for us as we for it, is lost after ``silence_timeout``.
"""

import logging
import selectors
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg
from msgspec import Struct
from psycopg import waiting
from psycopg.abc import PQGen

from dmsflow.engines.engine import Stopping
from dmsflow.errors import DatabaseError, Interrupted, TransientError
from dmsflow.events import log_event

logger = logging.getLogger("dmsflow.engines")

TICK = 0.1
LAST_LOOK = 60.0
"""Seconds between two looks, at most."""
GRACE = 2.0
"""Seconds for what ends a session while the run is stopped at once: a rollback, the release of a lease."""

STATE = """
SELECT pg_catalog.pg_postmaster_start_time()::text, a.state IN ('active', 'fastpath function call')
    AND coalesce(a.wait_event_type, '') <> 'Client'
FROM (SELECT) one LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = $1::int4
"""
HOLDERS = """
SELECT w.pid, a.application_name, a.usename, a.state, (
    SELECT string_agg(DISTINCT l.relation::regclass::text, ', ') FROM pg_catalog.pg_locks l
    WHERE l.pid = $1::int4 AND NOT l.granted)
FROM unnest(pg_catalog.pg_blocking_pids($1::int4)) AS w (pid) LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = w.pid
LIMIT 1
"""
IDENTITY = "SELECT pg_catalog.pg_postmaster_start_time()::text, pg_catalog.pg_backend_pid()"


class Sight(Struct, frozen=True, kw_only=True):
    """What a second connection saw: whether the server works on what we wait for, and who keeps it from going on."""

    works: bool
    gone: bool = False
    holder: str | None = None


class Lookout(Struct, frozen=True, kw_only=True):
    """How a connection's waits are watched. ``open`` gives a second connection that waits for nothing long."""

    name: str
    silence: float
    first: float
    stopping: Callable[[], Stopping | None]
    open: "Callable[[], psycopg.Connection[Any]]"

    def look(self, identity: tuple[str, int]) -> Sight:
        """What the session of a server and a pid is at; a server that cannot be asked does not work."""
        started, pid = identity
        try:
            with self.open() as connection:
                cursor = psycopg.RawCursor(connection)
                [(found, works)] = cursor.execute(STATE, [pid]).fetchall()
                if found != started:
                    return Sight(works=False)
                holders = cursor.execute(HOLDERS, [pid]).fetchall() if works else []
        except DatabaseError:
            return Sight(works=False)
        except psycopg.Error as error:
            # It speaks, if only to refuse one connection more.
            return Sight(works=error.sqlstate is not None or "FATAL:" in str(error))
        return Sight(works=bool(works), gone=works is None, holder=_describe(holders[0]) if holders else None)


def _describe(row: tuple[Any, ...]) -> str:
    pid, application, user, state, table = row
    who = f'process {pid} (application "{application or ""}", user "{user}", {state or "at work"})'
    who = who if pid and user else "a transaction that is prepared"
    return f"{table} is locked by {who}" if table else f"a row is locked by {who}"


class Patience:
    """Waits a moment for each answer, and no longer."""

    verdict: BaseException | None = None
    """What ended a wait; the driver's own errors after that are its consequences."""
    holder: str | None = None
    """Who held a lock when somebody looked last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()

    def begin(self) -> None:
        """A wait begins."""
        self._began = self._clock()

    def heard(self) -> None:
        """The server said something."""

    def tick(self) -> None:
        """Nothing came for a moment. Raises Interrupted, or TransientError for a server that is lost."""
        if self._clock() - self._began >= GRACE:
            raise TransientError("the server does not answer")

    def select(self, selector: selectors.BaseSelector) -> None:
        """Wait for a socket."""
        while not selector.select(TICK):
            self.tick()
        self.heard()

    def over(self, steps: "PQGen[Any]") -> "PQGen[Any]":
        """The driver's own steps of a wait, looked at each time that nothing came."""
        try:
            wanted = next(steps)
            self.begin()
            while True:
                ready = yield wanted
                if ready:
                    self.heard()
                else:
                    self.tick()
                wanted = steps.send(ready)
        except StopIteration as done:
            return done.value


class Vigil(Patience):
    """Watches the waits of one connection, one after the other."""

    def __init__(self, lookout: Lookout, pid: int, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._lookout = lookout
        self.identity = ("", pid)
        self.begin()

    def begin(self) -> None:
        """A wait begins."""
        self._began = self._heard = self._alive = self._clock()
        self._next = self._began + self._lookout.first
        self._asked = self._doubted = False
        self.holder = None
        stopping = self._lookout.stopping()
        self._grace = self._began + GRACE if stopping is not None and stopping.at_once else 0.0

    def heard(self) -> None:
        """The server said something."""
        self._heard = self._alive = self._clock()
        self._next = self._heard + self._lookout.first
        self._doubted = False

    def tick(self) -> None:
        """Nothing came for a moment. Raises Interrupted, or TransientError for a server that is lost."""
        now, stopping = self._clock(), self._lookout.stopping()
        if stopping is not None and stopping.at_once and now >= self._grace:
            raise Interrupted("the run was stopped at once")
        asked = stopping is not None and stopping.requested
        hurried = asked and not self._asked and now - self._heard >= 5 * TICK
        if now >= self._next or hurried:
            self._asked = asked
            self._look(now)

    def _look(self, now: float) -> None:
        sight = self._lookout.look(self.identity)
        silent = now - self._heard
        self.holder = sight.holder
        if sight.works:
            self._alive = now
        if sight.gone:
            raise TransientError("the server has ended this session, and nobody was told: the connection is lost")
        if self._lookout.silence and now - self._alive >= self._lookout.silence and self._doubted:
            raise TransientError(
                f"the server has said nothing for {silent:.0f} seconds, and does not answer a second connection "
                "either: check server and network; a longer wait is the option silence_timeout"
            )
        if self._asked and (sight.holder or not sight.works):
            raise Interrupted(f"the run was stopped while it waited for {sight.holder or 'a server that is silent'}")
        # An answer may be on its way, from a server that was done before it was looked at: one look more tells.
        self._doubted = not sight.works
        self._tell(sight, silent)
        self._next = now + min(max(silent, self._lookout.first), LAST_LOOK)
        if self._lookout.silence and not sight.works:
            self._next = min(self._next, self._alive + self._lookout.silence)

    def _tell(self, sight: Sight, silent: float) -> None:
        name, seconds = self._lookout.name, round(silent)
        if sight.holder:
            log_event(
                logger, logging.WARNING, "waiting for a lock", connection=name, seconds=seconds, holder=sight.holder
            )
        elif not sight.works:
            log_event(logger, logging.WARNING, "the server does not answer", connection=name, seconds=seconds)


class WatchedConnection(psycopg.Connection[Any]):
    """A connection whose every wait is watched, once it has a vigil. One that is interrupted mid-way is closed."""

    vigil: Patience | None = None

    @property
    def verdict(self) -> BaseException | None:
        """What ended a wait, if something did."""
        return self.vigil.verdict if self.vigil else None

    @property
    def holder(self) -> str | None:
        """Who held the lock that was waited for last."""
        return self.vigil.holder if self.vigil else None

    def is_quiet(self) -> bool:
        """Whether nothing has come since the last answer: what comes unasked is a farewell, or the end of the line."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.pgconn.socket, selectors.EVENT_READ)
            return not selector.select(0)

    def wait(self, gen: "PQGen[Any]", interval: float = TICK, timeout: float | None = None) -> Any:  # noqa: ANN401
        """Take the driver's steps, until they end or the vigil does."""
        if self.vigil is None:
            return super().wait(gen, interval)
        try:
            return waiting.wait(self.vigil.over(gen), self.pgconn.socket, interval=TICK)
        except (DatabaseError, KeyboardInterrupt) as error:
            self.give_up(error, gen)
            raise

    def cancel_quietly(self) -> None:
        """Ask the server to end the statement that runs, from whatever thread, if it can be reached."""
        with suppress(psycopg.Error):
            self.cancel_safe(timeout=GRACE)

    def give_up(self, verdict: BaseException, steps: "PQGen[Any] | None" = None) -> None:
        """Have the server end what it does, and wait a moment for that, so that what it has done is known."""
        assert self.vigil is not None
        self.vigil.verdict = verdict
        try:
            with suppress(psycopg.Error):
                self.cancel_safe(timeout=GRACE)
                if steps is not None:
                    waiting.wait(_until(steps, time.monotonic() + GRACE), self.pgconn.socket, interval=TICK)
        finally:
            self.pgconn.finish()


def _until(steps: "PQGen[Any]", latest: float) -> "PQGen[None]":
    """The steps, as long as there is time."""
    with suppress(StopIteration):
        wanted = next(steps)
        while time.monotonic() < latest:
            wanted = steps.send((yield wanted))
