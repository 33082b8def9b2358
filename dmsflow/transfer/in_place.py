"""Rows that need not travel: the target reads the source itself. Moves nothing through Python."""

from dmsflow.engines.engine import Binds, Session


def stage_in_place(target: Session, stage_sql: str, binds: Binds) -> None:
    """Fill the stage with one statement of the target."""
    target.execute(stage_sql, binds)
