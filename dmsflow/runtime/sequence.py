"""One reading of a source that goes on from chunk to chunk, where chunks are numbers of rows. Writes nothing."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

from dmsflow.engines.access import Access
from dmsflow.engines.engine import Binds, Session
from dmsflow.errors import Interrupted, PlanRefused, PromiseBroken
from dmsflow.model.plan import Plan, RangeShape
from dmsflow.runtime.stop import StopSignal
from dmsflow.transfer import BATCH_ROWS
from dmsflow.transfer.refinery import Refinery

if TYPE_CHECKING:
    import pyarrow as pa

    from dmsflow.transfer.counted import Portions

Loaded = Callable[[], Mapping[int, str | None]]
"""The fingerprints of the chunks that are committed, by number."""


class Sequence:
    """The rows of a source in an order that repeats, from the first chunk's to the last one's.

    It is read once, as long as nothing fails. After that it is read anew, and what is skipped must be what is loaded.
    """

    def __init__(
        self, plan: Plan, values: Binds, connect: Callable[[], Session], refinery: Refinery, stop: StopSignal
    ) -> None:
        read = plan.find("read", RangeShape.WHOLE)
        assert plan.counted is not None and read is not None, "only rows that are counted come in a sequence"
        self._rows, self._last = plan.counted.rows, len(plan.chunks)
        self._sql, self._binds = read.sql, {name: values[name] for name in read.binds}
        self._run_id = str(values["run_id"])
        self._connect, self._refinery, self._stop = connect, refinery, stop
        self._session: Session | None = None
        self._reader: pa.RecordBatchReader | None = None
        self._portions: Portions | None = None
        self._next: int | None = None
        self.fingerprint: str | None = None
        """What the rows of the last chunk that was read add up to; None of the run's last chunk, which none follows."""

    def seek(self, number: int, loaded: Loaded) -> None:
        """Stand before the rows of a chunk. Raises PlanRefused where those before it are others than are loaded."""
        if self._next == number:
            return
        self._open()
        known = loaded() if number > 1 else {}
        for before in range(1, number):
            self._skip(before, known.get(before))
        self._next = number

    @contextmanager
    def rows(self) -> "Iterator[pa.RecordBatchReader]":
        """The rows of the chunk that it stands before, to be read to their end."""
        from dmsflow.transfer.counted import Sum

        number, self._next = self._next, None
        assert number is not None, "nobody has looked for the chunk"
        size, added, whole = (self._rows if number < self._last else None), Sum(self._refinery), False

        def batches() -> "Iterator[pa.RecordBatch]":
            nonlocal whole
            for batch in self._take(size):
                if size is not None:
                    added.collect(batch)
                yield batch
            whole = True

        yield self._read(batches())
        if not whole:
            raise PromiseBroken(f"the rows of chunk {number} were not read to their end")
        self._next, self.fingerprint = number + 1, added.write() if size is not None else None

    def close(self) -> None:
        """End the reading."""
        self._next = self._portions = None
        if self._reader is not None:
            self._reader.close()
        if self._session is not None:
            self._session.close()
        self._reader = self._session = None

    def _open(self) -> None:
        from dmsflow.transfer.counted import Portions

        self.close()
        self._session = self._connect()
        self._reader = self._session.stream(self._sql, self._binds, BATCH_ROWS)
        self._portions = Portions(self._reader)

    def _take(self, rows: int | None) -> "Iterator[pa.RecordBatch]":
        assert self._portions is not None
        return self._portions.take(rows)

    def _read(self, batches: "Iterator[pa.RecordBatch]") -> "pa.RecordBatchReader":
        import pyarrow as pa

        assert self._reader is not None
        return pa.RecordBatchReader.from_batches(self._reader.schema, batches)

    def _skip(self, number: int, loaded: str | None) -> None:
        """Go past the rows of a chunk that is loaded. Raises PlanRefused where they are others."""
        from dmsflow.transfer.arrow import own_errors
        from dmsflow.transfer.counted import Sum

        def batches() -> "Iterator[pa.RecordBatch]":
            for batch in self._take(self._rows):
                if self._stop.requested:
                    raise Interrupted("the run was stopped while it counted off the rows that are loaded")
                yield batch

        added = Sum(self._refinery)
        with own_errors(self._read(batches())) as rows:
            added.add(rows)
        if loaded is None:
            raise PromiseBroken(
                f"chunk {number} was committed, and its mark is not in the target any more, as after a crash or a "
                "failover that loses what was last committed: apply again to load it"
            )
        if (found := added.write()) != loaded:
            raise PlanRefused(_explain(self._run_id, number, found, loaded))


def _explain(run_id: str, number: int, found: str, loaded: str) -> str:
    """Why a run cannot go on behind rows that are not the ones it has loaded."""
    (version, rows, _), (old_version, old_rows, _) = found.split(), loaded.split()
    if version != old_version:
        what = f"the rows of chunk {number} were added up by {old_version}, which {version} cannot compare: install it"
    else:
        other = f"{int(rows):,} instead of {int(old_rows):,}" if rows != old_rows else "the same number, and other ones"
        what = f"the source gives other rows than those that are loaded as chunk {number}, {other}: restore the source"
    return (
        f"DMS409 counted-rows-changed: {what} and apply again to finish the run, or delete the rows of run {run_id} "
        "from the target (inserted_at is its instant) and its marks from dmsflow_chunk, then apply"
    )


@contextmanager
def hold_sequence(
    plan: Plan, access: Access, values: Binds, refinery: Refinery, stop: StopSignal
) -> Iterator[Sequence | None]:
    """The one reading of a plan that counts its rows; None where each chunk reads a range of its own."""
    if plan.counted is None:
        yield None
        return
    with ExitStack() as opened:
        connect = access.open_source
        if not plan.counted.by:
            from dmsflow.transfer.counted import open_file_reader

            connect = opened.enter_context(closing(open_file_reader(stop))).connect
        yield opened.enter_context(closing(Sequence(plan, values, connect, refinery, stop)))
