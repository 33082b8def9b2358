"""The ledger between real processes: one writes, others look; one dies; many begin at once."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep

from dmsflow.ledger import Ledger, open_ledger
from tests.unit.ledger.conftest import Start, StillClock, chunk

WRITER = """
import os, sys
from datetime import UTC, datetime
from dmsflow.ledger import open_ledger, this_host
from dmsflow.model.result import ChunkResult, ChunkStatus, RowCounts

clock = lambda: datetime.now(UTC)
with open_ledger(sys.argv[1], clock=clock) as ledger:
    ledger.start_run(
        sys.argv[2], pipeline="orders", spec_file="orders.yaml", spec_digest="d", plan_json=b"{}", target="t",
        transfer="arrow", chunks_total=1000, estimated_rows=1000, host=this_host(), pid=os.getpid(),
        started_at=clock(),
    )
    for number in range(1, int(sys.argv[3]) + 1):
        rows = RowCounts(read=1, inserted=1)
        ledger.record_chunk(sys.argv[2], ChunkResult(number=number, status=ChunkStatus.DONE, rows=rows))
        if ledger.stop_requested(sys.argv[2]):
            print("stopped", flush=True)
            sys.exit()
"""


def spawn(path: Path, run_id: str, chunks: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), run_id, str(chunks)], text=True, stdout=subprocess.PIPE
    )


def wait_for_rows(ledger: Ledger, least: int) -> None:
    deadline = monotonic() + 30
    while not (ledger.running() and ledger.running()[0].rows_read >= least):
        assert monotonic() < deadline, "the writer never got there"
        sleep(0.01)


def now() -> datetime:
    return datetime.now(UTC)


def test_a_run_is_watched_and_stopped_from_another_process(path: Path):
    with open_ledger(path, clock=now) as ledger:
        writer = spawn(path, "r1", 1_000_000)
        try:
            wait_for_rows(ledger, 5)
            seen = ledger.running()[0].rows_read
            wait_for_rows(ledger, seen + 5)
            assert ledger.running()[0].pid == writer.pid
            assert not ledger.running()[0].lost
            ledger.request_stop("r1")
            assert writer.communicate(timeout=30)[0] == "stopped\n"
        finally:
            writer.kill()
            writer.wait()


def test_a_killed_run_is_lost_once_it_is_silent(path: Path, clock: StillClock):
    writer = spawn(path, "r1", 1_000_000)
    with open_ledger(path, clock=now) as ledger:
        wait_for_rows(ledger, 5)
        writer.kill()
        writer.communicate()
        row = ledger.running()[0]
        assert (row.lost, row.shown_status) == (False, "running"), "its latest sign of life is fresh"
    clock.now = now()
    clock.forward(31)
    with open_ledger(path, clock=clock) as later:
        row = later.running()[0]
        assert (row.lost, row.shown_status, row.remaining) == (True, "lost", None)
        assert row.status.value == "running", "what is stored is not changed by looking"
    with open_ledger(path, clock=clock, host="another") as elsewhere:
        assert not elsewhere.running()[0].lost, "nobody can tell from another host"


def test_a_silent_run_whose_process_lives_is_not_lost(ledger: Ledger, start: Start, clock: StillClock):
    start("r1")
    clock.forward(3600)
    assert ledger.run("r1").shown_status == "running"
    assert ledger.run("r1").silence.total_seconds() == 3600


def test_a_lost_run_leaves_the_status_when_a_newer_one_took_its_place(ledger: Ledger, start: Start, clock: StillClock):
    start("r1", pid=dead_pid())
    clock.forward(60)
    assert [row.run_id for row in ledger.running()] == ["r1"]
    start("r2")
    assert [row.run_id for row in ledger.running()] == ["r2"]
    assert [row.shown_status for row in ledger.runs()] == ["running", "lost"]


def test_many_processes_may_make_the_ledger_at_once(path: Path):
    writers = [spawn(path, f"r{number}", 10) for number in range(8)]
    assert [writer.wait(timeout=60) for writer in writers] == [0] * 8
    with open_ledger(path, clock=now) as ledger:
        assert [row.rows.read for row in ledger.runs()] == [10] * 8
    assert {file.name for file in path.parent.iterdir()} == {".gitignore", "ledger.db"}


def test_threads_of_one_process_take_turns(ledger: Ledger, start: Start):
    start("r1", chunks_total=80)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: ledger.record_chunk("r1", chunk(number, rows=1)), range(80)))
        assert all(threads.map(lambda _: len(ledger.chunks("r1")) == 80, range(20)))
    assert ledger.run("r1").rows.read == 80


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid
