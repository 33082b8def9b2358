"""PostgreSQL to DuckDB through DuckDB's extension: the same rows, the same rejects, and nothing secret anywhere."""

import os
import signal
import threading
import time

import psycopg
import pytest

from dmsflow.transfer import attach
from tests import extension
from tests.laws.lab import Lab

KINDS = {
    "n": ("numeric(20,4)", "NaN", "-0.0001", "9999999999999999.9999", "0"),
    "m": ("numeric(38,0)", "9" * 38, "-" + "9" * 38, "NaN"),
    "h": ("numeric(39,0)", "170141183460469231731687303715884105727", "9" * 39),
    "free": ("numeric", "1e60", "0.1234567890123456789012345678901234567890", "Infinity", "1.500"),
    "d": ("date", "infinity", "-infinity", "4713-01-01 BC", "5874897-12-31", "0044-03-15 BC", "2020-02-29"),
    "ts": (
        "timestamp",
        "infinity",
        "-infinity",
        "4713-01-01 BC",
        "294276-12-31 23:59:59.999999",
        "294247-01-10 04:00:54.775807",
        "294246-12-31 23:59:59.999999",
        "2020-02-29 12:00:00.000001",
    ),
    "tz": (
        "timestamptz",
        "infinity",
        "294276-12-31 00:00:00+00",
        "0044-03-15 00:00:00+00 BC",
        "2020-03-29 02:30:00+05",
    ),
    "ts0": ("timestamp(0)", "2020-01-01 00:00:00.6", "-infinity", "294276-01-01"),
    "c": ("char(5)", "ab", "", "abcde"),
    "arr": ("int[]", "{1,NULL,3}", "{}", "{{1,2},{3,4}}"),
    "mood": ("mood", "sad", "happy"),
    "pair": ("pair", "(,)", '(1,"a b")'),
    "iv": ("interval", "1 mon 2 days 03:00:00.5", "-1 year"),
    "j": ("json", '{"b": 1,  "a": [null]}', "null", '"x"'),
    "jb": ("jsonb", '{"b": 1,  "a": [null]}', "1e2"),
    "u": ("uuid", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    "b": ("bytea", "", r"\x00ff0a"),
    "t": ("text", "", "NULL", "\\N", 'a "quoted", line\nand\ttab', "zażółć 🦆", " "),
    "v": ("varchar(3)", "", "äöü"),
    "tm": ("time", "24:00:00", "12:00:00.123456"),
    "bits": ("bit(3)", "101"),
    "bo": ("boolean", "true", "false"),
    "r": ("real", "NaN", "-Infinity", "1e-45", "3.4028235e38", "-0"),
    "f": ("float8", "NaN", "Infinity", "5e-324", "1.7976931348623157e308", "0.1", "-0"),
    "i2": ("int2", "-32768", "32767"),
    "i8": ("int8", "-9223372036854775808", "9223372036854775807"),
    "ip": ("inet", "10.0.0.1", "10.0.0.1/8"),
    "nm": ("name", "x"),
}
TYPES = ("CREATE TYPE mood AS ENUM ('sad', 'happy')", "CREATE TYPE pair AS (a int, b text)")


def write_source(lab: Lab) -> None:
    """A row for every value of every kind, the other columns NULL."""
    lab.make(*TYPES, f"CREATE TABLE s (id int, {', '.join(f'{name} {kind}' for name, (kind, *_) in KINDS.items())})")
    lab.make("INSERT INTO s VALUES (0)")
    for name, (kind, *values) in KINDS.items():
        for value in values:
            quoted = "'" + value.replace("'", "''") + "'"
            lab.make(f"INSERT INTO s (id, {name}) SELECT max(id) + 1, {quoted}::{kind} FROM s")


@pytest.fixture
def lab(tmp_path):
    made = Lab(tmp_path, "postgresql", "duckdb")
    write_source(made)
    return made


def load(lab: Lab, name: str, transfer: str, **spec) -> tuple[dict, list[tuple], list[tuple]]:
    """Counts, rows and rejects of a table of its own."""
    spec = {"key": ["id"], "errors": {"max_rows": 1000}, "name": name, **spec}
    outcome = lab.apply(target={"table": name}, **spec)
    assert outcome.report["transfer"] == transfer, outcome
    names = ", ".join(f'"{column}"::varchar' for column in ["id", *KINDS])
    run = f"dmsflow_reject WHERE run_id = '{outcome.report['run_id']}'"
    rejects = f"SELECT row_key, column_name, column_value, reason, message FROM {run}"
    return outcome.rows, lab.read(f"SELECT {names} FROM {name} ORDER BY id"), sorted(lab.read(rejects), key=repr)


SPECS = {
    "every type": {},
    "as text": {"columns": {"id": {}, **{name: {"type": "text"} for name in KINDS}}},
    "computed": {"columns": {"id": {}, **{name: {"expr": f'"{name}"'} for name in KINDS}}},
    "of a query": {"source": {"table": None, "query": "SELECT * FROM s WHERE id > -1"}},
}


@extension.needed
@pytest.mark.parametrize("spec", SPECS)
def test_every_value_arrives_as_it_does_by_arrow(lab, spec, monkeypatch):
    more = dict(SPECS[spec])
    with monkeypatch.context() as patch:
        extension.never(patch)
        by_arrow = load(lab, "by_arrow", "arrow", **more)
    extension.always(monkeypatch)
    attached = load(lab, "attached", "attach", **more)
    for got, wanted in zip(attached, by_arrow, strict=True):
        assert got == wanted
    again = load(lab, "attached", "attach", **more)[0]
    assert (again["inserted"], again["updated"], again["unchanged"]) == (0, 0, by_arrow[0]["inserted"])


@extension.needed
def test_a_password_is_nowhere(tmp_path, monkeypatch):
    extension.always(monkeypatch)
    lab, secret = Lab(tmp_path, "postgresql", "duckdb"), "correct horse ' battery"
    monkeypatch.setenv("SECRET", secret)
    lab.make("CREATE TABLE s (id int, v int)", "INSERT INTO s VALUES (1, 0)")
    url = {"src": {"url": lab.url("source"), "password": "${env:SECRET}"}, "dwh": {"url": lab.url("target")}}
    path = lab.spec(key=["id"], connections=url, columns={"id": {}, "v": {"expr": "1 / v"}})
    plan = tmp_path / "plan.json"
    said = [lab.run("-vv", "plan", path, "--sql", "--out", plan), lab.run("-vv", "apply", path, "--format", "json")]
    assert said[0].code == 0 and '"transfer": "attach"' in plan.read_text()
    assert said[1].report["errors"][0]["message"].startswith("division by zero"), said[1]
    texts = [outcome.out + outcome.err for outcome in said] + [
        file.read_bytes().decode(errors="replace") for file in tmp_path.rglob("*") if file.is_file()
    ]
    assert not any(secret in text or "battery" in text for text in texts)


@extension.needed
def test_a_server_that_goes_away_is_asked_again(tmp_path, monkeypatch):
    extension.always(monkeypatch)
    lab = Lab(tmp_path, "postgresql", "duckdb")
    lab.make("CREATE TABLE s AS SELECT i AS id, repeat('x', 200) AS v FROM generate_series(1, 300000) i")
    during_stage(monkeypatch, 1, (0.05, lambda: end_backends(lab.url("source"))))
    outcome = lab.apply(key=["id"], retry={"attempts": 3, "first_delay": "1s", "max_delay": "1s"})
    assert outcome.rows["inserted"] == 300_000, outcome
    assert lab.read("SELECT count(*), count(DISTINCT id) FROM t") == [(300_000, 300_000)]


def during_stage(monkeypatch, number: int, *happening) -> None:
    """Have things happen so many seconds after the stage of that number begins to be filled."""
    execute, begun = attach.DuckDBSession.execute, []

    def execute_watched(session, sql, binds=None):
        if "_dms_stage" in sql and "_dms_incoming" in sql:
            begun.append(sql)
            for seconds, what in happening if len(begun) == number else ():
                threading.Timer(seconds, what).start()
        return execute(session, sql, binds)

    monkeypatch.setattr(attach.DuckDBSession, "execute", execute_watched)


def send(number: int) -> None:
    os.kill(os.getpid(), number)


def end_backends(url: str) -> None:
    """End every statement that copies rows out, once there is one."""
    ending = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'COPY%'"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(500):
            if connection.execute(ending).fetchone() != (0,):
                return
            time.sleep(0.01)


@extension.needed
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_heard_while_the_server_lets_wait(tmp_path, monkeypatch, number):
    extension.always(monkeypatch)
    lab = Lab(tmp_path, "postgresql", "duckdb")
    lab.make("CREATE TABLE s AS SELECT 1 AS id")
    query = "SELECT id, pg_sleep(60)::text AS v FROM s"
    during_stage(monkeypatch, 1, (1, lambda: send(number)))
    outcome = lab.apply(key=["id"], source={"connection": "src", "query": query, "table": None})
    assert (outcome.code, outcome.report["status"]) == (4, "stopped"), outcome
    assert outcome.report["seconds"] < 30


@extension.needed
def test_a_second_signal_is_heard_in_a_run_of_several_chunks(tmp_path, monkeypatch):
    extension.always(monkeypatch)
    lab = Lab(tmp_path, "postgresql", "duckdb")
    lab.make("CREATE TABLE s AS SELECT i AS id FROM generate_series(1, 10) i")
    slow = {"columns": {"id": {}, "v": {"expr": "CASE WHEN id > 5 THEN pg_sleep(60)::text END"}}}
    during_stage(monkeypatch, 2, (1, lambda: send(signal.SIGINT)), (2, lambda: send(signal.SIGINT)))
    outcome = lab.apply(key=["id"], parallel={"min_rows": 0, "chunk_rows": 5, "workers": 1}, **slow)
    assert (outcome.code, outcome.report["status"], outcome.report["chunks"]["done"]) == (4, "stopped", 1), outcome
    assert outcome.report["seconds"] < 30
    assert lab.read("SELECT count(*) FROM t") == [(5,)]


@extension.needed
def test_a_plan_that_attaches_runs_where_nothing_can_be_attached(tmp_path, monkeypatch):
    extension.always(monkeypatch)
    lab = Lab(tmp_path, "postgresql", "duckdb")
    lab.make("CREATE TABLE s (id int, at timestamp)", "INSERT INTO s VALUES (1, '2020-01-01'), (2, '294276-12-31')")
    path, plan = lab.spec(key=["id"], errors={"max_rows": 5}), tmp_path / "plan.json"
    assert lab.run("plan", path, "--out", plan).code == 0
    monkeypatch.setattr("dmsflow.engines.duckdb_postgres.load_extension", lambda *_, **__: "it is not there")
    outcome = lab.run("apply", plan, "--format", "json")
    assert (outcome.rows["inserted"], outcome.rows["rejected"]) == (1, 1)
    assert lab.read("SELECT column_value FROM dmsflow_reject") == [("294276-12-31 00:00:00",)]


def test_the_plan_says_why_nothing_is_attached(tmp_path, monkeypatch):
    lab = Lab(tmp_path, "postgresql", "duckdb")
    lab.make("CREATE TABLE s AS SELECT i AS id FROM generate_series(1, 10) i")
    few = lab.run("plan", lab.spec(key=["id"]))
    assert "about 10 rows are too few to load DuckDB's postgres extension for" in few.out
    extension.always(monkeypatch)
    connections = {
        "src": {"url": lab.url("source")},
        "dwh": {"url": lab.url("target"), "options": {"postgres_extension": "never"}},
    }
    unwanted = lab.run("plan", lab.spec(key=["id"], connections=connections))
    assert "arrow" in unwanted.out and "the option postgres_extension of the target is never" in unwanted.out
    if extension.why_missing():
        absent = lab.run("plan", lab.spec(key=["id"]))
        assert "DuckDB's postgres extension is not installed (pip install" in absent.out
        assert lab.apply(key=["id"]).rows["inserted"] == 10


@extension.needed
def test_a_server_that_duckdb_cannot_reach_is_read_by_arrow(tmp_path, monkeypatch):
    extension.always(monkeypatch)
    lab = Lab(tmp_path, "postgresql", "duckdb")
    lab.make("CREATE TABLE s AS SELECT i AS id FROM generate_series(1, 10) i")
    monkeypatch.setattr(
        "dmsflow.engines.duckdb_postgres.write_conninfo", lambda *_: ("host=127.0.0.1 port=1", "hush, a secret")
    )
    assert "DuckDB cannot attach the server: connection to server at" in lab.run("plan", lab.spec(key=["id"])).out
    outcome = lab.apply(key=["id"])
    assert (outcome.report["transfer"], outcome.rows["inserted"]) == ("arrow", 10)


@extension.needed
def test_a_second_signal_ends_every_chunk_that_waits(tmp_path, monkeypatch):
    extension.always(monkeypatch)
    lab = Lab(tmp_path, "postgresql", "duckdb")
    lab.make("CREATE TABLE s AS SELECT i AS id FROM generate_series(1, 15) i")
    slow = {"columns": {"id": {}, "v": {"expr": "CASE WHEN id > 5 THEN pg_sleep(60)::text END"}}}
    during_stage(monkeypatch, 3, (1, lambda: send(signal.SIGINT)), (2, lambda: send(signal.SIGINT)))
    outcome = lab.apply(key=["id"], parallel={"min_rows": 0, "chunk_rows": 5, "workers": 3}, **slow)
    assert (outcome.code, outcome.report["status"], outcome.report["chunks"]["done"]) == (4, "stopped", 1), outcome
    assert outcome.report["seconds"] < 30
    assert lab.read("SELECT count(*) FROM t") == [(5,)]


@extension.needed
def test_rows_that_the_target_refuses_are_rejects(tmp_path, monkeypatch):
    extension.always(monkeypatch)
    lab = Lab(tmp_path, "postgresql", "duckdb")
    lab.make(
        "CREATE TABLE s AS SELECT i AS id, CASE i % 25 WHEN 0 THEN 'bad' END AS v FROM generate_series(1, 100) r(i)"
    )
    ours = "valid_from timestamp, valid_to timestamp, is_current boolean, inserted_at timestamp, modified_at timestamp"
    lab.make(f"CREATE TABLE t (id int, v varchar CHECK (v <> 'bad'), {ours})", side="target")
    split = {"chunk_rows": 25, "min_rows": 0, "workers": 2}
    outcome = lab.apply(key=["id"], scd=2, errors={"max_rows": 4}, parallel=split)
    assert (outcome.report["transfer"], outcome.rows["inserted"], outcome.rows["rejected"]) == ("attach", 96, 4)
    keys = lab.read("SELECT row_key FROM dmsflow_reject WHERE reason = 'check' ORDER BY ALL")
    assert keys == [('{"id":100}',), ('{"id":25}',), ('{"id":50}',), ('{"id":75}',)]
