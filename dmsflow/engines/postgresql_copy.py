"""COPY at the level of libpq: the bytes of a query's rows in blocks of whole rows. Parses nothing, knows no Arrow.

The driver's own loop costs more per row than the rows themselves; this one only joins what libpq hands over. A wait is
for the socket, so that a signal is heard at once.
"""

import select
from collections.abc import Iterator
from typing import TYPE_CHECKING

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

BLOCK_BYTES = 2 * 2**20


def copy_out(connection: "psycopg.Connection", sql: str) -> Iterator[bytes]:
    """Run a COPY TO STDOUT; its rows in blocks of about two MiB. Closed early, it cancels what is left."""
    pgconn = connection.pgconn
    pgconn.send_query(sql.encode())
    while pgconn.flush():
        select.select([], [pgconn.socket], [])
    started = _next_result(pgconn)
    if started is None or started.status != pq.ExecStatus.COPY_OUT:
        _finish(pgconn)
        raise _refusal(started)
    more = True
    try:
        while more:
            block, more = _read_block(pgconn)
            if block:
                yield block
    finally:
        if more:
            pgconn.get_cancel().cancel()
        while more:
            _, more = _read_block(pgconn)
        failed = _finish(pgconn)
    if failed is not None:
        raise _refusal(failed)


def _read_block(pgconn: "PGconn") -> tuple[bytes, bool]:
    """The next rows, and whether there may be more: there are none after a failure, which is the result then."""
    parts: list[bytes | memoryview] = []
    size = 0
    while size < BLOCK_BYTES:
        try:
            length, data = pgconn.get_copy_data(1)
        except psycopg.OperationalError:
            return b"", False
        if length == 0:
            select.select([pgconn.socket], [], [])
            pgconn.consume_input()
        elif length < 0:
            return b"".join(parts), False
        else:
            parts.append(data)
            size += length
    return b"".join(parts), True


def _next_result(pgconn: "PGconn") -> "PGresult | None":
    while pgconn.is_busy():
        select.select([pgconn.socket], [], [])
        pgconn.consume_input()
    return pgconn.get_result()


def _finish(pgconn: "PGconn") -> "PGresult | None":
    """Leave the connection ready for the next statement; the result that failed, if one did."""
    failed = None
    while (result := _next_result(pgconn)) is not None:
        if result.status == pq.ExecStatus.FATAL_ERROR:
            failed = result
    return failed


def _refusal(result: "PGresult | None") -> psycopg.Error:
    if result is None:
        return psycopg.OperationalError("the connection was lost")
    return error_from_result(result)
