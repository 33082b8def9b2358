"""Compares rows that are expected with rows that are there, column by column. Reads no database."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

Cells = Mapping[str, str | None]


class Difference(Struct, frozen=True, kw_only=True):
    """One thing that is not as expected. ``about`` says of what, such as a row by its key.

    A row that is missing is only ``expected``, one that nobody expects only ``found``.
    """

    about: str
    expected: str | None = None
    found: str | None = None


def compare_rows(
    what: str, expected: Sequence[Cells], found: Sequence[Cells], key: Sequence[str]
) -> Iterator[Difference]:
    """What differs between rows in any order; an expected row says nothing of a column that it does not name."""
    taken = _match(expected, found)
    left = [row for place, row in enumerate(found) if place not in taken]
    unmet = [row for place, row in enumerate(expected) if place not in taken.values()]
    for row in unmet:
        near = _nearest(row, left, key)
        if near is None:
            yield Difference(about=f"{what} is missing", expected=write_row(row))
            continue
        left.remove(near)
        for name, value in row.items():
            if near.get(name) != value:
                about = f"{what} {write_row({part: near.get(part) for part in key})}, {name}"
                yield Difference(about=about, expected=write_cell(value), found=write_cell(near.get(name)))
    for row in left:
        yield Difference(about=f"{what} is not expected", found=write_row(row))


def _match(expected: Sequence[Cells], found: Sequence[Cells]) -> dict[int, int]:
    """As many pairs as can be made, by the place of what is found: the augmenting paths of a bipartite graph."""
    taken: dict[int, int] = {}
    fitting = [[place for place, row in enumerate(found) if _meets(row, wanted)] for wanted in expected]

    def place_one(wanted: int, tried: set[int]) -> bool:
        free = next((place for place in fitting[wanted] if place not in taken), None)
        if free is not None:
            taken[free] = wanted
            return True
        for place in fitting[wanted]:
            if place not in tried:
                tried.add(place)
                if place_one(taken[place], tried):
                    taken[place] = wanted
                    return True
        return False

    for wanted in sorted(range(len(expected)), key=lambda place: len(fitting[place])):
        place_one(wanted, set())
    return taken


def _meets(row: Cells, wanted: Cells) -> bool:
    return all(name in row and row[name] == value for name, value in wanted.items())


def _nearest(row: Cells, others: Sequence[Cells], key: Sequence[str]) -> Cells | None:
    """The row of the same key that has the most in common."""
    named = [name for name in key if name in row]
    alike = [other for other in others if named and all(other.get(name) == row[name] for name in named)]
    return max(alike, key=lambda other: sum(other.get(name) == row[name] for name in row), default=None)


def write_row(row: Cells) -> str:
    """A row on one line."""
    return ", ".join(f"{name}: {write_cell(value)}" for name, value in row.items()) or "a row of any values"


def write_cell(value: str | None) -> str:
    """A value; NULL is no text, and a text that looks like it, or like nothing, has quotes."""
    if value is None:
        return "NULL"
    return f'"{value}"' if value in ("", "NULL") or value != value.strip() else value
