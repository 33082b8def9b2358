"""A progress bar on a terminal, and nothing anywhere else. Counts; decides nothing."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from dmsflow.cli.render.words import write_count
from dmsflow.model.result import ChunkResult, ChunkStatus

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Advance(Protocol):
    """What a run tells as it goes on."""

    def advance(self, result: ChunkResult) -> None:
        """A chunk ended."""

    def beat(self, rows_so_far: int) -> None:
        """So many rows were read so far, those in flight included."""


@contextmanager
def show_progress(total_chunks: int, estimated_rows: int | None, enabled: bool) -> Iterator[Advance]:
    """A bar on stderr until the end of the block, where it is enabled and stderr is a terminal."""
    if not (enabled and sys.stderr.isatty()):
        yield NoProgress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[chunks]}"),
        TextColumn("{task.fields[rows]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bar(progress, total_chunks, estimated_rows)


class NoProgress:
    """Shows nothing."""

    def advance(self, result: ChunkResult) -> None:
        """Pass."""

    def beat(self, rows_so_far: int) -> None:
        """Pass."""


class Bar:
    """A bar over chunks; rows in flight move it inside a chunk where their number is estimated."""

    def __init__(self, progress: "Progress", total_chunks: int, estimated_rows: int | None) -> None:
        self._progress = progress
        self._total = total_chunks
        self._estimated = estimated_rows
        self._ended = self._failed = self._rows = self._told = 0
        measurable = total_chunks > 1 or estimated_rows
        self._task: TaskID = progress.add_task(
            "load", total=total_chunks if measurable else None, chunks=self._chunks(), rows="0 rows"
        )

    def advance(self, result: ChunkResult) -> None:
        """Move by one chunk."""
        self._ended += 1
        self._failed += result.status is ChunkStatus.FAILED
        self._rows += result.rows.read
        self._show()

    def beat(self, rows_so_far: int) -> None:
        """Move by the rows in flight."""
        self._told = rows_so_far
        self._show()

    def _show(self) -> None:
        in_flight = max(0, self._told - self._rows)
        share = in_flight / self._estimated if self._estimated else 0.0
        ended = min(self._ended + share * self._total, self._total)
        rows = f"{write_count(max(self._rows, self._told))} rows"
        self._progress.update(self._task, completed=ended, chunks=self._chunks(), rows=rows)

    def _chunks(self) -> str:
        failed = f", {self._failed} failed" if self._failed else ""
        return f"chunk {self._ended} of {self._total}{failed}"
