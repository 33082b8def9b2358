"""Runs the chunks and yields their results as they finish. One chunk, or one worker, is the caller's thread (law 4)."""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime

from msgspec.structs import replace

from dmsflow.errors import (
    ConnectionFailed,
    DatabaseError,
    DmsflowError,
    Interrupted,
    Refusal,
    SnapshotLost,
    TooManyRefused,
    TransientError,
)
from dmsflow.events import log_event
from dmsflow.model.plan import PIECES, Chunk
from dmsflow.model.result import ChunkResult, ChunkStatus, Failure
from dmsflow.runtime.persist import Persistence
from dmsflow.runtime.run import Run
from dmsflow.runtime.stop import StopSignal
from dmsflow.runtime.tally import REJECTED
from dmsflow.runtime.worker import Finish, find_committed, load_chunk

logger = logging.getLogger("dmsflow.runtime")
Clock = Callable[[], datetime]
Tell = Callable[[Failure], None]
Load = Callable[[Run, Chunk, Clock, Finish | None], ChunkResult]
"""What is done with a chunk; load_chunk, where nothing else is asked for."""


def execute_chunks(
    run: Run, stop: StopSignal, clock: Clock, finish: Finish | None, tell: Tell, load: Load | None = None
) -> Iterator[ChunkResult]:
    """Every chunk once; none is begun after one has failed or a stop was requested.

    ``tell`` hears of every attempt that failed, in the thread of its chunk.
    """
    chunks = run.plan.chunks
    if len(chunks) == 1 or run.plan.workers == 1:
        for chunk in chunks:
            if stop.requested:
                return
            result = attempt_chunk(run, chunk, stop, clock, finish if len(chunks) == 1 else None, tell, load)
            if result is None:
                return
            yield result
            if result.status is ChunkStatus.FAILED:
                return
        return
    yield from _execute_in_threads(run, stop, clock, tell, load)


def _execute_in_threads(
    run: Run, stop: StopSignal, clock: Clock, tell: Tell, load: Load | None
) -> Iterator[ChunkResult]:
    """At most ``workers`` chunks in flight; results in the order in which they finish.

    Asked to stop at once, those in flight end as soon as they can; what they have committed counts.
    """
    from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

    waiting = iter(run.plan.chunks)
    with ThreadPoolExecutor(max_workers=run.plan.workers, thread_name_prefix="chunk") as pool:
        flying: set[Future[ChunkResult | None]] = set()
        open_for_more, interrupted = True, False
        while True:
            while open_for_more and not stop.requested and len(flying) < run.plan.workers:
                chunk = next(waiting, None)
                if chunk is None:
                    open_for_more = False
                    break
                flying.add(pool.submit(attempt_chunk, run, chunk, stop, clock, None, tell, load))
            if not flying:
                break
            try:
                done, flying = wait(flying, return_when=FIRST_COMPLETED)
            except KeyboardInterrupt:
                interrupted = True
                continue
            for result in (future.result() for future in done):
                open_for_more = open_for_more and result is not None and result.status is not ChunkStatus.FAILED
                if result is not None:
                    yield result
    if interrupted:
        raise KeyboardInterrupt


def attempt_chunk(
    run: Run,
    chunk: Chunk,
    stop: StopSignal,
    clock: Clock,
    finish: Finish | None,
    tell: Tell,
    load: Load | None = None,
) -> ChunkResult | None:
    """A chunk with its retries; its last error is in the result, never lost (law 32). None where a stop undid it."""
    failures: list[Failure] = []

    def attempt() -> ChunkResult:
        try:
            return (load or load_chunk)(run, chunk, clock, finish)
        except Interrupted:
            raise
        except DmsflowError as error:
            if run.snapshot and isinstance(error, SnapshotLost):
                run.snapshot.doubt(str(error))
            if isinstance(error, SnapshotLost) and run.plan.find(PIECES, chunk.shape):
                pieces = run.pieces.double(chunk.number)
                log_event(logger, logging.WARNING, "a chunk is read in pieces", chunk=chunk.number, pieces=pieces)
            failures.append(_failure_of(chunk, error, len(failures) + 1, run.plan.name_columns(str(error))))
            tell(failures[-1])
            raise

    try:
        result = Persistence(policy=run.plan.retry, stop=stop).call(attempt)
        return replace(result, attempts=len(failures) + 1)
    except Interrupted:
        return settle(run, chunk) if stop.at_once else None
    except DmsflowError as error:
        if isinstance(error, TransientError) and stop.requested and len(failures) < run.plan.retry.attempts:
            # Stopped between two attempts: the chunk may still be loaded, by the run that goes on.
            return settle(run, chunk) if stop.at_once else None
        last = failures[-1]
        return ChunkResult(number=chunk.number, status=ChunkStatus.FAILED, attempts=last.attempts, failure=last)


def _failure_of(chunk: Chunk, error: DmsflowError, attempt: int, message: str) -> Failure:
    code = type(error.__cause__ or error).__name__
    step = error.next_step if isinstance(error, Refusal) else None
    if isinstance(error, TooManyRefused):
        step = REJECTED
    return Failure(message=message, code=code, chunk=chunk.number, attempts=attempt, next_step=step)


def settle(run: Run, chunk: Chunk) -> ChunkResult | None:
    """What a chunk has committed before it was interrupted, as far as the target answers (law 8)."""
    try:
        return find_committed(run, chunk)
    except (DatabaseError, ConnectionFailed) as error:
        log_event(logger, logging.WARNING, "the target does not tell what is loaded", error=str(error))
        return None
