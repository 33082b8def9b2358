"""Which machine this is, and whether a process of it lives. Sends no signal."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from platform import node


def this_host() -> str:
    """The name of this machine, as runs and leases record it."""
    return node()


def process_lives(pid: int) -> bool | None:
    """Whether a process has this number and is at work; None where the system cannot tell."""
    if sys.platform == "win32":  # there, os.kill(pid, 0) would end the process
        return None
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return not _has_ended(pid)


def _has_ended(pid: int) -> bool:
    """Whether only its number is left, because nobody has asked how it ended: as in a container without an init."""
    with suppress(OSError):
        # The name before the state may hold blanks and parentheses.
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] in ("Z", "X")
    return False
