"""What was loaded verifies as equal, whatever the databases; what was changed since is found, exactly that."""

import random
from pathlib import Path

import pytest

from dmsflow.verify import comparing
from dmsflow.verify.asking import Asked
from tests.laws.lab import Lab
from tests.laws.verified import counts, found, verify, verify_after

PAIRS = [
    ("duckdb", "duckdb"),
    ("duckdb", "postgresql"),
    ("postgresql", "duckdb"),
    ("postgresql", "postgresql"),
    ("postgresql", "sqlite"),
    ("sqlite", "postgresql"),
]
"""Digests of one kind and canonical ones, each computed in a database, or in DuckDB of rows that are streamed."""

COLUMNS = {
    "id": "bigint",
    "small": "smallint",
    "n": "integer",
    "amount": "decimal(12,2)",
    "exact": "decimal(30,10)",
    "share": "double",
    "flag": "boolean",
    "name": "varchar(40)",
    "day": "date",
    "seen": "timestamp",
    "instant": "timestamptz",
    "raw": "bytes",
    "code": "uuid",
}
"""Each type that every database can store."""

REST = [name for name in COLUMNS if name != "id"]
COPIES = {name: 101 + i for i, name in enumerate(REST)}
"""Of the first row there is a copy for each column, in which that one alone is changed."""

DECLARED = {
    "duckdb": {**COLUMNS, "name": "VARCHAR", "raw": "BLOB"},
    "postgresql": {**COLUMNS, "share": "float8", "raw": "bytea"},
    "sqlite": {
        **COLUMNS,
        "id": "INTEGER",
        "n": "INT4",
        "exact": "DECIMAL_TEXT(30,10)",
        "raw": "BLOB",
        "code": "UUID_TEXT",
    },
}

ROWS = (
    (1, 7, -2, "10.50", "0.1000000000", 0.1, True, "Ann", "2026-01-02", "2026-01-02 03:04:05.000006"),
    (2, -7, 2**31 - 1, "-0.01", "12345678901234567.1234567891", 1e300, False, "", "0001-01-01", "2026-01-02 03:04:05"),
    (3, None, None, None, None, None, None, None, None, None),
    (4, 0, 0, "0.00", "0.0000000000", -0.0, True, "a|b, 'c' ~ 3:x", "9999-12-31", "1969-12-31 23:59:59.9"),
    (-5, 1, 1, "99.90", "7.0000000000", 1 / 3, False, "Åsa 日本 😀", "2024-02-29", "2024-02-29 12:00:00"),
)  # fmt: skip
TAIL = {
    1: ("2026-01-02 03:04:05.000006+00:00", "00ff", "0a1b2c3d-0000-4000-8000-00000000000f"),
    2: ("2026-07-02 03:04:05+00:00", "", "ffffffff-ffff-4fff-bfff-ffffffffffff"),
    3: (None, None, None),
    4: ("1999-12-31 23:59:59.5+00:00", "7e", "00000000-0000-4000-8000-000000000000"),
    -5: ("2024-02-29 12:00:00+00:00", "2c2c", "12345678-1234-4234-8234-123456789abc"),
}


def _literal(engine: str, column: str, value: object) -> str:
    if value is None:
        return "NULL"
    kind = DECLARED[engine][column]
    if column == "raw":
        return {"duckdb": f"from_hex('{value}')", "postgresql": f"'\\x{value}'::bytea", "sqlite": f"x'{value}'"}[engine]
    if isinstance(value, bool):
        return str(int(value)) if engine == "sqlite" else str(value).upper()
    if isinstance(value, str):
        text = value.replace("'", "''")
        if engine == "sqlite" and column in ("seen", "instant"):
            head, plus, zone = text.partition("+")
            whole, _, fraction = head.partition(".")
            text = f"{whole}.{fraction:0<6}{plus}{zone}"
        number = column == "amount" or (column == "exact" and engine != "sqlite")
        return text if number else f"'{text}'"
    return f"CAST({value!r} AS {kind})" if engine != "sqlite" else repr(value)


def fill(lab: Lab, engine: str) -> None:
    """A source table with a value of each type, also on the edge of it."""
    declared = ", ".join(f"{name} {kind}" for name, kind in DECLARED[engine].items())
    rows = ", ".join(
        "(" + ", ".join(_literal(engine, c, v) for c, v in zip(COLUMNS, (*row, *TAIL[row[0]]))) + ")" for row in ROWS
    )
    rest = ", ".join(REST)
    copies = (f"INSERT INTO s SELECT {i}, {rest} FROM s WHERE id = 1" for i in COPIES.values())
    lab.make(f"CREATE TABLE s ({declared})", f"INSERT INTO s VALUES {rows}", *copies)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_what_was_loaded_is_equal_and_each_changed_cell_is_found(tmp_path: Path, source: str, target: str):
    lab = Lab(tmp_path, source, target)
    fill(lab, source)
    spec = {"key": ["id"], "columns": {name: {"type": kind} for name, kind in COLUMNS.items()}}
    assert lab.apply(**spec).code == 0
    equal = verify(lab, **spec)
    rows = len(ROWS) + len(COPIES)
    assert (equal.code, counts(equal)) == (0, {"expected": rows, "actual": rows}), equal.out
    assert found(equal)["rows"]["segments"]["differing"] == 0
    assert found(equal)["rows"]["compared"] == list(COLUMNS)
    lab.make(
        *(f"UPDATE t SET {name} = (SELECT {name} FROM t WHERE id = -5) WHERE id = {i}" for name, i in COPIES.items()),
        "UPDATE t SET name = NULL WHERE id = 2",
        "DELETE FROM t WHERE id = 3",
        side="target",
    )
    apart = verify(lab, **spec)
    assert apart.code == 3
    assert counts(apart) == {"expected": rows, "actual": rows - 1, "missing": 1, "different": len(COPIES) + 1}
    told = {int(d["key"]["id"]): d for d in found(apart)["rows"]["differences"]}
    assert {name: {*told[i]["actual"]} for name, i in COPIES.items()} == {name: {name} for name in COPIES}
    assert (told[2]["expected"], told[2]["actual"]) == ({"name": ""}, {"name": None})
    assert (told[3]["kind"], told[3]["actual"]) == ("missing", None)


@pytest.mark.parametrize(("source", "target"), [("postgresql", "duckdb"), ("sqlite", "sqlite")])
def test_random_changes_are_found_exactly(tmp_path: Path, source: str, target: str):
    lab, random_ = Lab(tmp_path, source, target), random.Random(7)
    lab.make("CREATE TABLE s (id INTEGER, a INTEGER, b INTEGER)")
    rows = ", ".join(f"({i}, {i % 7}, {i * i})" for i in range(3000))
    lab.make(f"INSERT INTO s VALUES {rows}")
    spec = {"key": ["id"], "scd": {"type": 1, "deletes": "delete"}}
    assert lab.apply(**spec).code == 0
    ids = random_.sample(range(3000), 12)
    changed, gone, added = ids[:5], ids[5:9], [5000, 5001, 5002]
    lab.make(
        *(f"UPDATE t SET a = a + 1 WHERE id = {i}" for i in changed),
        *(f"DELETE FROM t WHERE id = {i}" for i in gone),
        *(f"INSERT INTO t (id, a, b) VALUES ({i}, 0, 0)" for i in added),
        side="target",
    )
    ran = verify(lab, **spec)
    assert counts(ran) == {"expected": 3000, "actual": 2999, "missing": 4, "extra": 3, "different": 5}
    by_kind: dict[str, set[int]] = {}
    for it in found(ran)["rows"]["differences"]:
        by_kind.setdefault(it["kind"], set()).add(int(it["key"]["id"]))
    assert by_kind == {"different": {*changed}, "missing": {*gone}, "extra": {*added}}
    assert found(ran)["rows"]["columns"] == {"a": 5}
    assert len(found(verify(lab, "--limit", "2", **spec))["rows"]["differences"]) == 2


def test_beyond_what_is_kept_the_counts_are_a_least(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT range AS id, 1 AS v FROM range(2000)")
    assert lab.apply(key=["id"]).code == 0
    lab.make("UPDATE t SET v = 2", side="target")
    assert counts(verify(lab, key=["id"]))["different"] == 2000
    monkeypatch.setattr(comparing, "MOST_ROWS", 500)
    ran = found(verify(lab, key=["id"]))
    assert not ran["rows"]["exact"]
    assert 0 < ran["rows"]["counts"]["different"] <= 500
    assert "at least" in lab.run("verify", lab.spec(key=["id"])).out


def test_what_is_kept_hides_no_difference_behind_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Rows that differ without being a difference fill what is kept at once; behind them one is missing."""
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT range AS id, 1 AS v FROM range(2000)")
    assert lab.apply(key=["id"]).code == 0
    lab.make("DELETE FROM s WHERE id % 2 = 0")
    monkeypatch.setattr(comparing, "MOST_ROWS", 500)
    equal = verify(lab, key=["id"])
    assert (equal.code, counts(equal)) == (0, {"expected": 1000, "actual": 2000, "kept": 1000})
    assert found(equal)["rows"]["exact"]
    segments = found(equal)["rows"]["segments"]["total"]
    last = max((i for i in range(1, 2000, 2)), key=lambda i: i % segments)
    lab.make(f"DELETE FROM t WHERE id = {last}", side="target")
    apart = verify(lab, key=["id"])
    assert (apart.code, counts(apart)["missing"]) == (3, 1)


def test_each_side_is_read_once_when_equal_and_three_times_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lab, asked, asking = Lab(tmp_path), [], Asked._asking
    lab.make("CREATE TABLE s AS SELECT range AS id, 1 AS v FROM range(2000)")
    assert lab.apply(key=["id"]).code == 0

    def count(side: Asked, ask):
        asked.append(side.name)
        return asking(side, ask)

    monkeypatch.setattr(Asked, "_asking", count)
    assert verify(lab, key=["id"]).code == 0
    assert sorted(asked) == ["actual", "expected"]
    asked.clear()
    lab.make("UPDATE t SET v = 2 WHERE id % 7 = 0", side="target")
    assert verify(lab, key=["id"]).code == 3
    assert sorted(asked) == ["actual"] * 3 + ["expected"] * 3


def test_columns_that_do_not_follow_the_source_are_left_out(tmp_path: Path):
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT 1 AS id, 'a' AS a, 'b' AS b, 'c' AS c")
    spec = {"key": ["id"], "scd": 2, "columns": {"id": {}, "a": {}, "b": {"scd": 0}, "c": {"scd": "ignore"}}}
    assert lab.apply(**spec).code == 0
    lab.make("UPDATE s SET b = 'x', c = 'x'")
    ran = found(verify(lab, **spec))
    assert ran["verdict"] == "equal"
    assert [(it["column"], "scd" in it["why"]) for it in ran["rows"]["left_out"]] == [("b", True), ("c", True)]
    kept = {"name": "kept", "key": ["id"], "scd": 0, "target": {"table": "k"}}
    assert lab.apply(**kept).code == 0
    lab.make("UPDATE s SET a = 'x'", "INSERT INTO s VALUES (2, 'n', 'n', 'n')")
    assert counts(verify(lab, **kept)) == {"expected": 2, "actual": 1, "missing": 1}


def test_rows_beyond_the_watermark_are_not_expected_yet(tmp_path: Path):
    lab = Lab(tmp_path)
    lab.make(
        "CREATE TABLE s (id INTEGER, v INTEGER, seen TIMESTAMP)",
        "INSERT INTO s VALUES (1, 1, '2026-01-01'), (2, 2, '2026-01-02')",
    )
    spec = {"key": ["id"], "checkpoint": {"columns": ["seen"]}}
    assert counts(verify_after(lab, spec)) == {"expected": 2, "actual": 2}
    lab.make("INSERT INTO s VALUES (3, 3, '2026-01-03')", "UPDATE s SET v = 9, seen = '2026-01-04' WHERE id = 1")
    ran = verify(lab, **spec)
    assert (ran.code, counts(ran)) == (0, {"expected": 1, "actual": 2, "kept": 1})
    assert found(ran)["rows"]["watermark"]["values"][0]["text"].startswith("2026-01-02")
    lab.make("INSERT INTO s VALUES (4, 4, '2026-01-01')")
    assert counts(verify(lab, **spec))["missing"] == 1


def test_what_the_source_has_deleted_is_kept_where_the_spec_keeps_it(tmp_path: Path):
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT range AS id, 'v' AS v FROM range(20)")
    ignore = {"key": ["id"]}
    flag = {"name": "f", "key": ["id"], "target": {"table": "f"}, "scd": {"type": 1, "deletes": "flag"}}
    assert lab.apply(**ignore).code == lab.apply(**flag).code == 0
    lab.make("DELETE FROM s WHERE id < 5")
    ran = verify(lab, **ignore)
    assert (ran.code, counts(ran)) == (0, {"expected": 15, "actual": 20, "kept": 5})
    assert counts(verify(lab, **flag))["extra"] == 5
    assert lab.apply(**flag).code == 0
    assert counts(verify(lab, **flag)) == {"expected": 15, "actual": 15}


def test_rows_that_a_run_rejects_or_collapses_are_not_expected(tmp_path: Path):
    lab = Lab(tmp_path)
    lab.make(
        "CREATE TABLE s (id INTEGER, v VARCHAR, n INTEGER)",
        "INSERT INTO s VALUES (1, '1', 1), (1, '1', 1), (2, '2', 2), (2, '3', 2), (3, 'x', 3), (NULL, '4', 4)",
        "INSERT INTO s VALUES (5, '5', -5), (6, '6', 6)",
    )
    spec = {"key": ["id"], "columns": {"id": {}, "v": {"type": "integer"}, "n": {}}, "errors": {"max_rows": 10}}
    spec["checks"] = [{"name": "positive", "expr": "n > 0"}]
    ran = verify_after(lab, spec)
    assert (ran.code, counts(ran)) == (0, {"expected": 5, "actual": 2, "rejected": 4}), ran.out


def test_the_last_row_of_a_key_is_expected(tmp_path: Path):
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT range % 10 AS id, range AS n FROM range(30)")
    spec = {"key": ["id"], "scd": {"type": 1, "duplicates": "last", "order_by": ["n"]}}
    ran = verify_after(lab, spec)
    assert (ran.code, counts(ran)) == (0, {"expected": 10, "actual": 10})
    lab.make("UPDATE t SET n = n - 10 WHERE id = 4", side="target")
    assert counts(verify(lab, **spec)) == {"expected": 10, "actual": 10, "different": 1}


def test_appended_rows_are_compared_as_often_as_they_are_there(tmp_path: Path):
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s (n INTEGER, v VARCHAR)", "INSERT INTO s VALUES (1, 'a'), (1, 'a'), (2, 'b'), (3, NULL)")
    spec = {"scd": "append", "checkpoint": {"columns": ["n"]}}
    assert counts(verify_after(lab, spec)) == {"expected": 4, "actual": 4}
    lab.make(
        "INSERT INTO t SELECT * FROM t WHERE n = 2",
        "DELETE FROM t WHERE n = 3",
        "UPDATE t SET v = 'A' WHERE n = 1",
        side="target",
    )
    ran = verify(lab, **spec)
    assert (ran.code, counts(ran)) == (3, {"expected": 4, "actual": 4, "missing": 3, "duplicate": 1, "kept": 2})


def test_an_older_row_than_the_version_it_meets_is_no_difference(tmp_path: Path):
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT 1 AS id, 'a' AS v, TIMESTAMP '2026-01-02' AS seen")
    spec = {"key": ["id"], "scd": {"type": 2, "effective_at": "seen"}, "columns": {"id": {}, "v": {}}}
    assert verify_after(lab, spec).code == 0
    lab.make("UPDATE s SET v = 'b', seen = TIMESTAMP '2026-01-01'")
    ran = verify(lab, **spec)
    assert (ran.code, counts(ran)) == (0, {"expected": 1, "actual": 1, "late": 1})
    for day in (2, 3):  # at the very start of a version too: it may have been changed by hand
        lab.make(f"UPDATE s SET seen = TIMESTAMP '2026-01-0{day}'")
        assert counts(verify(lab, **spec)) == {"expected": 1, "actual": 1, "different": 1}


@pytest.mark.parametrize("deletes", ["close", "tombstone"])
def test_a_key_that_is_back_with_a_time_before_it_went_is_missing(tmp_path: Path, deletes: str):
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT range AS id, TIMESTAMP '2026-01-02' AS seen FROM range(3)")
    spec = {"key": ["id"], "scd": {"type": 2, "effective_at": "seen", "deletes": deletes}, "errors": {"max_rows": 9}}
    assert lab.apply(**spec).code == 0
    lab.make("DELETE FROM s WHERE id = 1")
    assert lab.apply(**spec).rows["closed"] == 1
    lab.make("INSERT INTO s VALUES (1, TIMESTAMP '2026-01-02')")
    assert lab.apply(**spec).rows["rejected"] == 1
    assert counts(verify(lab, **spec)) == {"expected": 3, "actual": 2, "missing": 1}


def test_what_cannot_be_verified_is_told(tmp_path: Path):
    lab = Lab(tmp_path, target="postgresql")
    lab.make("CREATE TABLE s AS SELECT 1 AS id, '[1,2)' AS r, '{\"a\": 1}'::JSON AS j")
    spec = {"key": ["id"]}
    missing = verify(lab, **spec)
    assert missing.code == 3
    assert "nothing was loaded" in missing.err
    lab.make(
        "CREATE TABLE t (id INTEGER, r INT4RANGE, j JSONB, inserted_at TIMESTAMP, modified_at TIMESTAMP)", side="target"
    )
    assert counts(verify_after(lab, spec)) == {"expected": 1, "actual": 1}
    assert [it["column"] for it in found(verify(lab, **spec))["rows"]["left_out"]] == ["r", "j"]
    ranged = verify(lab, **{**spec, "key": ["r"], "name": "another"})
    assert (ranged.code, "DMS322" in ranged.err) == (1, True)
    only = verify(lab, "--history-only", **spec)
    assert (only.code, "type 2" in only.err) == (2, True)


def test_a_value_that_is_none_of_its_type_is_a_difference(tmp_path: Path):
    lab = Lab(tmp_path, target="sqlite")
    lab.make("CREATE TABLE s AS SELECT range::INTEGER AS id, range::INTEGER AS n FROM range(3)")
    assert counts(verify_after(lab, {"key": ["id"]})) == {"expected": 3, "actual": 3}
    lab.make("UPDATE t SET n = 'one' WHERE id = 1", "UPDATE t SET n = 2.4 WHERE id = 2", side="target")
    ran = verify(lab, key=["id"])
    assert counts(ran)["different"] == 2
    assert {it["actual"]["n"] for it in found(ran)["rows"]["differences"]} == {"one", "2.4"}


def test_a_person_sees_both_values_side_by_side(tmp_path: Path):
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT range AS id, 'a' AS v FROM range(3)")
    assert lab.apply(key=["id"]).code == 0
    lab.make("UPDATE t SET v = NULL WHERE id = 1", "DELETE FROM t WHERE id = 2", side="target")
    ran = lab.run("verify", lab.spec(key=["id"]))
    assert ran.code == 3
    lines = [line.split() for line in ran.out.splitlines()]
    assert ["missing", "id=2"] in lines
    assert ["different", "id=1", "v", "a", "NULL"] in lines
