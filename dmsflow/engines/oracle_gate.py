"""Which statements may reach an Oracle whose open transaction is going to be undone. Sends nothing by itself.

Oracle commits the open transaction before and after every DDL statement, and a block may do anything. So it is listed
what a transaction undoes, and all else is refused here, whoever asks for it, before the driver hears of it.
"""

import re
from typing import TYPE_CHECKING, Any

from dmsflow.errors import PermanentError

if TYPE_CHECKING:
    import oracledb

LEAD = re.compile(r"(?:\s+|--[^\r\n]*(?:\r?\n|\Z)|/\*.*?\*/)*", re.DOTALL)
"""Blanks and comments; a line break that only some read as one is no end of a comment."""

UNDONE = re.compile(
    r"""
    (?:SELECT|INSERT|UPDATE|DELETE|MERGE)\b
    | (?P<with>WITH)\b
    | (?:SAVEPOINT|ROLLBACK\s+TO\s+SAVEPOINT)\s+\w+\s*\Z
    | SET\s+CONSTRAINTS\s+(?:\w|"[^"]+"|[\s.,])+\s(?:IMMEDIATE|DEFERRED)\s*\Z
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Queries, changes of rows, and what controls a transaction without ending it (SQL Language Reference, "Types of SQL
Statements"). Oracle takes one statement at a time, so that its first word says what it is."""

PROCEDURAL = re.compile(r"(?:FUNCTION|PROCEDURE)\b", re.IGNORECASE)
"""A WITH that declares PL/SQL."""

SHOWN = 40
"""Characters of a refused statement that are told."""


def is_undone(sql: str) -> bool:
    """Whether a transaction undoes all that the statement does, and stays open."""
    found = UNDONE.match(sql, _skip(sql, 0))
    if found is None:
        return False
    return not (found["with"] and PROCEDURAL.match(sql, _skip(sql, found.end())))


def _skip(sql: str, start: int) -> int:
    """Where the next word is."""
    lead = LEAD.match(sql, start)
    return lead.end() if lead else start


class Gate:
    """Lets statements pass that are undone. Once shut, it lets nothing pass: what was refused may not be left out."""

    def __init__(self) -> None:
        self._why: str | None = None

    def shut(self, why: str) -> None:
        """Let nothing pass from now on; the first reason counts."""
        self._why = self._why or why

    def check(self, sql: str) -> None:
        """Raise PermanentError for a statement that may not pass."""
        if not is_undone(sql):
            words = " ".join(sql[_skip(sql, 0) :].split())[:SHOWN]
            self.shut(f"Oracle would commit what is to be undone, so this was not sent: {words} ...")
        if self._why is not None:
            raise PermanentError(self._why)


class GatedConnection:
    """The driver's connection behind a gate. It has no commit, and no way to the driver's own."""

    __slots__ = ("_connection", "_gate")

    def __init__(self, connection: "oracledb.Connection", gate: Gate) -> None:
        self._connection, self._gate = connection, gate

    def cursor(self) -> "GatedCursor":
        """A cursor behind the gate."""
        return GatedCursor(self._connection.cursor(), self._gate)

    def fetch_df_batches(self, statement: str, *args: Any, **given: Any) -> Any:  # noqa: ANN401 - the driver's
        """Run a query; its rows as data frames."""
        self._gate.check(statement)
        return self._connection.fetch_df_batches(statement, *args, **given)

    def is_healthy(self) -> bool:
        """Whether the connection lives, as far as the driver knows."""
        return self._connection.is_healthy()

    def cancel(self) -> None:
        """Break what is at work."""
        self._connection.cancel()


class Passed:
    """An attribute of the driver's cursor."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, cursor: "GatedCursor", owner: type) -> Any:  # noqa: ANN401 - the driver's
        return getattr(cursor._cursor, self._name)

    def __set__(self, cursor: "GatedCursor", value: object) -> None:
        setattr(cursor._cursor, self._name, value)


class GatedCursor:
    """The driver's cursor behind a gate."""

    __slots__ = ("_cursor", "_gate")

    def __init__(self, cursor: "oracledb.Cursor", gate: Gate) -> None:
        self._cursor, self._gate = cursor, gate

    def __enter__(self) -> "GatedCursor":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the cursor."""
        self._cursor.close()

    arraysize, prefetchrows, rowcount, description = Passed(), Passed(), Passed(), Passed()

    def execute(self, statement: str, *args: Any, **given: Any) -> None:  # noqa: ANN401 - the driver's
        """Run a statement."""
        self._gate.check(statement)
        self._cursor.execute(statement, *args, **given)

    def executemany(self, statement: str, *args: Any, **given: Any) -> None:  # noqa: ANN401 - the driver's
        """Run a statement for an array of rows."""
        self._gate.check(statement)
        self._cursor.executemany(statement, *args, **given)

    def parse(self, statement: str) -> None:
        """Let the server describe a statement; it may run DDL as it parses it."""
        self._gate.check(statement)
        self._cursor.parse(statement)

    def fetchall(self) -> Any:  # noqa: ANN401 - the driver's
        """The rows."""
        return self._cursor.fetchall()
