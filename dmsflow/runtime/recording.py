"""Tells the ledger what a run does, and hears stop requests from it. A ledger that fails is a warning, never a stop."""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

from dmsflow.errors import LedgerError
from dmsflow.events import log_event
from dmsflow.ledger import Ledger, this_host
from dmsflow.model.plan import Plan, encode_plan
from dmsflow.model.result import ChunkResult, Failure, RunReport
from dmsflow.runtime.apply import Watcher
from dmsflow.runtime.run import Run
from dmsflow.runtime.stop import StopSignal

logger = logging.getLogger("dmsflow.runtime")
HEAR_SECONDS = 0.5
HEARD_PER_BEAT = 4


class Recorder(Watcher):
    """A watcher that writes the ledger."""

    def __init__(self, ledger: Ledger, stop: StopSignal) -> None:
        self._ledger = ledger
        self._stop = stop
        self._rows = 0
        self._run_id: str | None = None
        self._whole = False
        self._early: list[Failure] = []

    def prepared(self, run: Run) -> None:
        """Record the run with its plan, before it waits for anybody: it can be stopped, and a broken one go on."""
        self._run_id, self._whole = run.run_id, len(run.plan.chunks) == 1
        self._write(lambda: record_start(self._ledger, run.plan, run))
        for failure in self._early:
            self.attempt_failed(failure)

    def chunk_ended(self, result: ChunkResult) -> None:
        """Record the chunk."""
        self._rows += result.rows.read
        run_id = self._run_id or ""
        self._write(lambda: self._ledger.record_chunk(run_id, result))

    def attempt_failed(self, failure: Failure) -> None:
        """Record the attempt, as soon as the run is known."""
        run_id = self._run_id
        if run_id is None:
            self._early.append(failure)
        else:
            self._write(lambda: self._ledger.record_attempt(run_id, failure))

    def ended(self, report: RunReport) -> None:
        """Record how the run ended."""
        if self._run_id is not None:
            self._write(lambda: self._ledger.finish_run(report))

    def beat(self) -> None:
        """Give a sign of life."""
        run_id = self._run_id
        if run_id is not None:
            self._write(lambda: self._ledger.beat(run_id, self._rows))

    def hear(self) -> None:
        """See whether somebody asked for a stop; the only chunk of a run is not waited for, as with a signal."""
        run_id = self._run_id
        if run_id is None:
            return

        def ask() -> None:
            if self._ledger.stop_requested(run_id):
                self._stop.request(at_once=self._whole or self._ledger.stop_requested(run_id, at_once=True))

        self._write(ask)

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Beat, and hear, in the background until the end of the block."""
        ended = threading.Event()

        def keep_beating() -> None:
            for heard in count(1):
                if ended.wait(HEAR_SECONDS):
                    return
                self.hear()
                if heard % HEARD_PER_BEAT == 0:
                    self.beat()

        thread = threading.Thread(target=keep_beating, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _write(self, write: Callable[[], None]) -> None:
        try:
            write()
        except LedgerError as error:
            log_event(logger, logging.WARNING, "ledger cannot be written", error=str(error))


def record_start(ledger: Ledger, plan: Plan, run: Run) -> None:
    """The ledger's first row of a run."""
    from datetime import UTC

    ledger.start_run(
        run.run_id,
        pipeline=plan.pipeline,
        spec_file=plan.spec_file,
        spec_digest=plan.digests.spec,
        plan_json=encode_plan(plan),
        target=str(plan.target.table),
        transfer=plan.transfer.value,
        chunks_total=len(plan.chunks),
        estimated_rows=plan.source.estimated_rows,
        host=this_host(),
        pid=os.getpid(),
        started_at=run.run_at.replace(tzinfo=UTC),
    )
