"""Law 33: what DuckDB says is judged as worth another try, or not."""

import duckdb
import pytest

from dmsflow.engines.duckdb import judge
from dmsflow.errors import DatabaseError, PermanentError, TransientError

FULL = 'TransactionContext Error: Failed to commit: Could not write file "t.duckdb.wal": No space left on device'
CONFLICT = "TransactionContext Error: Failed to commit: write-write conflict on key"


@pytest.mark.parametrize(("said", "judged"), [(FULL, PermanentError), (CONFLICT, TransientError)])
def test_a_commit_that_failed_is_judged_by_its_reason(said: str, judged: type[DatabaseError]) -> None:
    assert type(judge(duckdb.TransactionException(said))) is judged
