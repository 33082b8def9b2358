"""A private DuckDB in memory, where the rows of a target that is none are cast and judged. Keeps no row."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

from dmsflow.engines.duckdb import DuckDBEngine, DuckDBSession
from dmsflow.engines.engine import Stopping

SETTINGS: dict[str, str | int | bool] = {"threads": 1}
"""No threads of its own: refining costs little beside the driver, and whoever pulls the batches does the work."""


class Refinery:
    """One database for all chunks of a run, since opening one takes longer than a small chunk; opened when needed."""

    def __init__(self, stopping: Stopping | None = None) -> None:
        self._stopping = stopping
        self._engine: DuckDBEngine | None = None
        self._lock = threading.Lock()

    @contextmanager
    def session(self) -> Iterator[DuckDBSession]:
        """A session of its own for the calling thread; what is registered in it goes with it."""
        with self._lock:
            if self._engine is None:
                self._engine = DuckDBEngine(None, SETTINGS)
                if self._stopping is not None:
                    self._engine.heed(self._stopping)
        with closing(self._engine.connect()) as session:
            yield session

    def close(self) -> None:
        """Close the database, if it was opened."""
        if self._engine is not None:
            self._engine.close()
