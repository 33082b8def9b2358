"""Law 17: rows that are committed late, below what a run has read, are loaded by a later one."""

import threading
from contextlib import closing
from uuid import uuid4

import psycopg
import pytest

from dmsflow.compiler.compile import compile_plan
from dmsflow.compiler.load import load_spec
from dmsflow.engines.access import open_access
from dmsflow.model.plan import Transfer
from dmsflow.model.result import RunStatus
from dmsflow.runtime import writers
from dmsflow.runtime.apply import Watcher, apply_plan
from dmsflow.runtime.run import Run
from dmsflow.runtime.stop import StopSignal
from tests.laws.world import World

TIMES = {
    "timestamptz": "now()",
    "timestamp": "now()::timestamp",
    "timestamp(0)": "date_trunc('second', now())::timestamp(0)",
}


def spec(kind: object = "append", *columns: str, **more: object) -> dict:
    return {
        "version": 1,
        "pipeline": "late",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t"},
        "scd": kind,
        "checkpoint": {"columns": list(columns or ("at", "id"))},
        **({} if kind == "append" else {"key": ["id"]}),
        **more,
    }


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path, "postgresql", "duckdb")


def make(world: World, declared: str, *also: str) -> None:
    with world.open("source") as connection:
        connection.execute(f"CREATE TABLE s (id serial PRIMARY KEY, at {declared})")
        for sql in also:
            connection.execute(sql)


def insert(connection: psycopg.Connection, now: str) -> None:
    connection.execute(f"INSERT INTO s (at) VALUES ({now})")


@pytest.mark.parametrize(
    ("target", "kind", "declared"),
    [*((target, "append", "timestamptz") for target in ("duckdb", "postgresql")), *(("duckdb", 1, d) for d in TIMES)],
)
def test_no_row_of_an_older_transaction_is_passed_by(tmp_path, target: str, kind: object, declared: str) -> None:
    world = World(tmp_path, "postgresql", target, transfer=Transfer.IN_PLACE if target == "postgresql" else None)
    make(world, declared)
    with world.open("source") as before:
        insert(before, TIMES[declared] + " - interval '1 hour'")
    with closing(psycopg.connect(world.url("source"))) as late:
        insert(late, TIMES[declared])
        with world.open("source") as quick:
            insert(quick, TIMES[declared])
        assert world.apply(spec(kind)).rows.read == 1, "the row that both come before is read"
        late.commit()
    rows = world.apply(spec(kind)).rows
    assert rows.inserted == 2
    assert world.read("SELECT count(*) FROM t") == [(3,)]
    assert world.apply(spec(kind)).rows.inserted == 0


def test_a_transaction_that_has_not_written_yet_counts_too(world: World) -> None:
    make(world, "timestamptz")
    with closing(psycopg.connect(world.url("source"))) as late:
        late.execute("SELECT 1")
        with world.open("source") as quick:
            insert(quick, "now()")
        assert world.apply(spec()).rows.read == 0
        insert(late, "now()")
        late.commit()
    assert world.apply(spec()).rows.inserted == 2


def test_numbers_are_read_when_those_who_have_drawn_one_are_done(world: World) -> None:
    make(world, "timestamptz")
    with closing(psycopg.connect(world.url("source"))) as late:
        late.execute("SELECT nextval('s_id_seq')")
        insert(late, "now()")
        with world.open("source") as quick:
            insert(quick, "now()")
        ending = threading.Timer(1, late.commit)
        ending.start()
        report = world.apply(spec("append", "id"))
        ending.join()
    assert (report.status, report.rows.inserted) == (RunStatus.SUCCEEDED, 2)


def test_somebody_who_only_reads_is_not_waited_for(world: World) -> None:
    make(world, "timestamptz", "INSERT INTO s (at) VALUES (now())", "CREATE TABLE other (i int)")
    with closing(psycopg.connect(world.url("source"))) as reader:
        reader.execute("SELECT * FROM s")
        reader.execute("INSERT INTO other VALUES (1)")
        assert world.apply(spec("append", "id")).rows.inserted == 1


def test_a_transaction_that_does_not_end_is_named(world: World, monkeypatch) -> None:
    monkeypatch.setattr(writers, "PATIENCE_SECONDS", 0.5)
    make(world, "timestamptz", "INSERT INTO s (at) VALUES (now())")
    with closing(psycopg.connect(world.url("source"), application_name="forgotten")) as late:
        insert(late, "now()")
        report = world.apply(spec("append", "id"))
        assert report.status is RunStatus.FAILED
        assert "DMS408 open-writers: process" in report.errors[0].message
        assert "of forgotten, open since" in report.errors[0].message
        patient = spec("append", "at", "id")
        assert world.apply(patient | {"pipeline": "by_time"}).status is RunStatus.SUCCEEDED


def test_what_is_read_after_settle_waits_for_nobody(world: World) -> None:
    make(world, "timestamptz", "INSERT INTO s (at) VALUES (now() - interval '1 hour')")
    settled = spec(checkpoint={"columns": ["at", "id"], "settle": "10m"})
    with closing(psycopg.connect(world.url("source"))) as late:
        insert(late, "now() - interval '2 hours'")
        assert world.apply(settled).rows.inserted == 1


def test_a_stop_ends_the_wait(world: World) -> None:
    make(world, "timestamptz", "INSERT INTO s (at) VALUES (now())")
    loaded = load_spec(world.write_spec(spec("append", "id")))
    with closing(psycopg.connect(world.url("source"))) as late, open_access(loaded.raise_if_rejected()) as access:
        insert(late, "now()")
        stop = StopSignal()
        threading.Timer(0.5, stop.request).start()
        report = apply_plan(compile_plan(loaded, access).plan, access, params={}, run_id="r", stop=stop)
    assert (report.status, report.rows.read) == (RunStatus.STOPPED, 0)


def find_writers(world: World, **more: object) -> list[str]:
    """Those whom a run by a number would wait for now."""
    loaded = load_spec(world.write_spec(spec("append", "id", **more)))
    with open_access(loaded.raise_if_rejected()) as access, closing(access.open_source()) as session:
        statement = compile_plan(loaded, access).plan.find("find_writers")
        assert statement is not None
        return [str(who) for _, who in session.fetch(statement.sql)]


def test_a_run_that_waits_is_known_to_those_who_may_stop_it(world: World) -> None:
    make(world, "timestamp")
    known: list[str] = []
    stop = StopSignal()

    class Stopper(Watcher):
        def prepared(self, run: Run) -> None:
            known.append(run.run_id)
            threading.Timer(0.1, stop.request).start()

    loaded = load_spec(world.write_spec(spec("append", "id")))
    with closing(psycopg.connect(world.url("source"))) as open_one:
        insert(open_one, "now()")
        with open_access(loaded.raise_if_rejected()) as access:
            with world.open("source") as other:
                insert(other, "now()")
            plan = compile_plan(loaded, access).plan
            report = apply_plan(plan, access, params={}, run_id="waits", watchers=(Stopper(),), stop=stop)
    assert (known, report.status) == (["waits"], RunStatus.STOPPED)


def test_whoever_writes_behind_a_view_or_into_a_partition_is_found_and_no_other(world: World) -> None:
    make(
        world,
        "timestamptz",
        "INSERT INTO s (at) VALUES (now())",
        'CREATE VIEW v AS SELECT p.* FROM (SELECT * FROM "s") p',
        'CREATE TABLE "Parts" (id int, at timestamptz) PARTITION BY RANGE (id)',
        'CREATE TABLE low PARTITION OF "Parts" FOR VALUES FROM (0) TO (100)',
        'INSERT INTO "Parts" VALUES (1, now())',
        "CREATE TABLE other (id serial, at timestamptz)",
    )
    joined = 'WITH x AS (SELECT * FROM s) SELECT x.id FROM x JOIN public."Parts" p USING (id)'
    sources = [{"table": "s"}, {"table": "v"}, {"table": "Parts"}, {"query": joined}]
    found = {"s": [1, 1, 0, 1], "low": [0, 0, 1, 1], "other": [0, 0, 0, 0]}
    for table, wanted in found.items():
        with closing(psycopg.connect(world.url("source"))) as late:
            late.execute(f"INSERT INTO {table} VALUES (2, now())")
            seen = [len(find_writers(world, source={"connection": "src", **source})) for source in sources]
        assert seen == wanted, table
    with closing(psycopg.connect(world.url("source"))) as late:
        late.execute("SELECT nextval('s_id_seq')")
        assert len(find_writers(world)) == 1


def test_a_user_who_may_not_see_others_waits_for_them(world: World, monkeypatch) -> None:
    make(world, "timestamptz", "INSERT INTO s (at) VALUES (now())")
    role = f"reader_{uuid4().hex}"
    with world.open("source") as connection:
        connection.execute(f"CREATE ROLE {role}")
        connection.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
        connection.execute(f"GRANT SELECT ON s TO {role}")
    limited = {"src": {"url": world.url("source"), "options": {"options": f"-c role={role}"}}}
    connections = world.connections | limited
    monkeypatch.setattr(World, "connections", connections)
    with closing(psycopg.connect(world.url("source"))) as late:
        insert(late, "now()")
        with world.open("source") as quick:
            insert(quick, "now()")
        ending = threading.Timer(0.6, late.commit)
        ending.start()
        report = world.apply(spec())
        ending.join()
    with world.open("source") as connection:
        connection.execute(f"DROP OWNED BY {role}")
        connection.execute(f"DROP ROLE {role}")
    assert (report.status, report.rows.inserted) == (RunStatus.SUCCEEDED, 3)
