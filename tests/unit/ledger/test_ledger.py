import stat
from datetime import timedelta
from pathlib import Path

import pytest

from dmsflow.errors import LedgerError
from dmsflow.events import forget_secrets, register_secret
from dmsflow.ledger import Ledger, open_ledger, schema
from dmsflow.ledger import ledger as room
from dmsflow.model.result import ChunkStatus, Failure, RunStatus
from tests.unit.ledger.conftest import NOON, Start, StillClock, chunk, make_start, report


def test_a_new_ledger_is_private_and_unseen_by_git(ledger: Ledger, path: Path):
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert (path.parent / ".gitignore").read_text() == "*\n"


def test_a_run_is_read_back_while_it_runs(ledger: Ledger, start: Start, clock: StillClock):
    start("r1")
    ledger.record_chunk("r1", chunk(1))
    clock.forward(10)
    ledger.beat("r1", 150)

    row = ledger.run("r1")

    assert (row.status, row.pipeline, row.target, row.spec_digest) == (
        RunStatus.RUNNING,
        "orders",
        "dw.orders",
        "d1",
    )
    assert (row.chunks.total, row.chunks.done, row.chunks.pending) == (4, 1, 3)
    assert (row.rows.read, row.rows_read) == (100, 150)
    assert row.share == pytest.approx(1 / 4 + 50 / 400)
    assert row.rows_per_second == pytest.approx(15)
    assert row.remaining is not None
    assert row.remaining.total_seconds() == pytest.approx(10 * 0.625 / 0.375)
    assert row.started_at == NOON
    assert ledger.running() == (row,)


def test_chunks_come_back_as_they_were(ledger: Ledger, start: Start):
    start("r1")
    results = (chunk(1), chunk(2, status=ChunkStatus.FAILED), chunk(3, rows=0))
    for result in reversed(results):
        ledger.record_chunk("r1", result)
    assert ledger.chunks("r1") == results


def test_a_ledger_of_an_older_dmsflow_keeps_its_runs(tmp_path: Path, clock: StillClock, monkeypatch):
    path = tmp_path / "old.db"
    with monkeypatch.context() as older:
        older.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        with open_ledger(path, clock=clock) as ledger:
            make_start(ledger)("r1")
    with open_ledger(path, clock=clock) as ledger:
        ledger.record_attempt("r1", Failure(message="lost", chunk=1))
        assert (ledger.run("r1").run_id, len(ledger.failed_attempts("r1"))) == ("r1", 1)


def test_every_attempt_that_failed_is_kept_in_its_order(ledger: Ledger, start: Start):
    start("r1")
    attempts = tuple(Failure(message=f"lost {i}", code="Lost", chunk=2, attempts=i) for i in (1, 2, 3))
    for failure in attempts:
        ledger.record_attempt("r1", failure)
    assert ledger.failed_attempts("r1") == attempts
    assert ledger.failed_attempts("r2") == ()


def test_a_finished_run_shows_its_report(ledger: Ledger, start: Start, clock: StillClock):
    start("r1")
    ended = report("r1")
    ledger.finish_run(ended)
    clock.forward(1000)

    row = ledger.run("r1")

    assert (row.status, row.rows, row.chunks, row.watermark) == (
        RunStatus.SUCCEEDED,
        ended.rows,
        ended.chunks,
        ended.watermark,
    )
    assert row.elapsed == timedelta(seconds=8)
    assert (row.plan, row.share, row.remaining) == (None, 1.0, None)
    assert ledger.running() == ()


@pytest.mark.parametrize("status", [RunStatus.FAILED, RunStatus.PARTIAL, RunStatus.STOPPED])
def test_an_unfinished_run_keeps_its_plan(ledger: Ledger, start: Start, status: RunStatus):
    start("r1")
    ledger.finish_run(report("r1", status))
    found = ledger.unfinished("orders")
    assert found is not None
    assert (found.run_id, found.status, found.plan) == ("r1", status, b'{"plan": 1}')


def test_a_run_that_never_ended_is_unfinished(ledger: Ledger, start: Start):
    start("r1")
    found = ledger.unfinished("orders")
    assert found is not None
    assert found.plan == b'{"plan": 1}'


def test_nothing_is_unfinished_after_a_success(ledger: Ledger, start: Start):
    start("r1")
    ledger.finish_run(report("r1", RunStatus.FAILED))
    start("r2")
    ledger.finish_run(report("r2"))
    assert ledger.unfinished("orders") is None
    assert ledger.unfinished("never_ran") is None
    assert ledger.run("r1").plan is None


def test_a_resumed_run_goes_on_where_it_was(ledger: Ledger, start: Start, clock: StillClock):
    start("r1")
    ledger.record_chunk("r1", chunk(1))
    ledger.record_chunk("r1", chunk(2, status=ChunkStatus.FAILED))
    ledger.finish_run(report("r1", RunStatus.FAILED))
    clock.forward(3600)
    start("r1", pid=4711)
    ledger.record_chunk("r1", chunk(1, rows=0, status=ChunkStatus.SKIPPED))
    clock.forward(10)
    ledger.record_chunk("r1", chunk(2))

    row = ledger.run("r1")

    assert (row.status, row.pid, row.started_at, row.errors) == (RunStatus.RUNNING, 4711, NOON, ())
    assert (row.chunks.done, row.chunks.failed, row.rows.read) == (2, 0, 200)
    assert row.elapsed == timedelta(seconds=10)
    assert row.rows_per_second == pytest.approx(10)
    assert row.remaining == timedelta(seconds=20)
    assert [result.rows.read for result in ledger.chunks("r1")] == [100, 100]


def test_a_stop_request_addresses_one_run_and_no_later_one(ledger: Ledger, start: Start):
    start("r1")
    start("x1", pipeline="other")
    ledger.request_stop("r1")
    ledger.request_stop("r1")
    assert (ledger.stop_requested("r1"), ledger.stop_requested("x1")) == (True, False)
    assert ledger.run("r1").shown_status == "stopping"

    ledger.finish_run(report("r1", RunStatus.STOPPED))
    ledger.request_stop("r1")
    start("r1")
    assert not ledger.stop_requested("r1")


def test_a_second_stop_request_is_one_at_once_until_the_run_goes_on(ledger: Ledger, start: Start):
    start("r1")
    ledger.request_stop("r1")
    assert not ledger.stop_requested("r1", at_once=True)
    ledger.request_stop("r1")
    assert ledger.stop_requested("r1", at_once=True)
    start("r1")
    ledger.request_stop("r1")
    assert not ledger.stop_requested("r1", at_once=True)


def test_a_stop_request_for_an_unknown_run_is_refused(ledger: Ledger):
    with pytest.raises(LedgerError, match='there is no run "r9"'):
        ledger.request_stop("r9")


def test_a_prefix_finds_the_only_run(ledger: Ledger, start: Start):
    start("20260504-a1")
    start("20260504-b1")
    assert ledger.run("20260504-b").run_id == "20260504-b1"


def test_a_whole_id_wins_over_a_prefix(ledger: Ledger, start: Start):
    start("r1")
    start("r11")
    assert ledger.run("r1").run_id == "r1"


def test_an_ambiguous_prefix_names_the_runs(ledger: Ledger, start: Start):
    start("ra")
    start("rb")
    with pytest.raises(LedgerError, match='several runs begin with "r": rb, ra'):
        ledger.run("r")


@pytest.mark.parametrize("asked", ["zz", "", "r%", "r_"])
def test_an_unknown_run_is_said_to_be_unknown(ledger: Ledger, start: Start, asked: str):
    start("r1")
    with pytest.raises(LedgerError, match="there is no run"):
        ledger.run(asked)


def test_runs_are_listed_newest_first(ledger: Ledger, start: Start):
    for number in range(5):
        start(f"r{number}", pipeline="orders" if number % 2 else "items")
    assert [row.run_id for row in ledger.runs(limit=3)] == ["r4", "r3", "r2"]
    assert [row.run_id for row in ledger.runs("orders")] == ["r3", "r1"]


def test_no_secret_reaches_the_file(ledger: Ledger, start: Start, path: Path):
    register_secret("s3cr3t/pw")
    try:
        start("r1")
        failure = Failure(message="cannot open db://u:s3cr3t%2Fpw@h", next_step="drop s3cr3t/pw")
        ledger.finish_run(report("r1", RunStatus.FAILED, errors=(failure,)))
        row = ledger.run("r1")
        assert row.errors == (Failure(message="cannot open db://u:***@h", next_step="drop ***"),)
        assert b"s3cr3t" not in b"".join(file.read_bytes() for file in path.parent.iterdir())
    finally:
        forget_secrets()


def test_old_runs_are_forgotten(ledger: Ledger, start: Start, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(room, "KEPT_RUNS", 3)
    start("other", pipeline="items")
    for number in range(6):
        start(f"r{number}")
        ledger.record_chunk(f"r{number}", chunk(1))
        ledger.finish_run(report(f"r{number}"))
    assert [row.run_id for row in ledger.runs()] == ["r5", "r4", "r3", "other"]
    assert ledger.chunks("r0") == ()


def test_a_second_opening_finds_what_the_first_wrote(path: Path, clock: StillClock):
    for number in range(2):
        with open_ledger(f"sqlite:///{path}", clock=clock) as opened:
            assert len(opened.runs()) == number
            opened.start_run(
                f"r{number}",
                pipeline="orders",
                spec_file="orders.yaml",
                spec_digest="d",
                plan_json=b"{}",
                target="t",
                transfer="arrow",
                chunks_total=1,
                estimated_rows=None,
                host="h",
                pid=1,
                started_at=clock(),
            )
