"""Law 8: a chunk that two workers have at once is loaded by one of them; the other waits, and finds it done."""

import threading
from datetime import datetime

import pytest

from dmsflow.compiler.compile import compile_plan
from dmsflow.compiler.load import load_spec
from dmsflow.engines.access import open_access
from dmsflow.model.result import ChunkStatus, RunStatus
from dmsflow.runtime import worker
from dmsflow.runtime.apply import Watcher, apply_plan
from dmsflow.runtime.executor import attempt_chunk
from dmsflow.runtime.stop import StopSignal
from tests.laws.test_resume import COLUMNS, ROWS, spec
from tests.laws.world import World


class Twin(Watcher):
    """Loads a chunk of a run as another worker, and is about to commit it when the run begins its own chunks."""

    def __init__(self) -> None:
        self.merged, self.result = threading.Event(), None

    def begun(self, run) -> None:
        def deliver() -> None:
            self.result = attempt_chunk(run, run.plan.chunks[1], StopSignal(), datetime.now, None, lambda _: None)

        self.thread = threading.Thread(target=deliver)
        self.thread.start()
        self.merged.wait(10)


@pytest.mark.parametrize("target", ["duckdb", "postgresql"])
def test_a_chunk_that_two_workers_have_is_loaded_once(target, tmp_path, monkeypatch) -> None:
    world, twin = World(tmp_path, "duckdb", target), Twin()
    world.write_source(ROWS, COLUMNS)
    load = worker._load

    def slow(run, *values):
        rows = load(run, *values)
        if threading.current_thread() is twin.thread:
            twin.merged.set()
            threading.Event().wait(0.3)
        return rows

    monkeypatch.setattr(worker, "_load", slow)
    retry = {"attempts": 9, "first_delay": "50ms", "max_delay": "100ms"}
    loaded = load_spec(world.write_spec(spec(retry=retry)))
    with open_access(loaded.raise_if_rejected()) as access:
        report = apply_plan(compile_plan(loaded, access).plan, access, params={}, run_id="one", watchers=(twin,))
        twin.thread.join()
    assert (report.status, report.errors) == (RunStatus.SUCCEEDED, ())
    assert twin.result.status in (ChunkStatus.DONE, ChunkStatus.SKIPPED), twin.result.failure
    assert (report.rows.inserted, world.read("SELECT count(*), count(DISTINCT k) FROM t")) == (12, [(12, 12)])
