"""A sound history verifies as equal, and every broken law of its intervals is found (law 18)."""

import os
from pathlib import Path

import pytest

from dmsflow.processes import this_host
from tests.laws.lab import Lab
from tests.laws.verified import found, verify

ENGINES = ("duckdb", "sqlite", "postgresql")

TYPE2 = {
    "key": ["id"],
    "scd": {"type": 2, "deletes": "close"},
    "columns": {"id": {}, "a": {}, "b": {"scd": 1}},
    "target": {"unique_index": "never"},
}


ABC = "(1, 'a', 'x'), (2, 'b', 'y'), (3, 'c', 'z')"


@pytest.fixture
def history(tmp_path: Path, request: pytest.FixtureRequest) -> Lab:
    """A type 2 table after two runs: 1 unchanged, 2 changed, 3 gone, 4 new."""
    lab = Lab(tmp_path, "duckdb", getattr(request, "param", "duckdb"))
    lab.make(
        "CREATE TABLE s (id INTEGER, a TEXT, b TEXT)",
        "INSERT INTO s VALUES (1, 'a', 'x'), (2, 'b', 'y'), (3, 'c', 'z')",
    )
    assert lab.apply(**TYPE2).code == 0
    lab.make("UPDATE s SET a = 'B' WHERE id = 2", "DELETE FROM s WHERE id = 3", "INSERT INTO s VALUES (4, 'd', NULL)")
    ran = lab.apply(**TYPE2, guards={"max_close_percent": 90})
    assert ran.code == 0, ran.err
    return lab


@pytest.mark.parametrize("history", ENGINES, indirect=True)
def test_a_sound_history_is_equal_and_every_broken_law_is_found(history: Lab):
    clean = found(verify(history, **TYPE2))
    assert clean["verdict"] == "equal"
    assert clean["history"] == {"versions": 5, "keys": 4, "gaps": 0, "broken": {}, "violations": []}
    time = "TEXT" if history.engines["target"] == "sqlite" else "TIMESTAMP"
    started = "'2001-01-01 00:00:00.000000'"
    rest = "id, a, b, valid_to, is_current, inserted_at, modified_at"
    history.make(
        f"INSERT INTO t (valid_from, {rest}) SELECT CAST({started} AS {time}), {rest} FROM t WHERE id = 1",
        "UPDATE t SET valid_to = '2000-01-01 00:00:00.000000' WHERE id = 2 AND NOT is_current",
        "UPDATE t SET valid_to = '2100-01-01 00:00:00.000000' WHERE id = 4",
        "UPDATE t SET valid_to = '9999-12-31 00:00:00.000000' WHERE id = 3",
        side="target",
    )
    history.make("DROP TABLE s")
    ran = verify(history, "--history-only", **TYPE2)
    broken = found(ran)
    assert (ran.code, broken["verdict"], broken["rows"]) == (3, "different", None)
    assert broken["history"]["broken"] == {
        "current_twice": 1, "inverted": 1, "closed_current": 1, "open_not_current": 1,
    }  # fmt: skip
    assert broken["history"]["gaps"] == 1
    told = {v["law"]: v for v in broken["history"]["violations"]}
    assert told["current_twice"]["key"] == {"id": "1"}
    assert told["current_twice"]["version"]["valid_from"].startswith("2001-01-01 00:00:00")
    assert told["current_twice"]["next"]["is_current"] == "true"
    assert told["inverted"]["key"] == {"id": "2"}


def test_overlapping_and_repeated_versions_are_found(history: Lab):
    history.make(
        "UPDATE t SET valid_to = valid_to + INTERVAL 1 HOUR WHERE id = 2 AND NOT is_current",
        "INSERT INTO t SELECT * REPLACE (FALSE AS is_current, '2100-01-01' AS valid_to) FROM t WHERE id = 1",
        "ALTER TABLE t ALTER valid_from DROP NOT NULL",
        "UPDATE t SET valid_from = NULL WHERE id = 4",
        side="target",
    )
    assert found(verify(history, "--history-only", **TYPE2))["history"]["broken"] == {
        "no_start": 1, "repeated": 1, "overlap": 1,
    }  # fmt: skip


def test_of_a_history_the_current_versions_are_compared(history: Lab):
    history.make("UPDATE t SET a = 'Q' WHERE NOT is_current", side="target")
    assert verify(history, **TYPE2).code == 0
    history.make("UPDATE t SET a = 'Q', b = 'Q' WHERE id = 2 AND is_current", side="target")
    [told] = found(verify(history, **TYPE2))["rows"]["differences"]
    assert told == {
        "kind": "different", "key": {"id": "2"}, "expected": {"a": "B", "b": "y"}, "actual": {"a": "Q", "b": "Q"},
    }  # fmt: skip


def test_a_run_that_is_at_work_is_told(history: Lab):
    assert found(verify(history, **TYPE2))["loading"] is None
    holder = f"'t', 'other', 'p', '{this_host()}', {os.getpid()}, now(), now()"
    history.make(f"INSERT INTO dmsflow_lease VALUES ({holder})", side="target")
    for words in ([], ["--history-only"]):
        assert "t is being loaded by run other" in found(verify(history, *words, **TYPE2))["loading"]
    assert "what differs may be on its way" in history.run("verify", history.spec(**TYPE2)).out
