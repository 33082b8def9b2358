"""The seam at which torture reaches into an apply: the sessions of its two engines. Knows no statement of a plan.

``Watchman.open_access`` stands in for the runtime's ``open_access`` in a process of torture's own; the sessions it
opens count their calls, and at the chosen one the process is killed, a signal is sent, or the connection is lost.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from random import Random
from typing import Any

from dmsflow.engines.access import Access, open_access
from dmsflow.engines.engine import Engine, Session
from dmsflow.errors import DmsflowError, TransientError
from dmsflow.events import log_event
from dmsflow.model.spec import PipelineSpec
from dmsflow.runtime.apply import Watcher
from dmsflow.runtime.run import Run
from dmsflow.runtime.worker import load_chunk
from dmsflow.torture.disturbance import AT_COMMIT, Disturbance, Kind

logger = logging.getLogger("dmsflow.torture")
CALLS = ("execute", "fetch", "stream", "load", "copy_in", "copy_out", "begin", "begin_at", "commit", "rollback")
LONGEST_DELAY = 0.015
DELAYED_CALLS = 0.2
AT_CALLS = (Kind.KILLED_AT_STATEMENT, Kind.CONNECTION_LOST, Kind.INTERRUPTED, Kind.TERMINATED)


class Watchman(Watcher):
    """Counts the calls of one apply's sessions, and does what its disturbance says; none only counts."""

    def __init__(self, disturbance: Disturbance | None = None) -> None:
        self.calls = self.commits = 0
        self._disturbance = disturbance
        self._random = Random(disturbance.seed if disturbance else 0)
        self._lock = threading.Lock()
        self._twins: list[threading.Thread] = []

    @contextmanager
    def open_access(self, spec: PipelineSpec) -> Iterator[Access]:
        """Both databases of the spec, their sessions watched."""
        with open_access(spec) as access:
            for engine in (access.target, access.source):
                if engine is not None:
                    self._watch_engine(engine)
            try:
                yield access
            finally:
                for twin in self._twins:
                    twin.join()

    def begun(self, run: Run) -> None:
        """Deliver a chunk twice, as after a worker that was taken for lost: whoever comes second finds its mark."""
        chunks = run.plan.chunks
        if self._disturbance is None or self._disturbance.kind is not Kind.DELIVERED_TWICE or len(chunks) == 1:
            return
        chunk = self._random.choice(chunks)

        def deliver() -> None:
            try:
                load_chunk(run, chunk, lambda: datetime.now(UTC).replace(tzinfo=None))
            except DmsflowError as error:
                # The one that was in time has it; the run's own try tells what is wrong with a chunk.
                log_event(logger, logging.INFO, "second delivery refused", chunk=chunk.number, error=str(error))

        self._twins.append(threading.Thread(target=deliver, name="twin"))
        self._twins[-1].start()

    def _watch_engine(self, engine: Engine) -> None:
        connect = engine.connect

        def watched() -> Session:
            session = connect()
            for name in CALLS:
                if hasattr(session, name):
                    setattr(session, name, self._around(engine, session, name, getattr(session, name)))
            return session

        setattr(engine, "connect", watched)  # noqa: B010 - what an engine is stays as it is, but for this one

    def _around(self, engine: Engine, session: Session, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        execute = session.execute

        def lose() -> None:
            if engine.idioms.end_session is not None:
                execute(engine.idioms.end_session)
            raise TransientError("the connection was lost")

        def watched(*values: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the session's own call takes
            self._delay()
            meets = self._meets(name)
            told = f"{name} {' '.join(str(values[0]).split()) if values else ''}"[:200]
            if meets and not self._after:
                self._strike(lose, told)
            result = call(*values, **named)
            if meets and self._after:
                self._strike(lose, told)
            return result

        return watched

    @property
    def _after(self) -> bool:
        return self._disturbance is not None and self._disturbance.after

    def _meets(self, name: str) -> bool:
        """Count a call; whether it is the one."""
        with self._lock:
            self.calls += 1
            self.commits += name == "commit"
            chosen = self._disturbance
            if chosen is None:
                return False
            if chosen.kind in AT_COMMIT:
                return name == "commit" and self.commits == chosen.at
            return chosen.kind in AT_CALLS and self.calls == chosen.at

    def _strike(self, lose: Callable[[], None], told: str) -> None:
        assert self._disturbance is not None
        sys.stderr.write(f"torture: {self._disturbance}: {told}\n")
        sys.stderr.flush()
        match self._disturbance.kind:
            case Kind.KILLED_AT_STATEMENT | Kind.KILLED_AT_COMMIT:
                os.kill(os.getpid(), signal.SIGKILL)
            case Kind.INTERRUPTED:
                os.kill(os.getpid(), signal.SIGINT)
            case Kind.TERMINATED:
                os.kill(os.getpid(), signal.SIGTERM)
            case _:
                lose()

    def _delay(self) -> None:
        if self._disturbance is not None and self._disturbance.delays and self._random.random() < DELAYED_CALLS:
            time.sleep(self._random.uniform(0, LONGEST_DELAY))
