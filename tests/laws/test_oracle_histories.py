"""Law 40: what is compiled for Oracle, run by DuckDB, leaves what the reference model and DuckDB's own SQL leave."""

import tempfile
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from dmsflow.compiler.compile import compile_plan
from dmsflow.compiler.load import load_spec
from dmsflow.model.result import RunStatus
from dmsflow.runtime.apply import apply_plan, new_run_id
from tests.laws.model import Model
from tests.laws.test_histories import expected, histories, make_spec, stored, whole_key
from tests.laws.world import World, as_instant
from tests.oracle.on_duckdb import open_translated


class OracleWorld(World):
    """A world whose target is spoken to in Oracle's words."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "duckdb", "duckdb")
        self.said: set[str] = set()

    def read(self, sql: str) -> list[tuple]:
        """Numbers as they are elsewhere, and Oracle's DATE without its time."""
        rows = super().read(sql.replace(", c, ", ", CAST(c AS DATE) AS c, "))
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


def test_histories_equal_the_model_and_duckdb(request: pytest.FixtureRequest) -> None:
    examples = max(request.config.getoption("--histories") // 3, 1)
    said: set[str] = set()

    @settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True, database=None
    )
    @given(histories(nan=True))
    def check(history) -> None:
        rules, parallel, extracts = history
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as beside:
            worlds = OracleWorld(Path(folder)), World(Path(beside), "duckdb", "duckdb")
            replay(*worlds, rules, parallel, extracts)
        said.update(worlds[0].said)

    check()
    assert said, "nothing was said in Oracle's words"


def replay(oracle: OracleWorld, duckdb: World, rules, parallel: dict, extracts: list) -> None:
    """Every extract, then the last one once more: that run writes nothing (law 9)."""
    model, spec = Model(rules), make_spec(rules, parallel)
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
    assert (rows.inserted, rows.versioned, rows.updated, rows.closed) == (0, 0, 0, 0)
