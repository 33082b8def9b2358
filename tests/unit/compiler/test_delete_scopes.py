"""A scope of deletes where absence says nothing."""

from pathlib import Path

from dmsflow.compiler.load import load_spec

FEED = """
version: 1
pipeline: orders
source: {connection: wh, table: s, grain: changes, op: {column: op_code, insert: I, update: U, delete: D}}
target: {connection: wh, table: t}
key: [order_id]
scd: {type: 2, effective_at: changed_at, deletes: {mode: close, scope: {partition: [country]}}}
connections: {wh: "duckdb:///warehouse.duckdb"}
"""


def test_a_feed_has_no_scope(tmp_path: Path):
    spec = tmp_path / "orders.yaml"
    spec.write_text(FEED, encoding="utf-8")
    (problem,) = load_spec(spec).diagnostics
    assert (problem.code, problem.path) == ("DMS276", ("scd", "deletes", "scope"))
    assert "a scope looks at a snapshot" in problem.message
