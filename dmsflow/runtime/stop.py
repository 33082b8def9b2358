"""Stop requests: by signal, or by the ledger. A request is remembered; the work in flight ends first."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopSignal:
    """Set once, seen by every worker."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._at_once = False

    def request(self, *, at_once: bool = False) -> None:
        """Ask the run to end after the chunks in flight, or to roll them back now."""
        self._at_once = self._at_once or at_once
        self._event.set()

    @property
    def requested(self) -> bool:
        """Whether the run shall end."""
        return self._event.is_set()

    @property
    def at_once(self) -> bool:
        """Whether the chunks in flight shall end too."""
        return self._at_once

    def wait(self, seconds: float) -> bool:
        """Sleep, unless a stop is requested; whether it is."""
        return self._event.wait(seconds)


@contextmanager
def stop_on_signals(stop: StopSignal, *, at_once: bool) -> Iterator[None]:
    """SIGINT and SIGTERM request a stop; a second one, or the first when ``at_once``, rolls back now."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if at_once or stop.requested:
            stop.request(at_once=True)
            raise KeyboardInterrupt
        stop.request()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
