"""Databases that number rows themselves: the contract. Opens nothing."""

from typing import Protocol, runtime_checkable

from dmsflow.engines.engine import Idioms
from dmsflow.model.table import TableName


@runtime_checkable
class NumberingIdioms(Idioms, Protocol):
    """The words of a database that has sequences, and columns that take the next number of one."""

    def create_sequence(self, sequence: TableName) -> str:
        """DDL of a sequence, where there is none of the name."""
        ...

    def next_number(self, sequence: TableName) -> str:
        """The next number of a sequence, in a row that is inserted."""
        ...

    def identity(self, sequence: TableName) -> str | None:
        """What is declared of a column that numbers rows, behind its type; None where it needs the sequence for it."""
        ...
