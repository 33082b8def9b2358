"""Law 31 where only the target's database knows: a row that it refuses is a reject, and the others are loaded."""

import json
import random
from collections import Counter

import pytest

from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.runtime import worker
from tests.laws.lab import Lab

TARGETS = ["duckdb", "sqlite", "postgresql"]
PAIRS = [("duckdb", "duckdb"), ("duckdb", "sqlite"), ("postgresql", "postgresql")]
ENGINE = "inserted_at timestamp, modified_at timestamp"
VALIDITY = "valid_from timestamp, valid_to timestamp, is_current boolean"


def make(lab: Lab, rows: list[tuple]) -> None:
    """A source of these rows, and a target that is particular about them."""
    lab.make("CREATE TABLE s (id integer, v varchar(10), e varchar(10), p integer)")
    fill(lab, rows)
    lab.make(
        "CREATE TABLE parent (id integer PRIMARY KEY)",
        "INSERT INTO parent VALUES (1)",
        "CREATE TABLE t (id integer, v varchar(10) CHECK (v <> 'bad'), e varchar(10) UNIQUE, "
        f"p integer REFERENCES parent (id), {VALIDITY}, {ENGINE})",
        side="target",
    )


def fill(lab: Lab, rows: list[tuple]) -> None:
    values = ", ".join(f"({i}, '{v}', '{e}', {p})" for i, v, e, p in rows)
    lab.make("DELETE FROM s", f"INSERT INTO s VALUES {values}")


def good(*ids: int) -> list[tuple]:
    return [(i, "a", f"e{i}", 1) for i in ids]


def rejects(lab: Lab) -> dict[int, tuple]:
    """Reason, column and value by key, each with the database's own words."""
    found = lab.read("SELECT row_key, reason, column_name, column_value, message FROM dmsflow_reject")
    assert all(message for *_, message in found)
    return {json.loads(key)["id"]: tuple(rest) for key, *rest, _ in found}


def is_balanced(rows: dict) -> bool:
    return rows["read"] == sum(count for name, count in rows.items() if name not in ("read", "closed"))


@pytest.mark.parametrize("scd", [1, 2])
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_each_row_that_a_constraint_refuses_is_a_reject(tmp_path, source, target, scd):
    lab = Lab(tmp_path, source, target)
    mixed = [(17, "bad", "e17", 1), (18, "bad", "e18", 1), (19, "a", "e19", 7), (20, "a", "e5", 1)]
    make(lab, [*good(*range(1, 17)), *mixed])
    outcome = lab.apply(key=["id"], scd=scd, errors={"max_rows": 4})
    assert (outcome.code, outcome.rows["inserted"], outcome.rows["rejected"]) == (0, 16, 4)
    assert is_balanced(outcome.rows)
    found = rejects(lab)
    reasons = {key: reason for key, (reason, *_) in found.items()}
    assert reasons == {17: "check", 18: "check", 19: "foreign_key", 20: "unique"}
    assert target == "duckdb" or found[20][1:] == ("e", "e5")
    assert lab.read("SELECT count(*) FROM t") == [(16,)]
    # What is corrected is loaded; what was loaded is unchanged.
    fill(lab, good(*range(1, 21)))
    again = lab.apply(key=["id"], scd=scd)
    assert (again.rows["inserted"], again.rows["unchanged"]) == (4, 16)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_an_append_has_its_rejects_too(tmp_path, source, target):
    lab = Lab(tmp_path, source, target)
    make(lab, [*good(*range(1, 17)), (17, "bad", "e17", 1), (18, "a", "e18", 7), (19, "a", "e5", 1)])
    outcome = lab.apply(scd="append", checkpoint="none", errors={"max_rows": 3})
    assert (outcome.code, outcome.rows["inserted"], outcome.rows["rejected"]) == (0, 16, 3)
    reasons = Counter(reason for (reason,) in lab.read("SELECT reason FROM dmsflow_reject"))
    assert reasons == {"check": 1, "foreign_key": 1, "unique": 1}


@pytest.mark.parametrize("scd", [{"type": 1, "deletes": "delete"}, {"type": 2, "deletes": "close"}])
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_refused_key_keeps_what_it_has_and_is_not_gone(tmp_path, source, target, scd):
    lab = Lab(tmp_path, source, target)
    make(lab, good(*range(1, 9)))
    lab.make("DROP TABLE t", side="target")
    lab.make(f"CREATE TABLE t (id int, v text CHECK (v <> 'bad'), e text, p int, {VALIDITY}, {ENGINE})", side="target")
    assert lab.apply(key=["id"], scd=scd).rows["inserted"] == 8
    before = lab.read("SELECT * FROM t WHERE id = 3")
    fill(lab, [(3, "bad", "e3", 1), (4, "new", "e4", 1), *good(1, 2, 5, 6, 7, 9)])
    rows = lab.apply(key=["id"], scd=scd, errors={"max_rows": 1}).rows
    changed = "versioned" if scd["type"] == 2 else "updated"
    assert (rows["rejected"], rows["inserted"], rows[changed], rows["unchanged"], rows["closed"]) == (1, 1, 1, 5, 1)
    assert lab.read("SELECT * FROM t WHERE id = 3") == before
    assert [*rejects(lab)] == [3]


@pytest.mark.parametrize("target", TARGETS)
def test_a_spec_that_allows_none_names_one_and_loads_nothing(tmp_path, target):
    lab = Lab(tmp_path, "duckdb", target)
    make(lab, [*good(*range(1, 30)), *((i, "bad", f"e{i}", 1) for i in range(30, 60))])
    outcome = lab.apply(key=["id"])
    assert (outcome.code, outcome.report["status"]) == (3, "failed")
    assert "the target refuses 1 or more rows, errors.max_rows is 0; the first one: " in outcome.told
    assert "dmsflow_reject" in outcome.report["errors"][0]["next_step"]
    [(reason, *_)] = rejects(lab).values()
    assert reason == "check"
    assert lab.read("SELECT count(*) FROM t") == [(0,)]
    assert lab.read("SELECT count(*) FROM dmsflow_chunk") == [(0,)]


@pytest.mark.parametrize(("target", "count"), [("duckdb", 50), ("sqlite", 200), ("postgresql", 50)])
def test_half_of_the_rows_may_be_refused(tmp_path, target, count):
    lab = Lab(tmp_path, "duckdb", target)
    make(lab, [row if row[0] % 2 else (row[0], "bad", *row[2:]) for row in good(*range(count))])
    rows = lab.apply(key=["id"], errors={"max_percent": 50}).rows
    assert (rows["read"], rows["inserted"], rows["rejected"]) == (count, count // 2, count // 2)
    assert {*rejects(lab)} == {*range(0, count, 2)}


def test_a_row_in_a_hundred_thousand_takes_few_statements(tmp_path, monkeypatch):
    lab = Lab(tmp_path)
    lab.make(
        "CREATE TABLE s AS SELECT i AS id, CASE WHEN i = 70001 THEN 'bad' ELSE 'a' END AS v FROM range(100000) r(i)"
    )
    lab.make(f"CREATE TABLE t (id bigint, v varchar CHECK (v <> 'bad'), {ENGINE})", side="target")
    sent: list[str] = []
    run = DuckDBSession._run
    monkeypatch.setattr(DuckDBSession, "_run", lambda self, sql, binds: sent.append(sql) or run(self, sql, binds))
    rows = lab.apply(key=["id"], errors={"max_rows": 1}, parallel={"min_rows": 1_000_000}).rows
    assert (rows["inserted"], rows["rejected"]) == (99_999, 1)
    assert [*rejects(lab)] == [70001]
    trials = sum("_dms_numbered" in sql and sql.startswith("INSERT") for sql in sent)
    assert 17 <= trials <= 2 * 17 + 1
    assert len(sent) < 250


def test_rows_of_several_chunks_are_refused_each_in_its_own(tmp_path):
    lab = Lab(tmp_path, "duckdb", "postgresql")
    make(lab, [row if row[0] % 25 else (row[0], "bad", *row[2:]) for row in good(*range(1, 101))])
    split = {"chunk_rows": 25, "min_rows": 0, "workers": 2}
    outcome = lab.apply(key=["id"], scd=2, errors={"max_rows": 4}, parallel=split)
    assert (outcome.code, outcome.rows["inserted"], outcome.rows["rejected"]) == (0, 96, 4)
    assert {*rejects(lab)} == {25, 50, 75, 100}
    assert outcome.report["chunks"]["done"] > 1


def test_a_file_that_is_read_directly_is_staged_then(tmp_path):
    lab = Lab(tmp_path)
    make(lab, [*good(1, 2, 3), (4, "bad", "e4", 1)])
    lab.make(f"COPY s TO '{tmp_path / 's.parquet'}'")
    outcome = lab.apply(file="s.parquet", key=["id"], scd=2, errors={"max_rows": 1})
    assert (outcome.rows["inserted"], outcome.rows["rejected"]) == (3, 1)
    assert [*rejects(lab)] == [4]


@pytest.mark.parametrize("target", TARGETS)
def test_no_row_is_rejected_that_the_loaded_table_would_take(tmp_path, target):
    """Of rows with every kind of fault and with pairs that exclude each other, in two loads."""
    lab, chance = Lab(tmp_path, "duckdb", target), random.Random(2)
    make(lab, good(0))
    for first in (1, 41):
        numbers = range(first, first + 40)
        rows = [
            (
                i,
                chance.choice(["a", "a", "a", "a", "bad"]),
                f"e{chance.choice([i, i, chance.randint(1, i)])}",
                chance.choice([1] * 9 + [7]),
            )
            for i in numbers
        ]
        fill(lab, rows)
        counts = lab.apply(key=["id"], scd=2, errors={"max_rows": 40}).rows
        assert is_balanced(counts)
        assert counts["rejected"] > 4
        refused = {*rejects(lab)} & {*numbers}
        assert {i for (i,) in lab.read("SELECT id FROM t")} & {*numbers} == {*numbers} - refused
        with lab.open("target") as connection:
            if target == "sqlite":
                connection.execute("PRAGMA foreign_keys = ON")
            for i, v, e, p in (row for row in rows if row[0] in refused):
                with pytest.raises(Exception, match=r"(?i)constraint"):
                    connection.execute(f"INSERT INTO t (id, v, e, p) VALUES ({i}, '{v}', '{e}', {p})")
                if target != "duckdb":
                    connection.rollback()


RAISING = """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN IF NEW.v = 'raise' THEN RAISE EXCEPTION 'no % here', NEW.v; END IF; RETURN NEW; END $$"""


@pytest.mark.parametrize("transfer", ["copy", "in-place"])
def test_what_else_a_server_may_refuse(tmp_path, transfer):
    lab = Lab(tmp_path, "postgresql", "postgresql")
    if transfer == "in-place":
        lab.servers["source"] = lab.servers["target"]
    lab.make("CREATE TABLE s (id integer PRIMARY KEY, v text, n integer, p integer)")
    values = (
        "(1, 'a', 1, 1), (2, 'raise', 1, 1), (3, 'a', 50000, 1), (4, 'longer', 1, 1), (5, 'a', 1, 7), (6, 'b', 1, 1)"
    )
    lab.make(f"INSERT INTO s VALUES {values}")
    lab.make(
        "CREATE TABLE parent (id integer PRIMARY KEY)",
        "INSERT INTO parent VALUES (1)",
        "CREATE TABLE t (id integer, v text, n integer, p integer REFERENCES parent (id) "
        "DEFERRABLE INITIALLY DEFERRED, square smallint GENERATED ALWAYS AS (n) STORED, "
        "short varchar(5) GENERATED ALWAYS AS (v) STORED, "
        f"{VALIDITY}, {ENGINE})",
        RAISING,
        "CREATE TRIGGER refusing BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse()",
        side="target",
    )
    outcome = lab.apply("--transfer", transfer, key=["id"], scd=2, errors={"max_rows": 4})
    assert (outcome.code, outcome.rows["inserted"], outcome.rows["rejected"]) == (0, 2, 4)
    assert outcome.report["transfer"] == transfer
    assert {key: reason for key, (reason, *_) in rejects(lab).items()} == {
        2: "refused",
        3: "overflow",
        4: "too_long",
        5: "foreign_key",
    }
    assert lab.read("SELECT message FROM dmsflow_reject WHERE reason = 'refused'") == [("no raise here",)]


def test_a_source_that_fails_is_no_refusal_of_the_target_and_is_read_once(tmp_path, monkeypatch):
    lab = Lab(tmp_path, "postgresql", "duckdb")
    lab.make("CREATE TABLE s (id integer, v integer)", "INSERT INTO s VALUES (1, 1), (2, 0)")
    filled: list[object] = []
    fill_stage = worker.fill_stage
    monkeypatch.setattr(worker, "fill_stage", lambda *given, **more: filled.append(given) or fill_stage(*given, **more))
    outcome = lab.apply(source={"table": None, "query": "select id, 1 / v as w from s"}, key=["id"])
    assert outcome.code == 3
    assert "division by zero" in outcome.told
    assert "refuses" not in outcome.told
    assert len(filled) == 1
