"""Rows that are piped from COPY to COPY between two PostgreSQL databases. Looks into no row."""

from dmsflow.engines.engine import Binds, Session
from dmsflow.scd.shape import STAGE


def stage_copied(source: Session, target: Session, read: str, read_binds: Binds, create_stage: str) -> None:
    """Make the stage in the target, and fill it with what the source sends."""
    from dmsflow.engines.postgresql import PostgreSQLSession

    assert isinstance(source, PostgreSQLSession)
    assert isinstance(target, PostgreSQLSession)
    target.execute(create_stage)
    target.copy_in(STAGE, source.copy_out(read, read_binds))
