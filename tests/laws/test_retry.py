"""Law 33: only what may pass is tried again, so often as the spec says, and every attempt that failed is on record."""

import json
import os
import signal
import sqlite3
from contextlib import closing

import pytest

from dmsflow.errors import PermanentError, TransientError
from dmsflow.events import forget_secrets, register_secret
from dmsflow.runtime import executor
from dmsflow.runtime.run import Steps
from tests.laws.lab import Lab

QUICK = {"attempts": 3, "first_delay": "1ms", "max_delay": "2ms"}


@pytest.fixture
def lab(tmp_path) -> Lab:
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT i AS id FROM range(30) t(i)")
    return lab


def fail(monkeypatch, chunk: int, *errors: Exception) -> None:
    """Have the attempts at a chunk end in these errors, one after the other; then it is loaded."""
    left, load = list(errors), executor.load_chunk

    def load_or_fail(run, wanted, *more):
        if wanted.number == chunk and left:
            raise left.pop(0)
        return load(run, wanted, *more)

    monkeypatch.setattr(executor, "load_chunk", load_or_fail)


def attempts(lab: Lab) -> list[tuple]:
    with closing(sqlite3.connect(lab.folder / ".dmsflow" / "ledger.db")) as ledger:
        rows = ledger.execute("SELECT chunk, attempt, failure FROM failed_attempt ORDER BY seq").fetchall()
    return [(chunk, attempt, json.loads(failure)["message"]) for chunk, attempt, failure in rows]


@pytest.mark.parametrize("workers", [1, 3])
def test_what_may_pass_is_tried_again_and_on_record(lab, monkeypatch, workers):
    register_secret("hunter2")
    fail(monkeypatch, 2, TransientError("lost once"), TransientError("lost with hunter2"))
    outcome = lab.apply(key=["id"], retry=QUICK, parallel={"min_rows": 0, "chunk_rows": 10, "workers": workers})
    forget_secrets()
    assert (outcome.code, outcome.rows["inserted"]) == (0, 30)
    assert attempts(lab) == [(2, 1, "lost once"), (2, 2, "lost with ***")]
    assert "attempt failed chunk=2 attempt=1 of=3" in outcome.err and "hunter2" not in outcome.err
    assert lab.read("SELECT count(*) FROM t") == [(30,)]


def test_the_last_try_is_on_record_too(lab, monkeypatch):
    fail(monkeypatch, 1, *(TransientError(f"lost {i}") for i in range(9)))
    outcome = lab.apply(key=["id"], retry=QUICK)
    assert outcome.report["errors"][0]["attempts"] == 3
    assert attempts(lab) == [(1, 1, "lost 0"), (1, 2, "lost 1"), (1, 3, "lost 2")]


def test_what_cannot_pass_is_tried_once(lab, monkeypatch):
    fail(monkeypatch, 1, PermanentError("no such column"))
    outcome = lab.apply(key=["id"], retry=QUICK)
    assert (outcome.code, attempts(lab)) == (3, [(1, 1, "no such column")])


@pytest.mark.parametrize("step", ["take_lease", "end_marks"])
def test_what_begins_and_ends_a_run_is_tried_again_and_on_record(lab, monkeypatch, step):
    execute, left = Steps.execute, [TransientError("lost once"), TransientError("lost twice")]

    def execute_or_fail(steps, name, **more):
        if name == step and left:
            raise left.pop(0)
        return execute(steps, name, **more)

    monkeypatch.setattr(Steps, "execute", execute_or_fail)
    split = {"min_rows": 0, "chunk_rows": 10, "workers": 1}
    outcome = lab.apply(key=["id"], retry=QUICK, parallel=split)
    assert (outcome.code, outcome.rows["inserted"]) == (0, 30)
    assert attempts(lab) == [(0, 1, "lost once"), (0, 2, "lost twice")]
    assert "attempt failed attempt=1 of=3" in outcome.err


def test_a_run_that_is_stopped_between_two_attempts_is_stopped_not_failed(lab, monkeypatch):
    def fail_and_stop(run, chunk, *more):
        if chunk.number == 1:
            return load(run, chunk, *more)
        os.kill(os.getpid(), signal.SIGTERM)
        raise TransientError("lost")

    load = executor.load_chunk
    patient = {"parallel": {"min_rows": 0, "chunk_rows": 10, "workers": 1}, "retry": {"attempts": 3}}
    with monkeypatch.context() as broken:
        broken.setattr(executor, "load_chunk", fail_and_stop)
        outcome = lab.apply(key=["id"], **patient)
    assert (outcome.code, outcome.report["status"], outcome.report["chunks"]["done"]) == (4, "stopped", 1)
    assert attempts(lab) == [(2, 1, "lost")]
    assert lab.apply(key=["id"], **patient).code == 0
    assert lab.read("SELECT count(*) FROM t") == [(30,)]
