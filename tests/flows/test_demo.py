"""The demo: three snapshots of the world's airports, with the numbers that were counted independently."""

import sys
from pathlib import Path

import pytest

from tests.flows.shell import Ran, apply, ask, copy_pipelines, dmsflow, execute

LOADS = (
    {"read": 28_185, "inserted": 28_185},
    {"read": 28_258, "inserted": 77, "versioned": 126, "unchanged": 28_055, "closed": 4},
    {"read": 28_298, "inserted": 689, "versioned": 12_704, "unchanged": 14_905, "closed": 649},
)
VERSIONS = 28_185 + 77 + 126 + 689 + 12_704


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_pipelines(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def demo(pipelines: Path) -> Ran:
    return execute(sys.executable, pipelines / "demo.py", cwd=pipelines.parent.parent)


def read_loads(pipelines: Path) -> list[dict[str, int]]:
    runs = dmsflow("runs", "--format", "json", cwd=pipelines).report
    return [{name: count for name, count in run["rows"].items() if count} for run in reversed(runs)]


def test_its_loads_have_the_known_numbers(demo: Ran, pipelines: Path):
    assert demo.code == 0, demo.err
    assert read_loads(pipelines)[:3] == list(LOADS)


def test_it_shows_what_it_did(demo: Ran):
    lines = [line.split() for line in demo.out.splitlines()]
    for load in LOADS:
        shown = [f"{load.get(name, 0):,}" for name in ("read", "inserted", "versioned", "updated", "unchanged")]
        assert [*shown, "0", "0", f"{load.get('closed', 0):,}"] in lines
    assert f"{VERSIONS:,} versions of 28,951 airports, 28,298 of them current" in demo.out


def test_it_shows_an_airport_that_changed_one_that_appeared_and_one_that_vanished(demo: Ran):
    versions = [line.split() for line in demo.out.splitlines() if line.endswith((" yes", " no"))]
    assert [(line[0], line[-1]) for line in versions] == [
        ("FLND", "no"),
        ("FLND", "no"),
        ("FLND", "yes"),
        ("YSWS", "yes"),
        ("EGCN", "no"),
    ]


def test_the_history_in_the_table_is_sound(demo: Ran, pipelines: Path):
    assert demo.code == 0
    warehouse = pipelines / "warehouse.duckdb"
    history = "SELECT *, lead(valid_from) OVER (PARTITION BY icao ORDER BY valid_from) AS following FROM dim_airport"
    assert ask(warehouse, "SELECT count(*) FROM dim_airport") == [(VERSIONS,)]
    assert ask(warehouse, "SELECT count(DISTINCT dim_airport_sk) FROM dim_airport") == [(VERSIONS,)]
    assert ask(warehouse, "SELECT count(*), count(DISTINCT icao) FROM dim_airport WHERE is_current") == [
        (28_298, 28_298)
    ]
    assert ask(warehouse, f"FROM ({history}) WHERE following < valid_to OR valid_from >= valid_to") == []


def test_a_fourth_load_writes_nothing(demo: Ran, pipelines: Path):
    assert demo.code == 0
    before = ask(pipelines / "warehouse.duckdb", "FROM dim_airport ORDER BY dim_airport_sk")
    assert apply("dim_airport.yaml", cwd=pipelines).rows == {"read": 28_298, "unchanged": 28_298}
    assert ask(pipelines / "warehouse.duckdb", "FROM dim_airport ORDER BY dim_airport_sk") == before


def test_a_day_without_a_snapshot_is_refused(demo: Ran, pipelines: Path):
    assert demo.code == 0
    ran = dmsflow("apply", "dim_airport.yaml", "--set", "day=2027-01-01", cwd=pipelines)
    assert (ran.code, "guards.min_rows" in ran.out) == (3, True), ran.out
    assert ask(pipelines / "warehouse.duckdb", "SELECT count(*) FROM dim_airport") == [(VERSIONS,)]


def test_a_second_demo_starts_anew(demo: Ran, pipelines: Path):
    assert demo.code == 0
    assert execute(sys.executable, pipelines / "demo.py", cwd=pipelines).code == 0
    assert read_loads(pipelines) == list(LOADS)
