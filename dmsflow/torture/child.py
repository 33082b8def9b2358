"""Work in a process of its own, forked from this one: cheap to start, safe to kill. Knows no database.

Nothing here opens a thread or a database before it forks, so that a child begins with what was imported, and no more.
"""

import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from traceback import print_exc

from msgspec import Struct

DEFECT = 70
LONGEST = 120.0
"""Seconds after which a child is taken for hung, and killed."""
POLL_SECONDS = 0.002
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Ended(Struct, frozen=True, kw_only=True):
    """How a child ended: its exit code, or minus the signal that killed it."""

    code: int
    seconds: float
    hung: bool = False


def can_fork() -> bool:
    """Whether this system has processes that torture can use."""
    return hasattr(os, "fork")


def warm_up(*names: str) -> None:
    """Import what children need, so that none of them has to."""
    for name in names:
        import_module(name)
    gc.freeze()


def run_child(work: Callable[[], int], log: Path, kill_after: float | None = None) -> Ended:
    """Run the work in a child, what it prints in ``log``; killed after so many seconds, where that is given."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        _work(work, log)
    try:
        return _await(child, started, kill_after)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise


def _work(work: Callable[[], int], log: Path) -> None:
    """The life of a child. It has a group of its own: a Ctrl-C on the terminal is its parent's alone."""
    code = DEFECT
    try:
        os.setpgid(0, 0)
        for number in SIGNALS:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        opened = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, 1)
        os.dup2(opened, 2)
        code = work()
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except BaseException:
        print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _await(child: int, started: float, kill_after: float | None) -> Ended:
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        seconds = time.perf_counter() - started
        if found:
            return Ended(code=os.waitstatus_to_exitcode(status), seconds=seconds)
        hung = seconds > LONGEST
        if hung or (kill_after is not None and seconds > kill_after):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return Ended(code=-signal.SIGKILL, seconds=seconds, hung=hung)
        time.sleep(POLL_SECONDS)
