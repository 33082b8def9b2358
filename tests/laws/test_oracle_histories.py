"""Law 40: what is compiled for Oracle, run by DuckDB, leaves what the reference model and DuckDB's own SQL leave."""

import re
import tempfile
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from dmsflow.compiler.compile import compile_plan
from dmsflow.compiler.load import load_spec
from dmsflow.model.result import RunStatus
from dmsflow.runtime.apply import apply_plan, new_run_id
from tests.laws.model import Model
from tests.laws.test_histories import DAY, OPEN, Rules, expected, histories, make_spec, stored, whole_key
from tests.laws.world import World, as_instant
from tests.oracle.on_duckdb import open_translated

HURRIED = {"attempts": 10, "first_delay": "10ms", "max_delay": "50ms"}


DATES = re.compile(r", (c|c_previous)(?=,)")


class OracleWorld(World):
    """A world whose target is spoken to in Oracle's words."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "duckdb", "duckdb")
        self.said: set[str] = set()

    def read(self, sql: str) -> list[tuple]:
        """Numbers as they are elsewhere, and Oracle's DATE without its time."""
        rows = super().read(DATES.sub(r", CAST(\1 AS DATE)", sql))
        return [tuple(int(v) if isinstance(v, Decimal) and v == int(v) else v for v in row) for row in rows]

    def apply(self, spec: dict, watchers=(), **settings):
        loaded = load_spec(self.write_spec(spec), settings)
        loaded.raise_if_rejected()
        with open_translated(self.folder) as (access, target):
            plan = compile_plan(loaded, access, self.folder / "plans").plan
            report = apply_plan(plan, access, params={}, run_id=new_run_id(), watchers=watchers)
            self.said |= target.said
            return report


def as_kept(row: dict, key: tuple[str, ...], kind: str) -> dict:
    """A row as Oracle keeps it: a text without a character is NULL, and no key."""
    kept = {name: None if value == "" else value for name, value in row.items()}
    return kept | {"key": tuple(kept[name] for name in key) if kind == "append" else whole_key(kept, key)}


def row(k, word="x", a="one", b="1.10", c=date(2020, 2, 29), d=1.5, at=0, ord=0) -> dict:
    """A row of an extract."""
    values = {
        "k": k,
        "l": word,
        "a": a,
        "b": b and Decimal(b),
        "c": c,
        "d": d,
        "at": DAY + timedelta(days=at),
        "ord": ord,
    }
    return values | {"rank": -1 if ord is None else ord}


EARLY = datetime(1900, 1, 1)
FIRST = [row(1), row(2, a=""), row(3, d="nan"), row(4, b=None), row(None), row(5, word=""), row(6), row(6)]
SECOND = [
    row(1, a="two", at=1),
    row(2, a=None, at=1),
    row(3, d="nan", at=1),
    row(4, b="2.00", at=1),
    row(7, at=1, ord=1),
    row(7, a="last", at=1, ord=2),
    row(8, a="either", at=1),
    row(8, a="or", at=1),
]
THIRD = [row(1, a="two", at=2), row(3, c=None, at=0), row(4, d=-0.0, at=2), row(6, a=None, at=3)]
LOUD = Rules(
    type="2",
    key=("l", "k"),
    policies=("2", "2", "1", "2"),
    deletes="tombstone",
    duplicates="last",
    late="reject",
    effective=True,
    first=None,
    end=OPEN,
)
FIXED = {
    "history by business time, keys buried": (LOUD, False),
    "history from the first day, in chunks": (
        replace(LOUD, key=("k",), deletes="close", duplicates="reject", effective=False, first=EARLY, end=None),
        True,
    ),
    "overwritten and flagged, in chunks": (
        replace(LOUD, type="1", key=("k",), policies=("1", "1", "1", "0"), deletes="flag", effective=False),
        True,
    ),
    "previous values beside shared ones, in chunks": (
        replace(LOUD, key=("k",), policies=("2", "all", "3", "3"), deletes="close", duplicates="reject"),
        True,
    ),
    "appended": (
        replace(LOUD, type="append", policies=("ignore",) * 4, deletes="ignore", duplicates="reject", effective=False),
        False,
    ),
}
"""Rules, and whether the work is cut into chunks."""


@pytest.mark.parametrize("name", FIXED)
def test_a_history_equals_the_model_and_duckdb(name: str, tmp_path: Path) -> None:
    rules, chunked = FIXED[name]
    extracts = [[dict(row) for row in extract] for extract in (FIRST, SECOND, THIRD)]
    for i, extract in enumerate(extracts, start=1):
        for j, each in enumerate(extract):
            each |= {"seq": i * 100 + j} | ({} if rules.duplicates == "last" else {"ord": 0, "rank": 0})
    beside = tmp_path / "beside"
    beside.mkdir()
    parallel = {"min_rows": 0, "chunk_rows": 3, "workers": 2} if chunked else {}
    world = OracleWorld(tmp_path)
    replay(world, World(beside, "duckdb", "duckdb"), rules, parallel, extracts)
    assert any(sql.startswith("MERGE INTO") for sql in world.said) is (rules.type != "append")


def test_random_histories_equal_the_model_and_duckdb(request: pytest.FixtureRequest) -> None:
    """Few, unless more are asked for: each is loaded twice."""
    examples = max(request.config.getoption("--histories") // 10, 1)

    @settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True, database=None
    )
    @given(histories(nan=True))
    def check(history) -> None:
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as beside:
            replay(OracleWorld(Path(folder)), World(Path(beside), "duckdb", "duckdb"), *history)

    check()


def replay(oracle: OracleWorld, duckdb: World, rules, parallel: dict, extracts: list) -> None:
    """Every extract, then the last one once more: that run writes nothing (law 9)."""
    # Workers of a server do not meet, those of DuckDB may: they try again at once.
    model, spec = Model(rules), make_spec(rules, parallel) | {"retry": HURRIED}
    instants: dict[World, list] = {oracle: [], duckdb: []}
    for extract in [*extracts, extracts[-1]]:
        kept = [as_kept(row, rules.key, rules.type) for row in extract]
        reports = {}
        for world, sent in ((oracle, extract), (duckdb, kept)):
            world.write_source(sent)
            reports[world] = world.apply(spec)
            assert reports[world].status is RunStatus.SUCCEEDED, reports[world]
            instants[world].append(as_instant(world.read("SELECT run_at FROM dmsflow_checkpoint")[0][0]))
        counts = model.load(kept, instants[oracle][-1])
        rows = reports[oracle].rows
        got = {name: getattr(rows, name) for name in rows.__slots__}
        assert got == {name: counts[name] for name in got}, extract
        found = {world: stored(world, rules, instants[world]) for world in (oracle, duckdb)}
        assert found[oracle] == expected(model, instants[oracle])
        assert found[oracle] == found[duckdb]
        rejects = oracle.read(f"SELECT count(*) FROM dmsflow_reject WHERE run_id = '{reports[oracle].run_id}'")
        assert rejects == [(rows.rejected,)]
    assert (rows.inserted, rows.versioned, rows.updated, rows.closed, rows.rewritten) == (0, 0, 0, 0, 0)
