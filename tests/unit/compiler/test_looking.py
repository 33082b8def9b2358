"""A survey looks, and leaves nothing behind."""

from pathlib import Path

import pytest

from tests.unit.compiler.test_table_rules import HEAD, SOURCE, find_problems


@pytest.mark.parametrize("engine", ["duckdb", "sqlite"])
def test_a_look_at_a_target_that_is_not_there_makes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
):
    monkeypatch.chdir(tmp_path)
    spec = HEAD.replace("duckdb:///target.db", f"{engine}:///elsewhere/target.db")
    assert find_problems(tmp_path, SOURCE, "", spec) == ()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["orders.yaml", "source.db", "target.db"]
