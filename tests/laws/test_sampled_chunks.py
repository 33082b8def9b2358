"""Law 6: large chunks are cut by a sample of the keys, and are even all the same."""

from pathlib import Path

import duckdb

from dmsflow.compiler.compile import compile_plan
from dmsflow.compiler.load import load_spec
from dmsflow.engines.access import open_access
from dmsflow.model.result import RunStatus
from tests.laws.world import World

ROWS = 400_000


def test_a_sample_cuts_as_evenly_as_all_keys(tmp_path: Path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    with duckdb.connect(str(tmp_path / "source.db")) as connection:
        skewed = "CASE WHEN range = 0 THEN 1::BIGINT << 60 ELSE range END"
        connection.execute(f"CREATE TABLE s AS SELECT {skewed} AS k, range % 7 AS v FROM range({ROWS})")
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
    assert (report.chunks.done, report.rows.inserted) == (4, ROWS)
    assert world.read("SELECT count(*), count(DISTINCT k) FROM t") == [(ROWS, ROWS)]
    shares = [int(row[0]) for row in world.read("SELECT rows_read FROM dmsflow_chunk")]
    assert all(70_000 < share < 130_000 for share in shares)
    loaded = load_spec(tmp_path / "sampled.yaml")
    with open_access(loaded.raise_if_rejected(), read_only=True) as access:
        asked = compile_plan(loaded, access).plan.find("find_boundaries")
    assert asked is not None
    assert "TABLESAMPLE" in asked.sql
