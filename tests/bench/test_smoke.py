"""The bench runs, and both programs leave the same target behind."""

import json
from pathlib import Path

import psycopg
import pytest

from ci.bench.__main__ import main
from ci.bench.pairs import PAIRS
from ci.bench.server import open_server
from tests.postgres import server_url


@pytest.mark.parametrize("name", ["csv", "postgresql"])
def test_both_programs_load_the_same(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    if PAIRS[name].needs_server:
        monkeypatch.setenv("DMSFLOW_TEST_POSTGRES", server_url())
    written = tmp_path / "figures.json"
    words = ["--rows", "1000", "--pairs", name, "--types", "2", "--repeats", "1", "--no-starts"]
    assert main([*words, "--folder", str(tmp_path), "--json", str(written)]) == 0
    loads = json.loads(written.read_text())["loads"]
    assert [load["load"] for load in loads] == ["L1", "L2", "L3"]
    assert all(load["by_hand"]["seconds"] > 0 and load["dmsflow"]["peak_mib"] > 0 for load in loads)
    assert "ratio" in capsys.readouterr().out


def test_a_server_of_its_own_works_and_ends(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DMSFLOW_TEST_POSTGRES", raising=False)
    with open_server(None) as server:
        before = server.cpu_seconds()
        with psycopg.connect(server.url) as connection:
            connection.execute("SELECT count(md5(i::text)) FROM generate_series(1, 200_000) AS i")
            assert server.cpu_seconds() > before
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url)
