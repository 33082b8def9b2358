"""DuckDB files for tests to look at and to fill. To start a DuckDB takes 15 ms, to open a file in a running one 1."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb

_idle: list[duckdb.DuckDBPyConnection] = []
"""Databases in memory that have no file open."""


class DuckDBFile:
    """A connection to a file, as ``duckdb.connect`` would give it; the file is let go when it closes."""

    def __init__(self, path: str | Path) -> None:
        self._database = _idle.pop() if _idle else duckdb.connect()
        self._name = Path(path).stem
        literal = str(path).replace("'", "''")
        try:
            self._database.execute(f"ATTACH '{literal}' AS \"{self._name}\"")
        except duckdb.Error:
            _idle.append(self._database)
            raise
        self._cursor = self._database.cursor()
        self._cursor.execute(f'USE "{self._name}"')

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def __enter__(self) -> "DuckDBFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go; what was not committed goes with it."""
        with suppress(duckdb.Error):
            self._cursor.rollback()
        self._cursor.close()
        self._database.execute(f'DETACH "{self._name}"')
        _idle.append(self._database)
