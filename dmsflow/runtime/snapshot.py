"""One state of the source for all chunks of a run, where the database can hold one (law 5). Reads no row."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dmsflow.engines.access import Access
from dmsflow.engines.engine import Session, SnapshotSession
from dmsflow.errors import SnapshotLost
from dmsflow.events import log_event
from dmsflow.model.plan import Plan

logger = logging.getLogger("dmsflow.runtime")


class Snapshot:
    """A state that one session holds for others. When that session is lost, the chunks that are left read a new one."""

    def __init__(self, connect: Callable[[], Session]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._doubt: tuple[str, str] | None = None
        self._own = threading.local()
        self._holder, self._name = self._export()

    @property
    def name(self) -> str:
        """The name by which other sessions find the state."""
        return self._name

    def begin(self, session: Session) -> None:
        """Open a transaction that reads this state."""
        assert isinstance(session, SnapshotSession)
        if self._doubt:
            self._renew(*self._doubt)
        self._own.name = self._name
        try:
            session.begin_at(self._own.name)
        except SnapshotLost as error:
            self._own.name = self._renew(self._own.name, str(error))
            session.begin_at(self._own.name)

    def doubt(self, why: str) -> None:
        """A chunk has failed because of the state that this thread has read: let the next one read another."""
        if (name := getattr(self._own, "name", None)) is not None:
            self._doubt = name, why

    def _renew(self, lost: str, why: str) -> str:
        """Hold a new state in place of one that does not serve any more, unless another thread has done so."""
        with self._lock:
            if self._name == lost:
                log_event(logger, logging.WARNING, "snapshot renewed", error=why)
                self._holder.close()
                self._holder, self._name = self._export()
                self._doubt = None
            return self._name

    def _export(self) -> tuple[Session, str]:
        session = self._connect()
        assert isinstance(session, SnapshotSession)
        try:
            return session, session.export_snapshot()
        except BaseException:
            session.close()
            raise

    def close(self) -> None:
        """Let the state go."""
        self._holder.close()


@contextmanager
def hold_snapshot(plan: Plan, access: Access) -> Iterator[Snapshot | None]:
    """The state that the chunks of a plan read; None where each reads its own."""
    if not plan.snapshot:
        yield None
        return
    snapshot = Snapshot(access.open_source)
    try:
        yield snapshot
    finally:
        snapshot.close()
