"""Ends what sessions are at when a stop asks for it at once, where a statement hears of nothing itself. Runs no SQL."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread

from dmsflow.engines.engine import Stopping

LOOK_SECONDS = 0.1
GRACE_SECONDS = 2.0
"""For what ends a session while the run is stopped at once: the release of a lease, a look at a mark."""


class Work:
    """What one session is at. The session's thread says so; the interrupter's thread may end it."""

    def __init__(self, interrupt: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._interrupt, self._clock = interrupt, clock
        self._lock = Lock()
        self._statement: float | None = None
        self._transaction: float | None = None

    def begin(self) -> None:
        """A statement begins."""
        with self._lock:
            self._statement = self._clock()

    def end(self) -> None:
        """The statement has ended; whatever is done now is not interrupted."""
        with self._lock:
            self._statement = None

    @contextmanager
    def statement(self) -> Iterator[None]:
        """The block is a statement."""
        self.begin()
        try:
            yield
        finally:
            self.end()

    def enter(self) -> None:
        """A transaction begins: its statements are one piece of work."""
        self._transaction = self._clock()

    def leave(self) -> None:
        """The transaction ends."""
        self._transaction = None

    def interrupt(self, asked: float) -> None:
        """End the statement, unless it is of something begun after the stop was asked for that still has time."""
        with self._lock:
            if self._statement is None:
                return
            old = (self._transaction or self._statement) <= asked
            if old or self._clock() - self._statement >= GRACE_SECONDS:
                self._interrupt()


class Interrupter:
    """Looks for a stop in a thread of its own, from ``heed`` to ``close``, and ends what all sessions are at."""

    def __init__(self) -> None:
        self._lock, self._closed = Lock(), Event()
        self._works: set[Work] = set()
        self._stopping: Stopping | None = None
        self._thread: Thread | None = None

    def heed(self, stopping: Stopping) -> None:
        """Look for this stop."""
        self._stopping = stopping
        if self._thread is None:
            self._thread = Thread(target=self._look, name="interrupter", daemon=True)
            self._thread.start()

    def add(self, work: Work) -> None:
        """A session is open."""
        with self._lock:
            self._works.add(work)

    def remove(self, work: Work) -> None:
        """A session closes."""
        work.end()
        with self._lock:
            self._works.discard(work)

    def close(self) -> None:
        """Look no more."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        asked: float | None = None
        while not self._closed.wait(LOOK_SECONDS):
            if self._stopping is None or not self._stopping.at_once:
                asked = None
                continue
            asked = asked or time.monotonic()
            with self._lock:
                works = tuple(self._works)
            for work in works:
                work.interrupt(asked)
