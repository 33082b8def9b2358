"""Blocks that a thread fetches while the ones before them are worked on. Knows no database."""

import threading
from collections.abc import Callable, Generator, Iterator
from queue import Empty, Queue

from dmsflow.errors import Interrupted

AHEAD = 2
PATIENCE_SECONDS = 0.05


def read_ahead(blocks: Generator[bytes], cancel: Callable[[], None]) -> Iterator[bytes]:
    """The same blocks, and the same error at their end. ``cancel`` ends the wait for one that nobody wants any more."""
    fetched: Queue[bytes | BaseException | None] = Queue(AHEAD)
    unwanted = threading.Event()

    def fetch() -> None:
        end: BaseException | None = None
        try:
            for block in blocks:
                fetched.put(block)
                if unwanted.is_set():
                    break
        except BaseException as error:
            end = error
        finally:
            blocks.close()
            fetched.put(end)

    thread = threading.Thread(target=fetch, name="reader", daemon=True)
    thread.start()
    try:
        while (block := fetched.get()) is not None:
            if isinstance(block, BaseException):
                raise block
            yield block
    except KeyboardInterrupt as error:
        # Whoever reads knows only errors.
        raise Interrupted("the run was stopped at once") from error
    finally:
        unwanted.set()
        _empty(fetched)
        thread.join(PATIENCE_SECONDS)
        if thread.is_alive():
            cancel()
        while thread.is_alive():
            _empty(fetched)
            thread.join(PATIENCE_SECONDS)


def _empty(queue: "Queue[bytes | BaseException | None]") -> None:
    """Make room for whoever waits to put something in."""
    try:
        while True:
            queue.get_nowait()
    except Empty:
        return
