"""What can happen to an apply, and how one is chosen from a seed. Values and chance; does nothing to anybody."""

from collections.abc import Sequence
from enum import StrEnum
from random import Random

from msgspec import Struct


class Kind(StrEnum):
    """What happens to one apply."""

    KILLED_AT_STATEMENT = "killed at a statement"
    KILLED_AT_COMMIT = "killed at a commit"
    KILLED_AT_MOMENT = "killed at a moment"
    CONNECTION_LOST = "connection lost"
    COMMIT_UNANSWERED = "commit not answered"
    INTERRUPTED = "SIGINT"
    TERMINATED = "SIGTERM"
    DELIVERED_TWICE = "chunk delivered twice"
    DELAYED = "chunks delayed"

    @property
    def kills(self) -> bool:
        """Whether the process ends without a word."""
        return self in KILLS


KILLS = (Kind.KILLED_AT_STATEMENT, Kind.KILLED_AT_COMMIT, Kind.KILLED_AT_MOMENT)
AT_COMMIT = (Kind.KILLED_AT_COMMIT, Kind.COMMIT_UNANSWERED)
WEIGHTS = {
    Kind.KILLED_AT_STATEMENT: 35,
    Kind.KILLED_AT_COMMIT: 25,
    Kind.KILLED_AT_MOMENT: 10,
    Kind.CONNECTION_LOST: 8,
    Kind.COMMIT_UNANSWERED: 7,
    Kind.INTERRUPTED: 3,
    Kind.TERMINATED: 3,
    Kind.DELIVERED_TWICE: 5,
    Kind.DELAYED: 4,
}
DELAYED_TOO = 0.3
"""The share of other disturbances whose chunks are delayed as well, so that they end in another order."""


class Measure(Struct, frozen=True, kw_only=True):
    """What an undisturbed apply took: calls of its sessions, commits among them, seconds."""

    calls: int
    commits: int
    seconds: float


class Disturbance(Struct, frozen=True, kw_only=True):
    """One thing that happens: before or ``after`` the call (or commit) number ``at``, or ``moment`` seconds in."""

    kind: Kind
    at: int = 0
    after: bool = False
    moment: float = 0.0
    delays: bool = False
    seed: int = 0

    def __str__(self) -> str:
        when = "after" if self.after else "before"
        if self.kind is Kind.KILLED_AT_MOMENT:
            return f"{self.kind}, {self.moment:.3f} s after its start"
        if self.kind in (Kind.DELIVERED_TWICE, Kind.DELAYED):
            return str(self.kind)
        return f"{self.kind}, {when} {'commit' if self.kind in AT_COMMIT else 'call'} {self.at}"


class Chance:
    """Chooses disturbances from a seed: every call of a run is met once before one is met again."""

    def __init__(self, seed: int, kinds: Sequence[Kind] = tuple(Kind)) -> None:
        self._random, self._kinds = Random(seed), kinds
        self._waiting: dict[tuple[bool, int], list[tuple[int, bool]]] = {}

    def chooses(self, share: float) -> bool:
        """Whether something of this likelihood happens."""
        return self._random.random() < share

    def choose(self, measure: Measure, day: int) -> Disturbance:
        """What happens to the next apply of a day whose undisturbed one was measured."""
        kind = self._random.choices(self._kinds, [WEIGHTS[kind] for kind in self._kinds])[0]
        at_commit = kind in AT_COMMIT
        at, after = self._place(at_commit, day, measure.commits if at_commit else measure.calls)
        return Disturbance(
            kind=kind,
            at=at,
            after=after,
            moment=self._random.uniform(0, measure.seconds),
            delays=kind is Kind.DELAYED or self.chooses(DELAYED_TOO),
            seed=self._random.getrandbits(32),
        )

    def _place(self, at_commit: bool, day: int, count: int) -> tuple[int, bool]:
        waiting = self._waiting.setdefault((at_commit, day), [])
        if not waiting:
            waiting += [(number, after) for number in range(1, count + 1) for after in (False, True)]
            self._random.shuffle(waiting)
        return waiting.pop()
