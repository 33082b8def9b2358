"""Blocks fetched ahead: the same ones, the same error, and nobody left waiting."""

import os
import signal
import threading
from collections.abc import Generator

import pytest

from dmsflow.engines.read_ahead import AHEAD, read_ahead
from dmsflow.errors import Interrupted, TransientError


def never() -> None:
    raise AssertionError("nothing had to be cancelled")


def count(blocks: int, error: Exception | None = None, told: list[object] | None = None) -> Generator[bytes]:
    try:
        for i in range(blocks):
            if told is not None:
                told.append(i)
            yield str(i).encode()
        if error:
            raise error
    finally:
        if told is not None:
            told.append("closed")


@pytest.mark.parametrize("blocks", [0, 1, AHEAD, 50])
def test_every_block_comes_in_its_order(blocks: int) -> None:
    assert list(read_ahead(count(blocks), never)) == [str(i).encode() for i in range(blocks)]


def test_an_error_comes_after_the_blocks_before_it() -> None:
    got = []
    with pytest.raises(TransientError, match="lost"):
        for block in read_ahead(count(3, TransientError("lost")), never):
            got.append(block)
    assert got == [b"0", b"1", b"2"]


def test_no_more_is_fetched_than_is_wanted_soon_and_the_rest_is_let_go() -> None:
    told: list[object] = []
    blocks = read_ahead(count(1000, told=told), never)
    assert next(blocks) == b"0"
    blocks.close()
    assert told[-1] == "closed"
    assert len(told) < AHEAD + 5


def test_nothing_is_fetched_before_it_is_wanted() -> None:
    told: list[object] = []
    read_ahead(count(3, told=told), never).close()
    assert told == []


def wait_for(event: threading.Event) -> Generator[bytes]:
    yield b"first"
    assert event.wait(30)
    yield b"second"


def test_a_wait_that_nobody_needs_any_more_is_cancelled() -> None:
    cancelled = threading.Event()
    blocks = read_ahead(wait_for(cancelled), cancelled.set)
    next(blocks)
    blocks.close()
    assert cancelled.is_set()


def test_an_interrupted_reader_is_told_so() -> None:
    cancelled = threading.Event()
    blocks = read_ahead(wait_for(cancelled), cancelled.set)
    next(blocks)
    threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT]).start()
    with pytest.raises(Interrupted):
        next(blocks)
    assert cancelled.is_set()
