"""Law 35: a run that is asked to stop, through the ledger, ends; what is at work ends first, or is rolled back."""

import threading
import time
from datetime import UTC, datetime

import pytest

from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.engines.generic import GenericSession
from dmsflow.errors import Interrupted
from dmsflow.ledger import open_ledger
from dmsflow.model.table import TableName
from dmsflow.runtime import recording
from tests.laws.lab import Lab

LONG = {
    "duckdb": "SELECT count(*) FROM range(1000000000) r(i) WHERE i % 7 = 3",
    "sqlite": "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 10000000) "
    "SELECT count(*) FROM r WHERE i < 0",
}
SPLIT = {"min_rows": 0, "chunk_rows": 5}


@pytest.fixture(autouse=True)
def keen_ears(monkeypatch):
    monkeypatch.setattr(recording, "HEAR_SECONDS", 0.05)


def make_lab(tmp_path, target) -> Lab:
    lab = Lab(tmp_path, "duckdb", target)
    lab.make("CREATE TABLE s AS SELECT i AS id, 'v' || i AS v FROM range(20) r(i)")
    return lab


def ask(lab, times) -> None:
    """Ask the run that runs to stop, from another connection to the ledger."""
    with open_ledger(lab.folder / ".dmsflow" / "ledger.db", clock=lambda: datetime.now(UTC)) as ledger:
        [run] = ledger.running("p")
        for _ in range(times):
            ledger.request_stop(run.run_id)


def in_chunk(monkeypatch, session_class, number, do) -> None:
    """Have something happen, with the session, when the chunk of that number has its mark and begins to merge."""
    execute, begun = session_class.execute, []

    def execute_watched(session, sql, binds=None):
        written = execute(session, sql, binds)
        if sql.startswith("INSERT INTO") and "dmsflow_chunk" in sql.split("(")[0]:
            begun.append(sql)
            if len(begun) == number:
                do(lambda: execute(session, LONG[session.traits.name]))
        return written

    monkeypatch.setattr(session_class, "execute", execute_watched)


def session_class(target):
    return GenericSession if target == "sqlite" else DuckDBSession


@pytest.mark.parametrize(("target", "workers"), [("duckdb", 1), ("duckdb", 3), ("sqlite", 2)])
def test_a_second_request_ends_a_long_statement_and_rolls_it_back(target, workers, tmp_path, monkeypatch):
    lab = make_lab(tmp_path, target)
    took = []

    def be_long(run_long) -> None:
        threading.Timer(0.1, lambda: ask(lab, 2)).start()
        began = time.monotonic()
        try:
            run_long()
        finally:
            took.append(time.monotonic() - began)

    spec = {"key": ["id"], "parallel": SPLIT | {"workers": workers}}
    with monkeypatch.context() as slow:
        in_chunk(slow, session_class(target), 2, be_long)
        outcome = lab.apply(**spec)
    report = outcome.report
    assert (outcome.code, report["status"], report["errors"]) == (4, "stopped", []), outcome
    assert took[0] < 2
    loaded = lab.read("SELECT count(*) FROM t")[0][0]
    assert report["rows"]["read"] == report["rows"]["inserted"] == loaded == report["chunks"]["done"] * 5
    assert 1 <= report["chunks"]["done"] <= 3
    assert lab.read("SELECT count(*) FROM dmsflow_lease") == [(0,)]
    resumed = lab.apply(**spec)
    assert (resumed.code, resumed.rows["read"], "resuming run" in resumed.err) == (0, 20, True)
    assert lab.read("SELECT count(*), count(DISTINCT id) FROM t") == [(20, 20)]


@pytest.mark.parametrize("target", ["duckdb", "sqlite"])
def test_one_request_ends_a_run_of_one_chunk_as_a_signal_does(target, tmp_path, monkeypatch):
    lab = make_lab(tmp_path, target)

    def be_long(run_long) -> None:
        ask(lab, 1)
        run_long()

    with monkeypatch.context() as slow:
        in_chunk(slow, session_class(target), 1, be_long)
        outcome = lab.apply(key=["id"])
    assert (outcome.code, outcome.report["status"], outcome.rows["read"]) == (4, "stopped", 0), outcome
    assert lab.read("SELECT count(*) FROM t") == [(0,)]
    assert lab.apply(key=["id"]).rows["inserted"] == 20


def test_a_first_request_lets_the_chunk_at_work_end(tmp_path, monkeypatch):
    lab = make_lab(tmp_path, "duckdb")
    spec = {"key": ["id"], "parallel": SPLIT | {"workers": 1}}
    with monkeypatch.context() as slow:
        in_chunk(slow, DuckDBSession, 2, lambda _: (ask(lab, 1), time.sleep(0.3)))
        outcome = lab.apply(**spec)
    assert (outcome.code, outcome.report["status"], outcome.report["chunks"]["done"]) == (4, "stopped", 2), outcome
    assert lab.read("SELECT count(*) FROM t") == [(10,)]
    assert lab.apply(**spec).rows["read"] == 20


def test_a_long_statement_of_the_refinery_ends_too(tmp_path, monkeypatch):
    lab = make_lab(tmp_path, "sqlite")
    stream = DuckDBSession.stream

    def be_long(session, sql, binds, batch_rows):
        if "_dms_incoming" not in sql:
            return stream(session, sql, binds, batch_rows)
        threading.Timer(0.1, lambda: ask(lab, 1)).start()
        return stream(session, f"SELECT * FROM ({sql}) WHERE ({LONG['duckdb']}) > 0", binds, batch_rows)

    monkeypatch.setattr(DuckDBSession, "stream", be_long)
    outcome = lab.apply(key=["id"])
    assert (outcome.code, outcome.report["status"], outcome.report["errors"]) == (4, "stopped", []), outcome
    assert outcome.report["seconds"] < 10


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_request_at_the_commit_of_the_only_chunk_is_settled_by_its_mark(moment, tmp_path, monkeypatch):
    lab = make_lab(tmp_path, "duckdb")
    commit, struck = DuckDBSession.commit, []

    def interrupted(session) -> None:
        marked = not struck and session.describe_table(TableName(table="dmsflow_chunk"))
        if not marked or not session.fetch("SELECT 1 FROM dmsflow_chunk"):
            commit(session)
            return
        struck.append(moment)
        ask(lab, 1)
        time.sleep(0.3)
        if moment == "after":
            commit(session)
        raise Interrupted("the run was stopped at once")

    with monkeypatch.context() as slow:
        slow.setattr(DuckDBSession, "commit", interrupted)
        outcome = lab.apply(key=["id"])
    told = (outcome.code, outcome.report["status"], outcome.rows["inserted"])
    assert told == {"before": (4, "stopped", 0), "after": (0, "succeeded", 20)}[moment], outcome
    assert lab.apply(key=["id"]).rows["read"] == 20
    assert lab.read("SELECT count(*) FROM t") == [(20,)]
