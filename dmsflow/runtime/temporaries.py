"""The temporary tables of a chunk, where a database makes them before a transaction, and where within. Fills none."""

from dmsflow.model.plan import DEFINE, DELTA, DISCARD, NUMBERED, REFUSED, STAGE
from dmsflow.runtime.run import Steps

MERGED = (STAGE, DELTA)
ISOLATED = (STAGE, DELTA, NUMBERED, REFUSED)


def define_temporaries(steps: Steps, *names: str) -> None:
    """Make the tables anew, empty, where their DDL would end a transaction; none is open."""
    if steps.has(DISCARD):
        steps.execute(DISCARD)
        for name in names:
            if steps.has(DEFINE + name):
                steps.execute(DEFINE + name)


def drop_temporaries(steps: Steps, *names: str) -> None:
    """Drop what the open transaction has made; what was made before it goes with the next one, or the session."""
    if not steps.has(DISCARD):
        for name in names:
            steps.session.execute(f'DROP TABLE IF EXISTS "{name}"')


def empty_delta(steps: Steps) -> None:
    """Let the delta be filled again in the open transaction."""
    if steps.has(DISCARD):
        steps.execute("empty_delta")
    else:
        drop_temporaries(steps, DELTA)
