"""A full disk is told as such, and is no reason to try again."""

import duckdb
import pytest

from dmsflow.engines.duckdb import judge
from dmsflow.errors import PermanentError


def test_duckdb_does_not_try_a_full_disk_again() -> None:
    said = 'TransactionContext Error: Failed to commit: Could not write file "t.db.wal": No space left on device'
    judged = judge(duckdb.TransactionException(said))
    assert isinstance(judged, PermanentError)
    assert "the disk is full: make room" in str(judged)


def test_sqlite_says_what_to_do_about_a_full_disk(sqlite) -> None:
    sqlite.execute("CREATE TABLE t (v text)")
    sqlite.execute("PRAGMA max_page_count = 2")
    with pytest.raises(PermanentError, match=r"SQLITE_FULL.*make room"):
        sqlite.execute("INSERT INTO t VALUES (:v)", {"v": "x" * 100_000})
