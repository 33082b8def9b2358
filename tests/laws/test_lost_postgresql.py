"""A PostgreSQL that is locked, restarted or silent, or whose sessions somebody ends: told, tried again, exact."""

import threading

import pytest

from dmsflow.engines.address import Address
from dmsflow.engines.postgresql import PostgreSQLEngine
from tests.laws.private_lab import ROWS, SPLIT, PrivateLab
from tests.private_postgres import until
from tests.proxy import Proxy

BARRIER = "id < 30 or current_query() not like 'COPY%' or pg_advisory_lock_shared(1) is not null"
"""A predicate that lets half of a load pass, and the rest when nobody holds the lock; a plan is made at any time."""
WAITING = "wait_event_type = 'Lock'"
PATIENT = {"attempts": 10, "first_delay": "100ms", "max_delay": "1s"}
ONCE = {"attempts": 1}
MANY = 70_000


@pytest.fixture
def lab(tmp_path):
    opened = PrivateLab(tmp_path)
    opened.fill()
    yield opened
    opened.close()


def events(caplog, event):
    return [record.event for record in caplog.records if record.getMessage() == event]


@pytest.mark.parametrize("parallel", [{}, SPLIT], ids=["one chunk", "chunks"])
def test_a_locked_target_is_waited_for_and_its_holder_told(lab, caplog, parallel):
    assert lab.apply().code == 0
    lab.grow()
    lab.options["target"] = {"lock_timeout": "10s"}
    with lab.session(application="nightly report") as holder:
        pid = holder.info.backend_pid
        holder.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        running = lab.start(parallel=parallel)
        told = until(lambda: events(caplog, "waiting for a lock"))[0]
        holder.rollback()
    assert told["connection"] == "dwh"
    assert f't is locked by process {pid} (application "nightly report", user "postgres"' in (told["holder"])
    outcome = running.result(60)
    assert (outcome.code, outcome.rows["updated"]) == (0, ROWS), outcome.told
    assert lab.is_whole()


@pytest.mark.parametrize(
    ("table", "parallel"),
    [
        ("t", SPLIT),
        ("t", {}),
        ("dmsflow_lease", {}),
        ("dmsflow_chunk", SPLIT),
        ("dmsflow_checkpoint", SPLIT),
        ("s", {}),
    ],
)
def test_a_lock_that_is_not_given_up_fails_the_run(lab, table, parallel):
    assert lab.apply().code == 0
    lab.grow()
    side, name = ("source", "src") if table == "s" else ("target", "dwh")
    lab.options[side] = {"lock_timeout": "1500ms"}
    before = lab.read("SELECT * FROM t ORDER BY id")
    with lab.session(side) as holder:
        pid = holder.info.backend_pid
        holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        outcome = lab.apply(parallel=parallel, retry={"attempts": 2, "first_delay": "10ms", "max_delay": "10ms"})
        holder.rollback()
    assert outcome.code == 3
    assert f'connection "{name}": 55P03' in outcome.told
    assert f'{table} is locked by process {pid} (application "intruder"' in outcome.told
    assert "the option lock_timeout" in outcome.told
    assert lab.read("SELECT * FROM t ORDER BY id") == before or table == "dmsflow_checkpoint"
    assert lab.apply(parallel=parallel).code == 0
    assert lab.is_whole() and lab.read("SELECT count(*) FROM t WHERE v LIKE '%!'") == [(ROWS,)]


def test_a_limit_of_the_user_stands_unless_the_connection_has_one(lab):
    name = lab.databases["target"]
    for given, options, wanted in (
        ("0", {}, "1min"),
        ("7s", {}, "7s"),
        ("7s", {"lock_timeout": "1m30s"}, "90s"),
        ("7s", {"lock_timeout": "0"}, "0"),
        ("7s", {"options": "-c lock_timeout=5s"}, "5s"),
    ):
        lab.server.run(f"ALTER DATABASE {name} SET lock_timeout = '{given}'")
        engine = PostgreSQLEngine(
            Address(name="dwh", scheme="postgresql", url=lab.servers["target"], options=tuple(options.items()))
        )
        session = engine.connect()
        assert session.fetch("SELECT current_setting('lock_timeout')") == [(wanted,)]
        session.close()
        engine.close()


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_statement_that_takes_too_long_is_told_with_its_option(lab, side):
    assert lab.apply().code == 0
    lab.grow()
    lab.options[side] = {"statement_timeout": "200ms"}
    spec = {"source": {"where": "pg_sleep(1) is not null"}} if side == "source" else {}
    with lab.session() as holder:
        if side == "target":
            holder.execute("LOCK TABLE t IN SHARE MODE")
        outcome = lab.apply(**spec)
        holder.rollback()
    assert (outcome.code, outcome.report["status"]) == (3, "failed")
    assert outcome.report["errors"][0]["attempts"] == 1
    assert f'connection "{"src" if side == "source" else "dwh"}": 57014' in outcome.told
    assert "raise the option statement_timeout of the connection" in outcome.told
    assert lab.read("SELECT count(*) FROM t WHERE v LIKE '%!'") == [(0,)]


@pytest.mark.parametrize(("mode", "retry"), [("immediate", PATIENT), ("fast", PATIENT), ("immediate", ONCE)])
def test_a_server_that_restarts_in_the_middle_is_survived(lab, mode, retry):
    spec = {"source": {"where": BARRIER}, "parallel": SPLIT, "retry": retry}
    with lab.session("source") as holder:
        holder.execute("SELECT pg_advisory_lock(1)")
        running = lab.start(**spec)
        lab.await_sessions(WAITING, "source", least=2)
        lab.server.restart(mode)
        outcome = running.result(60)
    if retry is ONCE:
        assert (outcome.code, outcome.report["status"]) == (3, "partial"), outcome.told
        assert 0 < outcome.report["chunks"]["done"] < outcome.report["chunks"]["total"]
        outcome = lab.apply(**spec)
        assert "resuming" in outcome.err
    assert (outcome.code, outcome.report["status"], outcome.rows["inserted"]) == (0, "succeeded", ROWS), outcome.told
    assert lab.is_whole()
    assert lab.read("SELECT count(*) FROM dmsflow_lease") == [(0,)]
    assert lab.apply(**spec).rows["unchanged"] == ROWS


def test_a_target_that_lost_a_chunk_it_had_committed_is_told_and_gets_it_again(lab):
    spec = {"source": {"where": BARRIER}, "parallel": SPLIT}
    with lab.session("source") as holder:
        holder.execute("SELECT pg_advisory_lock(1)")
        running = lab.start(**spec)
        lab.await_sessions(WAITING, "source", least=2)
        lab.make("DELETE FROM t WHERE id <= 10", "DELETE FROM dmsflow_chunk WHERE chunk = 1", side="target")
    outcome = running.result(60)
    assert (outcome.code, outcome.report["status"]) == (3, "partial"), outcome.told
    assert "1 of 6 chunks that were committed are not in the target any more" in outcome.told
    outcome = lab.apply(**spec)
    assert "resuming" in outcome.err and outcome.code == 0, outcome.told
    assert lab.is_whole()


COPY_OUT = ("source", f"query LIKE 'COPY%TO STDOUT%' AND {WAITING}")
MERGE = ("target", WAITING)


@pytest.mark.parametrize(
    ("moment", "end", "parallel"),
    [
        (COPY_OUT, "pg_terminate_backend", SPLIT),
        (COPY_OUT, "pg_cancel_backend", {}),
        (MERGE, "pg_terminate_backend", {}),
        (MERGE, "pg_cancel_backend", SPLIT),
    ],
)
def test_a_session_that_somebody_ends_is_survived(lab, moment, end, parallel):
    assert lab.apply().code == 0
    lab.grow()
    side, condition = moment
    spec = {"source": {"where": BARRIER}, "parallel": parallel}
    with lab.session("source") as reader, lab.session("target") as writer:
        if moment is MERGE:
            writer.execute("LOCK TABLE t IN SHARE MODE")
        else:
            reader.execute("SELECT pg_advisory_lock(1)")
        running = lab.start(**spec)
        lab.await_sessions(WAITING, "target" if moment is MERGE else "source")
        [pid, *_] = lab.await_sessions(condition, side)
        lab.server.run(f"SELECT {end}({pid})")
    outcome = running.result(60)
    if end == "pg_cancel_backend":
        assert outcome.code == 3
        assert "somebody cancelled the statement; apply again to go on" in outcome.told
        outcome = lab.apply(**spec)
    assert (outcome.code, outcome.report["status"], outcome.rows["updated"]) == (0, "succeeded", ROWS), outcome.told
    assert lab.is_whole()
    assert lab.apply(**spec).rows["unchanged"] == ROWS


@pytest.mark.parametrize("end", ["pg_terminate_backend", "pg_cancel_backend"])
def test_a_session_that_is_ended_while_rows_come_in_is_survived(lab, end):
    """The target is sent rows while the source still waits for its last one; so there are many, and they are long."""
    lab.make(f"INSERT INTO s SELECT n, repeat('x', 60) FROM generate_series({ROWS + 1}, {MANY}) AS g (n)")
    lab.make("UPDATE s SET v = 'last' WHERE id = 60")
    spec = {"source": {"where": BARRIER.replace("id < 30", "id <> 60")}}
    with lab.session("source") as holder:
        holder.execute("SELECT pg_advisory_lock(1)")
        running = lab.start(**spec)
        lab.await_sessions(WAITING, "source")
        [pid] = lab.await_sessions("query LIKE 'COPY%FROM STDIN%' AND state = 'active'")
        lab.server.run(f"SELECT {end}({pid})")
    outcome = running.result(60)
    if end == "pg_cancel_backend":
        assert outcome.code == 3
        assert "somebody cancelled the statement; apply again to go on" in outcome.told
        outcome = lab.apply(**spec)
    assert (outcome.code, outcome.rows["inserted"]) == (0, MANY), outcome.told
    assert lab.is_whole(MANY)


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_server_that_falls_silent_is_lost_and_told(lab, side, caplog):
    proxy = Proxy(lab.server.port)
    lab.urls[side] = lab.server.tcp(lab.databases[side], "postgres", proxy.port)
    lab.options[side] = {"silence_timeout": "1s", "connect_timeout": 2}
    spec = {"source": {"where": BARRIER}, "parallel": SPLIT, "retry": ONCE}
    with lab.session("source") as holder:
        holder.execute("SELECT pg_advisory_lock(1)")
        running = lab.start(**spec)
        lab.await_sessions(WAITING, "source", least=2)
        proxy.be_silent()
    outcome = running.result(60)
    assert (outcome.code, outcome.report["status"]) == (3, "partial"), outcome.told
    assert "the server has said nothing for" in outcome.told
    assert "the option silence_timeout" in outcome.told
    assert events(caplog, "the server does not answer")
    proxy.speak()
    outcome = lab.apply(**spec)
    assert "resuming" in outcome.err
    assert (outcome.code, outcome.rows["inserted"]) == (0, ROWS), outcome.told
    assert lab.is_whole()
    proxy.close()


def test_a_server_that_works_for_long_is_not_lost(lab):
    lab.options["source"] = {"silence_timeout": "300ms"}
    outcome = lab.apply(source={"where": "id > 1 or pg_sleep(2) is not null"})
    assert (outcome.code, outcome.rows["inserted"]) == (0, ROWS), outcome.told


def test_a_deadlock_is_tried_again(lab):
    assert lab.apply().code == 0
    lab.grow()
    lab.options["target"] = {"options": "-c deadlock_timeout=1s"}
    with lab.session() as other:
        other.execute("SET deadlock_timeout = '1min'")
        other.execute("LOCK TABLE dmsflow_checkpoint IN SHARE MODE")
        running = lab.start()
        lab.await_sessions(WAITING)
        crossing = threading.Thread(target=other.execute, args=("UPDATE t SET v = 'mine' WHERE id = 1",))
        crossing.start()
        crossing.join(30)
        other.rollback()
    outcome = running.result(60)
    assert (outcome.code, outcome.rows["updated"]) == (0, ROWS), outcome.told
    assert lab.is_whole() and lab.read("SELECT count(*) FROM t WHERE v LIKE '%!'") == [(ROWS,)]
