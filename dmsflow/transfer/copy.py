"""Rows that are piped from COPY to COPY between two PostgreSQL databases. Looks into no row."""

from dmsflow.engines.engine import Binds, Session
from dmsflow.model.table import TableName


def stage_copied(source: Session, target: Session, read: str, read_binds: Binds, place: str) -> None:
    """Fill a temporary table of the target with what the source sends."""
    _pipe(source, target, read, read_binds, TableName(table=place))


def fill_copied(source: Session, target: Session, read: str, read_binds: Binds, table: TableName) -> int:
    """Fill a table of the target with what the source sends; the number of rows. They need to be whole already."""
    return _pipe(source, target, read, read_binds, table)


def _pipe(source: Session, target: Session, read: str, binds: Binds, table: TableName) -> int:
    from dmsflow.engines.postgresql_session import PostgreSQLSession

    assert isinstance(source, PostgreSQLSession)
    assert isinstance(target, PostgreSQLSession)
    return target.copy_in(table, source.copy_out(read, binds))
