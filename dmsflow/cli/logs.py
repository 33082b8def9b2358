"""Where log events go: to stderr as text or JSON lines, and to a rotating file that processes share. Masks secrets."""

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from dmsflow.cli.log_options import LogFormat, LogLevel, LogOptions
from dmsflow.cli.render.words import escape
from dmsflow.errors import LedgerError
from dmsflow.events import SecretFilter, log_event, read_fields

FILE_BYTES = 10_000_000
FILES_KEPT = 5

LOGGER = logging.getLogger("dmsflow.cli")


@contextmanager
def logging_to_stderr(options: LogOptions) -> Iterator[None]:
    """Show events on stderr until the end of the block."""
    handler = StderrHandler()
    with _installed(handler, options.level, _formatter(options.format, TextFormatter())):
        yield


@contextmanager
def logging_to_file(options: LogOptions, ledger: Path) -> Iterator[None]:
    """Also write events to the log file, by default beside the ledger, until the end of the block.

    A file that cannot be written is a warning, not a reason to load nothing.
    """
    if options.file == "none":
        yield
        return
    from dmsflow.ledger.location import log_file_beside, prepare_folder

    path = Path(options.file).absolute() if options.file else log_file_beside(ledger)
    try:
        prepare_folder(path)
        path.open("a").close()
    except (OSError, LedgerError) as error:
        log_event(LOGGER, logging.WARNING, "log file cannot be written", path=path, error=error)
        yield
        return
    formatter = _formatter(options.format, TextFormatter(dated=True))
    with _installed(LogFileHandler(path), options.file_level, formatter):
        yield


class LogFileHandler(logging.Handler):
    """Writes to the log file from a thread of its own, which also opens it: a run neither waits for that nor for locks.

    What is logged is written when the handler is closed, at the latest.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._waiting: SimpleQueue[str | None] = SimpleQueue()
        self._writer: Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a line over."""
        self._waiting.put(self.format(record))
        if self._writer is None:
            self._writer = Thread(target=self._write, name="log file", daemon=True)
            self._writer.start()

    def _write(self) -> None:
        file = open_log_file(self._path)
        while (line := self._waiting.get()) is not None:
            file.emit(logging.makeLogRecord({"msg": line}))
        file.close()

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._waiting.put(None)
            self._writer.join()
        super().close()


def open_log_file(path: Path, *, max_bytes: int = FILE_BYTES, kept: int = FILES_KEPT) -> logging.Handler:
    """A handler for a file that several processes write and rotate; the caller closes it."""
    from concurrent_log_handler import ConcurrentRotatingFileHandler

    return ConcurrentRotatingFileHandler(str(path), maxBytes=max_bytes, backupCount=kept, encoding="utf-8", chmod=0o600)


class StderrHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to whatever stderr is at that moment, so that lines stand above a progress bar, not in it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self.stream = sys.stderr
        super().emit(record)


class TextFormatter(logging.Formatter):
    """``12:00:01 info chunk done chunk=3 rows=50000``; no value can begin a line of its own."""

    def __init__(self, *, dated: bool = False) -> None:
        super().__init__()
        self._dated = dated

    def format(self, record: logging.LogRecord) -> str:
        """One line, and an indented traceback below it."""
        shape = "%Y-%m-%d %H:%M:%S" if self._dated else "%H:%M:%S"
        moment = time.strftime(shape, time.localtime(record.created))
        words = [moment, record.levelname.lower(), escape(record.getMessage())]
        fields = read_fields(record)
        if self._dated:
            fields = {**fields, "pid": record.process}
        if not record.name.startswith("dmsflow"):
            fields = {**fields, "logger": record.name}
        words += [f"{escape(name)}={_quote(value)}" for name, value in fields.items()]
        line = " ".join(words)
        return "\n".join([line, *(f"    | {escape(part)}" for part in _traceback(self, record).splitlines())])


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, pid, event, then the fields; ``traceback`` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of ASCII."""
        head = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
            "event": record.getMessage(),
        }
        traceback = _traceback(self, record)
        tail = {"traceback": traceback} if traceback else {}
        taken = head | tail
        fields = {f"{name}_" if name in taken else name: value for name, value in read_fields(record).items()}
        return json.dumps(head | fields | tail, default=str)


def _formatter(chosen: LogFormat, text: TextFormatter) -> logging.Formatter:
    return JsonFormatter() if chosen is LogFormat.JSON else text


@contextmanager
def _installed(handler: logging.Handler, level: LogLevel, formatter: logging.Formatter) -> Iterator[None]:
    handler.setLevel(level.number)
    handler.setFormatter(formatter)
    handler.addFilter(SecretFilter())
    root, own = logging.getLogger(), logging.getLogger("dmsflow")
    before = own.level
    root.addHandler(handler)
    own.setLevel(min(level.number, before or level.number))
    try:
        yield
    finally:
        own.setLevel(before)
        root.removeHandler(handler)
        handler.close()


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = [record.exc_text or (formatter.formatException(record.exc_info) if record.exc_info else "")]
    if record.stack_info:
        parts.append(record.stack_info)
    return "\n".join(part for part in parts if part)


def _quote(value: object) -> str:
    text = str(value)
    plain = text and not any(sign in text for sign in ' "=\\')
    return escape(text) if plain else escape(json.dumps(text, ensure_ascii=False))
