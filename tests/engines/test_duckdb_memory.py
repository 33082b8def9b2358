"""Law 39: a DuckDB file holds a bounded part of itself in memory, unless its options say another bound."""

from pathlib import Path

import pytest

from dmsflow.engines.duckdb import DuckDBEngine
from dmsflow.engines.duckdb_words import read_mebibytes


def limit_of(path: Path, options: dict[str, str]) -> float:
    engine = DuckDBEngine(str(path), options)
    try:
        return read_mebibytes(str(engine.connect().fetch("SELECT current_setting('memory_limit')")[0][0]))
    finally:
        engine.close()


def test_memory_is_bounded_by_the_cores_not_by_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {}
    for cores in (2, 4):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        found[cores] = limit_of(tmp_path / "t.duckdb", {})
    assert found == {2: 360, 4: 640}


def test_the_options_of_a_connection_come_first(tmp_path: Path) -> None:
    assert limit_of(tmp_path / "t.duckdb", {"memory_limit": "300MiB"}) == 300


@pytest.mark.parametrize(
    ("text", "mebibytes"), [("18.6 GiB", 19046.4), ("450.0 MiB", 450), ("512 KiB", 0.5), ("1 TiB", 2**20), ("all", 0)]
)
def test_sizes_are_read_in_the_words_of_duckdb(text: str, mebibytes: float) -> None:
    assert read_mebibytes(text) == pytest.approx(mebibytes)
