"""What torture did and found, as values."""

from msgspec import Struct

from dmsflow.model.result import RowCounts


class Deed(Struct, frozen=True, kw_only=True):
    """A kind of disturbance: how often it was done, and how often an apply went on after it."""

    kind: str
    count: int
    unfinished: int
    """Applies that it kept from succeeding."""


class DayWork(Struct, frozen=True, kw_only=True):
    """What the undisturbed load of one day did: how many chunks it had, and where its rows went."""

    day: int
    chunks: int
    rows: RowCounts


class TortureReport(Struct, frozen=True, kw_only=True):
    """The whole of it; its JSON is a contract (see the how-to)."""

    pipeline: str
    engine: str
    seed: int
    rows: int
    generated: bool
    rounds: int
    days: int
    applies: int
    kills: int
    resumes: int
    seconds: float
    work: tuple[DayWork, ...]
    disturbances: tuple[Deed, ...]
    differences: tuple[str, ...]
    scratch: str | None = None
    schemas: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether no difference was found."""
        return not self.differences
