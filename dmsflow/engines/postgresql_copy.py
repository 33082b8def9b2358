"""COPY at the level of libpq: the bytes of a query's rows in blocks of whole rows. Parses nothing, knows no Arrow.

The driver's own loop costs more per row than the rows themselves; this one only joins what libpq hands over. A wait is
for the socket, so that a signal is heard at once.
"""

import selectors
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

PARSED_BYTES = 2 * 2**20
"""A block that Arrow parses at once."""

PIPE_BYTES = 128 * 2**10
"""A block that is only handed on."""


def copy_out(connection: "psycopg.Connection", sql: str, block_bytes: int = PARSED_BYTES) -> Iterator[bytes]:
    """Run a COPY TO STDOUT; its rows in blocks of about that size, never half a row. Closed early, it is cancelled.

    Raises the driver's error where the server fails, or is gone before it said that these are all rows.
    """
    with selectors.DefaultSelector() as selector:
        selector.register(connection.pgconn.socket, selectors.EVENT_READ | selectors.EVENT_WRITE)
        yield from _copy(connection.pgconn, selector, sql, block_bytes)


def _copy(pgconn: "PGconn", selector: selectors.BaseSelector, sql: str, block_bytes: int) -> Iterator[bytes]:
    pgconn.send_query(sql.encode())
    while pgconn.flush():
        selector.select()
    selector.modify(pgconn.socket, selectors.EVENT_READ)
    started = _next_result(pgconn, selector)
    if started is None or started.status != pq.ExecStatus.COPY_OUT:
        _finish(pgconn, selector)
        raise _refusal(started)
    more = True
    try:
        while more:
            block, more = _read_block(pgconn, selector, block_bytes)
            if block:
                yield block
    except psycopg.OperationalError as error:
        failed = _finish(pgconn, selector)
        raise (_refusal(failed) if failed else error) from error
    except GeneratorExit:
        pgconn.get_cancel().cancel()
        _drain(pgconn, selector)
        raise
    failed = _finish(pgconn, selector)
    if failed is not None:
        raise _refusal(failed)


def _read_block(pgconn: "PGconn", selector: selectors.BaseSelector, block_bytes: int) -> tuple[bytes, bool]:
    """The next rows, and whether there may be more."""
    parts: list[bytes | memoryview] = []
    size = 0
    while size < block_bytes:
        length, data = pgconn.get_copy_data(1)
        if length == 0:
            selector.select()
            pgconn.consume_input()
        elif length < 0:
            return b"".join(parts), False
        else:
            parts.append(data)
            size += length
    return b"".join(parts), True


def _drain(pgconn: "PGconn", selector: selectors.BaseSelector) -> None:
    """Pass over what a cancelled COPY still sends; its failure is the one that was asked for."""
    with suppress(psycopg.OperationalError):
        while _read_block(pgconn, selector, PARSED_BYTES)[1]:
            continue
    _finish(pgconn, selector)


def _next_result(pgconn: "PGconn", selector: selectors.BaseSelector) -> "PGresult | None":
    while pgconn.is_busy():
        selector.select()
        pgconn.consume_input()
    return pgconn.get_result()


def _finish(pgconn: "PGconn", selector: selectors.BaseSelector) -> "PGresult | None":
    """Leave the connection ready for the next statement; the result that failed, if one did."""
    failed = None
    while (result := _next_result(pgconn, selector)) is not None:
        if result.status == pq.ExecStatus.FATAL_ERROR:
            failed = result
    return failed


def _refusal(result: "PGresult | None") -> psycopg.Error:
    if result is None:
        return psycopg.OperationalError("the connection was lost")
    return error_from_result(result)
