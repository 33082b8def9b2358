"""One name for a table that can be named in several ways, with the schema of its user or without. Changes nothing."""

from typing import Protocol, runtime_checkable

from dmsflow.engines.engine import Session
from dmsflow.model.table import TableName


@runtime_checkable
class NamingSession(Session, Protocol):
    """A session of a database in which a located table still has several names."""

    def name_once(self, table: TableName) -> TableName:
        """The shortest of its names."""
        ...


def name_once(session: Session, table: TableName) -> str:
    """The name of a table that all who mean it agree on."""
    return str(session.name_once(table) if isinstance(session, NamingSession) else table)
