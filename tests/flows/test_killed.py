"""Loads with history and lookups, killed amid their chunks: the next apply ends them as if nothing had happened."""

import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import duckdb
import pytest
import yaml

from tests.flows.shell import apply, ask, start_dmsflow

CHUNKS, ROWS, PATIENCE = 8, 160, 60
SPLIT = {"workers": 1, "chunk_rows": ROWS // CHUNKS, "min_rows": 0}
CONNECTIONS = {"src": "duckdb:///src.duckdb", "dwh": "duckdb:///dwh.duckdb"}

CUSTOMERS = f"""
CREATE TABLE s AS SELECT i AS k, 'c' || i % 7 AS city, 'm' || i AS mail, 'r' || i % 3 AS region, i % 5 AS class,
    TIMESTAMP '2024-01-01' AS at FROM range({ROWS}) r (i)
"""
CHANGES = """
UPDATE s SET city = CASE WHEN k % 3 = 0 THEN 'new' ELSE city END, mail = CASE WHEN k % 4 = 0 THEN 'new' ELSE mail END,
    region = CASE WHEN k % 5 = 0 THEN 'new' ELSE region END, "at" = TIMESTAMP '2024-02-01'
"""
ORDERS = f"""
CREATE TABLE f AS SELECT i AS id, (i * 7) % ({ROWS} + 40) AS k, TIMESTAMP '2023-12-30' + INTERVAL (i % 60) DAY AS at
FROM range({ROWS}) r (i)
"""


def dimension(key: dict, **more) -> dict:
    """A spec of types 1, 2, 3 and 6, whose keys are made of the rows, with an unknown member."""
    [name] = key
    columns = {**key, "city": {}, "mail": {"scd": 1, "type1": "all"}, "region": {"scd": 3}}
    member = {name: -1, "city": "unknown"}
    uuid = {"surrogate_key": {"column": "sk", "from": "uuid"}}
    return {
        "version": 1,
        "pipeline": "d",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "d", "kind": "dimension", **more.pop("target", {})},
        "key": [name],
        "columns": columns | more.pop("columns", {}),
        "scd": {"type": 2, "effective_at": "at", "unknown_member": member, "fields": uuid},
    }


FIRST = dimension({"k": {"type": "integer"}})
EVOLVED = dimension(
    {"no": {"from": "k", "was": "k", "type": "bigint"}},
    target={"evolve": {"add": "apply", "retype": "widen"}},
    columns={"class": {}},
)
LOOKUP = {"dimension": "d", "key": {"no": "k"}, "fields": {"surrogate_key": "sk"}}
FACTS = {
    "version": 1,
    "pipeline": "f",
    "source": {"connection": "src", "table": "f"},
    "target": {"connection": "dwh", "table": "f", "kind": "fact"},
    "key": ["id"],
    "columns": {
        "id": {},
        "then": {"lookup": LOOKUP | {"as_of": "at"}},
        "now": {"lookup": LOOKUP | {"on_miss": "unknown"}},
    },
    "scd": 1,
    "errors": {"max_rows": ROWS},
}
HISTORY = """
SELECT sk, no, city, mail, region, region_previous, region_since, class, valid_from, valid_to, is_current
FROM d ORDER BY no, valid_from
"""
LOADED = 'SELECT id, "then", "now" FROM f ORDER BY id'
REJECTED = "SELECT row_key, column_name, reason FROM dmsflow_reject WHERE pipeline = 'f' ORDER BY row_key"


def write(folder: Path, spec: dict) -> Path:
    path = folder / f"{spec['pipeline']}.yaml"
    path.write_text(yaml.safe_dump(spec | {"parallel": SPLIT, "connections": CONNECTIONS}, sort_keys=False))
    return path


def change(folder: Path, *statements: str) -> None:
    with duckdb.connect(str(folder / "src.duckdb")) as source:
        for statement in statements:
            source.execute(statement)


def count_chunks(folder: Path, pipeline: str) -> int:
    """How many chunks the ledger knows of the pipeline's latest run."""
    latest = "SELECT run_id FROM run WHERE pipeline = ? ORDER BY started_at DESC LIMIT 1"
    with closing(sqlite3.connect(f"file:{folder / '.dmsflow' / 'ledger.db'}?mode=ro", uri=True)) as ledger:
        return ledger.execute(f"SELECT count(*) FROM chunk WHERE run_id = ({latest})", [pipeline]).fetchone()[0]


def kill_amid_chunks(process: subprocess.Popen[str], count: Callable[[], int]) -> None:
    """Kill it as soon as some of its chunks are done."""
    latest = time.monotonic() + PATIENCE
    while not 1 < count() < CHUNKS and time.monotonic() < latest:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.kill()
    process.communicate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A history that was loaded once, and a source that has changed since."""
    change(tmp_path, CUSTOMERS)
    apply(write(tmp_path, FIRST), cwd=tmp_path)
    change(tmp_path, CHANGES, ORDERS)
    return tmp_path


def test_what_was_killed_ends_as_what_was_not(folder: Path):
    warehouse, before = folder / "dwh.duckdb", folder / "before.duckdb"
    for spec, queries in ((EVOLVED, [HISTORY]), (FACTS, [LOADED, REJECTED])):
        shutil.copy(warehouse, before)
        path = write(folder, spec)
        expected = apply(path, cwd=folder).report
        held = [ask(warehouse, query) for query in queries]
        shutil.copy(before, warehouse)
        kill_amid_chunks(start_dmsflow("apply", path, cwd=folder), partial(count_chunks, folder, spec["pipeline"]))
        resumed = apply(path, cwd=folder)
        assert "resuming run" in resumed.err
        assert (resumed.report["rows"], resumed.report["chunks"]) == (expected["rows"], expected["chunks"])
        assert [ask(warehouse, query) for query in queries] == held
        assert all(held)
