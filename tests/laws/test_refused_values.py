"""Law 31 where only the target's type tells that a text is no value: the row is a reject, and the others are loaded."""

import json

import pytest

from tests.laws.lab import Lab

COLUMNS = ("mood", "address", "flags", "words", "doc", "amounts")
TYPES = ("mood", "inet", "bit(3)", "tsvector", "jsonb", "numeric(4,1)[]")
GOOD = ("happy", "10.0.0.1", "101", "'a':1", '{"a": 1}', "{1.5}")
BAD = ("angry", "10.0.0.999", "10", "'a", '"\\u0000"', "{12345}")
"""A bit string that is too short would be filled up by a cast, and a tsvector calls its own a syntax error."""

ENGINE = "inserted_at timestamp, modified_at timestamp"
VALIDITY = "valid_from timestamp, valid_to timestamp, is_current boolean"
ENUM = "CREATE TYPE mood AS ENUM ('happy', 'sad')"
REJECTS = "SELECT row_key, column_name, column_value, reason, message FROM dmsflow_reject ORDER BY row_key"


def write(lab: Lab, rows: list[tuple]) -> None:
    """A source of these rows, whose values are text."""
    listed = ", ".join(f"{name} varchar" for name in COLUMNS)
    lab.make("DROP TABLE IF EXISTS s", f"CREATE TABLE s (id int, {listed})")
    quoted = (", ".join("'" + str(value).replace("'", "''") + "'" for value in row) for row in rows)
    lab.make(f"INSERT INTO s VALUES {', '.join(f'({row})' for row in quoted)}")


def with_bad(place: int) -> tuple:
    return tuple(bad if i == place else good for i, (good, bad) in enumerate(zip(GOOD, BAD, strict=True)))


@pytest.mark.parametrize(("source", "scd"), [("duckdb", 1), ("postgresql", 2), ("duckdb", "append")])
def test_a_value_that_only_the_targets_type_refuses_is_a_reject(tmp_path, source, scd):
    lab = Lab(tmp_path, source, "postgresql")
    write(lab, [(0, *GOOD), *((i + 1, *with_bad(i)) for i in range(6)), (7, *GOOD)])
    listed = ", ".join(f"{name} {kind}" for name, kind in zip(COLUMNS, TYPES, strict=True))
    more = f"{VALIDITY}, {ENGINE}" if scd == 2 else ENGINE
    lab.make(ENUM, f"CREATE TABLE t (id int, {listed}, {more})", side="target")
    keys = {"scd": "append", "checkpoint": "none"} if scd == "append" else {"key": ["id"], "scd": scd}
    outcome = lab.apply(errors={"max_rows": 6}, **keys)
    assert (outcome.code, outcome.rows["inserted"], outcome.rows["rejected"]) == (0, 2, 6), outcome.told
    found = lab.read(REJECTS)
    assert {row[1:4] for row in found} == {(name, bad, "cast") for name, bad in zip(COLUMNS, BAD, strict=True)}
    assert {message for *_, message in found} == {f"the value is no {kind}" for kind in (*TYPES[:4], "json", TYPES[5])}
    assert lab.read("SELECT id, mood, host(address), flags FROM t ORDER BY id") == [(0, *GOOD[:3]), (7, *GOOD[:3])]
    if scd != "append":
        assert [json.loads(key)["id"] for key, *_ in found] == [1, 2, 3, 4, 5, 6]
        write(lab, [(i, *GOOD) for i in range(8)])
        rows = lab.apply(**keys).rows
        assert (rows["inserted"], rows["unchanged"]) == (6, 2)


@pytest.mark.parametrize("split", [False, True], ids=["one chunk", "chunks"])
def test_a_label_that_the_targets_enum_does_not_have_is_a_reject_of_a_copy(tmp_path, split):
    lab = Lab(tmp_path, "postgresql", "postgresql")
    lab.make("CREATE TYPE mood AS ENUM ('happy', 'sad', 'angry')", "CREATE TABLE s (id int PRIMARY KEY, m mood)")
    lab.make(
        "INSERT INTO s SELECT n, CASE WHEN n % 7 = 0 THEN 'angry' ELSE 'sad' END::mood FROM generate_series(1, 30) n"
    )
    lab.make(ENUM, f"CREATE TABLE t (id int, m mood, {VALIDITY}, {ENGINE})", side="target")
    parallel = {"parallel": {"chunk_rows": 10, "min_rows": 0, "workers": 2}} if split else {}
    outcome = lab.apply(key=["id"], scd={"type": 2, "deletes": "close"}, errors={"max_rows": 4}, **parallel)
    assert (outcome.code, outcome.report["transfer"]) == (0, "copy"), outcome.told
    assert (outcome.rows["inserted"], outcome.rows["rejected"]) == (26, 4)
    assert lab.read("SELECT DISTINCT column_name, column_value FROM dmsflow_reject") == [("m", "angry")]


def test_a_key_that_is_no_value_is_a_reject(tmp_path):
    lab = Lab(tmp_path, "duckdb", "postgresql")
    lab.make("CREATE TABLE s (id varchar, v int)", "INSERT INTO s VALUES ('10.0.0.1', 1), ('nowhere', 2), (NULL, 3)")
    lab.make(f"CREATE TABLE t (id inet, v int, {ENGINE})", side="target")
    for counted in ("inserted", "unchanged"):
        outcome = lab.apply(key=["id"], errors={"max_rows": 2})
        assert (outcome.code, outcome.rows[counted], outcome.rows["rejected"]) == (0, 1, 2), outcome.told
    found = {row[1:4] for row in lab.read(REJECTS)}
    assert found == {("id", "nowhere", "cast"), ("id", None, "null_key")}


def test_a_row_may_break_a_constraint_beside_one_that_holds_no_value(tmp_path):
    lab = Lab(tmp_path, "duckdb", "postgresql")
    lab.make("CREATE TABLE s (id int, m varchar)", "INSERT INTO s VALUES (1, 'sad'), (2, 'angry'), (3, 'happy')")
    lab.make(ENUM, f"CREATE TABLE t (id int, m mood CHECK (m <> 'sad'), {ENGINE})", side="target")
    outcome = lab.apply(key=["id"], errors={"max_rows": 2})
    assert (outcome.code, outcome.rows["inserted"], outcome.rows["rejected"]) == (0, 1, 2), outcome.told
    reasons = {json.loads(key)["id"]: reason for key, _, _, reason, _ in lab.read(REJECTS)}
    assert reasons == {1: "check", 2: "cast"}


def test_a_spec_that_allows_none_keeps_the_reject_and_fails(tmp_path):
    lab = Lab(tmp_path, "duckdb", "postgresql")
    lab.make("CREATE TABLE s (id int, m varchar)", "INSERT INTO s VALUES (1, 'happy'), (2, 'angry')")
    lab.make(ENUM, f"CREATE TABLE t (id int, m mood, {ENGINE})", side="target")
    outcome = lab.apply(key=["id"])
    assert (outcome.code, outcome.report["status"], outcome.rows["rejected"]) == (3, "failed", 1)
    assert [row[1:4] for row in lab.read(REJECTS)] == [("m", "angry", "cast")]


def test_a_guard_that_looks_ahead_passes_over_such_a_row(tmp_path):
    lab = Lab(tmp_path, "duckdb", "postgresql")
    lab.make(ENUM, f"CREATE TABLE t (id int, m mood, {ENGINE})", side="target")
    spec = {"key": ["id"], "errors": {"max_rows": 1}, "guards": {"max_change_percent": 50}}
    spec["parallel"] = {"chunk_rows": 10, "min_rows": 0, "workers": 1}
    lab.make("CREATE TABLE s AS SELECT i AS id, 'happy' AS m FROM range(30) r(i)")
    assert lab.apply(**spec).code == 0
    lab.make("UPDATE s SET m = CASE WHEN id = 3 THEN 'angry' ELSE 'sad' END WHERE id < 9")
    outcome = lab.apply(**spec)
    assert (outcome.code, outcome.rows["updated"], outcome.rows["rejected"]) == (0, 8, 1), outcome.told


def test_rows_that_are_counted_off_are_read_anew_for_it_before_a_step(tmp_path):
    lab = Lab(tmp_path, "duckdb", "postgresql")
    lab.make(ENUM, f"CREATE TABLE t (id int, m mood, {ENGINE})", side="target")
    lab.make("CREATE TABLE s AS SELECT * FROM (VALUES (1, 'sad'), (2, 'angry'), (3, 'happy')) v(id, m)")
    spec = {"scd": {"type": "append", "order_by": ["id"]}, "checkpoint": "python", "errors": {"max_rows": 1}}
    assert lab.apply(**spec).code == 0
    lab.make("ALTER TABLE s ADD COLUMN z int")
    followed = {"columns": {"id": {}, "m": {}, "z": {"type": "integer"}}, "target": {"evolve": {"add": "apply"}}}
    outcome = lab.apply(**spec, **followed, guards={"min_rows": 1})
    assert (outcome.code, outcome.rows["inserted"], outcome.rows["rejected"]) == (0, 2, 1), outcome.told
