"""A connection becomes an address: references are resolved everywhere, and shown nowhere."""

from pathlib import Path

import pytest

from dmsflow.compiler.document import parse_text
from dmsflow.compiler.load import load_document
from dmsflow.engines.address import resolve
from dmsflow.events import forget_secrets, redact

SPEC = """\
version: 1
pipeline: orders
source: {file: orders.parquet}
target: {connection: wh, table: orders}
key: [id]
scd: 1
connections:
  wh: {url: "duckdb:///wh.duckdb", options: {api_token: "${env:WH_TOKEN}", note: "from ${file:note.txt}", threads: 2}}
"""


def test_options_hold_references_like_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WH_TOKEN", "hunter2")
    (tmp_path / "note.txt").write_text("afar\n")
    loaded = load_document(parse_text(SPEC, str(tmp_path / "orders.yaml")))
    assert loaded.diagnostics == ()
    connection = loaded.raise_if_rejected().connection("wh")
    try:
        address = resolve(connection)
        assert dict(address.options) == {"api_token": "hunter2", "note": "from afar", "threads": 2}
        assert redact("hunter2") == "***"
    finally:
        forget_secrets()
    assert "hunter2" not in repr((connection, address))
