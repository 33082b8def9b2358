"""A saved plan that breaks off is resumed, not begun again: no row is loaded twice."""

import json
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner, Result

from dmsflow.cli.app import app
from dmsflow.errors import PermanentError
from dmsflow.runtime import executor

SPEC = """\
version: 1
pipeline: events
source: {connection: src, table: events}
target: {connection: dwh, table: events}
scd: append
key: [event_id]
checkpoint: {columns: [event_id]}
parallel: {min_rows: 0, chunk_rows: 10, workers: 1}
connections: {src: "duckdb:///source.db", dwh: "duckdb:///target.db"}
"""


def call(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--log-file", "none", *words], env={"COLUMNS": "200"})


def make_events(folder: Path, first: int, last: int) -> None:
    with duckdb.connect(str(folder / "source.db")) as source:
        source.execute("create table if not exists events (event_id bigint)")
        source.execute("insert into events select i from range(?, ?) t(i)", [first, last + 1])


def count_events(folder: Path) -> tuple[int, int]:
    with duckdb.connect(str(folder / "target.db"), read_only=True) as target:
        rows, distinct = target.execute("select count(*), count(distinct event_id) from events").fetchall()[0]
        return rows, distinct


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plan of five chunks that has broken off in its third."""
    (tmp_path / "events.yaml").write_text(SPEC, encoding="utf-8")
    make_events(tmp_path, 1, 1)
    assert call(tmp_path, "apply", str(tmp_path / "events.yaml")).exit_code == 0
    make_events(tmp_path, 2, 50)
    assert call(tmp_path, "plan", str(tmp_path / "events.yaml"), "--out", str(tmp_path / "plan.json")).exit_code == 0
    load = executor.load_chunk

    def failing(run, chunk, clock, finish=None):
        if chunk.number == 3:
            raise PermanentError("the source went away")
        return load(run, chunk, clock, finish)

    with monkeypatch.context() as broken:
        broken.setattr(executor, "load_chunk", failing)
        assert call(tmp_path, "apply", str(tmp_path / "plan.json")).exit_code == 3
    assert count_events(tmp_path) == (21, 21)
    return tmp_path


def test_a_saved_plan_goes_on_where_it_broke_off(folder: Path):
    result = call(folder, "apply", str(folder / "plan.json"))
    assert result.exit_code == 0
    assert "2 of 5 chunks are loaded" in result.stderr
    assert count_events(folder) == (50, 50)


def test_another_plan_does_not_append_its_chunks_again(folder: Path):
    spec = folder / "events.yaml"
    assert call(folder, "plan", str(spec), "--out", str(folder / "other.json")).exit_code == 0
    make_events(folder, 51, 60)
    assert call(folder, "plan", str(spec), "--out", str(folder / "other.json")).exit_code == 0
    for words in (("apply", str(folder / "other.json")), ("apply", str(folder / "plan.json"), "--restart")):
        result = call(folder, *words)
        assert result.exit_code == 3
        assert "would be inserted twice" in result.stdout
    assert count_events(folder) == (21, 21)
    assert call(folder, "apply", str(spec)).exit_code == 0
    assert call(folder, "apply", str(spec)).exit_code == 0
    assert count_events(folder) == (60, 60)


def test_a_saved_plan_keeps_its_parameters(tmp_path: Path):
    make_events(tmp_path, 1, 9)
    params = "least: {type: bigint}, most: {type: bigint, default: null}, all: {type: boolean, default: true}"
    where = '"event_id >= ${param:least} and (${param:all} or event_id <= ${param:most})"'
    text = SPEC.replace("src, table: events", f"src, table: events, where: {where}")
    spec = tmp_path / "events.yaml"
    spec.write_text(f"params: {{{params}}}\n{text}", encoding="utf-8")
    plan = str(tmp_path / "plan.json")
    for inserted in (6, 0, 0):
        assert call(tmp_path, "plan", str(spec), "--set", "least=4", "--out", plan).exit_code == 0
        result = call(tmp_path, "apply", plan, "--format", "json")
        assert (result.exit_code, result.stderr) == (0, "")
        assert json.loads(result.stdout)["rows"]["inserted"] == inserted
