"""Law 5 for a sample: its rows join as those of the whole source do. No row that the source would not return."""

import random
from collections import Counter
from pathlib import Path

import pytest

from dmsflow.compiler.load import load_spec
from dmsflow.compiler.survey import survey_source
from dmsflow.rehearsal.dry_run import rehearse_sample
from dmsflow.rehearsal.scratch import open_scratch
from tests.laws.lab import Lab

ROWS = {"a": 60, "b": 150, "c": 40, "d": 90}
SERIES = {
    "sqlite": "(WITH RECURSIVE r (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM r WHERE i < {}) SELECT i FROM r) AS r",
}
MAKE = """
CREATE TABLE {name} AS SELECT i AS {name}_id, CASE WHEN i % 7 > 0 THEN i * 13 % {most} END AS x,
CASE WHEN i % 5 > 0 THEN i * 11 % {most} END AS y, i % 4 AS q FROM {series}
"""


def make(lab: Lab, engine: str) -> None:
    series = SERIES.get(engine, "generate_series(0, {}) AS r (i)")
    lab.make(*(MAKE.format(name=name, most=rows // 2, series=series.format(rows - 1)) for name, rows in ROWS.items()))


def write_query(dice: random.Random) -> str:
    """Tables in any order, each joined to one before it, sometimes by more than one equality."""
    names = dice.sample(list(ROWS), dice.randint(2, 4))
    froms, wheres = [names[0]], []
    for place, name in enumerate(names[1:], 1):
        other = dice.choice(names[:place])
        equal = f"{name}.{dice.choice((f'{name}_id', 'x', 'y'))} = {other}.{dice.choice((f'{other}_id', 'x', 'y'))}"
        if place > 1 and dice.random() < 0.5:
            equal += f" AND {name}.x = {names[0]}.y"
        more = dice.choice(("", "", f" AND {name}.q > 1", f" AND {other}.q < 3", f" AND {name}.q = {other}.q"))
        match dice.choice(("inner", "inner", "left", "left", "left", "comma", "derived", "derived", "loose")):
            case "inner":
                froms.append(f"JOIN {name} ON {equal}{more}")
            case "left":
                froms.append(f"LEFT JOIN {name} ON {equal}{more}")
            case "comma":
                froms.append(f"CROSS JOIN {name}")
                wheres.append(equal + more)
            case "loose":
                froms.append(f"LEFT JOIN {name} ON {name}.q > {other}.q + 1")
            case "derived":
                froms.append(f"LEFT JOIN (SELECT * FROM {name} WHERE q < 3) AS {name} ON {equal}{more}")
    if dice.random() < 0.4:
        name = dice.choice(names)
        wheres.append(f"{name}.{dice.choice(('q < 2', 'x IS NULL', 'y > 5'))}")
    if dice.random() < 0.3:
        name, other = dice.choice(names), dice.choice(list(ROWS))
        wheres.append(
            f"{dice.choice(('', 'NOT '))}EXISTS (SELECT 1 FROM {other} AS e WHERE e.x = {name}.y AND e.q > 0)"
        )
    where = f" WHERE {' AND '.join(f'({part})' for part in wheres)}" if wheres else ""
    picked = ", ".join(f"{name}.{name}_id, {name}.x AS {name}_x" for name in names)
    key = dice.choice(names)
    return f"SELECT {key}.{key}_id AS k, {picked} FROM {' '.join(froms)}{where}"


def sample(lab: Lab, query: str, rows: int, seed: int = 1):
    """The result of the query over a sample, and what is told of it."""
    loaded = load_spec(lab.spec(key=["k"], source={"table": None, "query": query}), {})
    with open_scratch() as scratch:
        rehearsed, told = rehearse_sample(loaded, rows, seed, scratch)
        spec = rehearsed.loaded.raise_if_rejected()
        relation = survey_source(spec, scratch.access, scratch.session).relation
        return scratch.session.fetch(f"SELECT * FROM {relation} AS src"), told


@pytest.mark.parametrize(("engine", "queries"), [("duckdb", 12), ("sqlite", 5), ("postgresql", 4)])
def test_a_row_of_a_sample_is_a_row_of_the_source(engine, queries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lab, dice = Lab(tmp_path, engine), random.Random(7)
    monkeypatch.chdir(tmp_path)
    make(lab, engine)
    found = 0
    for seed in range(queries):
        query = write_query(dice)
        few, told = sample(lab, query, 12, seed)
        with lab.open("source") as connection:
            full = Counter(map(tuple, connection.execute(query).fetchall()))
        few_rows = Counter(map(tuple, few))
        assert few_rows <= full, (query, told.read, few_rows - full)
        found += bool(few) and not any("as a whole" in note for note in told.notes)
    assert found > queries // 4, "or too little was compared"


QUERIES = {
    "the table of the key leads": "SELECT b.b_id AS k, a.a_id, c.c_id FROM a JOIN b ON b.x = a.a_id "
    "LEFT JOIN c ON c.c_id = a.y",
    "a column of both": "SELECT b.b_id AS k, c.c_id FROM b LEFT JOIN c USING (x)",
    "a table twice": "SELECT b.b_id AS k, n.b_id AS n, n.q FROM b LEFT JOIN b AS n ON n.b_id = b.b_id + 1 AND n.q > 0",
    "names of its own": "WITH big AS (SELECT x AS ax, count(*) AS n FROM b GROUP BY x) "
    "SELECT a.a_id AS k, big.n FROM a LEFT JOIN big ON big.ax = a.a_id",
    "a union": "SELECT a.a_id AS k, u.id FROM a LEFT JOIN (SELECT b_id AS id, x FROM b "
    "UNION ALL SELECT c_id, x FROM c) AS u ON u.x = a.a_id",
    "a list": "SELECT a.a_id AS k, a.x FROM a WHERE a.a_id IN (SELECT x FROM b WHERE q > 1) "
    "AND NOT EXISTS (SELECT 1 FROM c WHERE c.x = a.a_id)",
    "an expression": "SELECT a.a_id AS k, b.b_id FROM a JOIN b ON b.x + 1 = a.a_id - 1",
    "stars": "SELECT a.a_id AS k, n.* FROM a JOIN (SELECT * FROM (SELECT * FROM b) AS m) AS n ON n.y = a.a_id",
}


@pytest.mark.parametrize(
    "query",
    [
        "SELECT a.a_id AS k, b.b_id FROM a LEFT JOIN b ON b.q > a.q LEFT JOIN c ON c.x = b.b_id AND c.y = a.a_id",
        "SELECT b.b_id AS k, a.a_id FROM a LEFT JOIN b ON b.x = a.a_id AND b.q > 2",
        "SELECT b.b_id AS k, a.a_id FROM b RIGHT JOIN a ON b.x = a.a_id AND b.q > 2",
        "SELECT a.a_id AS k, (SELECT max(x) FROM b) AS m FROM a JOIN c ON c.x = a.a_id",
        "SELECT a.a_id AS k FROM a JOIN c ON c.x = a.a_id WHERE a.a_id + 90 NOT IN (SELECT b_id FROM b WHERE q > 2)",
        "SELECT coalesce(a.a_id, -b.b_id) AS k FROM a FULL JOIN b ON b.x = a.a_id",
        "WITH n AS (SELECT * FROM b) SELECT n.b_id AS k, m.b_id AS m FROM n LEFT JOIN n AS m ON m.b_id = n.b_id + 1",
        "SELECT a_id AS k, x FROM a UNION ALL SELECT b_id + 1000, x FROM b",
    ],
)
def test_an_optional_row_is_never_taken_for_missing(query, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where a part of a table would make up rows, it is not the one that leads, or the query is sampled as a whole."""
    lab = Lab(tmp_path)
    monkeypatch.chdir(tmp_path)
    make(lab, "duckdb")
    few, told = sample(lab, query, 10)
    with lab.open("source") as connection:
        full = Counter(map(tuple, connection.execute(query).fetchall()))
    assert few
    assert Counter(map(tuple, few)) <= full, told


@pytest.mark.parametrize("engine", ["duckdb", "postgresql"])
def test_what_joins_the_sampled_keys_is_there_as_a_whole(engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Of a key that is sampled, every row of the result is there, and no other row."""
    lab = Lab(tmp_path, engine)
    monkeypatch.chdir(tmp_path)
    make(lab, engine)
    for about, query in QUERIES.items():
        few, told = sample(lab, query, 15)
        assert not any("as a whole" in note for note in told.notes), (about, told.notes)
        with lab.open("source") as connection:
            full = [tuple(row) for row in connection.execute(query).fetchall()]
        keys = {row[0] for row in few}
        assert 0 < len(keys) <= 15, about
        assert Counter(map(tuple, few)) == Counter(row for row in full if row[0] in keys), (about, told.read)
        assert len(keys) < len({row[0] for row in full}), about


def test_a_sample_is_spread_over_the_key_and_the_same_for_a_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lab = Lab(tmp_path)
    monkeypatch.chdir(tmp_path)
    lab.make(
        "CREATE TABLE o AS SELECT i AS id, i % 100 AS c, i % 10 AS kind FROM range(10000) AS r (i)",
        "CREATE TABLE c AS SELECT i AS id FROM range(100) AS r (i)",
    )
    query = "SELECT o.id AS k, o.kind, c.id AS c FROM o JOIN c ON c.id = o.c"
    first, again, other = (sample(lab, query, 200, seed)[0] for seed in (1, 1, 2))
    assert sorted(first) == sorted(again)
    assert sorted(first) != sorted(other)
    assert len(first) == len(other) == 200
    assert all(sum(k // 1000 == tenth for k, *_ in first) in range(18, 23) for tenth in range(10))
    assert len({kind for _, kind, _ in first}) == 10, "a rhythm of the data is not one of the sample"
    assert len({c for *_, c in first}) > 80
