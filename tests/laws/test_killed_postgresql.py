"""Real processes that load from and into PostgreSQL: stopped, killed, or two at once. What is left is exact."""

import json
import signal
import subprocess

import psycopg
import pytest

from tests.flows.shell import start_dmsflow
from tests.laws.private_lab import HURRIED, ROWS, SPLIT, PrivateLab
from tests.laws.test_lost_postgresql import BARRIER, WAITING
from tests.proxy import Proxy

SECONDS = 30
"""In which a stopped process must end, on a slow machine; nothing that holds it up ends by itself."""
HELD = {"lock_timeout": "0"}
PLACES = ["source", "target"]


@pytest.fixture
def lab(tmp_path):
    opened = PrivateLab(tmp_path)
    opened.fill()
    for side in PLACES:
        opened.options[side] = HELD
    yield opened
    opened.close()


@pytest.fixture
def start(lab):
    """Starts dmsflow as a process; none outlives its test."""
    started = []

    def run(**spec):
        base = {"connections": lab.connections(), "key": ["id"], "retry": HURRIED}
        path = lab.spec(**(base | spec))
        started.append(start_dmsflow("apply", path, "--format", "json", cwd=lab.folder))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def hold(lab, side, table="t"):
    """A session that keeps a load from going on: at the rows of the source, or at the table it writes."""
    connection = psycopg.connect(lab.servers[side])
    connection.execute("SELECT pg_advisory_lock(1)" if side == "source" else f"LOCK TABLE {table} IN SHARE MODE")
    return connection


def end(process, code):
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == code, err
    assert "Traceback" not in err
    return json.loads(out) if out else {}, err


@pytest.mark.parametrize(
    ("way", "side", "parallel"),
    [
        ("SIGINT", "source", {}),
        ("SIGINT", "target", SPLIT),
        ("SIGTERM", "source", SPLIT),
        ("SIGTERM", "target", {}),
        ("SIGKILL", "source", SPLIT),
        ("SIGKILL", "target", SPLIT),
    ],
)
def test_a_load_that_is_ended_in_a_wait_ends_at_once_and_goes_on_later(lab, start, side, parallel, way):
    assert lab.apply().code == 0
    lab.grow()
    spec = {"source": {"where": BARRIER}, "parallel": parallel}
    holder = hold(lab, side)
    process = start(**spec)
    lab.await_sessions(WAITING, side, least=2 if parallel else 1)
    process.send_signal(getattr(signal, way))
    if way == "SIGKILL":
        process.communicate()
    else:
        report, _ = end(process, 4)
        assert report["status"] == "stopped"
        assert report["rows"]["read"] == sum(n for (n,) in lab.read("SELECT rows_read FROM dmsflow_chunk")) - ROWS
        assert lab.read("SELECT count(*) FROM dmsflow_lease") == [(0,)]
    holder.close()
    done = lab.apply(**spec)
    assert (done.code, done.rows["updated"]) == (0, ROWS), done.told
    assert lab.is_whole()
    assert lab.apply(**spec).rows["unchanged"] == ROWS


@pytest.mark.parametrize("side", PLACES)
def test_a_load_from_and_into_another_database_is_stopped_in_a_wait(tmp_path, side):
    other = {"source": "postgresql", "target": "duckdb"} if side == "source" else {"source": "duckdb"}
    lab = PrivateLab(tmp_path, **other)
    spec = {
        "connections": lab.connections(),
        "key": ["id"],
        "source": {"where": BARRIER if side == "source" else "1=1"},
    }
    lab.make("CREATE TABLE s (id int PRIMARY KEY, v text)")
    lab.make(f"INSERT INTO s SELECT n, 'v' || n FROM generate_series(1, {ROWS}) AS g (n)")
    if side == "target":
        assert lab.apply(**spec).code == 0
        lab.make("UPDATE s SET v = v || '!'")
    holder = hold(lab, side)
    process = start_dmsflow("apply", lab.spec(**spec), "--format", "json", cwd=lab.folder)
    lab.await_sessions(WAITING, side)
    process.terminate()
    assert end(process, 4)[0]["status"] == "stopped"
    holder.close()
    done = lab.apply(**spec)
    assert (done.code, done.rows["read"]) == (0, ROWS), done.told
    lab.close()


def test_a_second_signal_ends_what_still_works(lab, start):
    spec = {"source": {"where": "id < 30 or current_query() not like 'COPY%' or pg_sleep(60) is not null"}}
    process = start(**spec, parallel=SPLIT)
    lab.await_sessions("wait_event = 'PgSleep'", "source", least=2)
    process.terminate()
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=2)
    process.terminate()
    report, _ = end(process, 4)
    assert (report["status"], report["chunks"]["done"], report["chunks"]["pending"]) == ("stopped", 2, 4)
    lab.await_no_sessions("query LIKE '%pg_sleep%'", "source")
    assert lab.apply(source={"where": spec["source"]["where"].replace("60", "0")}, parallel=SPLIT).code == 3
    restarted = lab.apply("--restart", parallel=SPLIT)
    assert restarted.code == 0 and lab.is_whole()


@pytest.mark.parametrize(("side", "parallel"), [("source", SPLIT), ("target", {})])
def test_a_load_that_waits_for_a_silent_server_ends_when_it_is_told_to(lab, start, side, parallel):
    proxy = Proxy(lab.server.port)
    lab.urls[side] = lab.server.tcp(lab.databases[side], "postgres", proxy.port)
    holder = hold(lab, "source")
    process = start(source={"where": BARRIER}, parallel=parallel)
    lab.await_sessions(WAITING, "source", least=2 if parallel else 1)
    proxy.be_silent()
    if side == "target":
        holder.close()
        lab.await_no_sessions(WAITING, "source")
    process.terminate()
    report, _ = end(process, 4)
    assert report["status"] == "stopped"
    proxy.speak()
    holder.close()
    assert lab.apply(source={"where": BARRIER}, parallel=parallel).code == 0
    assert lab.is_whole()
    proxy.close()


def test_two_terminals_at_once_make_one_load(lab, start):
    holder = hold(lab, "source")
    spec = {"source": {"where": BARRIER}, "parallel": SPLIT}
    first = start(**spec)
    lab.await_sessions(WAITING, "source", least=2)
    second = start(**spec)
    _, told = end(second, 3)
    assert "t is being loaded by run" in told and f"process {first.pid}" in told and "wait for it to end" in told
    holder.close()
    report, _ = end(first, 0)
    assert report["rows"]["inserted"] == ROWS
    assert lab.is_whole()


def test_many_terminals_in_the_same_moment_make_one_load(lab, start):
    with lab.session("target") as holder:
        assert lab.apply(columns={"id": {}}, target={"table": "other"}, name="other").code == 0
        holder.execute("LOCK TABLE dmsflow_lease IN ACCESS EXCLUSIVE MODE")
        racers = [start() for _ in range(3)]
        lab.await_sessions(WAITING, least=3)
    ended = [racer.communicate(timeout=SECONDS) for racer in racers]
    codes = sorted(racer.returncode for racer in racers)
    assert 0 in codes and set(codes) <= {0, 3}, ended
    for racer, (_, err) in zip(racers, ended):
        assert racer.returncode == 0 or "is being loaded by run" in err
    assert lab.is_whole()
    assert lab.apply().rows["unchanged"] == ROWS


@pytest.mark.parametrize("way", ["stopped", "killed"])
def test_a_run_is_seen_and_ended_while_its_target_follows_the_spec(lab, start, way):
    assert lab.apply(parallel=SPLIT).code == 0
    lab.make("ALTER TABLE s ADD COLUMN w text DEFAULT 'w'")
    spec = {"target": {"evolve": "add"}, "parallel": SPLIT}
    with lab.session("target") as holder:
        holder.execute("LOCK TABLE t IN ACCESS SHARE MODE")
        process = start(**spec)
        lab.await_sessions("wait_event_type = 'Lock' AND query LIKE 'ALTER TABLE%'")
        [seen] = lab.run("status", "--format", "json", "--spec", lab.folder / "p.yaml").report["running"]
        assert (seen["pid"], seen["chunks"]["done"]) == (process.pid, 0)
        if way == "stopped":
            assert lab.run("stop", seen["run_id"], "--wait", "--spec", lab.folder / "p.yaml").code == 0
            assert end(process, 4)[0]["status"] == "stopped"
        else:
            process.kill()
            process.communicate()
    done = lab.apply(**spec)
    assert (done.code, done.rows["updated"]) == (0, ROWS), done.told
    assert lab.read("SELECT count(*) FROM t WHERE w = 'w'") == [(ROWS,)]
