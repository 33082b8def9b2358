"""Effects leave nothing behind, whatever ends them: a kill in the middle, a lock, a user that may not write."""

import hashlib
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from tests.flows.shell import PROGRAM, environment
from tests.laws.lab import Lab
from tests.laws.private_lab import HURRIED, SPLIT, PrivateLab
from tests.laws.test_lost_postgresql import BARRIER, WAITING
from tests.laws.world import print_server
from tests.private_postgres import until

MANY = 100_000


@pytest.fixture
def lab(tmp_path):
    opened = PrivateLab(tmp_path)
    opened.fill()
    yield opened
    opened.close()


def start(path: Path, folder: Path, **variables: str) -> subprocess.Popen[str]:
    """Count effects in a process of its own."""
    words = [PROGRAM, "plan", str(path), "--effects"]
    env = environment() | variables
    return subprocess.Popen(words, cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def write_spec(lab: PrivateLab, **more: object) -> Path:
    return lab.spec(**({"connections": lab.connections(), "key": ["id"], "retry": HURRIED, "parallel": SPLIT} | more))


def look(lab: PrivateLab) -> list[tuple]:
    with lab.session() as connection:
        return print_server(connection)


@pytest.mark.parametrize(("way", "first"), [("SIGKILL", True), ("SIGKILL", False), ("SIGINT", False)])
def test_effects_that_end_in_the_middle_leave_a_server_as_it_was(lab, way, first):
    if not first:
        assert lab.apply().code == 0
        lab.grow()
    path, before = write_spec(lab, source={"where": BARRIER}), look(lab)
    with lab.session("source") as holder:
        holder.execute("SELECT pg_advisory_lock(1)")
        process = start(path, lab.folder)
        lab.await_sessions(WAITING, "source")
        # The first chunks are written, in a transaction that is still open.
        lab.await_sessions("backend_xid IS NOT NULL")
        process.send_signal(getattr(signal, way))
        if way == "SIGINT":
            process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == (-9 if way == "SIGKILL" else 4), err
    assert "Traceback" not in err
    lab.await_no_sessions("TRUE")
    assert look(lab) == before
    assert lab.run("plan", path, "--effects").code == 0


@pytest.mark.parametrize("target", ["duckdb", "sqlite"])
def test_effects_that_are_killed_leave_a_file_as_it_was(tmp_path, target):
    lab = Lab(tmp_path, "duckdb", target)
    lab.make(f"CREATE TABLE s AS SELECT i AS id, 'v' || i AS v FROM range({MANY}) t (i)")
    wanted = {"key": ["id"], "parallel": {"min_rows": 0, "chunk_rows": 10_000}}
    assert lab.apply(**wanted).code == 0
    lab.make("UPDATE s SET v = v || '!'")
    lab.release()
    path, aside = lab.spec(**wanted), tmp_path / "aside"
    aside.mkdir()

    def files() -> list[tuple]:
        found = sorted(file for file in tmp_path.glob("target.db*"))
        return [(file.name, hashlib.sha256(file.read_bytes()).hexdigest()) for file in found]

    before = files()
    process = start(path, tmp_path, TMPDIR=str(aside))
    size = (tmp_path / "target.db").stat().st_size
    # The copy is loaded as soon as there is something beside it, or more in it.
    until(lambda: process.poll() is not None or any(_grown(file, size) for file in aside.glob("*/*")))
    process.kill()
    process.communicate()
    assert files() == before
    assert list(aside.glob("dmsflow-aside-*")), "it was killed before it had begun"
    process = start(path, tmp_path, TMPDIR=str(aside))
    out, err = process.communicate(timeout=120)
    assert (process.returncode, files()) == (0, before), err
    assert f"{MANY:,}" in out
    assert list(aside.iterdir()) == [], "what the killed process has left is removed by the next one"


def _grown(file: Path, size: int) -> bool:
    try:
        return file.suffix != ".db" or file.stat().st_size > size
    except OSError:
        return False


def test_a_user_that_may_only_read_is_told(lab):
    role = f"reader_{lab.databases['target']}"
    lab.server.run(f"CREATE ROLE {role} LOGIN")
    lab.users["target"] = role
    try:
        nothing = lab.run("plan", write_spec(lab), "--effects")
        lab.users.clear()
        assert lab.apply().code == 0
        lab.make(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}", side="target")
        before = look(lab)
        lab.users["target"] = role
        reading = lab.run("plan", write_spec(lab), "--effects")
        assert look(lab) == before
    finally:
        lab.server.run(f"DROP OWNED BY {role}", database=lab.databases["target"])
        lab.server.run(f"DROP ROLE {role}")
    assert (nothing.code, reading.code) == (3, 3)
    assert "DMS412 effects-not-allowed: the effects are found by doing what a run does" in nothing.err
    assert "it needs the permissions of apply" in reading.out
    for told in (nothing.err, reading.out):
        assert "permission denied" in told and "grant it to the user of the connection" in told


def test_a_lock_is_waited_for_no_longer_than_the_connection_says(lab):
    assert lab.apply().code == 0
    lab.grow()
    lab.options["target"] = {"lock_timeout": "1s"}
    with lab.session(application="nightly report") as holder:
        holder.execute("UPDATE t SET v = v WHERE id = 5")
        outcome = lab.run("plan", write_spec(lab), "--effects")
        holder.rollback()
    assert outcome.code == 3
    assert "55P03" in outcome.out and 'application "nightly report"' in outcome.out


def test_a_file_that_may_only_be_read_has_its_effects(tmp_path):
    for engine, connect in (("duckdb", duckdb.connect), ("sqlite", sqlite3.connect)):
        folder = tmp_path / engine
        folder.mkdir()
        lab = Lab(folder, "duckdb", engine)
        lab.make("CREATE TABLE s AS SELECT 1 AS id")
        with closing(connect(folder / "target.db")) as made:
            made.execute("CREATE TABLE t (id integer, inserted_at timestamp, modified_at timestamp)")
        (folder / "target.db").chmod(0o444)
        outcome = lab.run("plan", lab.spec(key=["id"]), "--effects")
        assert (outcome.code, "inserted: 1 row:" in outcome.out) == (0, True), outcome.err


def test_a_copy_that_has_no_room_is_told(tmp_path, monkeypatch):
    lab = Lab(tmp_path, "duckdb", "duckdb")
    lab.make("CREATE TABLE s AS SELECT 1 AS id")
    assert lab.apply(key=["id"]).code == 0
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("dmsflow.engines.aside.shutil.disk_usage", lambda _: usage)
    outcome = lab.run("plan", lab.spec(key=["id"]), "--effects")
    assert outcome.code == 3
    assert "make room, or name another folder with the environment variable TMPDIR" in outcome.err
