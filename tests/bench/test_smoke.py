"""The bench runs, and both programs leave the same target behind."""

import json
from pathlib import Path

import pytest

from ci.bench.__main__ import main


@pytest.mark.parametrize("kind", ["duckdb", "parquet", "csv"])
def test_both_programs_load_the_same(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    written = tmp_path / "figures.json"
    words = ["--rows", "1000", "--pairs", kind, "--types", "2", "--repeats", "1", "--no-starts"]
    assert main([*words, "--folder", str(tmp_path), "--json", str(written)]) == 0
    loads = json.loads(written.read_text())["loads"]
    assert [load["load"] for load in loads] == ["L1", "L2", "L3"]
    assert all(load["by_hand"]["seconds"] > 0 and load["dmsflow"]["peak_mib"] > 0 for load in loads)
    assert "ratio" in capsys.readouterr().out
