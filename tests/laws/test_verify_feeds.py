"""What is expected of a feed, and of a source that marks its deleted rows: the last row of a key that is there."""

from pathlib import Path

import pytest

from tests.laws.lab import Lab
from tests.laws.verified import counts, found, verify, verify_after

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


SCOPES = [
    ("duckdb", {"where": "part = 'a'"}, [1, 5]),
    ("duckdb", {"partition": ["part"]}, [1, 5, 7]),
    ("duckdb", {"column": "gone", "values": ["Y"]}, [1]),
    ("sqlite", {"where": "part = 'a'"}, [1, 5]),
    ("sqlite", "source", [1, 5, 6, 7]),
    ("postgresql", {"partition": ["part"]}, [1, 5, 7]),
]
"""Where the absence of a key counts, or a mark; and the keys that a run would delete."""


@pytest.mark.parametrize(("target", "scope", "extra"), SCOPES)
def test_a_row_that_a_run_would_delete_is_extra_and_any_other_is_kept(tmp_path: Path, target: str, scope, extra):
    lab = Lab(tmp_path, "duckdb", target)
    lab.make(
        "CREATE TABLE s (id int, part varchar, gone varchar)", "INSERT INTO s VALUES (1, 'a', 'N'), (2, NULL, 'N')"
    )
    scd = {"type": 1, "deletes": {"mode": "delete", "scope": scope}}
    spec = {"key": ["id"], "columns": {"id": {}, "part": {}}, "scd": scd}
    assert verify_after(lab, spec).code == 0
    lab.make("UPDATE s SET gone = 'Y' WHERE id = 1" if "column" in scope else "DELETE FROM s WHERE id = 1")
    lab.make("INSERT INTO s VALUES (3, 'a', 'N'), (4, 'a', 'Y')")
    there = "(3, 'a'), (5, 'a'), (6, 'b'), (7, NULL)" + ("" if "column" in scope else ", (4, 'a')")
    lab.make(f"INSERT INTO t (id, part) VALUES {there}", side="target")
    outcome = verify(lab, **spec)
    told = counts(outcome)
    listed = [int(one["key"]["id"]) for one in found(outcome)["rows"]["differences"] if one["kind"] == "extra"]
    assert (outcome.code, sorted(listed), told["extra"]) == (3, extra, len(extra))
    assert told.get("kept", 0) == told["actual"] - told["expected"] - told["extra"]
    assert all(name in ("expected", "actual", "extra", "kept") for name in told)
    applied = lab.apply(**spec, guards={"max_close_percent": None})
    assert (applied.rows["closed"], applied.code) == (len(extra), 0)


def test_a_key_that_a_feed_says_is_deleted_is_extra_and_one_it_never_named_is_kept(tmp_path: Path):
    lab = Lab(tmp_path, "duckdb", "duckdb")
    lab.make(
        "CREATE TABLE s (id int, name varchar, moment timestamp, n int, op varchar)", f"INSERT INTO s VALUES {CHANGES}"
    )
    assert verify_after(lab, FEED).code == 0
    names = "(id, name, valid_from, valid_to, is_current)"
    for key, start in ((2, "2024-01-01"), (4, "2024-01-01")):
        lab.make(f"INSERT INTO t {names} VALUES ({key}, 'x', '{start}', '9999-12-31', true)", side="target")
    outcome = verify(lab, **FEED)
    assert counts(outcome) == {"expected": 2, "actual": 4, "extra": 1, "kept": 1}
    assert found(outcome)["rows"]["differences"][0]["key"] == {"id": "2"}
    # A delete that is older than the version it meets is late, as for a run.
    lab.make("UPDATE t SET valid_from = '2024-02-01' WHERE id = 2 AND is_current", side="target")
    assert counts(verify(lab, **FEED)) == {"expected": 2, "actual": 4, "late": 1, "kept": 1}


def test_a_key_of_which_the_source_has_only_rejects_stays(tmp_path: Path):
    lab = Lab(tmp_path, "duckdb", "duckdb")
    lab.make("CREATE TABLE s (id int, n int)", "INSERT INTO s VALUES (1, 1), (2, 2), (3, 3)")
    checks, budget = [{"name": "small", "expr": "n < 9"}], {"max_rows": 9}
    spec = {"key": ["id"], "scd": {"type": 2, "deletes": "close"}, "checks": checks, "errors": budget}
    assert verify_after(lab, spec).code == 0
    lab.make("UPDATE s SET n = 9 WHERE id = 1", "INSERT INTO s VALUES (4, 9), (NULL, 1)")
    outcome = verify_after(lab, spec)
    assert (outcome.code, counts(outcome)) == (0, {"expected": 2, "actual": 3, "rejected": 3}), outcome.out
