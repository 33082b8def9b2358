"""Which machine this is, and whether a process of it is gone. Sends no signal."""

import os
import sys
from platform import node


def this_host() -> str:
    """The name of this machine, as runs record it."""
    return node()


def process_is_gone(pid: int) -> bool:
    """Whether no process has this number; False where the system cannot tell."""
    if sys.platform == "win32":  # there, os.kill(pid, 0) would end the process
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False
