"""Loads one chunk in one transaction: mark, stage, merge, counts, commit. Retries nothing; judges no error."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from dmsflow.engines.engine import Session, transaction
from dmsflow.engines.steady import SteadySession
from dmsflow.errors import PermanentError, PromiseBroken, RowRefused, ValueRefused
from dmsflow.marks.names import COUNTS
from dmsflow.model.plan import UNTYPED, Chunk, Transfer
from dmsflow.model.result import ChunkResult, ChunkStatus, RowCounts
from dmsflow.runtime.direct import Unsound, merge_direct, merges_directly
from dmsflow.runtime.isolate import begin_isolation
from dmsflow.runtime.merge import merge_staged
from dmsflow.runtime.pieces import read_pieces
from dmsflow.runtime.run import Run, Steps
from dmsflow.runtime.temporaries import ISOLATED, MERGED, define_temporaries, drop_temporaries
from dmsflow.transfer import BATCH_ROWS, Sessions, fill_stage

if TYPE_CHECKING:
    import pyarrow as pa

Finish = Callable[[Steps, RowCounts], None]


class MergeRows(Protocol):
    """A way to merge a chunk's rows in an open transaction."""

    def __call__(self, run: Run, steps: Steps, *, alone: bool) -> RowCounts:
        """The rows, counted."""
        ...


def load_chunk(run: Run, chunk: Chunk, clock: Callable[[], datetime], finish: Finish | None = None) -> ChunkResult:
    """Load a chunk; one that a committed mark names is skipped (law 8). ``finish`` ends a run of one chunk."""
    try:
        return _load_whole(run, chunk, clock, finish)
    except RowRefused:
        return _load_isolated(run, chunk, clock, finish)


def _load_whole(run: Run, chunk: Chunk, clock: Callable[[], datetime], finish: Finish | None) -> ChunkResult:
    """Load a chunk of which the target refuses no row. Raises RowRefused."""
    with closing(run.access.open_target()) as target:
        steps = Steps(session=target, plan=run.plan, values=run.binds(chunk), shape=chunk.shape)
        define_temporaries(steps, *MERGED)
        if merges_directly(run, steps) and run.pieces.count(chunk.number) == 1:
            # Nothing of the try is committed: the next one begins with the same target, and reads the source anew.
            with suppress(Unsound), open_reading(run, target) as source:
                return _merge_chunk(run, chunk, steps, partial(merge_direct, source=source), clock, finish)
        with open_reading(run, target) as source:
            return _merge_chunk(run, chunk, steps, partial(_stage_and_merge, source=source), clock, finish)


@contextmanager
def open_reading(run: Run, target: Session) -> Iterator[Session]:
    """The session that reads the source, in the state that the run reads."""
    if run.plan.transfer is Transfer.IN_PLACE or run.sequence is not None:
        yield target
        return
    if run.plan.transfer is Transfer.ATTACH and run.access.reach is not None:
        # A plan that was made elsewhere: its rows can still travel as Arrow.
        run.access.reach()
    with closing(run.access.open_source()) as source:
        if run.snapshot:
            run.snapshot.begin(source)
        yield source


def _load_isolated(run: Run, chunk: Chunk, clock: Callable[[], datetime], finish: Finish | None) -> ChunkResult:
    """Stage a chunk again, find the rows that the target refuses, and load the others (law 31)."""
    with closing(run.access.open_target()) as target:
        steps = Steps(session=target, plan=run.plan, values=run.binds(chunk), shape=chunk.shape)
        define_temporaries(steps, *ISOLATED)
        find_place(run, chunk, steps)
        with open_reading(run, target) as source, transaction(target, begin_reading(run, target)):
            stage_chunk(run, steps, source, untyped=steps.has("create_untyped"))
        # A transaction of its own: DuckDB gives committed rows other row ids.
        with transaction(target):
            isolation = begin_isolation(run, steps)
        isolation.search()
        while True:
            try:
                return _merge_chunk(run, chunk, steps, isolation.merge, clock, finish, reads=False)
            except RowRefused:
                # Where the end of a transaction is refused, some databases leave it open.
                target.rollback()
                if not isolation.search_on():
                    raise


def begin_reading(run: Run, target: Session) -> Callable[[], None] | None:
    """How a transaction begins that itself reads the source in the state that the run reads, or dimensions in one."""
    if run.snapshot and run.plan.transfer is Transfer.IN_PLACE:
        return partial(run.snapshot.begin, target)
    return target.begin_steady if run.plan.looked_up and isinstance(target, SteadySession) else None


def _merge_chunk(
    run: Run,
    chunk: Chunk,
    steps: Steps,
    merge: MergeRows,
    clock: Callable[[], datetime],
    finish: Finish | None,
    *,
    reads: bool = True,
) -> ChunkResult:
    """The chunk's transaction, by one way to merge; whether it ``reads`` the source, or what was staged before."""
    started = time.perf_counter()
    begin = begin_reading(run, steps.session) if reads else None
    counts = reads and run.sequence is not None
    if begin is not None or counts:
        # The state that is read is older than a mark that a broken try may have left; and rows are counted off, which
        # may take long, before anything is locked.
        marked = _read_mark(steps)
        if marked is not None:
            return _result(chunk, ChunkStatus.SKIPPED, marked, started)
    if counts:
        find_place(run, chunk, steps)
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
    stage_chunk(run, steps, source)
    return merge_staged(run, steps, alone=alone)


def stage_chunk(
    run: Run, steps: Steps, source: Session, ahead: Callable[[], None] | None = None, *, untyped: bool = False
) -> None:
    """Bring the chunk's rows into a stage. No row is refused here by the target's table: what fails is the reading.

    But for a value that is none of its type for the target alone: ValueRefused, unless it arrives ``untyped``.
    What is done ``ahead`` of all that looks at the target's tables comes when the source is read.
    """
    name = run.snapshot.name if run.snapshot else None
    with run.sequence.rows() if run.sequence else nullcontext(_in_pieces(run, steps, source)) as rows:
        sessions = Sessions(source=source, target=steps.session, refinery=run.refinery, snapshot=name, rows=rows)
        try:
            fill_stage(run.plan, steps.find, steps.binds, sessions, untyped=untyped)
        except RowRefused as error:
            if isinstance(error, ValueRefused) and steps.has("create_untyped") and not untyped:
                raise
            raise PermanentError(str(error)) from error.__cause__
    if untyped:
        drop_temporaries(steps, UNTYPED)
    if ahead is not None:
        ahead()
    if run.plan.looked_up:
        from dmsflow.runtime.lookups import resolve_lookups

        resolve_lookups(run.plan, steps)


def _in_pieces(run: Run, steps: Steps, source: Session) -> "pa.RecordBatchReader | None":
    """The chunk's rows, where an earlier try has shown that it is better read in pieces."""
    number = steps.values["chunk"]
    if (count := run.pieces.count(number)) == 1:
        return None
    chunk = next(chunk for chunk in run.plan.chunks if chunk.number == number)
    return read_pieces(chunk, replace(steps, session=source), count, BATCH_ROWS, run.access.open_source)


def find_place(run: Run, chunk: Chunk, steps: Steps) -> None:
    """Where rows are counted as they are read, go to those of the chunk; not beyond rows that are not loaded."""

    def loaded() -> dict[int, str | None]:
        found = steps.fetch("find_fingerprints")
        return {int(str(number)): None if text is None else str(text) for number, text in found}

    if run.sequence is not None:
        run.sequence.seek(chunk.number, loaded)


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
    rewritten = steps.count("find_rewritten") if steps.has("find_rewritten") else 0
    counts = {name: int(n or 0) for name, n in zip(COUNTS, found[0], strict=True)}  # type: ignore[arg-type]
    return RowCounts(**counts, rewritten=rewritten)


def _load(run: Run, steps: Steps, merge: MergeRows, clock: Callable[[], datetime], finish: Finish | None) -> RowCounts:
    """The body of a chunk's transaction (law 7)."""
    steps.execute("begin_mark", started_at=clock())
    rows = merge(run, steps, alone=len(run.plan.chunks) == 1)
    if not rows.balanced:
        raise PromiseBroken(f"{rows.read:,} rows were read, {rows.accounted:,} are accounted for: {rows}")
    counts = {f"rows_{name}": getattr(rows, name) for name in COUNTS}
    steps.execute("complete_mark", finished_at=clock(), **counts)
    if steps.has("note_rewritten"):
        steps.execute("note_rewritten", rows_rewritten=rows.rewritten)
    if run.sequence is not None:
        steps.execute("note_fingerprint", fingerprint=run.sequence.fingerprint)
    drop_temporaries(steps, *MERGED)
    if finish is not None:
        finish(steps, rows)
    return rows


def _result(chunk: Chunk, status: ChunkStatus, rows: RowCounts, started: float) -> ChunkResult:
    return ChunkResult(number=chunk.number, status=status, rows=rows, seconds=time.perf_counter() - started)
