"""Rows that need not travel: the target reads the source itself. Moves nothing through Python."""

from dmsflow.engines.engine import Binds, Session


def stage_in_place(target: Session, stage_sql: str, binds: Binds, stage: str) -> None:
    """Fill the stage with one statement of the target."""
    target.execute(stage_sql, binds)
    if target.traits.name == "postgresql":
        # Its planner knows nothing of a temporary table that nobody has looked at.
        target.execute(f'ANALYZE "{stage}"')
