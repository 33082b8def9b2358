"""Loads one chunk in one transaction: mark, stage, merge, counts, commit. Retries nothing; judges no error."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from functools import partial
from typing import Protocol

from dmsflow.engines.engine import Session, transaction
from dmsflow.errors import PermanentError, PromiseBroken
from dmsflow.marks.names import COUNTS
from dmsflow.model.plan import DELTA, STAGE, Chunk, Transfer
from dmsflow.model.result import ChunkResult, ChunkStatus, RowCounts
from dmsflow.runtime.direct import Unsound, merge_direct, merges_directly
from dmsflow.runtime.merge import merge_staged
from dmsflow.runtime.run import Run, Steps
from dmsflow.transfer import Sessions, fill_stage

Finish = Callable[[Steps, RowCounts], None]


class MergeRows(Protocol):
    """A way to merge a chunk's rows in an open transaction."""

    def __call__(self, run: Run, steps: Steps, *, alone: bool) -> RowCounts:
        """The rows, counted."""
        ...


def load_chunk(run: Run, chunk: Chunk, clock: Callable[[], datetime], finish: Finish | None = None) -> ChunkResult:
    """Load a chunk; one that a committed mark names is skipped (law 8). ``finish`` ends a run of one chunk."""
    with closing(run.access.open_target()) as target:
        steps = Steps(session=target, plan=run.plan, values=run.binds(chunk), shape=chunk.shape)
        if merges_directly(run, steps):
            # Nothing of the try is committed: the next one begins with the same target, and reads the source anew.
            with suppress(Unsound), _reading(run, target) as source:
                return _merge_chunk(run, chunk, steps, partial(merge_direct, source=source), clock, finish)
        with _reading(run, target) as source:
            return _merge_chunk(run, chunk, steps, partial(_stage_and_merge, source=source), clock, finish)


@contextmanager
def _reading(run: Run, target: Session) -> Iterator[Session]:
    """The session that reads the source, in the state that the run reads."""
    if run.plan.transfer is Transfer.IN_PLACE:
        yield target
        return
    if run.plan.transfer is Transfer.ATTACH and run.access.reach is not None:
        # A plan that was made elsewhere: its rows can still travel as Arrow.
        run.access.reach()
    with closing(run.access.open_source()) as source:
        if run.snapshot:
            run.snapshot.begin(source)
        yield source


def _merge_chunk(
    run: Run, chunk: Chunk, steps: Steps, merge: MergeRows, clock: Callable[[], datetime], finish: Finish | None
) -> ChunkResult:
    """The chunk's transaction, by one way to merge."""
    started = time.perf_counter()
    begin = None
    if run.snapshot and run.plan.transfer is Transfer.IN_PLACE:
        # The state that is read is older than a mark that a broken try may have left.
        marked = _read_mark(steps)
        if marked is not None:
            return _result(chunk, ChunkStatus.SKIPPED, marked, started)
        begin = partial(run.snapshot.begin, steps.session)
    try:
        with transaction(steps.session, begin):
            marked = _read_mark(steps)
            if marked is not None:
                return _result(chunk, ChunkStatus.SKIPPED, marked, started)
            rows = _load(run, steps, merge, clock, finish)
    except PermanentError:
        # Whoever has waited for the mark of another worker fails at its own as soon as that one is committed.
        marked = _read_mark(steps)
        if marked is None:
            raise
        return _result(chunk, ChunkStatus.SKIPPED, marked, started)
    return _result(chunk, ChunkStatus.DONE, rows, started)


def _stage_and_merge(run: Run, steps: Steps, *, alone: bool, source: Session) -> RowCounts:
    """Bring the chunk's rows into a stage, and merge from there."""
    name = run.snapshot.name if run.snapshot else None
    sessions = Sessions(source=source, target=steps.session, refinery=run.refinery, snapshot=name)
    fill_stage(run.plan, steps.find, steps.binds, sessions)
    return merge_staged(run, steps, alone=alone)


def find_committed(run: Run, chunk: Chunk) -> ChunkResult | None:
    """What a chunk that was interrupted has committed all the same: its mark settles it (law 8)."""
    started = time.perf_counter()
    with closing(run.access.open_target()) as target:
        marked = _read_mark(Steps(session=target, plan=run.plan, values=run.binds(chunk), shape=chunk.shape))
    return _result(chunk, ChunkStatus.DONE, marked, started) if marked is not None else None


def _read_mark(steps: Steps) -> RowCounts | None:
    """The counts of a committed chunk."""
    found = steps.fetch("find_mark")
    if not found:
        return None
    return RowCounts(**{name: int(n or 0) for name, n in zip(COUNTS, found[0], strict=True)})  # type: ignore[arg-type]


def _load(run: Run, steps: Steps, merge: MergeRows, clock: Callable[[], datetime], finish: Finish | None) -> RowCounts:
    """The body of a chunk's transaction (law 7)."""
    steps.execute("begin_mark", started_at=clock())
    rows = merge(run, steps, alone=len(run.plan.chunks) == 1)
    if not rows.balanced:
        raise PromiseBroken(f"{rows.read:,} rows were read, {rows.accounted:,} are accounted for: {rows}")
    counts = {f"rows_{name}": getattr(rows, name) for name in COUNTS}
    steps.execute("complete_mark", finished_at=clock(), **counts)
    for name in (STAGE, DELTA):
        steps.session.execute(f'DROP TABLE IF EXISTS "{name}"')
    if finish is not None:
        finish(steps, rows)
    return rows


def _result(chunk: Chunk, status: ChunkStatus, rows: RowCounts, started: float) -> ChunkResult:
    return ChunkResult(number=chunk.number, status=status, rows=rows, seconds=time.perf_counter() - started)
