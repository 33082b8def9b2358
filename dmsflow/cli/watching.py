"""Shows a run on the progress bar."""

from dmsflow.cli.render.progress import Advance
from dmsflow.model.result import ChunkResult
from dmsflow.runtime.apply import Watcher


class ProgressWatcher(Watcher):
    """A watcher that moves the bar."""

    def __init__(self, bar: Advance) -> None:
        self._bar = bar

    def chunk_ended(self, result: ChunkResult) -> None:
        """Move the bar."""
        self._bar.advance(result)
