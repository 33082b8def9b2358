"""Stop requests: by signal, or by the ledger. A request is remembered; the work in flight ends first."""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


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
    heard = count(1)

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        now = next(heard) > 1 or at_once
        stop.request(at_once=now)
        if now:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, on_signal) for number in SIGNALS}
    try:
        with _heard_elsewhere(stop, at_once=at_once):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _heard_elsewhere(stop: StopSignal, *, at_once: bool) -> Iterator[None]:
    """Hear signals in a thread as well: Python's handlers wait while the main thread is inside of a database."""
    ear, mouth = socket.socketpair()
    mouth.setblocking(False)
    heard = count(1)

    def listen() -> None:
        while numbers := ear.recv(1):
            if numbers[0] in SIGNALS:
                stop.request(at_once=next(heard) > 1 or at_once)

    thread = threading.Thread(target=listen, name="signals", daemon=True)
    thread.start()
    before = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        mouth.close()
        thread.join()
        ear.close()
