"""Values at the ends of their types, as columns, as keys and as changes: loaded exactly, and no version without one."""

import random

import pytest

from tests.laws.lab import Lab

PAIRS = [("duckdb", "duckdb"), ("duckdb", "sqlite"), ("duckdb", "postgresql")]
EXTREMES = {
    "timestamp": ("0001-01-01", "9999-12-31 23:59:59.999999"),
    "timestamptz": ("0001-01-01 00:00:00+00", "9999-12-31 23:59:59.999999+00"),
    "date": ("0001-01-01", "9999-12-31"),
    "decimal(38,0)": ("9" * 38, "-" + "9" * 38),
    "decimal(38,37)": ("9." + "9" * 37, "0." + "0" * 36 + "1"),
    "hugeint": ("170141183460469231731687303715884105727", "-170141183460469231731687303715884105728"),
    "ubigint": ("18446744073709551615", "0"),
    "bigint": ("-9223372036854775808", "9223372036854775807"),
    "uuid": ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    "blob": ("", "\\x00\\xFF"),
    "boolean": ("true", "false"),
    "varchar": ("", "NULL"),
    "real": ("3.4028235e38", "1e-45"),
    "double": ("inf", "-inf"),
    "enum('','b''c')": ("", "b'c"),
}
BEYOND = {
    "timestamp": ("294247-01-10 04:00:54.775806", "290309-12-22 (BC) 00:00:00", "infinity", "-infinity"),
    "timestamptz": ("294247-01-10 04:00:54.775806+00", "290309-12-22 (BC) 00:00:00+00", "infinity", "-infinity"),
    "date": ("5881580-07-10", "5877642-06-25 (BC)", "infinity", "-infinity"),
    "double": ("nan", "1.7976931348623157e308"),
}
UNSUPPORTED = {
    "time": "'12:00'",
    "interval": "interval 1 day",
    "bit": "'101'::bit",
    "struct(a int)": "{'a': 1}",
    "int[]": "[1]",
    "map(int, int)": "map {1: 2}",
    "uhugeint": "1",
}


def make_pairs(lab, kind, values):
    """Every value as key and as column."""
    rows = [f"($${value}$$, $${values[i - 1]}$$)" for i, value in enumerate(values)]
    lab.make(f"CREATE TABLE s (k {kind}, v {kind})", f"INSERT INTO s VALUES {', '.join(rows)}")


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize("kind", EXTREMES)
def test_a_second_load_of_extremes_writes_nothing(tmp_path, source, target, kind):
    lab = Lab(tmp_path, source, target)
    make_pairs(lab, kind, EXTREMES[kind])
    assert lab.apply(key=["k"], scd=2).rows["inserted"] == 2
    assert lab.apply(key=["k"], scd=2).rows["unchanged"] == 2
    assert lab.read("SELECT count(*) FROM t") == [(2,)]


@pytest.mark.parametrize("kind", BEYOND)
def test_duckdb_keeps_what_lies_beyond_python(tmp_path, kind):
    lab = Lab(tmp_path)
    make_pairs(lab, kind, BEYOND[kind])
    assert lab.apply(key=["k"], scd=2).code == 0
    assert lab.apply(key=["k"], scd=2).rows["unchanged"] == len(BEYOND[kind])
    same = "SELECT count(*) FROM t JOIN src.s ON t.k = s.k AND t.v = s.v"
    with lab.open("target") as connection:
        connection.execute(f"ATTACH '{tmp_path}/source.db' AS src (READ_ONLY)")
        assert connection.execute(same).fetchall() == [(len(BEYOND[kind]),)]
        connection.execute("DETACH src")


@pytest.mark.parametrize("scd", [0, 1, 2])
@pytest.mark.parametrize("kind", BEYOND)
def test_sqlite_rejects_what_it_cannot_keep(tmp_path, kind, scd):
    lab = Lab(tmp_path, "duckdb", "sqlite")
    make_pairs(lab, kind, BEYOND[kind])
    lab.make("INSERT INTO s VALUES ('1', NULL)" if kind == "double" else "INSERT INTO s VALUES ('2024-01-01', NULL)")
    refused = len(BEYOND[kind])
    outcome = lab.apply(key=["k"], scd=scd)
    assert (outcome.code, outcome.rows["rejected"], outcome.rows["inserted"]) == (3, refused, 1), outcome.told
    found = lab.read("SELECT column_name, column_value, reason FROM dmsflow_reject")
    assert {reason for *_, reason in found} == {"not_storable"}
    # DuckDB 1.5 writes another fraction of the last second that it can store.
    assert {value.partition(".")[0] for _, value, _ in found} <= {v.partition(".")[0] for v in (*BEYOND[kind], "nan")}


@pytest.mark.parametrize("kind", UNSUPPORTED)
@pytest.mark.parametrize("form", ["table", "parquet"])
def test_a_type_without_a_word_is_refused_with_its_name(tmp_path, kind, form):
    lab = Lab(tmp_path)
    lab.make(f"CREATE TABLE s AS SELECT 1 AS k, CAST({UNSUPPORTED[kind]} AS {kind}) AS v")
    if form == "parquet":
        lab.make(f"COPY s TO '{tmp_path}/s.parquet'")
    outcome = lab.apply(key=["k"], **({"file": "s.parquet"} if form == "parquet" else {}))
    refused = outcome.code == 1 and 'column "v"' in outcome.told and "cast" in outcome.told
    assert refused or (form == "parquet" and outcome.code == 0), outcome.told


def test_nan_and_zero_make_no_versions(tmp_path):
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s (k double, v double)", "INSERT INTO s VALUES ('nan', '-0.0'), ('-0.0', 'nan'), (1, 0)")
    assert lab.apply(key=["k"], scd=2).rows["inserted"] == 3
    lab.make(
        "UPDATE s SET v = '0.0' WHERE v = 0", "UPDATE s SET k = '0.0' WHERE k = 0", "UPDATE s SET v = 0.0 WHERE k=1"
    )
    assert lab.apply(key=["k"], scd=2).rows["unchanged"] == 3
    lab.make("UPDATE s SET v = 'inf' WHERE isnan(v)")
    assert lab.apply(key=["k"], scd=2).rows["versioned"] == 1


def test_zeros_of_two_signs_are_one_key(tmp_path):
    lab = Lab(tmp_path)
    lab.make(
        "CREATE TABLE s (k double, v int)", "INSERT INTO s VALUES ('-0.0', 1), ('0.0', 1), ('nan', 2), ('-nan', 2)"
    )
    assert lab.apply(key=["k"], scd=1).rows | {"collapsed": 2, "inserted": 2} == lab.apply(key=["k"], scd=1).rows | {
        "collapsed": 2,
        "inserted": 2,
        "unchanged": 0,
    }
    assert lab.read("SELECT count(*) FROM t") == [(2,)]


@pytest.mark.parametrize(
    ("source", "target"), [*PAIRS, ("sqlite", "sqlite"), ("sqlite", "duckdb"), ("postgresql", "duckdb")]
)
def test_keys_are_compared_column_by_column(tmp_path, source, target):
    lab = Lab(tmp_path, source, target)
    lab.make(
        "CREATE TABLE s (a varchar, b varchar, v integer)",
        "INSERT INTO s VALUES ('a|b','c',1), ('a','b|c',2), ('','',3), ('NULL','',4), ('x',NULL,5), (NULL,NULL,6),"
        " ('x','',7), ('A|b','c',8), ('a|b ','c',9), ('é','',10), ('e\u0301','',11)",
    )
    outcome = lab.apply(key=["a", "b"], scd=2, errors={"max_rows": 2})
    assert (outcome.rows["inserted"], outcome.rows["rejected"]) == (9, 2)
    lab.make("UPDATE s SET v = 20 WHERE a = 'a' AND b = 'b|c'")
    outcome = lab.apply(key=["a", "b"], scd=2, errors={"max_rows": 2})
    assert (outcome.rows["unchanged"], outcome.rows["versioned"]) == (8, 1)
    assert lab.read("SELECT a, b FROM t WHERE v = 20") == [("a", "b|c")]


@pytest.mark.parametrize(("source", "target"), [*PAIRS, ("sqlite", "duckdb")])
def test_ten_megabytes_in_one_value(tmp_path, source, target):
    lab = Lab(tmp_path, source, target)
    with lab.open("source") as connection:
        connection.execute("CREATE TABLE s (k integer, v varchar)")
        connection.execute("INSERT INTO s VALUES (1, ?), (2, ?)", ["é" * 5_000_000, "x" * 10_000_000])
        connection.commit()
    assert lab.apply(key=["k"], scd=2).rows["inserted"] == 2
    assert lab.apply(key=["k"], scd=2).rows["unchanged"] == 2
    assert lab.read("SELECT k, length(v) FROM t ORDER BY k") == [(1, 5_000_000), (2, 10_000_000)]


@pytest.mark.parametrize(
    ("source", "target", "columns"),
    [("duckdb", "duckdb", 2000), ("sqlite", "sqlite", 500), ("postgresql", "postgresql", 500)],
)
def test_two_thousand_columns(tmp_path, source, target, columns):
    lab = Lab(tmp_path, source, target)
    names = [f"c{i}" for i in range(columns)]
    lab.make(f"CREATE TABLE s ({', '.join(f'{n} integer' for n in names)})")
    lab.make(f"INSERT INTO s VALUES ({', '.join(map(str, range(columns)))})")
    lab.make(
        f"CREATE TABLE t ({', '.join(f'{n} integer' for n in names)}, inserted_at timestamp, modified_at timestamp)",
        side="target",
    )
    lab.make("INSERT INTO t (c0, c1) VALUES (0, 5)", side="target")
    assert lab.apply(key=["c0"], scd=1).rows["updated"] == 1
    assert lab.read(f"SELECT c1, c{columns - 1} FROM t") == [(1, columns - 1)]


def test_more_columns_than_sqlite_has_are_refused(tmp_path):
    lab = Lab(tmp_path, "duckdb", "sqlite")
    lab.make(f"CREATE TABLE s ({', '.join(f'c{i} integer' for i in range(2000))})")
    outcome = lab.apply(key=["c0"])
    assert outcome.code == 1
    assert "too-many-columns" in outcome.told


def test_a_decimal_that_changes_scale_is_compared_as_the_target_stores_it(tmp_path):
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s (k int, v decimal(38, 10))", "INSERT INTO s VALUES (1, 1.005), (2, 2), (3, 1e20)")
    spec = {"columns": {"k": {}, "v": {"type": "decimal(9,2)"}}, "errors": {"max_rows": 1}, "key": ["k"], "scd": 2}
    assert lab.apply(**spec).rows | {"read": 0} == lab.apply(**spec).rows | {"read": 0, "inserted": 2, "unchanged": 0}
    lab.make("UPDATE s SET v = v + 0.0001 WHERE k = 2")
    assert lab.apply(**spec).rows["unchanged"] == 2
    lab.make("UPDATE s SET v = v + 0.01 WHERE k = 2")
    assert lab.apply(**spec).rows["versioned"] == 1


@pytest.mark.parametrize("target", ["duckdb", "sqlite"])
def test_sqlite_keeps_text_where_it_likes(tmp_path, target):
    lab = Lab(tmp_path, "sqlite", target)
    lab.make(
        "CREATE TABLE s (k INTEGER, n INTEGER, u, d DECIMAL(9,2))",
        "INSERT INTO s VALUES (1, 1, 'x', 1.25), (2, 'oops', 2, 'much'), (3, NULL, 2.5, NULL), (4, 2.5, NULL, 1)",
    )
    outcome = lab.apply(key=["k"], errors={"max_rows": 2})
    assert (outcome.code, outcome.rows["inserted"], outcome.rows["rejected"]) == (0, 2, 2), outcome.told
    assert lab.read("SELECT row_key, column_name, column_value FROM dmsflow_reject ORDER BY row_key") == [
        ('{"k":2}', "n", "oops"),
        ('{"k":4}', "n", "2.5"),
    ]


@pytest.mark.parametrize("target", ["duckdb", "sqlite"])
@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("x'00ff'", 'column "in words" is text and holds bytes: write cast("in words" as text)'),
        ("CAST(x'ff41' AS text)", "Could not decode to UTF-8 column 'in words'"),
    ],
)
def test_a_value_that_cannot_be_read_is_told_with_its_column(tmp_path, target, value, told):
    lab = Lab(tmp_path, "sqlite", target)
    lab.make('CREATE TABLE s (k integer, "in words" text)', f"INSERT INTO s VALUES (1, 'x'), (2, {value})")
    outcome = lab.apply(key=["k"])
    assert outcome.code == 3
    assert told in outcome.told
    assert "_dms_" not in outcome.told
    assert lab.read("SELECT count(*) FROM t") == [(0,)]


@pytest.mark.xfail(reason="DuckDB rounds the text 2.5 to the integer 3, and reads 0x1F and 1_000 as numbers")
def test_text_that_is_no_integer_is_rejected(tmp_path):
    lab = Lab(tmp_path)
    lab.folder.joinpath("a.csv").write_text("k,v\n1,2.5\n2,0x1F\n3,1_000\n4,7\n")
    columns = {"k": {"type": "integer"}, "v": {"type": "integer"}}
    outcome = lab.apply(file="a.csv", key=["k"], columns=columns, errors={"max_rows": 3})
    assert (outcome.rows["inserted"], outcome.rows["rejected"]) == (1, 3)


@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize("scd", [0, 1, 2])
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_no_row_and_one_row(tmp_path, source, target, scd, rows):
    lab = Lab(tmp_path, source, target)
    lab.make("CREATE TABLE s (k int, v int)", f"INSERT INTO s SELECT 1, NULL WHERE {rows} = 1")
    outcome = lab.apply(key=["k"], scd=scd, parallel={"chunk_rows": 1, "min_rows": 0, "workers": 9})
    assert (outcome.code, outcome.rows["inserted"]) == (0, rows)


def test_only_nulls(tmp_path):
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s (k int, v int)", "INSERT INTO s SELECT NULL, NULL FROM range(3)")
    assert lab.apply(key=["k"], errors={"max_rows": 3}).rows["rejected"] == 3
    refused = lab.apply(key=["k"])
    assert (refused.code, refused.rows["rejected"]) == (3, 3)
    assert lab.read("SELECT count(*) FROM t") == [(0,)]


@pytest.mark.parametrize(
    "kind", ["bigint", "varchar", "decimal(18,3)", "date", "timestamp", "uuid", "double", "boolean"]
)
def test_chunks_of_one_row_over_every_kind_of_key(tmp_path, kind):
    """Compared with SQL by hand: the same rows, whatever the key."""
    lab = Lab(tmp_path)
    of = {
        "date": "DATE '2020-01-01' + i",
        "timestamp": "TIMESTAMP '2020-01-01' + to_seconds(i)",
        "uuid": "md5(i::varchar)::uuid",
        "boolean": "i % 2 = 0",
    }
    made = of.get(kind, f"CAST(i AS {kind})")
    count = 2 if kind == "boolean" else 13
    lab.make(f"CREATE TABLE s AS SELECT {made} AS k, i AS v FROM (SELECT CAST(range AS int) AS i FROM range({count}))")
    parallel = {"chunk_rows": 1, "min_rows": 0, "workers": 9}
    assert lab.apply(key=["k"], scd=2, parallel=parallel).rows["inserted"] == count
    lab.make("UPDATE s SET v = -v WHERE v % 3 = 1")
    changed = len([i for i in range(count) if i % 3 == 1])
    outcome = lab.apply(key=["k"], scd=2, parallel=parallel)
    assert (outcome.rows["versioned"], outcome.rows["unchanged"]) == (changed, count - changed)
    assert sorted(lab.read("SELECT k, v FROM t WHERE is_current")) == sorted(lab.read("SELECT k, v FROM s", "source"))


def test_five_hundred_chunks(tmp_path):
    lab = Lab(tmp_path)
    random.seed(7)
    lab.make("CREATE TABLE s AS SELECT hash(range) % 1000000007 AS k, range AS v FROM range(500)")
    outcome = lab.apply(key=["k"], scd=1, parallel={"chunk_rows": 1, "min_rows": 0, "workers": 4})
    assert (outcome.report["chunks"]["done"], outcome.rows["inserted"]) == (500, 500)


def test_a_length_that_the_target_does_not_remember_is_no_rule(tmp_path):
    lab = Lab(tmp_path, "sqlite", "duckdb")
    lab.make("CREATE TABLE s (id integer, v varchar(3))", "INSERT INTO s VALUES (1, 'longer'), (2, 'abc')")
    assert lab.apply(key=["id"]).rows["inserted"] == 2
    assert lab.apply(key=["id"]).rows["unchanged"] == 2
    columns = {"id": None, "v": {"type": "varchar(3)"}}
    for name in ("q", "q"):
        outcome = lab.apply(name=name, key=["id"], columns=columns, errors={"max_rows": 1}, target={"table": "u"})
        assert outcome.rows["rejected"] == 1


@pytest.mark.parametrize("target", ["duckdb", "sqlite"])
def test_a_constant_is_of_its_type_wherever_it_comes_from(tmp_path, target):
    lab = Lab(tmp_path, "sqlite", target)
    lab.make("CREATE TABLE s (id integer)", "INSERT INTO s VALUES (1)")
    columns = {"id": None, "d": {"value": "2020-01-02", "type": "date"}, "n": {"value": 5, "type": "smallint"}}
    assert lab.apply(key=["id"], columns=columns).rows["inserted"] == 1
    assert lab.read("SELECT CAST(d AS varchar), n FROM t") == [("2020-01-02", 5)]
    assert lab.apply(key=["id"], columns=columns).rows["unchanged"] == 1
