"""What is expected of a feed, and of a source that marks its deleted rows: the last row of a key that is there."""

from pathlib import Path

import pytest

from tests.laws.lab import Lab
from tests.laws.verified import counts, verify, verify_after

FEED = {
    "source": {"grain": "changes", "op": {"column": "op", "insert": "I", "update": "U", "delete": "D"}},
    "key": ["id"],
    "columns": {"id": {}, "name": {}},
    "scd": {"type": 2, "effective_at": "moment", "order_by": ["n"], "deletes": "close"},
}
CHANGES = """
    (1, 'a', TIMESTAMP '2024-01-01', 1, 'I'), (1, 'b', TIMESTAMP '2024-01-02', 2, 'U'),
    (1, 'c', TIMESTAMP '2024-01-02', 3, 'U'), (2, 'a', TIMESTAMP '2024-01-01', 1, 'I'),
    (2, NULL, TIMESTAMP '2024-01-03', 2, 'D'), (3, 'a', TIMESTAMP '2024-01-01', 1, 'I')
"""


@pytest.mark.parametrize("target", ["duckdb", "sqlite"])
def test_the_last_row_of_a_key_in_a_feed_is_expected_where_it_is_no_delete(tmp_path: Path, target: str):
    lab = Lab(tmp_path, "duckdb", target)
    lab.make(
        "CREATE TABLE s (id int, name varchar, moment timestamp, n int, op varchar)", f"INSERT INTO s VALUES {CHANGES}"
    )
    outcome = verify_after(lab, FEED)
    assert (outcome.code, counts(outcome)) == (0, {"expected": 2, "actual": 2}), outcome.told
    lab.make("UPDATE t SET name = 'z' WHERE id = 1 AND valid_to > '9000-01-01'", side="target")
    assert counts(verify(lab, **FEED)) == {"expected": 2, "actual": 2, "different": 1}


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_a_delete_that_is_ignored_takes_no_row_from_what_is_expected(kind: int, tmp_path: Path):
    lab = Lab(tmp_path, "duckdb", "duckdb")
    lab.make(
        "CREATE TABLE s (id int, name varchar, moment timestamp, n int, op varchar)", f"INSERT INTO s VALUES {CHANGES}"
    )
    outcome = verify_after(lab, {**FEED, "scd": {**FEED["scd"], "type": kind, "deletes": "ignore"}})
    assert (outcome.code, counts(outcome)) == (0, {"expected": 3, "actual": 3}), outcome.told


def test_a_row_that_the_source_marks_as_deleted_is_not_expected(tmp_path: Path):
    lab = Lab(tmp_path, "duckdb", "duckdb")
    lab.make("CREATE TABLE s (id int, name varchar, gone varchar)", "INSERT INTO s VALUES (1, 'a', 'N'), (2, 'b', 'N')")
    scope = {"mode": "close", "scope": {"column": "gone", "values": ["Y"]}}
    spec = {"key": ["id"], "columns": {"id": {}, "name": {}}, "scd": {"type": 2, "deletes": scope}}
    assert verify_after(lab, spec).code == 0
    lab.make("UPDATE s SET gone = 'Y' WHERE id = 2")
    outcome = verify_after(lab, spec)
    assert (outcome.code, counts(outcome)) == (0, {"expected": 1, "actual": 1}), outcome.told
