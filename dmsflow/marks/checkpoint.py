"""A checkpoint, and how it moved, as they are kept in a target. Values; the statements are in tables."""

import getpass
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec import Struct

from dmsflow.engines.engine import Row, Value
from dmsflow.marks.lease import read_instant
from dmsflow.model.watermark import Watermark
from dmsflow.processes import this_host


class Cause(StrEnum):
    """What moved a checkpoint."""

    RUN = "run"
    SET = "set"
    RESET = "reset"


class Checkpoint(Struct, frozen=True, kw_only=True):
    """Where a pipeline stands, by which run; a person who moved it is in the history."""

    watermark: Watermark | None
    run_id: str | None
    run_at: datetime

    @classmethod
    def read(cls, row: Row) -> "Checkpoint":
        """A checkpoint from its row."""
        watermark, run_id, run_at = row
        return cls(watermark=read_watermark(watermark), run_id=_text(run_id), run_at=read_instant(run_at))


class Move(Struct, frozen=True, kw_only=True):
    """One change of a checkpoint. ``before`` is None for the first, ``after`` once it is forgotten."""

    before: Watermark | None
    after: Watermark | None
    cause: Cause
    run_id: str | None
    changed_by: str
    changed_at: datetime

    @classmethod
    def read(cls, row: Row) -> "Move":
        """A move from its row."""
        before, after, cause, run_id, changed_by, changed_at = row
        return cls(
            before=read_watermark(before),
            after=read_watermark(after),
            cause=Cause(str(cause)),
            run_id=_text(run_id),
            changed_by=str(changed_by),
            changed_at=read_instant(changed_at),
        )


def read_watermark(written: Value) -> Watermark | None:
    """A watermark from the JSON that is kept."""
    return None if written is None else msgspec.json.decode(str(written).encode(), type=Watermark)


def write_watermark(watermark: Watermark | None) -> str | None:
    """The JSON that is kept."""
    return None if watermark is None else msgspec.json.encode(watermark).decode()


def this_user() -> str:
    """Who this process belongs to, and on which machine."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "unknown"
    return f"{user}@{this_host()}"


def _text(value: Value) -> str | None:
    return None if value is None else str(value)
