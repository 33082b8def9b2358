"""Laws 7, 8, 31 of feeds: refused rows, chunks that are killed, and deliveries that come twice."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dmsflow.errors import PermanentError
from dmsflow.model.result import RunStatus
from dmsflow.runtime import worker
from tests.laws.lab import Lab
from tests.laws.test_feed_cases import ALL_TWO, observe
from tests.laws.test_feeds import COLUMNS, Rules, expected, load, make_spec, stored
from tests.laws.world import World

PAIRS = [("duckdb", "duckdb"), ("duckdb", "sqlite"), ("postgresql", "postgresql")]
START = datetime(2020, 1, 1)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_version_that_the_target_refuses_is_a_reject_and_its_neighbours_meet(tmp_path, source, target) -> None:
    lab = Lab(tmp_path, source, target)
    lab.make("CREATE TABLE s (id integer, v varchar(10), ts timestamp)")
    rows = [(1, "a", 1), (1, "bad", 2), (1, "c", 3), (2, "a", 1), (2, "bad", 4)]
    values = ", ".join(f"({key}, '{value}', '{START + timedelta(days=day)}')" for key, value, day in rows)
    lab.make(f"INSERT INTO s VALUES {values}")
    lab.make(
        "CREATE TABLE t (id integer, v varchar(10) CHECK (v <> 'bad'), valid_from timestamp, valid_to timestamp, "
        "is_current boolean, inserted_at timestamp, modified_at timestamp)",
        side="target",
    )
    outcome = lab.apply(
        key=["id"],
        scd={"type": 2, "effective_at": "ts"},
        source={"grain": "changes"},
        columns={"id": {}, "v": {}},
        errors={"max_rows": 5},
    )
    counts = {name: count for name, count in outcome.rows.items() if count}
    assert (outcome.code, counts) == (0, {"read": 5, "inserted": 2, "versioned": 1, "rejected": 2})
    found = lab.read("SELECT id, v, valid_to < '9999-01-01' FROM t ORDER BY id, valid_from")
    assert [(key, value) for key, value, ended in found if ended] == [(1, "a")]
    assert [(key, value) for key, value, ended in found if not ended] == [(1, "c"), (2, "a")]
    assert {json.loads(key)["id"] for (key,) in lab.read("SELECT row_key FROM dmsflow_reject")} == {1, 2}


@pytest.mark.parametrize("target", ["duckdb", "sqlite", "postgresql"])
def test_a_chunk_that_broke_off_leaves_nothing_behind_in_the_memory(tmp_path: Path, target: str, monkeypatch) -> None:
    """Versions, memory and mark commit together: a chunk that broke off is loaded by the next run as if it were new."""
    rules = Rules(policies=ALL_TWO, parallel={"min_rows": 0, "chunk_rows": 2, "workers": 1})
    world, spec = World(tmp_path, "duckdb", target), make_spec(rules)
    first = [observe(key, day, value) for key in (1, 2, 3) for day, value in ((1, "a"), (5, "b"))]
    load(world, spec, first)
    late = [observe(key, 3, "late") for key in (1, 2, 3)]
    world.write_source(late, COLUMNS)
    loading, broken = worker._load, []

    def break_off(run, *values):
        rows = loading(run, *values)
        broken.append(1)
        if len(broken) == 2:
            raise PermanentError("broken off")
        return rows

    with monkeypatch.context() as patch:
        patch.setattr(worker, "_load", break_off)
        assert world.apply(spec).status is RunStatus.PARTIAL
    assert load(world, spec, late).rejected == 0
    assert stored(world, "close") == expected(rules, [*first, *late])
    assert world.read("SELECT count(*) FROM dmsflow_seen_t") == [(9,)]
