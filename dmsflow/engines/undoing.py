"""Databases that undo a whole run: the contract. Opens nothing."""

from typing import Protocol, runtime_checkable

from msgspec import Struct

from dmsflow.engines.engine import Engine, Idioms
from dmsflow.model.table import TableName


class Undoing(Struct, frozen=True, kw_only=True):
    """A run that is to be undone.

    ``table`` is its target. ``repeatable``: all its sessions read the state in which the transaction begins.
    ``before``: what makes its temporary tables where DDL ends a transaction; it is run before one begins.
    """

    table: TableName
    repeatable: bool = False
    before: tuple[str, ...] = ()


@runtime_checkable
class UndoingEngine(Engine, Protocol):
    """A server that undoes what it was told in one transaction, up to savepoints within it.

    One whose DDL ends a transaction refuses DDL in it.
    """

    def open_undone(self, undoing: Undoing) -> Engine:
        """The same database, in which nothing stays: all sessions share one transaction, undone when it is closed.

        One thread alone may use it.
        """
        ...


@runtime_checkable
class StandingIdioms(Idioms, Protocol):
    """The words of a database whose DDL cannot be undone, so that its tables and indexes have to stand before."""

    def find_index(self, index: str, table: TableName) -> str:
        """A query for how many indexes of that name there are beside a table."""
        ...
