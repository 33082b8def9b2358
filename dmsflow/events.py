"""Log events with fields, and the secrets that no log may show. Knows no handler and no format; writes nothing."""

import logging
import re
from threading import Lock
from urllib.parse import quote, quote_plus

MASK = "***"

_secrets: set[str] = set()
_pattern: re.Pattern[str] | None = None
_lock = Lock()


def log_event(
    logger: logging.Logger,
    level: int,
    event: str,
    /,
    *,
    cause: BaseException | None = None,
    **fields: object,
) -> None:
    """Log what happened, in a few fixed words, with what varies as fields; ``cause`` adds its traceback."""
    logger.log(level, event, exc_info=cause, extra={"event": fields}, stacklevel=2)


def register_secret(text: str) -> None:
    """Mask this text from now on, also as it looks in a URL and in a repr. Empty text is no secret."""
    global _pattern
    with _lock:
        for form in {text, text.strip()} - {""}:
            _secrets.update((form, quote(form, safe=""), quote_plus(form), repr(form)[1:-1]))
        if _secrets:
            longest_first = sorted(_secrets, key=len, reverse=True)
            _pattern = re.compile("|".join(re.escape(secret) for secret in longest_first))


def redact(text: str) -> str:
    """The text with every registered secret masked."""
    return _pattern.sub(MASK, text) if _pattern else text


def forget_secrets() -> None:
    """Mask nothing any more."""
    global _pattern
    with _lock:
        _secrets.clear()
        _pattern = None


class SecretFilter(logging.Filter):
    """Masks secrets in the message, the fields and the traceback of a record. Belongs on handlers, not on loggers."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask in place; every record passes."""
        record.msg, record.args = redact(_write_message(record)), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        record.__dict__["event"] = {name: _mask(value) for name, value in read_fields(record).items()}
        return True


def read_fields(record: logging.LogRecord) -> dict[str, object]:
    """The fields of a record; none where another library logged it."""
    fields = record.__dict__.get("event")
    return fields if isinstance(fields, dict) else {}


def _write_message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args!r}"


def _mask(value: object) -> object:
    match value:
        case None | bool() | int() | float():
            return value
        case list() | tuple():
            return [_mask(part) for part in value]
        case dict():
            return {str(name): _mask(part) for name, part in value.items()}
    return redact(str(value))
