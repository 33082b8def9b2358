"""DuckDB's driver, without the relations that ``import duckdb`` brings: most of its time, needed for Arrow alone."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb as driver
else:
    try:
        import _duckdb as driver
    except ImportError:  # a version that keeps its extension elsewhere
        import duckdb as driver

__all__ = ["STREAMS_EXECUTED", "driver", "learn_arrow"]

STREAMS_EXECUTED = driver.__version__.startswith("1.")
"""Whether what was executed gives its rows as they are pulled. DuckDB 1.5 does, and reads those of a relation with
parameters all at once, in memory; where they come from Python it waits for them forever. DuckDB 2.0 is the reverse."""


def learn_arrow() -> None:
    """Make connections, also those that are open, read and write Arrow, which keeps no memory that it is done with."""
    import pyarrow as pa

    importlib.import_module("duckdb")
    pa.set_memory_pool(pa.system_memory_pool())
