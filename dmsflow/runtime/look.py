"""Counts what all chunks would do to the target before one of them writes. Each is read, compared, and undone.

Only guards ask for it, where a spec sets a limit that no chunk can judge alone, or where steps are going to change the
table first. The source is read once more for it.
"""

import logging
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from threading import Lock
from typing import TypeVar

from msgspec import Struct

from dmsflow.engines.engine import Session
from dmsflow.errors import Interrupted, PermanentError, ValueRefused
from dmsflow.events import log_event
from dmsflow.model.plan import Chunk
from dmsflow.model.result import ChunkResult, ChunkStatus
from dmsflow.runtime.direct import Unsound, classify_directly, merges_directly
from dmsflow.runtime.executor import Clock, Tell, execute_chunks
from dmsflow.runtime.merge import Classes, classify, judge_staged
from dmsflow.runtime.migration import try_steps
from dmsflow.runtime.run import Run, Steps
from dmsflow.runtime.stop import StopSignal
from dmsflow.runtime.temporaries import MERGED, define_temporaries
from dmsflow.runtime.worker import Finish, begin_reading, find_place, open_reading, stage_chunk

Found = TypeVar("Found")

logger = logging.getLogger("dmsflow.runtime")


class Effects(Struct, frozen=True, kw_only=True):
    """How many current rows would change, and how many keys are gone."""

    changed: int = 0
    gone: int = 0


class Seen(Struct, frozen=True, kw_only=True):
    """The rows of a chunk, and their classes; rows that are compared with nothing have none."""

    read: int
    classes: Classes


def count_effects(run: Run, stop: StopSignal, clock: Clock, tell: Tell, *, steps_first: bool = False) -> Effects:
    """What the chunks would do, all together. Raises Interrupted when a stop is asked for, or what failed.

    ``steps_first``: the plan's steps are not taken yet.
    """
    found: list[Classes] = []
    lock = Lock()

    def look(run: Run, chunk: Chunk, clock: Clock, finish: Finish | None) -> ChunkResult:
        classes = look_after_steps(run, chunk).classes if steps_first else _look_at(run, chunk)
        with lock:
            found.append(classes)
        return ChunkResult(number=chunk.number, status=ChunkStatus.DONE)

    for result in execute_chunks(run, stop, clock, None, tell, look):
        if result.failure is not None:
            raise PermanentError(f"chunk {result.number} cannot be compared with the target: {result.failure.message}")
    if len(found) < len(run.plan.chunks):
        raise Interrupted("the run was stopped while it counted what it would change")
    effects = Effects(changed=sum(one.changed for one in found), gone=sum(one["gone"] for one in found))
    log_event(logger, logging.INFO, "effects counted", changed=effects.changed, gone=effects.gone)
    return effects


def _look_at(run: Run, chunk: Chunk) -> Classes:
    """The classes of a chunk's rows, in a transaction that is undone."""
    with closing(run.access.open_target()) as target:
        steps = Steps(session=target, plan=run.plan, values=run.binds(chunk), shape=chunk.shape)
        define_temporaries(steps, *MERGED)
        begin = begin_reading(run, target) or target.begin
        if merges_directly(run, steps):
            with suppress(Unsound):
                return _undone(steps, begin, partial(classify_directly, steps))
        return _read_typed(run, chunk, steps, begin, partial(_stage_and_classify, run, steps))


def look_after_steps(run: Run, chunk: Chunk) -> Seen:
    """A chunk's rows beside the target as it is once the steps are taken, all of it in a transaction that is undone."""
    with closing(run.access.open_target()) as target:
        steps = Steps(session=target, plan=run.plan, values=run.binds(chunk), shape=chunk.shape)
        begin = begin_reading(run, target) or target.begin
        return _read_typed(run, chunk, steps, begin, partial(_step_and_classify, run, steps))


def _read_typed(run: Run, chunk: Chunk, steps: Steps, begin: Callable[[], None], work: Callable[..., Found]) -> Found:
    """What the work finds of the chunk's rows, which are read anew where a value is none of its type for the target."""
    with suppress(ValueRefused):
        find_place(run, chunk, steps)
        with open_reading(run, steps.session) as source:
            return _undone(steps, begin, partial(work, source))
    find_place(run, chunk, steps)
    with open_reading(run, steps.session) as source:
        return _undone(steps, begin, partial(work, source, untyped=True))


def _undone(steps: Steps, begin: Callable[[], None], work: Callable[[], Found]) -> Found:
    begin()
    try:
        return work()
    finally:
        steps.session.rollback()


def _stage_and_classify(run: Run, steps: Steps, source: Session, *, untyped: bool = False) -> Classes:
    stage_chunk(run, steps, source, untyped=untyped)
    judge_staged(run, steps, alone=False)
    return classify(steps, "classify")


def _step_and_classify(run: Run, steps: Steps, source: Session, *, untyped: bool = False) -> Seen:
    stage_chunk(run, steps, source, partial(try_steps, run.plan, steps.session), untyped=untyped)
    judged = judge_staged(run, steps, alone=False)
    classes = classify(steps, "classify") if steps.has("classify") else Classes(rows={}, live={})
    return Seen(read=judged.read, classes=classes)
