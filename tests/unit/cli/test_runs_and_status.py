import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dmsflow.cli.app import app
from dmsflow.cli.commands.status import Sight, watch_runs
from dmsflow.ledger import Ledger, open_ledger, this_host
from dmsflow.model.result import ChunkResult, ChunkStatus, RowCounts, RunStatus
from tests.unit.ledger.conftest import report


def now() -> datetime:
    return datetime.now(UTC)


def begin(ledger: Ledger, run_id: str, *, pid: int, at: datetime, pipeline: str = "orders") -> None:
    ledger.start_run(
        run_id,
        pipeline=pipeline,
        spec_file="orders.yaml",
        spec_digest="d",
        plan_json=b"{}",
        target="dw.orders",
        transfer="arrow",
        chunks_total=4,
        estimated_rows=400,
        host=this_host(),
        pid=pid,
        started_at=at,
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DMSFLOW_LEDGER", raising=False)
    return tmp_path


@pytest.fixture
def ledger_file(folder: Path) -> Path:
    """Three runs: one ended, one runs (this process), one lost its process ten minutes ago."""
    path = folder / ".dmsflow" / "ledger.db"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    past = datetime.fromtimestamp(now().timestamp() - 600, UTC)
    with open_ledger(path, clock=lambda: past) as ledger:
        begin(ledger, "20260504-a", pid=os.getpid(), at=past)
        ledger.finish_run(report("20260504-a", RunStatus.STOPPED, started_at=past, finished_at=past))
        begin(ledger, "20260504-c", pid=gone.pid, at=past, pipeline="items")
    with open_ledger(path, clock=now) as ledger:
        begin(ledger, "20260504-b", pid=os.getpid(), at=now())
        ledger.record_chunk(
            "20260504-b", ChunkResult(number=1, status=ChunkStatus.DONE, rows=RowCounts(read=100, inserted=100))
        )
    return path


def call(*words: str) -> Result:
    return CliRunner().invoke(app, [*words])


def test_status_shows_what_runs_and_what_is_lost(ledger_file: Path):
    result = call("status")
    heading, lost, running, hint = result.stdout.splitlines()
    assert result.exit_code == 0
    assert heading.split()[:5] == ["pipeline", "status", "done", "chunks", "rows"]
    assert lost.split()[:4] == ["items", "lost", "0%", "0/4"]
    assert running.split()[:5] == ["orders", "running", "25%", "1/4", "100"]
    assert running.endswith(f"20260504-b  {this_host()}:{os.getpid()}")
    assert "is gone, its latest sign of life was 10m" in hint
    assert 'run "dmsflow apply orders.yaml" again' in hint
    assert "\x1b" not in result.stdout


def test_status_as_json(ledger_file: Path):
    shown = json.loads(call("status", "orders", "--format", "json").stdout)
    assert [run["run_id"] for run in shown["running"]] == ["20260504-b"]
    assert (shown["running"][0]["share"], shown["running"][0]["status"], shown["latest"]) == (0.25, "running", None)
    assert "plan" not in shown["running"][0]


def test_status_says_how_the_latest_run_ended(ledger_file: Path):
    with open_ledger(ledger_file, clock=now) as ledger:
        ledger.finish_run(report("20260504-b"))
    line = call("status", "orders").stdout
    assert line.startswith("nothing runs now | latest: orders succeeded at ")
    assert line.endswith("400 rows in 0.0s (run 20260504-b)\n")


def test_status_of_a_pipeline_that_never_ran(ledger_file: Path):
    assert call("status", "nobody").stdout == "nothing runs now, and nothing ran before\n"


def test_runs_are_listed(ledger_file: Path):
    lines = call("runs").stdout.splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [
        ["20260504-b", "orders", "running"],
        ["20260504-c", "items", "lost"],
        ["20260504-a", "orders", "stopped"],
    ]
    assert lines[3].endswith("400       300          0        0        100         0       0")
    assert len(call("runs", "--limit", "1").stdout.splitlines()) == 2


def test_runs_as_json_keep_typed_watermarks_and_utc(ledger_file: Path):
    shown = json.loads(call("runs", "orders", "--format", "json").stdout)
    assert [run["status"] for run in shown] == ["running", "stopped"]
    assert shown[1]["watermark"] == {"before": None, "after": {"id": "400"}}
    assert shown[1]["finished_at"].endswith("Z")


def test_an_empty_ledger_has_no_runs(folder: Path):
    with open_ledger(folder / "x.db", clock=now):
        pass
    assert call("runs", "--ledger", "x.db").stdout == "no run yet\n"
    assert call("runs", "--ledger", "sqlite:///x.db", "--format", "json").stdout == "[]\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing ran here"),
        (("--ledger", "y.db"), "there is no ledger at"),
        (("--ledger", "postgresql://u:p@h/d"), "a ledger on a server (postgresql://) is not there yet"),
    ],
)
@pytest.mark.parametrize("command", ["runs", "status"])
def test_a_ledger_that_is_not_there_is_wrong_usage(folder: Path, command: str, words: tuple[str, ...], said: str):
    result = call(command, *words)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert said in result.stderr


def test_a_damaged_ledger_is_no_traceback(folder: Path):
    (folder / "x.db").write_bytes(b"nonsense" * 1000)
    result = call("runs", "--ledger", "x.db")
    assert result.exit_code == 2
    assert "is damaged, or is no ledger" in result.stderr


def test_the_ledger_is_found_from_a_spec(ledger_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("/")
    assert call("runs", "--spec", str(tmp_path / "elsewhere" / "orders.yaml")).exit_code == 0


def test_watching_ends_with_the_last_run(ledger_file: Path):
    with open_ledger(ledger_file, clock=now) as ledger:
        waits: list[int] = []

        def wait() -> None:
            waits.append(1)
            if len(waits) == 3:
                ledger.finish_run(report("20260504-b"))

        def look() -> Sight:
            return ledger.running("orders"), None

        sights = list(watch_runs(look, wait))
    assert [len(running) for running, _ in sights] == [1, 1, 1, 0]


def test_a_watch_that_sees_nothing_ends_at_once(ledger_file: Path):
    result = call("status", "nobody", "--watch", "--format", "json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"running": [], "latest": None}


def on_a_terminal(*words: str, **changes: str) -> str:
    """What the command writes to a terminal of 80 columns."""
    parent, child = pty.openpty()
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "80", **changes}
    command = [sys.executable, "-c", "from dmsflow.cli.app import main; main()", *words]
    subprocess.run(command, stdout=child, env=environ, check=True)
    os.close(child)
    written = b""
    with suppress(OSError):  # a terminal that nobody holds any more ends with EIO
        while part := os.read(parent, 65536):
            written += part
    os.close(parent)
    return written.decode()


def test_a_status_on_a_terminal_is_in_colour(ledger_file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[36mrunning\x1b[0m" in on_a_terminal("status", "orders")
    assert "\x1b" not in on_a_terminal("status", "orders", NO_COLOR="1")


def test_a_watch_on_a_terminal_leaves_the_last_sight_whole(ledger_file: Path):
    with open_ledger(ledger_file, clock=now) as ledger:
        ledger.finish_run(report("20260504-b"))
    written = on_a_terminal("status", "orders", "--watch", NO_COLOR="1")
    assert written.rstrip().endswith("400 rows in 0.0s (run 20260504-b)")
