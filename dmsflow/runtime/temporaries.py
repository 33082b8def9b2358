"""The temporary tables of a chunk, where a database makes them before a transaction, and where within. Fills none."""

from dmsflow.model.plan import DEFINE, DELTA, DISCARD, NUMBERED, REFUSED, STAGE
from dmsflow.runtime.run import Steps

MERGED = (STAGE, DELTA)
ISOLATED = (STAGE, DELTA, NUMBERED, REFUSED)


def define_temporaries(steps: Steps, *names: str) -> None:
    """Make the tables anew, empty, where their DDL would end a transaction; none is open."""
    for statement in (DISCARD, *(DEFINE + name for name in names)):
        if steps.has(statement):
            steps.execute(statement)


def drop_temporaries(steps: Steps, *names: str) -> None:
    """Drop what the open transaction has made; what was made before it goes with the next one, or the session."""
    if not _defines(steps):
        for name in names:
            steps.session.execute(f'DROP TABLE IF EXISTS "{name}"')


def empty_delta(steps: Steps) -> None:
    """Let the delta be filled again in the open transaction."""
    if _defines(steps):
        steps.execute("empty_delta")
    else:
        drop_temporaries(steps, DELTA)


def _defines(steps: Steps) -> bool:
    """Whether the tables are made before a transaction."""
    return steps.has(DEFINE + STAGE)
