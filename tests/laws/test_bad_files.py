"""Files that are not as they should be: a clear refusal or a correct load, and never half a table."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.laws.lab import Lab

ROWS = "SELECT * EXCLUDE (inserted_at, modified_at) FROM t ORDER BY ALL"


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


def load(lab, name, content, key="id", **spec):
    lab.folder.joinpath(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return lab.apply(file=name, key=[key], **spec)


REFUSED = [
    ("a.csv", "", "is empty"),
    ("a.csv", "\n\n", 'first line of "'),
    ("a.csv", "id,name\n1,a\n2\n3,c\n", "differ in their number of fields, the header has 2 (id, name)"),
    ("a.csv", "id,name\n1,a\n2,b,extra\n3,c\n", "differ in their number of fields"),
    ("a.csv", "id,id\n1,2\n", 'the name "id" twice'),
    ("a.csv", "\ufeffid,v,ID\n1,2,3\n", 'the name "id" twice'),
    ("a.csv.gz", gzip.compress(b"id,id\n1,2\n", mtime=0), 'the name "id" twice'),
    ("a.csv", "id~name\n1~a\n", 'column "id" is not in'),
    ("a.csv", "id,name\n1,caf\u00e9\n".encode("latin-1"), "is not UTF-8: convert it"),
    ("a.csv", "# written by hand\nid,name\n1,a\n", 'column "id" is not in'),
    ("a.csv", "id,name\n1,a\n".encode("utf-16"), 'is UTF-16: convert it first, for example with "iconv -f utf-16'),
    ("a.csv", gzip.compress(b"id\n1\n", mtime=0), 'give its name the ending ".gz"'),
    ("a.csv", b"PK\x03\x04" + bytes(range(256)), "is a ZIP archive"),
    ("a.csv", "\ufeff", "is empty"),
    ("a.csv.gz", gzip.compress(b"", mtime=0), "is empty"),
    ("a.csv", "id,name\r\n1,a\n2,b\r\n", "end in different ways"),
    ("a.csv.gz", b"id\n1\n", "is not a GZIP stream"),
    ("a.csv", bytes(range(256)) * 20, "cannot be read as CSV"),
    ("a.xlsx", "x", "no ending that tells its format"),
    ("a.json", "", "has no JSON objects"),
    ("a.json", "[]", "has no JSON objects"),
    ("a.json", "[1, 2]", "has no JSON objects"),
    ("a.json", '{"id": 1,', "cannot be read"),
    ("a.json", '[{"id": 1, "x": {"a": [1]}}]', 'column "x" has the type STRUCT(a BIGINT[])'),
    ("a.parquet", "", "too small to be a Parquet file"),
    ("a.parquet", "PAR1garbagePAR1", "cannot be read"),
]


@pytest.mark.parametrize(("name", "content", "told"), REFUSED)
def test_a_file_that_cannot_be_read_as_it_says_is_refused(lab, name, content, told):
    outcome = load(lab, name, content)
    assert outcome.code in (1, 3)
    assert told in outcome.told
    assert not lab.tables()


LOADED = [
    ("a.csv", "id,name\n", []),
    ("a.csv", "id,name", []),
    ("a.csv", "id,name\n1,\n", [(1, None)]),
    ("a.csv", '\ufeffid,name\r\n1,"a\r\nb"\r\n2,x\r\n', [(1, "a\r\nb"), (2, "x")]),
    ("a.csv", 'id,name\r\n1,"a\nb"\r\n2,b\r\n', [(1, "a\nb"), (2, "b")]),
    ("a.csv", 'id,name\n1,"a\r\nb"\n2,b\n', [(1, "a\r\nb"), (2, "b")]),
    ("a.csv", 'id,name\n1,"a\rb"\n2,b\n', [(1, "a\rb"), (2, "b")]),
    ("a.csv", "id,name\n1,a\x1fb\n", [(1, "a\x1fb")]),
    ("a.csv", "id;name\n1;a,b\n2;c\n", [(1, "a,b"), (2, "c")]),
    ("a.csv", "id\tname\n1\ta|b\n", [(1, "a|b")]),
    ("a.csv", 'id,"na,me"\n1,""\n', [(1, "")]),
    ("a.csv", "id,\n1,unnamed\n", [(1, "unnamed")]),
    ("a.csv", "id,name\n1,a\0b\n", [(1, "a\0b")]),
    ("br[ack]et.csv", "id\n1\n", [(1,)]),
    ("st*r.csv", "id\n1\n", [(1,)]),
    ("quo'te 🎉.csv", "id\n1\n", [(1,)]),
    ("a.json", '{"id": 1, "x": "a"}\n{"id": 2}\n', [(1, "a"), (2, None)]),
    ("a.json", json.dumps([{"id": 1} | {f"k{i}": i for i in range(400)}]), [(1, *range(400))]),
    ("a.json", json.dumps([{"id": 1, "x": "é" * 10_000_000}], ensure_ascii=False), [(1, "é" * 10_000_000)]),
]


@pytest.mark.parametrize(("name", "content", "rows"), LOADED)
def test_a_strange_file_is_loaded_as_it_is(lab, name, content, rows):
    outcome = load(lab, name, content)
    assert outcome.code == 0, outcome.told
    assert lab.read(ROWS) == rows


@pytest.mark.parametrize("max_rows", [0, 1])
def test_a_computed_value_of_a_file_may_be_no_text(lab, max_rows):
    columns = {"id": {"type": "bigint"}, "n": {"expr": "length(v)", "type": "integer"}}
    outcome = load(lab, "a.csv", "id,v\n1,abc\n2,\n", columns=columns, errors={"max_rows": max_rows})
    assert outcome.code == 0, outcome.told
    assert lab.read(ROWS) == [(1, 3), (2, None)]


def test_text_that_is_loaded_as_a_number_is_ordered_as_one(lab):
    columns = {"id": {"type": "bigint"}, "n": {"type": "integer"}}
    more = {"scd": {"type": 1, "duplicates": "last", "order_by": ["n"]}, "errors": {"max_rows": 1}}
    assert load(lab, "a.csv", "id,n\n1,9\n1,10\n1,8\n2,none\n", columns=columns, **more).code == 0
    assert lab.read(ROWS) == [(1, 10)]


def test_a_folder_may_be_called_anything(tmp_path):
    folder = tmp_path / "it's [a] d*r"
    folder.mkdir()
    lab = Lab(folder)
    assert load(lab, "a1.csv", "id\n1\n").code == 0
    (folder / "a2.csv").write_text("id\n2\n")
    assert lab.apply(file="a*.csv", key=["id"]).rows["inserted"] == 1
    assert lab.read(ROWS) == [(1,), (2,)]


def test_a_message_is_not_as_long_as_the_line_it_is_about(lab):
    outcome = load(lab, "a.csv", "id,name\n1," + "y" * 17_500_000 + "\n")
    assert outcome.code == 3
    assert "a line of a CSV may be 16 MiB long" in outcome.told
    assert len(outcome.told) < 2000


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("gone.csv", "there is no file"),
        ("gone/*.csv", "no file matches"),
        (".", "is a folder: name a file"),
        ("folder.csv", "is a folder: name a file, or a glob"),
        ("a.csv/b.csv", "there is no file"),
    ],
)
def test_a_path_without_a_file_is_refused(lab, path, told):
    lab.folder.joinpath("folder.csv").mkdir()
    lab.folder.joinpath("a.csv").write_text("id\n1\n")
    outcome = lab.apply(file=path, key=["id"])
    assert outcome.code == 3
    assert told in outcome.told
    assert not lab.tables()


@pytest.mark.parametrize(
    "words",
    [
        ("validate", "{long}.yaml"),
        ("apply", "{long}.yaml"),
        ("apply", "{long}.json"),
        ("plan", "p.yaml", "--out", "{folder}/no/plan.json"),
        ("apply", "p.yaml", "--ledger", "{long}"),
        ("runs", "--ledger", "{long}"),
        ("status", "--spec", "{long}.yaml"),
    ],
)
def test_a_path_that_the_system_refuses_is_told(lab, monkeypatch, words):
    monkeypatch.chdir(lab.folder)
    lab.folder.joinpath("a.csv").write_text("id\n1\n")
    lab.spec(file="a.csv", key=["id"])
    outcome = lab.run(*(word.format(long="x" * 300, folder=lab.folder) for word in words))
    assert outcome.code in (2, 3)
    assert "file name too long" in outcome.err.lower() or "no such file or directory" in outcome.err
    assert not lab.tables()


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ("id,v\n1,a\n", "id;v\n2;b\n", "has the delimiter ';'"),
        ('id,v\n1,"a,b"\n', "id,v\n2,'c,d'\n", 'has the quote "\'"'),
    ],
)
def test_files_of_one_source_are_written_in_one_way(lab, first, second, told):
    lab.folder.joinpath("a1.csv").write_text(first)
    lab.folder.joinpath("a2.csv").write_text(second)
    outcome = lab.apply(file="a*.csv", key=["id"])
    assert outcome.code == 3
    assert told in outcome.told
    assert not lab.tables()


def test_one_file_of_a_source_may_have_quotes(lab):
    lab.folder.joinpath("a1.csv").write_text("id,v\n1,a\n")
    lab.folder.joinpath("a2.csv").write_text("id,v\n2,'b,c'\n")
    assert lab.apply(file="a*.csv", key=["id"]).code == 0
    assert lab.read(ROWS) == [(1, "a"), (2, "b,c")]


def test_files_of_one_source_have_one_header(lab):
    lab.folder.joinpath("a1.csv").write_text("id,v\n1,a\n")
    lab.folder.joinpath("a2.csv").write_text("id,w\n2,b\n")
    outcome = lab.apply(file="a*.csv", key=["id"])
    assert outcome.code == 3
    assert 'a2.csv" has the columns id, w' in outcome.told
    assert not lab.tables()


@pytest.mark.parametrize("names", [("a1.parquet", "a2.parquet"), ("a2.parquet", "a1.parquet")])
def test_parquet_files_of_one_source_have_the_same_columns(lab, names):
    pq.write_table(pa.table({"id": [1], "v": ["a"]}), lab.folder / names[0])
    pq.write_table(pa.table({"id": [2], "v": ["b"], "new": [3]}), lab.folder / names[1])
    outcome = lab.apply(file="a*.parquet", key=["id"])
    assert outcome.code == 3
    assert "has other columns than" in outcome.told
    assert "(new)" in outcome.told
    assert not lab.tables()
    pq.write_table(pa.table({"v": ["b"], "id": [2]}), lab.folder / names[1])
    assert lab.apply(file="a*.parquet", key=["id"]).rows["inserted"] == 2


@pytest.mark.parametrize("target", ["duckdb", "sqlite"])
def test_a_column_of_nothing_but_null_is_text(tmp_path, target):
    lab = Lab(tmp_path, "duckdb", target)
    pq.write_table(pa.table({"id": [1, 2], "v": pa.nulls(2)}), tmp_path / "a.parquet")
    assert lab.apply(file="a.parquet", key=["id"]).rows["inserted"] == 2
    assert lab.apply(file="a.parquet", key=["id"]).rows["unchanged"] == 2
    assert lab.read("SELECT id, v FROM t ORDER BY id") == [(1, None), (2, None)]


@pytest.mark.parametrize("target", ["duckdb", "sqlite"])
@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ("SELECT 1 AS id, 2 AS v", "SELECT 2 AS id, 'x' AS v", "Could not convert string 'x' to INT32"),
    ],
)
def test_parquet_files_of_other_types_are_told_in_words(tmp_path, target, first, second, told):
    lab = Lab(tmp_path, "duckdb", target)
    for i, sql in enumerate((first, second)):
        lab.make(f"COPY ({sql}) TO '{tmp_path}/a{i}.parquet'")
    outcome = lab.apply(file="a*.parquet", key=["id"])
    assert outcome.code == 3
    assert told in outcome.told
    assert not any(word in outcome.told for word in ("Traceback", "_dms_incoming", "union_by_name", "Detail:"))
    assert lab.read("SELECT count(*) FROM t") == [(0,)]


@pytest.mark.parametrize("max_rows", [0, 1])
def test_one_value_far_down_is_one_reject(lab, max_rows):
    lines = [f"{i},{i}\n" for i in range(1, 20_001)] + ["20001,oops\n"] + [f"{i},{i}\n" for i in range(20_002, 20_100)]
    spec = {"columns": {"id": {"type": "bigint"}, "n": {"type": "integer"}}, "errors": {"max_rows": max_rows}}
    outcome = load(lab, "a.csv", "id,n\n" + "".join(lines), **spec)
    assert outcome.code == (0 if max_rows else 3)
    assert lab.read("SELECT row_key, column_name, column_value, reason FROM dmsflow_reject") == [
        ('{"id":20001}', "n", "oops", "cast")
    ]
    assert lab.read("SELECT count(*) FROM t") == [(20_098,)]


@pytest.mark.parametrize(
    "line",
    [b"30000,caf\xe9\n", b"30000\n", b"30000,a,b\n", b'30000,"open\n'],
    ids=["latin-1", "short", "long", "quote"],
)
def test_a_line_far_down_that_is_no_row_loads_nothing(lab, line):
    good = "".join(f"{i},x\n" for i in range(1, 30_000)).encode()
    outcome = load(lab, "a.csv", b"id,name\n" + good + line)
    assert outcome.code == 3
    assert 'line 30001 of "' in outcome.told
    assert not any(advice in outcome.told for advice in ("strict_mode", "null_padding", "ignore_errors"))
    assert not lab.tables() or lab.read("SELECT count(*) FROM t") == [(0,)]
