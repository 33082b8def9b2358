"""Every move of a checkpoint is kept, in the transaction that moves it (law 15)."""

import json

import pytest

from dmsflow.marks.checkpoint import this_user
from tests.laws.lab import Lab

SPEC = {"scd": "append", "checkpoint": {"columns": ["id"]}}
MOVES = "SELECT watermark_before, watermark_after, cause, run_id, changed_by FROM dmsflow_checkpoint_history"


def id_of(written: str | None) -> str | None:
    return json.loads(written)["values"][0]["text"] if written else None


@pytest.mark.parametrize("target", ["duckdb", "sqlite", "postgresql"])
def test_runs_note_from_what_to_what_and_nothing_where_nothing_moved(tmp_path, target):
    lab = Lab(tmp_path, target=target)
    lab.make("CREATE TABLE s AS SELECT i AS id FROM range(10) r(i)")
    first = lab.apply(**SPEC).report["run_id"]
    assert lab.apply(**SPEC).rows["read"] == 0
    lab.make("INSERT INTO s VALUES (10), (11)")
    second = lab.apply(parallel={"min_rows": 0, "chunk_rows": 1}, **SPEC).report["run_id"]
    moves = lab.read(f"{MOVES} ORDER BY changed_at")
    assert [(id_of(before), id_of(after), *rest) for before, after, *rest in moves] == [
        (None, "9", "run", first, this_user()),
        ("9", "11", "run", second, this_user()),
    ]


def test_a_pipeline_without_a_watermark_has_no_moves(tmp_path):
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT i AS id FROM range(10) r(i)")
    assert lab.apply(key=["id"]).code == 0
    assert lab.read(MOVES) == []


def test_a_target_of_before_gets_the_table_with_its_next_run(tmp_path):
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT i AS id FROM range(10) r(i)")
    assert lab.apply(**SPEC).code == 0
    lab.make("DROP TABLE dmsflow_checkpoint_history", side="target")
    lab.make("INSERT INTO s VALUES (10)")
    assert lab.apply(**SPEC).rows["inserted"] == 1
    assert [id_of(before) for before, *_ in lab.read(MOVES)] == ["9"]


def test_a_run_that_fails_at_its_end_moves_nothing_and_notes_nothing(tmp_path):
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT i AS id FROM range(10) r(i)")
    assert lab.apply(**SPEC).code == 0
    lab.make("INSERT INTO s VALUES (10)")
    lab.make("ALTER TABLE dmsflow_checkpoint RENAME spec_digest TO other", side="target")
    assert lab.apply(**SPEC).code == 3
    assert len(lab.read(MOVES)) == 1
