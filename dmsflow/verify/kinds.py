"""Of which kind each key is, as DuckDB's SQL over the digests of both sides. Pure."""

from collections.abc import Iterator

EXPECTED, ACTUAL, ARRIVED, FOUND = "expected_digests", "actual_digests", "arrived", "found"
DIGESTS = {"k0": "HUGEINT", "k1": "HUGEINT", "r": "HUGEINT", "f": "HUGEINT", "t": "TIMESTAMP", "g": "INTEGER"}
DIGESTS |= {"x": "INTEGER", "i": "INTEGER", "p": "HUGEINT"}

LOOKED = {"b": "HUGEINT", "o": "HUGEINT", "w": "TIMESTAMP"}
"""Of rows that look keys up: the digest of all else, that of all they are looked up by, and when they were loaded."""


def found_name(lookup: int) -> str:
    """The name of the digest of a key that is looked up."""
    return f"l{lookup}"


def since_name(lookup: int) -> str:
    """The name of the time since when the dimension says so."""
    return f"s{lookup}"


def type_digests(lookups: int) -> str:
    """The columns of digests, typed, for rows that have so many keys looked up."""
    types = dict(DIGESTS)
    if lookups:
        types |= LOOKED
        types |= {found_name(i): "HUGEINT" for i in range(lookups)}
        types |= {since_name(i): "TIMESTAMP" for i in range(lookups)}
    return ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in types.items())


def count_doubtful(lookup: int) -> str:
    """How many rows find several versions that hold at one time."""
    several = f"HAVING count(DISTINCT {found_name(lookup)}) > 1"
    return f"SELECT count(*) FROM (SELECT 1 FROM {EXPECTED} WHERE x = 0 GROUP BY k0, k1, o {several})"


def classify_keys(lookups: int) -> str:
    """Every key of a source of which a row stands for its key.

    A key with different rows is refused by a run, and so is a row that is older than the version it meets. A key that
    the source does not name is kept, unless its absence counts; one that it says is deleted is not. One of which it has
    only rejects stays as it is. One that differs in nothing but what a dimension has learned since is outdated.
    """
    more = [*_one_each(["b"] if lookups else []), *_one_each(map(found_name, range(lookups)))]
    since = [f"max({since_name(i)}) FILTER (x = 0) AS {since_name(i)}" for i in range(lookups)]
    whole = ["max(w) AS w"] if lookups else []
    return f"""
CREATE OR REPLACE TABLE {FOUND} AS
WITH e AS (
    SELECT {", ".join(["k0", "k1", *_EXPECTED_ONES, *more, *since])}
    FROM {EXPECTED} GROUP BY k0, k1
), a AS (
    SELECT {", ".join(["k0", "k1", *_ACTUAL_ONES, *more, *whole])}
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
    WHEN {" AND ".join(_learned(lookups))} THEN 'outdated'
    ELSE 'different'
END AS kind
FROM e FULL JOIN a USING (k0, k1)
"""


_EXPECTED_ONES = (
    "count(DISTINCT (f, g)) FILTER (x = 0) AS kinds",
    "any_value(r) FILTER (x = 0) AS r",
    "max(t) FILTER (x = 0) AS t",
    "max(g) AS g",
)
_ACTUAL_ONES = ("count(*) AS n", "any_value(r) AS r", "max(t) AS t", "max(i) AS i", "any_value(p) AS p")


def _one_each(names: "Iterator[str] | list[str]") -> Iterator[str]:
    return (f"any_value({name}) FILTER (x = 0) AS {name}" for name in names)


def _learned(lookups: int) -> Iterator[str]:
    """Whether each key that differs is that of a version which came after the row was loaded."""
    yield "e.b = a.b" if lookups else "false"
    for i in range(lookups):
        name = found_name(i)
        yield f"(e.{name} = a.{name} OR e.{since_name(i)} > a.w)"


def classify_appended(lookups: int) -> str:
    """Every key of type append: its rows are paired, as long as there are some on both sides that the other has not."""
    names = ["b", *map(found_name, range(lookups))] if lookups else []
    ones = [f"any_value({name}) AS {name}" for name in names]
    # One row of which nobody knows since when is enough to know nothing.
    since = [f"if(count({s}) = count(*), min({s}), NULL) AS {s}" for s in map(since_name, range(lookups))]
    whole = ["max(w) AS w"] if lookups else []
    both = [f"coalesce(e.{name}, a.{name}) AS {name}" for name in names]
    both += [f"e.{since_name(i)}" for i in range(lookups)] + (["a.w"] if lookups else [])
    return f"""
CREATE OR REPLACE TABLE {FOUND} AS
WITH e AS (SELECT {", ".join(["k0", "k1", "r", "count(*) AS n", *ones, *since])}
    FROM {EXPECTED} WHERE x = 0 GROUP BY k0, k1, r),
a AS (SELECT {", ".join(["k0", "k1", "r", "count(*) AS n", *ones, *whole])} FROM {ACTUAL} GROUP BY k0, k1, r),
apart AS (
    SELECT {", ".join(["k0", "k1", *_APART, *both])}
    FROM e FULL JOIN a USING (k0, k1, r)
), keys AS (
    SELECT k0, k1, sum(missing) AS missing, sum(again) AS again, sum(extra) AS extra,
        least(sum(missing), sum(extra)) AS pairs, {" AND ".join(_all_learned(lookups))} AS learned
    FROM apart GROUP BY k0, k1
)
SELECT k0, k1, n, kind
FROM keys, (VALUES ('different'), ('outdated'), ('missing'), ('kept'), ('duplicate')) AS kinds(kind),
    LATERAL (SELECT CASE kind
        WHEN 'different' THEN if(learned, 0, pairs) WHEN 'outdated' THEN if(learned, pairs, 0)
        WHEN 'missing' THEN missing - pairs WHEN 'kept' THEN extra - pairs ELSE again
    END AS n)
WHERE n > 0
"""


_APART = (
    "greatest(coalesce(e.n, 0) - coalesce(a.n, 0), 0) AS missing",
    "CASE WHEN e.n < a.n THEN a.n - e.n ELSE 0 END AS again",
    "CASE WHEN e.n IS NULL THEN a.n ELSE 0 END AS extra",
)


def _all_learned(lookups: int) -> Iterator[str]:
    """Whether that holds for all rows of a key that only one side has, however they are paired."""
    only = "FILTER (missing > 0 OR extra > 0)"
    yield f"count(DISTINCT b) {only} = 1" if lookups else "false"
    for i in range(lookups):
        same, since = f"count(DISTINCT {found_name(i)}) {only} = 1", since_name(i)
        known = f"count(*) FILTER (missing > 0 AND {since} IS NULL) = 0"
        yield f"({same} OR ({known} AND min({since}) FILTER (missing > 0) > max(w) FILTER (extra > 0)))"
