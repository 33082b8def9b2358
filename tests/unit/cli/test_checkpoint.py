"""``dmsflow checkpoint``: shown, moved, forgotten; by hand only while nothing else relies on it."""

import json
import os
import platform
from datetime import datetime

import pytest

from dmsflow.cli import confirming
from dmsflow.marks.checkpoint import this_user
from tests.laws.lab import Lab
from tests.laws.test_resume import break_at

SPEC = {"scd": "append", "checkpoint": {"columns": ["at", "id"]}, "columns": {"id": {}, "at": {}}}
DAY = "timestamp '2026-03-01 08:00:00'"


def make_lab(folder, source="duckdb", target="duckdb") -> Lab:
    """Ten rows, an hour apart, loaded."""
    lab = Lab(folder, source, target)
    made = {
        "duckdb": f"SELECT i AS id, {DAY} + i * interval 1 hour AS at FROM range(10) r(i)",
        "postgresql": f"SELECT i AS id, {DAY} + i * interval '1 hour' AS at FROM generate_series(0, 9) r(i)",
    }.get(source)
    if made:
        lab.make(f"CREATE TABLE s AS {made}")
    else:
        rows = ", ".join(f"({i}, '2026-03-01 {8 + i:02}:00:00')" for i in range(10))
        lab.make("CREATE TABLE s (id INTEGER, at TIMESTAMP)", f"INSERT INTO s VALUES {rows}")
    assert lab.apply(**SPEC).rows["inserted"] == 10
    return lab


def checkpoint(lab: Lab, *words):
    return lab.run("checkpoint", words[0], lab.folder / "p.yaml", *words[1:])


def shown(lab: Lab) -> dict:
    return json.loads(checkpoint(lab, "show", "--format", "json").out)


@pytest.fixture
def lab(tmp_path) -> Lab:
    return make_lab(tmp_path)


def test_the_watermark_is_shown_with_its_run_and_history(lab):
    told = shown(lab)
    assert told["watermark"] == {
        "at": {"type": "timestamp", "value": "2026-03-01 17:00:00"},
        "id": {"type": "integer", "value": "9"},
    }
    assert [(move["cause"], move["before"], move["run_id"]) for move in told["history"]] == [
        ("run", None, told["run_id"])
    ]
    text = checkpoint(lab, "show").out.splitlines()
    assert text[0] == 'pipeline "p" stands at at = 2026-03-01 17:00:00, id = 9'
    assert text[1].endswith(f"UTC, by run {told['run_id']}")
    assert text[4].endswith(f"run {told['run_id']}  nothing  at = 2026-03-01 17:00:00, id = 9")


@pytest.mark.parametrize(
    ("source", "target", "kind"),
    [
        ("duckdb", "sqlite", "timestamp"),
        ("sqlite", "duckdb", "text"),
        ("postgresql", "postgresql", "timestamp"),
    ],
)
def test_the_next_run_reads_from_where_it_was_set(tmp_path, source, target, kind):
    lab = make_lab(tmp_path, source, target)
    moved = checkpoint(lab, "set", "at=2026-03-01 14:00:00", "id=6", "--yes")
    assert (moved.code, moved.out) == (0, "")
    assert "moves from at = 2026-03-01 17:00:00, id = 9 to at = 2026-03-01 14:00:00, id = 6" in moved.err
    assert "appends it again: delete those rows" in moved.err
    told = shown(lab)
    assert told["watermark"]["at"] == {"type": kind, "value": "2026-03-01 14:00:00"}
    assert (told["run_id"], told["history"][0]["changed_by"]) == (None, this_user())
    assert [move["cause"] for move in told["history"]] == ["set", "run"]
    assert lab.read("SELECT count(*) FROM dmsflow_lease") == [(0,)]
    again = lab.apply(**SPEC)
    assert (again.code, again.rows["inserted"]) == (0, 3), again.told
    assert shown(lab)["history"][0]["after"]["id"]["value"] == "9"


def test_a_forgotten_checkpoint_reads_everything(lab):
    forgotten = checkpoint(lab, "reset", "--yes")
    assert forgotten.code == 0 and "the next run reads all" in forgotten.err
    told = shown(lab)
    assert (told["watermark"], told["history"][0]["cause"], told["history"][0]["after"]) == (None, "reset", None)
    assert "the next run reads everything" in checkpoint(lab, "show").out
    assert checkpoint(lab, "reset", "--yes").out == 'pipeline "p" has no checkpoint\n'
    lab.make("DELETE FROM t", side="target")
    assert lab.apply(**SPEC).rows["inserted"] == 10


def test_a_saved_plan_of_before_is_refused(lab, tmp_path):
    lab.make(f"INSERT INTO s SELECT 10, {DAY} + interval 1 day")
    assert lab.run("plan", tmp_path / "p.yaml", "--out", tmp_path / "plan.json").code == 0
    assert checkpoint(lab, "set", "at=2026-03-01 14:00:00", "id=6", "--yes").code == 0
    refused = lab.run("apply", tmp_path / "plan.json")
    assert (refused.code, "DMS403" in refused.err) == (3, True)


WRONG = {
    ("at=yesterday", "id=6"): 'column "at": "yesterday" is not a timestamp: write a timestamp value',
    ("at=2026-03-01", "id=6.5"): 'column "id": "6.5" is not a bigint',
    ("at=2026-03-01",): 'there is no value for "id": write id=VALUE too',
    ("at=2026-03-01", "ix=6"): '"ix" is not a checkpoint column: they are at, id',
    ("at=2026-03-01", "id"): '"id" is not COLUMN=VALUE',
    ("id=1", "id=2"): '"id=2" is not COLUMN=VALUE, once for each column',
}


def test_a_value_that_the_source_does_not_have_is_wrong_usage(lab):
    for values, said in WRONG.items():
        refused = checkpoint(lab, "set", *values, "--yes")
        assert (refused.code, said in refused.err) == (2, True), refused.err
    assert shown(lab)["watermark"]["id"]["value"] == "9"


@pytest.mark.parametrize(
    ("kind", "refused", "told", "taken"),
    [
        ("smallint", "32768", "beyond the range of smallint", "-32768"),
        ("bigint", "9223372036854775808", "beyond the range of bigint", "9223372036854775807"),
        ("decimal(5,2)", "1.005", "has more decimals than decimal(5,2)", "1.10"),
        ("decimal(5,2)", "1000", "beyond the range of decimal(5,2)", "-999.9900"),
        ("decimal(38,2)", "1e36", "beyond the range of decimal(38,2)", "123456789012345678901234567890123456.78"),
        ("timestamp", "2026-03-01 08:00:00.1234567", "finer than a microsecond", "2026-03-01 08:00:00.1234560"),
    ],
)
def test_a_value_with_more_digits_than_the_column_has_is_wrong_usage(tmp_path, kind, refused, told, taken):
    lab = Lab(tmp_path)
    lab.make(f"CREATE TABLE s (id {kind})")
    spec = {"scd": "append", "checkpoint": {"columns": ["id"]}}
    assert lab.apply(**spec).code == 0
    outcome = checkpoint(lab, "set", f"id={refused}", "--yes")
    assert (outcome.code, told in outcome.err) == (2, True), outcome.err
    assert checkpoint(lab, "set", f"id={taken}", "--yes").code == 0


def test_nothing_moves_while_a_run_holds_the_lease(lab):
    lease = f"'t', 'r1', 'p', '{platform.node()}', {os.getpid()}, '{datetime.now()}', '{datetime.now()}'"
    lab.make(f"INSERT INTO dmsflow_lease VALUES ({lease})", side="target")
    for words in (("reset", "--yes"), ("set", "at=2026-03-01", "id=1", "--yes")):
        refused = checkpoint(lab, *words)
        assert (refused.code, "t is being loaded by run r1" in refused.err) == (3, True), refused.err
    assert shown(lab)["watermark"]["id"]["value"] == "9"
    assert checkpoint(lab, "reset", "--yes", "--force").code == 0
    assert lab.read("SELECT run_id FROM dmsflow_lease") == [("r1",)]


def test_nothing_moves_while_a_broken_run_could_go_on(lab, monkeypatch):
    lab.make(f"INSERT INTO s SELECT i, {DAY} + i * interval 1 hour FROM range(10, 20) r(i)")
    spec = SPEC | {"parallel": {"min_rows": 0, "chunk_rows": 3, "workers": 1, "chunk_by": ["id"]}}
    with monkeypatch.context() as broken:
        break_at(broken, 3)
        assert lab.apply(**spec).report["status"] == "partial"
    refused = checkpoint(lab, "reset", "--yes")
    assert refused.code == 3
    assert "is broken off after 2 of" in refused.err and "apply again first" in refused.err
    assert lab.apply(**spec).code == 0
    assert checkpoint(lab, "reset", "--yes").code == 0


def test_nobody_to_ask_is_no_yes(lab):
    refused = checkpoint(lab, "reset")
    assert (refused.code, "give --yes" in refused.err) == (2, True)
    assert shown(lab)["watermark"] is not None


@pytest.mark.parametrize("answer", [True, False])
def test_the_answer_decides(lab, monkeypatch, answer):
    monkeypatch.setattr(confirming.sys, "stdin", type("Terminal", (), {"isatty": staticmethod(lambda: True)})())
    monkeypatch.setattr(confirming.typer, "confirm", lambda question, err: answer)
    from dmsflow.cli.commands.checkpoint import reset

    try:
        reset(lab.folder / "p.yaml")
    except confirming.typer.Exit as ended:
        assert (ended.exit_code, answer) == (0, False)
    assert (shown(lab)["watermark"] is None) is answer


def test_a_first_watermark_may_be_set_before_the_first_run(tmp_path):
    lab = Lab(tmp_path)
    lab.make(f"CREATE TABLE s AS SELECT i AS id, {DAY} + i * interval 1 hour AS at FROM range(10) r(i)")
    lab.spec(**SPEC)
    early = checkpoint(lab, "set", "at=2026-03-01 14:00:00", "id=6", "--yes")
    assert early.code == 3 and "the first apply makes it" in early.err
    lab.make("CREATE TABLE other (i INTEGER)", side="target")
    assert "no checkpoint" in checkpoint(lab, "show").out
    assert checkpoint(lab, "set", "at=2026-03-01 14:00:00", "id=6", "--yes").code == 0
    assert lab.apply(**SPEC).rows["inserted"] == 3


def test_a_pipeline_without_checkpoint_columns_has_nothing_to_set(tmp_path):
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT i AS id FROM range(10) r(i)")
    assert lab.apply(key=["id"]).code == 0
    refused = checkpoint(lab, "set", "id=1", "--yes")
    assert (refused.code, "the spec has no checkpoint columns" in refused.err) == (2, True)
    assert "stands at no watermark" in checkpoint(lab, "show").out
