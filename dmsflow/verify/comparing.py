"""Compares two sides: segments by their checksums, the rows of those that differ by digests, and some by their values.

Digests of rows are joined in the scratch; the values of no more rows are read than are shown.
"""

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.engines.engine import Row
from dmsflow.errors import PlanRefused
from dmsflow.verify.asking import Asked
from dmsflow.verify.checksums import NO_SEGMENT
from dmsflow.verify.kinds import (
    ACTUAL,
    ARRIVED,
    EXPECTED,
    FOUND,
    classify_appended,
    classify_keys,
    count_doubtful,
    type_digests,
)
from dmsflow.verify.report import Difference, Kind, Segments, Tally, Values

MOST_ROWS = 1_000_000
"""Rows of one side whose digests are kept at once; beyond them the counts of differences are a least."""

DIFFERING = ("missing", "extra", "different", "duplicate")
"""The kinds that make a target another one."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What two sides have come to."""

    counts: Tally
    segments: Segments
    exact: bool
    differences: tuple[Difference, ...]


def compare(expected: Asked, actual: Asked, *, appended: bool, limit: int) -> Outcome:
    """The differences, in one scan of each side where there is none.

    As long as none is found, more of the segments that differ are looked at: what a run keeps or refuses is none.
    """
    here, there = (_read_sums(side) for side in (expected, actual))
    rejected = here.pop(NO_SEGMENT, (0, 0))[0]
    counts = {"expected": _count(here), "actual": _count(there), "rejected": rejected}
    apart = [segment for segment in sorted({*here, *there}) if here.get(segment) != there.get(segment)]
    segments = Segments(total=expected.questions.segments, differing=len(apart))
    if not apart:
        return Outcome(counts=Tally(**counts), segments=segments, exact=True, differences=())
    found, rest = Counter[str](), apart
    while rest and not any(found[kind] for kind in DIFFERING):
        chosen = _choose(rest, here, there)
        found.update(_classify(expected, actual, chosen, appended=appended))
        rest = rest[len(chosen) :]
    counts |= {
        name: found.get(name, 0) for name in ("missing", "extra", "different", "duplicate", "kept", "late", "outdated")
    }
    counts["rejected"] += found.get("refused", 0)
    shown = _show(expected, actual, limit=limit) if limit else ()
    return Outcome(counts=Tally(**counts), segments=segments, exact=not rest, differences=tuple(shown))


def _read_sums(side: Asked) -> dict[int, tuple[int, int]]:
    """Rows and checksum by segment."""
    return {_int(row[0]): (_int(row[1]), _int(row[2])) for row in side.fetch(side.questions.sum_segments)}


def _int(value: object) -> int:
    return int(str(value))


def _count(sums: dict[int, tuple[int, int]]) -> int:
    return sum(rows for rows, _ in sums.values())


def _choose(
    apart: Sequence[int], here: dict[int, tuple[int, int]], there: dict[int, tuple[int, int]]
) -> tuple[int, ...]:
    """As many of the segments that differ as are kept at once."""
    chosen: list[int] = []
    rows = 0
    for segment in apart:
        rows += max(here.get(segment, (0, 0))[0], there.get(segment, (0, 0))[0])
        if chosen and rows > MOST_ROWS:
            break
        chosen.append(segment)
    return tuple(chosen)


def _classify(expected: Asked, actual: Asked, segments: tuple[int, ...], *, appended: bool) -> dict[str, int]:
    """How many keys are of each kind; they stand in the scratch."""
    scratch, looked_up = expected.scratch, expected.questions.choice.looked_up
    for side, table in ((expected, EXPECTED), (actual, ACTUAL)):
        side.keep(side.questions.list_digests(segments), table, type_digests(len(looked_up)))
    for i, column in enumerate(looked_up):
        if doubtful := _int(scratch.fetch(count_doubtful(i))[0][0]):
            raise PlanRefused(
                f'{doubtful:,} lookups of "{column.name}" meet several versions that hold at one time: '
                "correct the dimension"
            )
    if expected.questions.choice.partition:
        expected.keep(expected.questions.list_partitions, ARRIVED, "CAST(p AS HUGEINT) AS p")
    else:
        scratch.execute(f"CREATE OR REPLACE TABLE {ARRIVED} (p HUGEINT)")
    classify = classify_appended if appended else classify_keys
    scratch.execute(classify(len(looked_up)))
    counted = scratch.fetch(f"SELECT kind, sum(n) FROM {FOUND} GROUP BY kind")
    return {str(kind): _int(rows) for kind, rows in counted}


def _show(expected: Asked, actual: Asked, *, limit: int) -> list[Difference]:
    """Some of the keys that differ, with their values."""
    keys = _find_keys(expected.scratch, limit=limit)
    if not keys:
        return []
    first = sorted({key for key, _, _ in keys})
    here, there = (_read_rows(side, first) for side in (expected, actual))
    names = [column.name for column in expected.questions.choice.row]
    choice = expected.questions.choice
    own = {column.name for column in (choice.identity if choice.looked_up else choice.key)}
    found = []
    for one, other, kind in keys:
        values, others = here.get((one, other), []), there.get((one, other), [])
        mine, theirs = _part(values, others, kind)
        key = {name: _word(value) for name, value in zip(names, mine or theirs or (), strict=False) if name in own}
        found.append(_difference(kind, key, names, mine, theirs, own))
    return sorted(found, key=lambda it: [*Kind].index(it.kind))


def _find_keys(scratch: DuckDBSession, *, limit: int) -> list[tuple[int, int, Kind]]:
    listed = ", ".join(f"'{kind}'" for kind in Kind)
    rows = scratch.fetch(
        f"SELECT k0, k1, kind FROM {FOUND} WHERE kind IN ({listed}) ORDER BY kind, k0, k1 LIMIT {limit}"
    )
    return [(_int(one), _int(other), Kind(str(kind))) for one, other, kind in rows]


def _read_rows(side: Asked, keys: Sequence[int]) -> dict[tuple[int, int], list[Row]]:
    """The rows of keys, by both digests; what is no value of its type takes the place of NULL."""
    found: dict[tuple[int, int], list[Row]] = {}
    names = [column.name for column in side.questions.choice.row]
    for one, other, *values, misfits in side.fetch(side.questions.find_rows(keys)):
        told = dict(_read_misfits(str(misfits))) if misfits is not None else {}
        row = tuple(told.get(name, value) for name, value in zip(names, values, strict=True))
        found.setdefault((_int(one), _int(other)), []).append(row)
    return found


def _read_misfits(text: str) -> "Sequence[tuple[str, str]]":
    parts = (part.partition(":") for part in text.split("\x1f") if part)
    return [(bytes.fromhex(name).decode(), value) for name, _, value in parts]


def _part(values: list[Row], others: list[Row], kind: Kind) -> tuple[Row | None, Row | None]:
    """A row of each side that the other one has not; the rows that both have stay out of it."""
    if kind is Kind.DUPLICATE:
        return (values or [None])[0], others[-1]  # type: ignore[list-item]
    mine = [*(Counter(values) - Counter(others))]
    theirs = [*(Counter(others) - Counter(values))]
    return next(iter(mine), None), next(iter(theirs), None)


def _difference(
    kind: Kind, key: Values, names: Sequence[str], mine: Row | None, theirs: Row | None, own: set[str]
) -> Difference:
    """One difference; of a row that is on both sides, the columns that differ."""
    told = [None if row is None else dict(zip(names, map(_word, row), strict=True)) for row in (mine, theirs)]
    if kind is Kind.MISSING:
        told[1] = None
    if kind is Kind.EXTRA:
        told[0] = None
    expected, actual = told
    if expected is not None and actual is not None and kind in (Kind.DIFFERENT, Kind.OUTDATED):
        apart = [name for name in names if expected[name] != actual[name]]
        expected, actual = ({name: row[name] for name in apart} for row in (expected, actual))
    kept = [None if row is None else {n: v for n, v in row.items() if n not in own} for row in (expected, actual)]
    return Difference(kind=kind, key=key, expected=kept[0], actual=kept[1])


def _word(value: object) -> str | None:
    return None if value is None else str(value)
