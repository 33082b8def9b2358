"""Laws 2 and 21 in one database of PostgreSQL whose texts do not all compare alike.

The server of the tests has no order of text but that of bytes; that this holds for ``odd`` too, dmsflow cannot know.
"""

import pytest

from tests.laws.lab import Lab

ODD = "CREATE COLLATION odd (locale = 'C.UTF8')"
ENGINE = "inserted_at timestamp, modified_at timestamp"
SPLIT = {"chunk_rows": 10, "min_rows": 0, "workers": 2}


@pytest.fixture
def lab(tmp_path):
    """Source and target in one database."""
    opened = Lab(tmp_path, "postgresql", "postgresql")
    opened.servers["source"] = opened.servers["target"]
    opened.make(ODD)
    return opened


@pytest.mark.parametrize(
    ("source", "target", "chunks", "transfer"),
    [
        ("text", "text", 12, "in-place"),
        ('text COLLATE "C"', "text", 12, "in-place"),
        ("text COLLATE odd", "text COLLATE odd", 12, "in-place"),
        ("text COLLATE odd", "text", 1, "copy"),
        ("text COLLATE odd", None, 1, "copy"),
        ("text", "text COLLATE odd", 1, "in-place"),
    ],
)
def test_a_key_that_is_sorted_in_two_ways_is_not_cut(lab, source, target, chunks, transfer):
    lab.make(f"CREATE TABLE s (id {source}, v int)")
    lab.make("INSERT INTO s SELECT 'k' || n, n FROM generate_series(1, 120) AS n")
    if target:
        lab.make(f"CREATE TABLE t (id {target}, v int, {ENGINE})")
    outcome = lab.apply(key=["id"], scd={"type": 1, "deletes": "delete"}, parallel=SPLIT)
    assert (outcome.code, outcome.rows["inserted"]) == (0, 120), outcome.told
    assert (outcome.report["chunks"]["total"], outcome.report["transfer"]) == (chunks, transfer)


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"columns": {"id": {}, "v": {"expr": "trim(v)"}}},
        {"source": {"table": None, "query": "select id, w collate odd as v from s"}},
    ],
    ids=["column", "expr", "query"],
)
def test_a_text_is_compared_as_the_target_compares_it(lab, spec):
    """A collation that takes A for a would come along with the value, and no change of it were ever seen."""
    lab.make("CREATE TABLE s (id int, v text COLLATE odd, w text)", "INSERT INTO s VALUES (1, 'a', 'a')")
    outcome = lab.apply(key=["id"], **spec)
    assert (outcome.code, outcome.report["transfer"]) == (0, "copy"), outcome.told
