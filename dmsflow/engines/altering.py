"""How a database says that a table which is there changes. Words only; decides no change, and runs none."""

from typing import Protocol

from dmsflow.model.evolution import Alteration
from dmsflow.model.table import DataType, TableName


class Altering(Protocol):
    """The words for a change of a table; part of every dialect."""

    def add_column(self, table: TableName, name: str, data_type: DataType) -> str:
        """DDL that adds a column to a table."""
        ...

    def rename_column(self, table: TableName, old: str, new: str) -> str:
        """DDL that gives a column another name."""
        ...

    def drop_column(self, table: TableName, name: str) -> str:
        """DDL that drops a column, with its values."""
        ...

    def dropped_with(self, table: TableName, name: str) -> str | None:
        """A query for what is dropped along with a column, in words; None where nothing is, or nobody can ask."""
        ...

    def change_type(self, table: TableName, name: str, old: DataType, new: DataType) -> Alteration:
        """How a column gets a wider type."""
        ...

    def allow_null(self, table: TableName, name: str) -> str | None:
        """DDL that lifts NOT NULL of a column; None where there is none."""
        ...

    def drop_table(self, table: TableName) -> str:
        """DDL that drops a table, if it is there."""
        ...

    def drop_index(self, index: str, table: TableName) -> str:
        """DDL that drops an index of a table, if it is there."""
        ...
