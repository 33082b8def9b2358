"""The exit codes of every command."""

from enum import IntEnum


class Exit(IntEnum):
    """How a command ended."""

    DONE = 0
    REJECTED = 1
    USAGE = 2
    FAILED = 3
    STOPPED = 4
