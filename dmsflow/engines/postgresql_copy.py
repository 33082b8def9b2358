"""COPY at the level of libpq: the bytes of a query's rows in blocks of whole rows. Parses nothing, knows no Arrow.

The driver's own loop costs more per row than the rows themselves; this one only joins what libpq hands over. A wait is
for the socket and is watched, so that a signal is heard at once.
"""

import selectors
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg
from psycopg import generators, pq
from psycopg.abc import PQGen
from psycopg.errors import error_from_result

from dmsflow.engines.postgresql_vigil import GRACE, Patience, WatchedConnection
from dmsflow.errors import DatabaseError

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

PARSED_BYTES = 2 * 2**20
"""A block that Arrow parses at once."""

PIPE_BYTES = 128 * 2**10
"""A block that is only handed on."""


def prepare(pgconn: "PGconn", sql: str) -> "PQGen[PGresult]":
    """The steps to learn what a query returns, which runs nothing. Raises the driver's error."""
    pgconn.send_prepare(b"", sql.encode())
    yield from _one_result(pgconn)
    pgconn.send_describe_prepared(b"")
    described: PGresult = yield from _one_result(pgconn)
    return described


def _one_result(pgconn: "PGconn") -> "PQGen[PGresult]":
    results: list[PGresult] = yield from generators.execute(pgconn)
    [result] = results
    if result.status != pq.ExecStatus.COMMAND_OK:
        raise error_from_result(result)
    return result


def copy_out(connection: WatchedConnection, sql: str, block_bytes: int = PARSED_BYTES) -> Iterator[bytes]:
    """Run a COPY TO STDOUT; its rows in blocks of about that size, never half a row. Closed early, it is cancelled.

    Raises the driver's error where the server fails, or is gone before it said that these are all rows.
    """
    pgconn = connection.pgconn
    vigil = connection.vigil or Patience()
    vigil.begin()
    with selectors.DefaultSelector() as selector:
        selector.register(pgconn.socket, selectors.EVENT_READ | selectors.EVENT_WRITE)
        reading = Reading(pgconn, lambda: vigil.select(selector), block_bytes)
        try:
            pgconn.send_query(sql.encode())
            while pgconn.flush():
                reading.wait()
            selector.modify(pgconn.socket, selectors.EVENT_READ)
            yield from reading.read_rows()
        except (DatabaseError, KeyboardInterrupt) as error:
            connection.give_up(error)
            raise
        except GeneratorExit:
            connection.cancel_safe(timeout=GRACE)
            reading.drain()
            raise


class Reading:
    """One COPY as it comes in. ``wait`` returns when there is more to read, or to send."""

    def __init__(self, pgconn: "PGconn", wait: Callable[[], None], block_bytes: int) -> None:
        self._pgconn, self._block_bytes = pgconn, block_bytes
        self.wait = wait

    def read_rows(self) -> Iterator[bytes]:
        """All rows, in blocks. Raises the driver's error."""
        started = self._next_result()
        if started is None or started.status != pq.ExecStatus.COPY_OUT:
            self._finish()
            raise _refusal(started)
        more = True
        try:
            while more:
                block, more = self._read_block()
                if block:
                    yield block
        except psycopg.OperationalError as error:
            failed = self._finish()
            raise (_refusal(failed) if failed else error) from error
        failed = self._finish()
        if failed is not None:
            raise _refusal(failed)

    def _read_block(self) -> tuple[bytes, bool]:
        """The next rows, and whether there may be more."""
        parts: list[bytes | memoryview] = []
        size = 0
        while size < self._block_bytes:
            length, data = self._pgconn.get_copy_data(1)
            if length == 0:
                self.wait()
                self._pgconn.consume_input()
            elif length < 0:
                return b"".join(parts), False
            else:
                parts.append(data)
                size += length
        return b"".join(parts), True

    def drain(self) -> None:
        """Pass over what a cancelled COPY still sends; its failure is the one that was asked for."""
        with suppress(psycopg.OperationalError):
            while self._read_block()[1]:
                continue
        self._finish()

    def _next_result(self) -> "PGresult | None":
        while self._pgconn.is_busy():
            self.wait()
            self._pgconn.consume_input()
        return self._pgconn.get_result()

    def _finish(self) -> "PGresult | None":
        """Leave the connection ready for the next statement; the result that failed, if one did."""
        failed = None
        while (result := self._next_result()) is not None:
            if result.status == pq.ExecStatus.FATAL_ERROR:
                failed = result
        return failed


def _refusal(result: "PGresult | None") -> psycopg.Error:
    if result is None:
        return psycopg.OperationalError("the connection was lost")
    return error_from_result(result)
