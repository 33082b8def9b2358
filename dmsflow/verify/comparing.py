"""Compares two sides: segments by their checksums, the rows of those that differ by digests, and some by their values.

Digests of rows are joined in the scratch; the values of no more rows are read than are shown.
"""

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.engines.engine import Row
from dmsflow.verify.asking import Asked
from dmsflow.verify.checksums import NO_SEGMENT
from dmsflow.verify.report import Difference, Kind, Segments, Tally, Values

EXPECTED, ACTUAL, ARRIVED, FOUND = "expected_digests", "actual_digests", "arrived", "found"
TYPED = (
    "CAST(k0 AS HUGEINT) AS k0, CAST(k1 AS HUGEINT) AS k1, CAST(r AS HUGEINT) AS r, CAST(f AS HUGEINT) AS f, "
    "CAST(t AS TIMESTAMP) AS t, CAST(g AS INTEGER) AS g, CAST(x AS INTEGER) AS x, CAST(i AS INTEGER) AS i, "
    "CAST(p AS HUGEINT) AS p"
)

MOST_ROWS = 1_000_000
"""Rows of one side whose digests are kept at once; beyond them the counts are a least."""

CLASSIFY = f"""
CREATE TABLE {FOUND} AS
WITH e AS (
    SELECT k0, k1, count(DISTINCT (f, g)) FILTER (x = 0) AS kinds, any_value(r) FILTER (x = 0) AS r,
        max(t) FILTER (x = 0) AS t, max(g) AS g
    FROM {EXPECTED} GROUP BY k0, k1
), a AS (
    SELECT k0, k1, count(*) AS n, any_value(r) AS r, max(t) AS t, max(i) AS i, any_value(p) AS p
    FROM {ACTUAL} GROUP BY k0, k1
)
SELECT k0, k1, 1 AS n, CASE
    WHEN a.n > 1 THEN 'duplicate'
    WHEN e.kinds > 1 THEN 'refused'
    WHEN a.n IS NULL THEN if(e.g = 1 OR e.kinds = 0, 'same', 'missing')
    WHEN e.kinds IS NULL THEN if(a.i = 1 OR EXISTS (FROM {ARRIVED} AS o WHERE o.p = a.p), 'extra', 'kept')
    WHEN e.kinds = 0 OR (e.r = a.r AND e.g = 0) THEN 'same'
    WHEN e.t < a.t THEN 'late'
    WHEN e.g = 1 THEN 'extra'
    ELSE 'different'
END AS kind
FROM e FULL JOIN a USING (k0, k1)
"""
"""A key with different rows is refused by a run, and so is a row that is older than the version it meets.

A key that the source does not name is kept, unless its absence counts; one that it says is deleted is not. One of which
it has only rejects stays as it is.
"""

CLASSIFY_APPENDED = f"""
CREATE TABLE {FOUND} AS
WITH e AS (SELECT k0, k1, r, count(*) AS n FROM {EXPECTED} WHERE x = 0 GROUP BY ALL),
a AS (SELECT k0, k1, r, count(*) AS n FROM {ACTUAL} GROUP BY ALL),
apart AS (
    SELECT k0, k1,
        greatest(coalesce(e.n, 0) - coalesce(a.n, 0), 0) AS missing,
        CASE WHEN e.n < a.n THEN a.n - e.n ELSE 0 END AS again,
        CASE WHEN e.n IS NULL THEN a.n ELSE 0 END AS extra
    FROM e FULL JOIN a USING (k0, k1, r)
), keys AS (
    SELECT k0, k1, sum(missing) AS missing, sum(again) AS again, sum(extra) AS extra,
        least(sum(missing), sum(extra)) AS pairs
    FROM apart GROUP BY k0, k1
)
SELECT k0, k1, n, kind FROM keys, (VALUES ('different'), ('missing'), ('kept'), ('duplicate')) AS kinds(kind),
    LATERAL (SELECT CASE kind
        WHEN 'different' THEN pairs WHEN 'missing' THEN missing - pairs WHEN 'kept' THEN extra - pairs ELSE again
    END AS n)
WHERE n > 0
"""
"""Rows of one key are paired, as long as there are some on both sides that the other one has not."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What two sides have come to."""

    counts: Tally
    segments: Segments
    exact: bool
    differences: tuple[Difference, ...]


def compare(expected: Asked, actual: Asked, *, appended: bool, limit: int) -> Outcome:
    """The differences, in one scan of each side where there is none."""
    here, there = (_read_sums(side) for side in (expected, actual))
    rejected = here.pop(NO_SEGMENT, (0, 0))[0]
    counts = {"expected": _count(here), "actual": _count(there), "rejected": rejected}
    apart = [segment for segment in sorted({*here, *there}) if here.get(segment) != there.get(segment)]
    segments = Segments(total=expected.questions.segments, differing=len(apart))
    if not apart:
        return Outcome(counts=Tally(**counts), segments=segments, exact=True, differences=())
    chosen = _choose(apart, here, there)
    found = _classify(expected, actual, chosen, appended=appended)
    counts |= {name: found.get(name, 0) for name in ("missing", "extra", "different", "duplicate", "kept", "late")}
    counts["rejected"] += found.get("refused", 0)
    shown = _show(expected, actual, limit=limit) if limit else ()
    exact = len(chosen) == len(apart)
    return Outcome(counts=Tally(**counts), segments=segments, exact=exact, differences=tuple(shown))


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
    scratch = expected.scratch
    for side, table in ((expected, EXPECTED), (actual, ACTUAL)):
        side.keep(side.questions.list_digests(segments), table, TYPED)
    if expected.questions.choice.partition:
        expected.keep(expected.questions.list_partitions, ARRIVED, "CAST(p AS HUGEINT) AS p")
    else:
        scratch.execute(f"CREATE TABLE {ARRIVED} (p HUGEINT)")
    scratch.execute(CLASSIFY_APPENDED if appended else CLASSIFY)
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
    own = {column.name for column in expected.questions.choice.key}
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
    if expected is not None and actual is not None and kind is Kind.DIFFERENT:
        apart = [name for name in names if expected[name] != actual[name]]
        expected, actual = ({name: row[name] for name in apart} for row in (expected, actual))
    kept = [None if row is None else {n: v for n, v in row.items() if n not in own} for row in (expected, actual)]
    return Difference(kind=kind, key=key, expected=kept[0], actual=kept[1])


def _word(value: object) -> str | None:
    return None if value is None else str(value)
