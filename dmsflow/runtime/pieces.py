"""Reads a chunk in pieces, each in a state of its own, where the source had forgotten the one it was read in.

A smaller read is done sooner, and a newer state is remembered longer. The pieces are ranges of the chunk that touch and
go into one stage: for the target the chunk is what it was, one transaction with one mark.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dmsflow.engines.engine import Session, SnapshotSession
from dmsflow.errors import TransientError
from dmsflow.model.plan import PIECES, Chunk
from dmsflow.model.watermark import TypedValue

if TYPE_CHECKING:
    import pyarrow as pa

    from dmsflow.runtime.run import Steps


class Pieces:
    """In how many pieces each chunk is read: one, and twice as many each time its state was forgotten."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._lock = threading.Lock()

    def count(self, number: object) -> int:
        """The pieces of the chunk of this number."""
        return self._counts.get(int(str(number)), 1)

    def double(self, number: int) -> int:
        """Read this chunk in smaller pieces the next time; in how many."""
        with self._lock:
            self._counts[number] = 2 * self._counts.get(number, 1)
            return self._counts[number]


def cut_chunk(chunk: Chunk, steps: "Steps", count: int) -> tuple[Chunk, ...]:
    """The pieces of a chunk in order; fewer where it has fewer keys."""
    found = steps.fetch(PIECES, parts=count)
    firsts = dict.fromkeys(tuple(TypedValue.of(value) for value in row if value is not None) for row in found)
    ends = [chunk.lower, *firsts, chunk.upper]
    return tuple(replace(chunk, lower=lower, upper=upper) for lower, upper in pairwise(ends))


def read_pieces(
    chunk: Chunk, steps: "Steps", count: int, batch_rows: int, connect: Callable[[], Session]
) -> "pa.RecordBatchReader":
    """The rows of a chunk, as its pieces are read one after another: the first by the session of ``steps``.

    The others are read by sessions of their own, since whoever asks for more rows may be another thread. The reader
    raises SnapshotLost where a piece is still too large.
    """
    import pyarrow as pa

    pieces = cut_chunk(chunk, steps, count)
    first = _read(pieces[0], steps, batch_rows)

    def batches() -> "Iterator[pa.RecordBatch]":
        yield from first
        for piece in pieces[1:]:
            with closing(connect()) as session:
                _begin_now(session)
                reader = _read(piece, replace(steps, session=session), batch_rows)
                if reader.schema != first.schema:
                    raise TransientError("the columns of the source have changed while a chunk was read")
                yield from reader

    return pa.RecordBatchReader.from_batches(first.schema, batches())


def _read(piece: Chunk, steps: "Steps", batch_rows: int) -> "pa.RecordBatchReader":
    own = replace(steps, values={**steps.values, **piece.binds()}, shape=piece.shape)
    statement = own.find("read")
    return own.session.stream(statement.sql, own.binds(statement), batch_rows)


def _begin_now(session: Session) -> None:
    """Read the state that the source has now, all of it, where it can be told."""
    if session.traits.exports_snapshots and isinstance(session, SnapshotSession):
        session.export_snapshot()
