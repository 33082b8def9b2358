import logging
from collections.abc import Iterator

import pytest

from dmsflow.events import SecretFilter, forget_secrets, log_event, redact, register_secret

LOGGER = logging.getLogger("dmsflow.test")


@pytest.fixture(autouse=True)
def no_secrets() -> Iterator[None]:
    yield
    forget_secrets()


class Keep(logging.Handler):
    """Keeps what passes the filter."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(SecretFilter())
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def kept() -> Iterator[list[logging.LogRecord]]:
    handler = Keep()
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.DEBUG)
    yield handler.records
    LOGGER.removeHandler(handler)
    LOGGER.setLevel(logging.NOTSET)


def test_an_event_carries_its_fields(kept: list[logging.LogRecord]):
    log_event(LOGGER, logging.INFO, "chunk done", chunk=3, level="any name is free", event="too", name="x")
    assert kept[0].getMessage() == "chunk done"
    assert kept[0].__dict__["event"] == {"chunk": 3, "level": "any name is free", "event": "too", "name": "x"}
    assert kept[0].funcName == "test_an_event_carries_its_fields"


def test_nothing_is_masked_without_a_secret():
    assert redact("as it was") == "as it was"
    register_secret("")
    assert redact("as it was") == "as it was"


@pytest.mark.parametrize(
    "shown",
    ["p@ss/w\\ord\n", "p@ss/w\\ord", "p%40ss%2Fw%5Cord", repr("p@ss/w\\ord\n"), "'p@ss/w\\\\ord'"],
)
def test_a_secret_is_masked_as_it_looks_in_urls_and_reprs(shown: str):
    register_secret("p@ss/w\\ord\n")
    masked = redact(f"db://u:{shown}@host")
    assert "ss" not in masked
    assert "***" in masked


def test_a_secret_that_holds_another_is_masked_whole():
    register_secret("abc")
    register_secret("abcdef")
    assert redact("abcdef abc") == "*** ***"


def test_secrets_leave_message_fields_and_traceback(kept: list[logging.LogRecord]):
    register_secret("hunter2")
    try:
        raise ValueError("login hunter2 failed")
    except ValueError as error:
        log_event(
            LOGGER,
            logging.ERROR,
            "open hunter2",
            cause=error,
            url="db://u:hunter2@h",
            parts=["hunter2", 7],
            error=error,
        )
    LOGGER.warning("from a driver: %s", "hunter2", stack_info=True)
    formatted = [logging.Formatter("%(message)s %(event)s").format(record) for record in kept]
    assert all("hunter2" not in text.replace('"hunter2"', "") for text in formatted)
    assert "ValueError: login *** failed" in formatted[0]
    assert kept[0].__dict__["event"]["parts"] == ["***", 7]
    assert kept[1].getMessage() == "from a driver: ***"


def test_a_message_that_does_not_fit_its_arguments_is_logged_all_the_same(kept: list[logging.LogRecord]):
    LOGGER.info("%d rows", "many")
    assert kept[0].getMessage() == "%d rows ('many',)"
