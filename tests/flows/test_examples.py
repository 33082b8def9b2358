"""Every example validates, loads, and loads again without writing a row."""

import shutil
import sqlite3
from pathlib import Path

import duckdb
import pytest

from tests.flows.shell import PIPELINES, apply, ask, copy_pipelines, dmsflow

IN_ORDER = ("dim_airport", "fact_flight", "mart_route", "airport", "dim_store")
WRITES = {"inserted", "versioned", "updated", "closed", "rewritten", "rejected"}
DAYS = ("2024-04-09", "2025-02-24", "2026-09-05")


@pytest.fixture
def pipelines(tmp_path: Path) -> Path:
    return copy_pipelines(tmp_path)


def test_every_example_is_run_here():
    found = {path.stem for path in PIPELINES.glob("*.yaml")} - {"connections"}
    assert found == {*IN_ORDER, "dim_subscription", "fact_payment"}


def test_every_example_validates_without_a_word():
    ran = dmsflow("validate", PIPELINES, cwd=PIPELINES)
    assert (ran.code, ran.err) == (0, "")
    assert "no errors, no warnings" in ran.out


def test_every_example_runs_twice_and_writes_once(pipelines: Path):
    for name in IN_ORDER:
        planned = dmsflow("plan", f"{name}.yaml", cwd=pipelines)
        assert planned.code == 0, planned.err
        first = apply(f"{name}.yaml", cwd=pipelines)
        assert first.rows["inserted"] == first.rows["read"] > 0
        second = apply(f"{name}.yaml", cwd=pipelines)
        assert not WRITES & second.rows.keys(), name
        verified = dmsflow("verify", f"{name}.yaml", cwd=pipelines)
        assert verified.code == 0, verified.out + verified.err
    mart = "SELECT sum(flights), count(destination_name) > 0.9 * count(*) FROM mart_route"
    assert ask(pipelines / "warehouse.duckdb", mart) == [(6_099, True)]


def test_a_feed_leaves_one_history_whatever_comes_first(pipelines: Path):
    """Its months in order, and the later one first: one of its rows is a month late, and finds its place in both."""
    versions = "SELECT * EXCLUDE (dim_subscription_sk, inserted_at, modified_at) FROM dim_subscription ORDER BY ALL"
    found = []
    for months in (("2026-03-01", "2026-04-01"), ("2026-04-01", "2026-03-01")):
        (pipelines / "warehouse.duckdb").unlink(missing_ok=True)
        for month in months:
            assert apply("dim_subscription.yaml", "--set", f"month={month}", cwd=pipelines).code == 0
        assert not WRITES & apply("dim_subscription.yaml", cwd=pipelines).rows.keys()
        found.append(ask(pipelines / "warehouse.duckdb", versions))
    assert found[0] == found[1] and len(found[0]) == 9


def test_a_payment_has_the_plan_that_it_paid_for(pipelines: Path):
    for month in ("2026-03-01", "2026-04-01"):
        assert apply("dim_subscription.yaml", "--set", f"month={month}", cwd=pipelines).code == 0
    assert apply("fact_payment.yaml", cwd=pipelines).rows["inserted"] == 7
    assert not WRITES & apply("fact_payment.yaml", cwd=pipelines).rows.keys()
    plans = "SELECT plan FROM fact_payment JOIN dim_subscription ON subscription_sk = dim_subscription_sk ORDER BY ALL"
    found = [plan for (plan,) in ask(pipelines / "warehouse.duckdb", plans)]
    assert found == ["basic", "pro", "team", "team", "trial", "unknown", "unknown"]
    assert dmsflow("verify", "fact_payment.yaml", cwd=pipelines).code == 0


def test_flights_are_loaded_as_their_files_arrive(pipelines: Path, tmp_path: Path):
    drop, waiting = pipelines / "data" / "flights", tmp_path / "waiting"
    drop.rename(waiting)
    drop.mkdir()
    loaded = 0
    for file in sorted(waiting.glob("*.parquet")):
        shutil.move(file, drop)
        ran = apply("fact_flight.yaml", cwd=pipelines)
        assert ran.rows["read"] == ran.rows["inserted"]
        loaded += ran.rows["inserted"]
        assert ask(pipelines / "warehouse.duckdb", "SELECT count(*) FROM fact_flight") == [(loaded,)]
    assert loaded == 6_099
    assert apply("fact_flight.yaml", cwd=pipelines).rows == {}
    twice = "SELECT count(*) FROM fact_flight GROUP BY departure_hour, origin, carrier, flight HAVING count(*) > 1"
    assert ask(pipelines / "warehouse.duckdb", twice) == []


def test_the_table_in_sqlite_equals_the_newest_snapshot(pipelines: Path):
    for day in DAYS:
        apply("airport.yaml", "--set", f"day={day}", cwd=pipelines)
    with sqlite3.connect(pipelines / "lookup.sqlite") as connection:
        stored = connection.execute("SELECT icao, iata, name, country FROM airport ORDER BY icao").fetchall()
    newest = pipelines / "data" / "airports" / f"{DAYS[-1]}.csv.gz"
    given = f"SELECT icao, nullif(iata, ''), name, country FROM read_csv('{newest}', all_varchar=true) ORDER BY icao"
    with duckdb.connect() as connection:
        assert [(icao, iata or None, *rest) for icao, iata, *rest in stored] == connection.execute(given).fetchall()
