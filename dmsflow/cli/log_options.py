"""What the command line says about logs. Installs nothing."""

import logging
from enum import StrEnum

from msgspec import Struct


class LogFormat(StrEnum):
    """How an event is written."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """From which level on events are shown."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def number(self) -> int:
        """The level as ``logging`` counts it."""
        return getattr(logging, self.value.upper())  # type: ignore[no-any-return]


class LogOptions(Struct, frozen=True, kw_only=True):
    """What the options of the command line say; ``file`` is a path, ``none``, or None for the ledger's folder."""

    level: LogLevel = LogLevel.WARNING
    format: LogFormat = LogFormat.TEXT
    file: str | None = None

    @property
    def file_level(self) -> LogLevel:
        """The file holds at least what happened, however quiet the terminal is."""
        return LogLevel.DEBUG if self.level is LogLevel.DEBUG else LogLevel.INFO


def choose_level(level: LogLevel | None, verbose: int, quiet: bool) -> LogLevel:
    """The level from ``--log-level``, else from ``-v``, ``-vv`` and ``-q``."""
    if level:
        return level
    if verbose:
        return LogLevel.INFO if verbose == 1 else LogLevel.DEBUG
    return LogLevel.ERROR if quiet else LogLevel.WARNING
