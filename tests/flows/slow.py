"""A load of many small chunks, slow enough to be looked at, and stopped, while it runs."""

import json
import time
from pathlib import Path
from typing import Any

import duckdb

from tests.flows.shell import dmsflow

ROWS = 30_000
SPEC = """\
version: 1
pipeline: events
source: {file: events.parquet}
target: {connection: dwh, table: events, kind: table}
key: [id]
scd: 1
parallel: {workers: 1, chunk_rows: 250, min_rows: 0}
connections: {dwh: "duckdb:///events.duckdb"}
"""
PATIENCE = 90


def write_slow_load(folder: Path) -> Path:
    """Write the spec and its file. Returns the spec's path."""
    with duckdb.connect() as connection:
        rows = f"SELECT i AS id, md5(i::VARCHAR) AS note FROM range({ROWS}) r(i)"
        connection.execute(f"COPY ({rows}) TO '{folder / 'events.parquet'}' (FORMAT parquet)")
    spec = folder / "events.yaml"
    spec.write_text(SPEC)
    return spec


def wait_for_run(spec: Path, cwd: Path) -> dict[str, Any]:
    """The first run that another process sees with a chunk done and one to go, as ``status`` tells it."""
    latest = time.monotonic() + PATIENCE
    while time.monotonic() < latest:
        looked = dmsflow("status", "--format", "json", "--spec", spec, cwd=cwd)
        for run in json.loads(looked.out)["running"] if looked.code == 0 else ():
            if 0 < run["chunks"]["done"] < run["chunks"]["total"]:
                return run
    raise AssertionError("no run was seen while it ran")
