"""``dmsflow rejects``: the rejected rows of a run, from the target, whatever engine it is."""

import csv
import io
import json
from itertools import count, islice

import pytest

from dmsflow.cli.render import rejects as rendered
from dmsflow.marks.reject import Reject
from tests.laws.lab import Lab

GOOD = "id,amount\n1,10.50\n2,7\n"
BAD = 'id,amount\n1,ten\n2,"7,50"\n3,3\n'
SPEC = {
    "file": "in.csv",
    "key": ["id"],
    "columns": {"id": {"type": "bigint"}, "amount": {"type": "decimal(9,2)"}},
    "errors": {"max_rows": 10},
}
CSV_HEAD = ["row_key", "column", "value", "reason", "message", "chunk"]


def load(lab: Lab, text: str) -> str:
    """Load a file; the id of the run."""
    (lab.folder / "in.csv").write_text(text)
    return lab.apply(**SPEC).report["run_id"]


def rejects(lab: Lab, *words):
    return lab.run("rejects", *words, "--ledger", lab.folder)


@pytest.fixture
def lab(tmp_path) -> Lab:
    return Lab(tmp_path)


@pytest.mark.parametrize("target", ["duckdb", "sqlite", "postgresql"])
def test_csv_tells_key_column_value_reason_and_chunk(tmp_path, target):
    lab = Lab(tmp_path, target=target)
    load(lab, BAD)
    listed = rejects(lab, "p", "--format", "csv")
    head, *rows = csv.reader(io.StringIO(listed.out))
    assert (listed.code, listed.err, head) == (0, "", CSV_HEAD)
    assert [(json.loads(key), *rest[:3], rest[4]) for key, *rest in rows] == [
        ({"id": 1}, "amount", "ten", "cast", "1"),
        ({"id": 2}, "amount", "7,50", "cast", "1"),
    ]
    assert all(row[4] for row in rows)
    assert rejects(lab, "p", "--format", "csv", "--limit", "1").out.count("\n") == 2


def test_json_is_an_array_and_text_a_table(lab):
    run = load(lab, BAD)
    listed = json.loads(rejects(lab, run[:-1], "--format", "json").out)
    assert [(row["value"], row["chunk"]) for row in listed] == [("ten", 1), ("7,50", 1)]
    shown = rejects(lab, "p")
    heading, first, second = shown.out.splitlines()
    assert heading.split() == CSV_HEAD
    assert "ten" in first and "7,50" in second
    assert shown.err == f'2 rejects of run {run}, pipeline "p"\n'


def test_a_name_is_the_latest_run_and_an_id_any(lab):
    first = load(lab, BAD)
    second = load(lab, GOOD)
    for format, empty in (("csv", ",".join(CSV_HEAD) + "\n"), ("json", "[]\n"), ("text", "")):
        listed = rejects(lab, "p", "--format", format)
        assert (listed.code, listed.out) == (0, empty)
    assert rejects(lab, "p").err == f'no rejects of run {second}, pipeline "p"\n'
    assert len(json.loads(rejects(lab, first, "--format", "json").out)) == 2


def test_a_limit_is_kept_and_told(lab):
    run = load(lab, BAD)
    shown = rejects(lab, "p", "--limit", "1")
    assert (len(shown.out.splitlines()), shown.err) == (2, f'the first 1 of 2 rejects of run {run}, pipeline "p"\n')


def test_a_spec_that_is_gone_can_be_named(lab, tmp_path):
    load(lab, BAD)
    path = tmp_path / "p.yaml"
    path.rename(tmp_path / "renamed.yaml")
    gone = rejects(lab, "p")
    assert gone.code == 3
    assert f'"{path}", is gone: say where it is with --spec' in gone.err
    assert rejects(lab, "p", "--spec", tmp_path / "renamed.yaml", "--format", "csv").out.count("\n") == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "q"}, 'is the spec of pipeline "q"'),
        ({"target": {"table": "elsewhere"}}, "has loaded t, and the spec has elsewhere now"),
    ],
)
def test_another_spec_is_refused(lab, change, said):
    load(lab, BAD)
    other = lab.spec(**SPEC | change)
    listed = rejects(lab, "p", "--spec", other)
    assert (listed.code, listed.out) == (3, "")
    assert said in listed.err


def test_a_table_or_a_file_that_is_gone_is_said_to_be(lab, tmp_path):
    load(lab, BAD)
    lab.make("DROP TABLE dmsflow_reject", side="target")
    dropped = rejects(lab, "p")
    assert dropped.code == 3
    assert "the target has no table dmsflow_reject: it was dropped" in dropped.err
    (tmp_path / "target.db").unlink()
    assert f"there is no file {tmp_path / 'target.db'}" in rejects(lab, "p").err
    assert not (tmp_path / "target.db").exists()


def test_an_unknown_run_is_wrong_usage(lab):
    load(lab, GOOD)
    assert rejects(lab, "nobody").code == 2


@pytest.mark.parametrize("format", ["text", "csv", "json"])
def test_no_more_than_a_few_rejects_are_in_memory(format, monkeypatch):
    monkeypatch.setattr(rendered, "AT_ONCE", 2)
    made = []

    def endless():
        for number in count(1):
            made.append(number)
            yield Reject(row_key="{}", column="a", value=None, reason="cast", message="\x1b[31m", chunk=number)

    parts = "".join(islice(rendered.write_rejects(endless(), format), 3))
    assert len(made) <= 7
    assert ("\x1b" in parts) is (format == "csv")
