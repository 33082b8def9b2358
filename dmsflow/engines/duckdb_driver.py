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

__all__ = ["driver", "learn_arrow"]


def learn_arrow() -> None:
    """Make connections, also those that are open, read and write Arrow, which keeps no memory that it is done with."""
    import pyarrow as pa

    importlib.import_module("duckdb")
    pa.set_memory_pool(pa.system_memory_pool())
