"""Law 6: large chunks are cut by a sample of the keys, and are even all the same."""

from pathlib import Path

import pytest

from dmsflow.compiler.compile import compile_plan
from dmsflow.compiler.load import load_spec
from dmsflow.engines.access import open_access
from dmsflow.model.result import RunStatus
from tests.laws.world import World

ROWS = 400_000


@pytest.mark.parametrize("source", ["duckdb", "postgresql"])
def test_a_sample_cuts_as_evenly_as_all_keys(source: str, tmp_path: Path) -> None:
    world = World(tmp_path, source, "duckdb")
    with world.open("source") as connection:
        skewed = "CASE WHEN i = 0 THEN 1::BIGINT << 60 ELSE i END"
        numbers = f"(SELECT generate_series AS i FROM generate_series(0, {ROWS - 1})) AS n"
        connection.execute(f"CREATE TABLE s AS SELECT {skewed} AS k, i % 7 AS v FROM {numbers}")
    spec = {
        "version": 1,
        "pipeline": "sampled",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t"},
        "key": ["k"],
        "scd": 1,
        "parallel": {"chunk_rows": 100_000},
    }
    report = world.apply(spec)
    assert report.status is RunStatus.SUCCEEDED
    assert report.rows.inserted == ROWS
    assert report.chunks.done == 4 or source == "postgresql"  # whose planner only expects a number of rows
    assert world.read("SELECT count(*), count(DISTINCT k) FROM t") == [(ROWS, ROWS)]
    shares = [int(row[0]) for row in world.read("SELECT rows_read FROM dmsflow_chunk")]
    # A sample of whole pages is coarser: it holds the rows of few places.
    least, most = (70_000, 130_000) if source == "duckdb" else (20_000, 200_000)
    assert all(least < share < most for share in shares)
    world.release()
    loaded = load_spec(tmp_path / "sampled.yaml")
    with open_access(loaded.raise_if_rejected(), read_only=True) as access:
        asked = compile_plan(loaded, access).plan.find("find_boundaries")
    assert asked is not None
    assert "TABLESAMPLE" in asked.sql
