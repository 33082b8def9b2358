"""Which numbered rows are found to be refused, and by how many trials: of a table that is only made up."""

import math
import random
from contextlib import contextmanager

import pytest

from dmsflow.errors import RowRefused
from dmsflow.runtime.trials import find_next, halve


class Table:
    """Refuses ``bad`` rows whatever the others are, and the second of each of the ``pairs`` beside the first."""

    def __init__(self, count: int, bad: set[int], pairs: set[tuple[int, int]] = frozenset(), *, keeps: bool) -> None:
        self.count, self.bad, self.pairs, self.keeps = count, bad, pairs, keeps
        self.kept, self.refused, self.trials = set(), set(), 0

    def try_alone(self, part):
        return self._trial(part, set())

    def _trial(self, part, beside):
        self.trials += 1
        rows = set(range(part.first, part.last)) - self.refused | beside
        broken = self.bad & rows or any({*pair} <= rows for pair in self.pairs)
        return RowRefused("no", reason="check", told="no") if broken else None

    def try_beside(self, part):
        error = self._trial(part, self.kept)
        if error is None:
            self.kept |= set(range(part.first, part.last))
        return error

    @contextmanager
    def trying(self):
        yield self.try_beside if self.keeps else self.try_alone

    def refuse(self, found) -> None:
        self.refused |= {refusal.number for refusal in found}

    def search(self) -> set[int]:
        """What a chunk does: by halves, then as often as its merge is refused."""
        self.refuse(halve(self, lambda found: False))
        while refusal := find_next(self):
            self.refuse([refusal])
        return self.refused


@pytest.mark.parametrize("keeps", [True, False])
def test_exactly_the_bad_rows_are_found(keeps):
    chance = random.Random(7)
    for _ in range(300):
        count = chance.randint(1, 40)
        rows = range(1, count + 1)
        bad = set(chance.sample(rows, chance.randint(0, count)))
        good = [row for row in rows if row not in bad]
        pairs = {tuple(sorted(chance.sample(good, 2)))} if len(good) > 1 else set()
        assert Table(count, bad, pairs, keeps=keeps).search() == bad | {second for _, second in pairs}


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("bad", [1, 2, 5, 50, 500, 1000])
def test_trials_grow_with_the_bad_rows_and_their_depth_and_stay_below_two_a_row(bad, keeps):
    table = Table(1000, set(random.Random(bad).sample(range(1, 1001), bad)), keeps=keeps)
    assert len(halve(table, lambda found: False)) == bad
    assert table.trials <= min(2 * 1000, bad * (2 * math.ceil(math.log2(1000 / bad)) + 2) + 10)


def test_the_search_ends_when_there_are_enough():
    table = Table(1 << 20, set(range(1, 1 << 20, 3)), keeps=True)
    assert len(halve(table, lambda found: found >= 4)) == 4
    assert table.trials < 40
