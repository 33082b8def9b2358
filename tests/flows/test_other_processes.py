"""A load as other processes see it while it runs, after it was stopped, and after it was killed."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.shell import Ran, apply, ask, dmsflow, start_dmsflow
from tests.flows.slow import ROWS, wait_for_run, write_slow_load

SOUND = "SELECT count(*), count(DISTINCT id), sum(id), count(note) FROM events"
WHOLE = [(ROWS, ROWS, ROWS * (ROWS - 1) // 2, ROWS)]


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    return write_slow_load(tmp_path)


@pytest.fixture
def load(spec: Path) -> Iterator[subprocess.Popen[str]]:
    process = start_dmsflow("apply", spec, "--format", "json", cwd=spec.parent)
    yield process
    process.kill()
    process.communicate()


def end(process: subprocess.Popen[str]) -> Ran:
    out, err = process.communicate(timeout=120)
    return Ran(code=process.returncode, out=out, err=err)


def test_status_and_runs_see_a_load_while_it_runs(spec: Path, load: subprocess.Popen[str]):
    seen = wait_for_run(spec, cwd=spec.parent)
    assert (seen["pipeline"], seen["status"], seen["pid"]) == ("events", "running", load.pid)
    assert seen["rows"]["read"] == seen["rows"]["inserted"] == seen["chunks"]["done"] * 250
    assert "events" in dmsflow("status", cwd=spec.parent).out
    listed = dmsflow("runs", "--format", "json", cwd=spec.parent).report
    assert [(run["run_id"], run["status"]) for run in listed] == [(seen["run_id"], "running")]
    ended = end(load)
    assert (ended.code, ended.rows) == (0, {"read": ROWS, "inserted": ROWS}), ended.err
    after = dmsflow("status", "--format", "json", cwd=spec.parent).report
    assert (after["running"], after["latest"]["status"]) == ([], "succeeded")
    assert ask(spec.with_name("events.duckdb"), SOUND) == WHOLE


def test_a_second_load_of_the_same_target_is_refused(spec: Path, load: subprocess.Popen[str]):
    wait_for_run(spec, cwd=spec.parent)
    second = dmsflow("apply", spec, cwd=spec.parent)
    assert second.code == 3
    assert second.err
    assert "Traceback" not in second.err
    assert end(load).code == 0
    assert ask(spec.with_name("events.duckdb"), SOUND) == WHOLE


@pytest.mark.parametrize("way", ["stopped", "asked", "killed"])
def test_the_next_apply_completes_a_load_that_broke_off(spec: Path, load: subprocess.Popen[str], way: str):
    wait_for_run(spec, cwd=spec.parent)
    if way == "stopped":
        load.terminate()
        assert end(load).code == 4
    elif way == "asked":
        asked = dmsflow("stop", "events", "--wait", "--format", "json", "--spec", spec, cwd=spec.parent)
        assert (asked.code, asked.report["run"]["status"]) == (0, "stopped"), asked.err
        assert end(load).code == 4
    else:
        load.kill()
        load.communicate()
    resumed = apply(spec, cwd=spec.parent)
    assert "resuming" in resumed.err
    assert resumed.report["chunks"] == {"total": ROWS // 250, "done": ROWS // 250, "failed": 0, "pending": 0}
    assert ask(spec.with_name("events.duckdb"), SOUND) == WHOLE
    assert apply(spec, cwd=spec.parent).rows == {"read": ROWS, "unchanged": ROWS}
