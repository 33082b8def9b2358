"""``dmsflow stop``: which run is meant, what is asked of it, and what is said where nothing can be."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dmsflow.cli.commands import stop
from dmsflow.ledger import open_ledger
from dmsflow.model.result import RunStatus
from tests.unit.cli.test_runs_and_status import begin, call, folder, ledger_file, now  # noqa: F401 - fixtures
from tests.unit.ledger.conftest import report


def asked(path: Path, run_id: str) -> tuple[bool, bool]:
    with open_ledger(path, clock=now) as ledger:
        return ledger.stop_requested(run_id), ledger.stop_requested(run_id, at_once=True)


@pytest.mark.parametrize("name", ["orders", "20260504-b"])
def test_the_run_at_work_is_asked_to_stop_and_then_at_once(ledger_file: Path, name: str):  # noqa: F811
    first = call("stop", name)
    assert (first.exit_code, asked(ledger_file, "20260504-b")) == (0, (True, False))
    assert first.stdout == (
        'run 20260504-b of pipeline "orders" is asked to stop: the chunks at work end first'
        ' | to wait no longer: "dmsflow stop 20260504-b" rolls them back\n'
    )
    second = call("stop", name)
    assert (second.exit_code, asked(ledger_file, "20260504-b")) == (0, (True, True))
    assert second.stdout.endswith("is asked to stop at once: what is at work is rolled back\n")


def test_json_tells_the_run_and_whether_at_once(ledger_file: Path):  # noqa: F811
    shown = json.loads(call("stop", "orders", "--format", "json").stdout)
    assert (shown["at_once"], shown["run"]["run_id"], shown["run"]["status"]) == (False, "20260504-b", "stopping")


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("items", 3, 'is gone | next: run "dmsflow apply orders.yaml" to resume it'),
        ("20260504-c", 3, "does not run: its process"),
        ("20260504-a", 3, "does not run: it ended at "),
        ("ordres", 2, 'there is no run "ordres"'),
        ("2026", 2, "several runs begin with"),
        ("", 2, "there is no run"),
    ],
)
def test_what_does_not_run_cannot_be_stopped(ledger_file: Path, name: str, code: int, said: str):  # noqa: F811
    result = call("stop", name)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
    for run_id in ("20260504-a", "20260504-b", "20260504-c"):
        assert asked(ledger_file, run_id) == (False, False)


def test_a_pipeline_that_has_ended_says_how(ledger_file: Path):  # noqa: F811
    with open_ledger(ledger_file, clock=now) as ledger:
        ledger.finish_run(report("20260504-b"))
    result = call("stop", "orders")
    assert result.exit_code == 3
    assert 'error: run 20260504-b of pipeline "orders" does not run: it ended at ' in result.stderr
    assert result.stderr.endswith(", succeeded\n")


def test_several_runs_of_a_pipeline_are_told_apart(ledger_file: Path):  # noqa: F811
    with open_ledger(ledger_file, clock=now) as ledger:
        begin(ledger, "20260504-d", pid=os.getpid(), at=now())
    result = call("stop", "orders")
    assert result.exit_code == 2
    assert 'several runs of pipeline "orders" are at work: 20260504-b, 20260504-d' in result.stderr
    assert call("stop", "20260504-d").exit_code == 0


def test_waiting_tells_how_the_run_ended(ledger_file: Path, monkeypatch: pytest.MonkeyPatch):  # noqa: F811
    def pass_time(_seconds: float) -> None:
        with open_ledger(ledger_file, clock=now) as ledger:
            ledger.finish_run(report("20260504-b", RunStatus.STOPPED))

    monkeypatch.setattr(stop.time, "sleep", pass_time)
    result = call("stop", "orders", "--wait")
    assert result.exit_code == 0
    assert result.stdout == 'run 20260504-b of pipeline "orders" has ended: stopped, 4 of 4 chunks, 400 rows\n'


def test_waiting_for_a_run_that_dies_meanwhile_fails(ledger_file: Path, monkeypatch: pytest.MonkeyPatch):  # noqa: F811
    def pass_time(_seconds: float) -> None:
        with closing(sqlite3.connect(ledger_file)) as connection:
            connection.execute("UPDATE run SET heartbeat_at = '2020-01-01T00:00:00+00:00'")
            connection.commit()

    monkeypatch.setattr("dmsflow.ledger.records.process_lives", lambda _: False)
    monkeypatch.setattr(stop.time, "sleep", pass_time)
    result = call("stop", "orders", "--wait")
    assert result.exit_code == 3
    assert "is lost: process" in result.stdout
