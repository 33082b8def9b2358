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
    """Make connections, also those that are open, read and write Arrow."""
    importlib.import_module("duckdb")
