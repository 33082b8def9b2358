"""Law 4 between servers: workers, chunk sizes and the order in which chunks end change nothing but time."""

import random
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dmsflow.model.plan import Transfer
from dmsflow.model.result import RunStatus
from dmsflow.runtime import executor
from tests import extension, postgres
from tests.laws.world import World

COLUMNS = {"a": "integer", "b": "varchar", "v": "varchar"}
KINDS = [
    0,
    1,
    {"type": 2, "deletes": "close"},
    {"type": 1, "deletes": "delete", "duplicates": "last", "order_by": ["v"]},
]

rows = st.lists(
    st.fixed_dictionaries(
        {
            "a": st.integers(-3, 30) | st.sampled_from([2**31 - 1, -(2**31)]),
            "b": st.sampled_from(["", "x", "X", "ä", "zz"]),
            "v": st.sampled_from(["1", "2", None]),
        }
    ),
    max_size=40,
)


def spec(kind: object, parallel: dict) -> dict:
    return {
        "version": 1,
        "pipeline": "parallel",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t"},
        "key": ["a", "b"],
        "scd": kind,
        "parallel": parallel,
        "errors": {"max_rows": 1000},
        "guards": {"min_rows": 0, "max_close_percent": 100},
    }


def load(world: World, kind: object, parallel: dict, extracts: list[list[dict]]) -> tuple:
    """The counts of every run, and what the tables hold at the end, but for the times."""
    counts = []
    for extract in extracts:
        world.write_source(extract, COLUMNS)
        report = world.apply(spec(kind, parallel))
        assert report.status is RunStatus.SUCCEEDED, report
        counts.append(report.rows)
    current = ", is_current" if isinstance(kind, dict) and kind["type"] == 2 else ""
    rejects = world.read("SELECT row_key, reason, count(*) FROM dmsflow_reject GROUP BY 1, 2 ORDER BY 1, 2")
    return counts, sorted(world.read(f"SELECT a, b, v{current} FROM t"), key=repr), rejects


ROADS = [Transfer.IN_PLACE, Transfer.COPY, Transfer.ARROW, pytest.param(Transfer.ATTACH, marks=extension.needed)]


@pytest.mark.parametrize("road", ROADS)
def test_parallelism_changes_nothing_but_time(road: Transfer, monkeypatch) -> None:
    chunk = executor.load_chunk
    target = "postgresql"
    if road is Transfer.ATTACH:
        extension.always(monkeypatch)
        target = "duckdb"

    def at_any_time(*args):
        time.sleep(random.random() / 100)
        return chunk(*args)

    @settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.sampled_from(KINDS), st.integers(1, 12), st.integers(2, 5), st.lists(rows, min_size=2, max_size=3))
    def check(kind, chunk_rows, workers, extracts) -> None:
        parallel = {"min_rows": 0, "chunk_rows": chunk_rows, "workers": workers}
        with tempfile.TemporaryDirectory() as folder:
            for name in ("one", "many"):
                Path(folder, name).mkdir()
            one = World(Path(folder, "one"), "duckdb", "duckdb")
            expected = load(one, kind, {"workers": 1, "min_rows": 10**6}, extracts)
            with monkeypatch.context() as patched:
                patched.setattr(executor, "load_chunk", at_any_time)
                many = World(Path(folder, "many"), "postgresql", target, transfer=road)
                assert load(many, kind, parallel, extracts) == expected
        postgres.give_back()

    check()
