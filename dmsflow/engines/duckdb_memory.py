"""How much memory a DuckDB may hold: a bound by the cores, and less where rows only pass through."""

import os
import threading
from contextlib import closing

from dmsflow.engines.duckdb_driver import driver
from dmsflow.engines.duckdb_words import read_mebibytes

LEAST_MEMORY = 360
MEMORY_PER_CORE = 160
"""MiB that DuckDB may hold of a file: enough for a chunk on every core; what is beyond goes to disk (law 39)."""

STREAMED_MEMORY = 64
"""MiB where each row is read once: what stays in memory after that is of no use."""

EXHAUSTED = "Out of Memory Error"


def bound_file(limit: str) -> str:
    """What the chunks of a file need, or what DuckDB itself finds right for a small machine."""
    wanted = max(LEAST_MEMORY, MEMORY_PER_CORE * (os.cpu_count() or 1))
    return f"{wanted}MiB" if read_mebibytes(limit) > wanted else limit


class MemoryBound:
    """The bound on one open database, in DuckDB's words.

    With ``streams`` it starts low, and gets the whole once a statement needs more, or has nowhere to put what is
    beyond: for a table of a hundred columns, or a view that sorts.
    """

    def __init__(self, database: driver.DuckDBPyConnection, whole: str, *, streams: bool) -> None:
        self._database, self._whole = database, whole
        self._lock = threading.Lock()
        self._spills = str(database.execute("SELECT current_setting('temp_directory')").fetchall()[0][0] or "")
        self.low = streams
        self._set(f"{STREAMED_MEMORY}MiB" if streams else whole)

    def widen(self, message: str) -> bool:
        """Whether what has failed while the bound was low may be tried again, because it is not low any more."""
        lacks_room = self._spills and self._spills in message
        if EXHAUSTED not in message and not lacks_room:
            return False
        self.lift()
        return True

    def lift(self) -> None:
        """Let the database hold the whole."""
        with self._lock:
            if self.low:
                self._set(self._whole)
                self.low = False

    def _set(self, limit: str) -> None:
        with closing(self._database.cursor()) as aside:
            aside.execute(f"SET GLOBAL memory_limit = '{limit}'")
