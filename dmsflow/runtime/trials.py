"""Finds the rows that the target refuses, by writing ever smaller parts of a chunk. Nothing that is tried stays."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from msgspec import Struct

from dmsflow.errors import RowRefused
from dmsflow.runtime.run import Steps

WRITES = {
    "overwrite": ("update",),
    "correct": ("correct",),
    "close": ("version",),
    "insert": ("new", "version"),
    "insert_versions": ("version",),
    "rewrite": ("new", "version", "update", "correct"),
    "try_rows": (),
}
"""The statements that write rows, in the order of a merge, and the classes that they write."""

SAVEPOINT = "dmsflow_part"


class Part(Struct, frozen=True, kw_only=True):
    """The numbered rows from ``first`` up to ``last``; ``fails`` is what must be so, as its other half is whole."""

    first: int
    last: int
    fails: bool = False

    @property
    def single(self) -> bool:
        """Whether it is one row."""
        return self.last - self.first == 1


class Refusal(Struct, frozen=True, kw_only=True):
    """A row by its number, and what the database says of it."""

    number: int
    error: RowRefused


Trial = Callable[[Part], RowRefused | None]


class Trials(Struct, frozen=True, kw_only=True):
    """Writes parts of the numbered rows, to see whether they are refused.

    ``sk_base`` is followed by surrogate keys for two statements over all ``count`` rows.
    """

    steps: Steps
    count: int
    writes: tuple[str, ...]
    sk_base: int

    def write(self, part: Part) -> None:
        """Write a part as a merge would. Raises RowRefused."""
        steps = self.steps
        if steps.has("take_rows"):
            steps.execute("empty_delta")
            steps.execute("take_rows", first=part.first, last=part.last)
        for name in self.writes:
            base = self.sk_base + part.first - 1 + (self.count if name == "insert_versions" else 0)
            steps.execute(name, first=part.first, last=part.last, sk_base=base)
        if steps.has("check_deferred"):
            steps.execute("check_deferred")

    def try_alone(self, part: Part) -> RowRefused | None:
        """What a part is refused for, in a transaction of its own that is undone."""
        self.steps.session.begin()
        try:
            self.write(part)
        except RowRefused as error:
            return error
        finally:
            self.steps.session.rollback()
        return None

    def try_beside(self, part: Part) -> RowRefused | None:
        """What a part is refused for beside those that went well; the transaction stays open."""
        session = self.steps.session
        session.execute(f"SAVEPOINT {SAVEPOINT}")
        try:
            self.write(part)
            refused = None
        except RowRefused as error:
            session.execute(f"ROLLBACK TO SAVEPOINT {SAVEPOINT}")
            refused = error
        if session.traits.releases_savepoints:
            session.execute(f"RELEASE SAVEPOINT {SAVEPOINT}")
        return refused

    @contextmanager
    def trying(self) -> Iterator[Trial]:
        """The better way that the database has: a part beside the others needs a savepoint to fall back to."""
        session = self.steps.session
        if not session.traits.savepoints:
            yield self.try_alone
            return
        session.begin()
        try:
            yield self.try_beside
        finally:
            session.rollback()


def halve(trials: Trials, is_enough: Callable[[int], bool]) -> list[Refusal]:
    """The rows that are refused, found by halves: k of n rows take O(k log n) trials, and never more than 2 n."""
    found: list[Refusal] = []
    waiting = [Part(first=1, last=trials.count + 1)]
    with trials.trying() as trial:
        while waiting and not is_enough(len(found)):
            part = waiting.pop()
            if part.single or not part.fails:
                error = trial(part)
                if error is not None and part.single:
                    found.append(Refusal(number=part.first, error=error))
                if error is None or part.single:
                    continue
            waiting += _halves(part, trial)
    return found


def _halves(part: Part, trial: Trial) -> list[Part]:
    """What to look at of a part that fails, the first half last; a half that is whole leaves the fault to the other."""
    middle = (part.first + part.last) // 2
    left = Part(first=part.first, last=middle, fails=True)
    right = Part(first=middle, last=part.last)
    if left.single:
        return [right, left]
    if trial(left) is None:
        return [Part(first=middle, last=part.last, fails=True)]
    return [right, left]


def find_next(trials: Trials) -> Refusal | None:
    """The first row that is refused beside the ones before it, in a transaction of its own; None where none is."""
    error = trials.try_alone(Part(first=1, last=trials.count + 1))
    if error is None:
        return None
    whole, broken = 0, trials.count
    while broken - whole > 1:
        middle = (whole + broken) // 2
        failed = trials.try_alone(Part(first=1, last=middle + 1))
        whole, broken, error = (middle, broken, error) if failed is None else (whole, middle, failed)
    return Refusal(number=broken, error=error)
