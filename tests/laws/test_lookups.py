"""Lookups: a fact gets the key of the version that held then, or is an exact reject; nobody else decides."""

import random
from datetime import datetime, timedelta
from itertools import pairwise, zip_longest

import pytest

from dmsflow.errors import SpecRejected
from dmsflow.model.plan import Transfer
from dmsflow.model.result import RunStatus
from dmsflow.runtime import executor
from tests.laws.test_resume import apply_recorded
from tests.laws.world import World

DAY = datetime(2024, 1, 1)
OPEN = datetime(9999, 12, 31)
FACTS = {"id": "bigint", "k": "bigint", "l": "varchar", "at": "timestamp", "v": "varchar"}
WORDS = ["a", "A", "ä", ""]

ROADS = [
    ("duckdb", "duckdb", None),
    ("parquet", "sqlite", None),
    ("postgresql", "duckdb", None),
    *(("postgresql", "postgresql", road) for road in (Transfer.IN_PLACE, Transfer.COPY, Transfer.ARROW)),
]


def spec(**more: object) -> dict:
    return {
        "version": 1,
        "pipeline": "f",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "f"},
        "key": ["id"],
        "columns": {
            "id": {},
            "then": {"lookup": {"dimension": "d", "key": {"k": "k", "m": "l"}, "as_of": "at"}},
            "now": {"lookup": {"dimension": "d", "key": {"k": "k", "m": "l"}}},
            "v": {},
        },
        "scd": 1,
        "errors": {"max_rows": 1000},
        "parallel": {"min_rows": 0, "chunk_rows": 40, "workers": 2},
        **more,
    }


def make_versions(dice: random.Random) -> list[tuple]:
    """Versions of a few keys: (surrogate key, k, m, from, to, current), with gaps, and ends at starts."""
    found: list[tuple] = []
    for k in range(4):
        for word in WORDS:
            days = sorted(dice.sample(range(20), dice.randint(0, 5)))
            ends = [end - (dice.randint(0, 1) if end - 1 > day else 0) for day, end in pairwise(days)]
            for day, end in zip_longest(days, ends):
                until = OPEN if end is None else DAY + timedelta(days=end)
                if end is None and dice.random() < 0.2:
                    until = DAY + timedelta(days=25)
                start = DAY + timedelta(days=day)
                found.append((len(found) + 10, k, word, start, until, until == OPEN))
    return found


def write_versions(world: World, versions: list[tuple]) -> None:
    """The dimension, as dmsflow makes one."""
    mark = "%s" if world.target == "postgresql" else "?"
    with world.open("target") as connection:
        declared = "d_sk bigint, k bigint, m varchar, valid_from timestamp, valid_to timestamp, is_current boolean"
        connection.execute(f"CREATE TABLE d ({declared})")
        for row in versions:
            values = [stamp(it) if isinstance(it, datetime) and world.target == "sqlite" else it for it in row]
            connection.execute(f"INSERT INTO d VALUES ({', '.join([mark] * 6)})", values)
        connection.commit()


def stamp(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="microseconds")


def make_facts(dice: random.Random, count: int) -> list[dict]:
    moments = [DAY + timedelta(days=day, microseconds=tick) for day in range(-1, 27) for tick in (0, -1)]
    return [
        {
            "id": i,
            "k": dice.choice([*range(5), None]) if dice.random() < 0.3 else dice.randint(0, 3),
            "l": dice.choice([*WORDS, None]) if dice.random() < 0.3 else dice.choice(WORDS),
            "at": None if dice.random() < 0.05 else dice.choice(moments),
            "v": "x",
        }
        for i in range(count)
    ]


def look_up(versions: list[tuple], fact: dict) -> tuple:
    """What a row becomes, as plainly as Python says it: its two keys, or the column and the reason of its reject."""
    mine = [it for it in versions if (it[1], it[2]) == (fact["k"], fact["l"])]
    if None in (fact["k"], fact["l"], fact["at"]):
        return ("then", "lookup_null")
    then = [it[0] for it in mine if it[3] <= fact["at"] < it[4]]
    if not then:
        return ("then", "lookup_miss")
    now = [it[0] for it in mine if it[5]]
    return (then[0], now[0]) if now else ("now", "lookup_miss")


def judge(world: World, versions: list[tuple], facts: list[dict]) -> None:
    expected = {fact["id"]: look_up(versions, fact) for fact in facts}
    found = {row[0]: (row[1], row[2]) for row in world.read('SELECT id, "then", "now" FROM f')}
    told = world.read("SELECT row_key, column_name, reason FROM dmsflow_reject")
    rejects = {int(key.split(":")[1].rstrip("}")): (column, reason) for key, column, reason in told}
    assert found | rejects == expected
    assert len(found) + len(rejects) == len(facts)


@pytest.mark.parametrize(("source", "target", "transfer"), ROADS)
def test_a_row_gets_the_key_of_the_version_that_held_then(tmp_path, source, target, transfer):
    dice = random.Random(7)
    world = World(tmp_path, source, target, transfer=transfer)
    versions, facts = make_versions(dice), make_facts(dice, 200)
    write_versions(world, versions)
    world.write_source(facts, FACTS)
    report = world.apply(world.reading(spec()))
    assert report.status is RunStatus.SUCCEEDED, report.errors
    judge(world, versions, facts)
    assert report.rows.read == 200 == report.rows.inserted + report.rows.rejected
    assert len({outcome[1] for fact in facts if isinstance((outcome := look_up(versions, fact))[1], str)}) == 2
    again = world.apply(world.reading(spec()))
    assert (again.rows.unchanged, again.rows.rejected) == (report.rows.inserted, report.rows.rejected)


ONE = {"dimension": "d", "key": {"k": "k", "m": "l"}}
VERSIONS = [(1, 1, "a", DAY, DAY + timedelta(days=1), False), (2, 1, "a", DAY + timedelta(days=1), OPEN, True)]


def now_spec(kind: object, lookup: dict = ONE, **more: object) -> dict:
    columns = {"id": {}, "sk": {"lookup": lookup}, "v": {}}
    return spec(**{"columns": columns, "scd": kind, "parallel": {}, **more})


@pytest.fixture
def world(tmp_path):
    found = World(tmp_path, "duckdb", "duckdb")
    write_versions(found, VERSIONS)
    return found


def fact(key: int | None = 1, **more: object) -> dict:
    return {"id": 1, "k": key, "l": "a", "at": DAY, "v": "x"} | more


def test_a_history_has_a_version_for_each_key_that_is_looked_up(world):
    lookup = ONE | {"as_of": "at"}
    for days in (0, 0, 1):
        world.write_source([fact(at=DAY + timedelta(days=days))], FACTS)
        assert world.apply(now_spec(2, lookup)).status is RunStatus.SUCCEEDED
    assert world.read("SELECT sk, is_current FROM f ORDER BY valid_from") == [(1, False), (2, True)]


def test_a_key_that_is_looked_up_may_be_part_of_the_business_key(world):
    world.write_source([fact(), fact(v="y"), fact(None, id=2)], FACTS)
    report = world.apply(now_spec(1, key=["sk"], columns={"sk": {"lookup": ONE}, "v": {}}))
    assert (report.rows.inserted, report.rows.rejected) == (0, 3)
    reasons = world.read("SELECT reason, row_key FROM dmsflow_reject ORDER BY 1")
    assert reasons == [("duplicate_key", '{"sk":2}')] * 2 + [("lookup_null", '{"sk":null}')]


def test_of_a_deleted_row_nothing_is_looked_up(world):
    op = {"column": "op", "insert": "I", "delete": "D"}
    wanted = now_spec({"type": 1, "deletes": "delete", "effective_at": "at"})
    wanted["source"] |= {"grain": "changes", "op": op}
    for row in (fact(op="I"), fact(9, op="D", at=DAY + timedelta(days=2))):
        world.write_source([row], FACTS | {"op": "varchar"})
        report = world.apply(wanted)
        assert (report.status, report.rows.rejected) == (RunStatus.SUCCEEDED, 0)
    assert world.read("SELECT * FROM f") == []


@pytest.mark.parametrize("other", ["3", "NULL"])
def test_versions_that_hold_at_one_time_end_the_run(world, other):
    with world.open("target") as connection:
        same = "k, m, valid_from, valid_to, is_current FROM d WHERE d_sk = 2"
        connection.execute(f"INSERT INTO d SELECT {other}, {same}")
    world.write_source([fact()], FACTS)
    report = world.apply(now_spec(1))
    assert report.status is RunStatus.FAILED
    assert "meet several versions that hold at one time" in report.errors[0].message
    assert world.read("SELECT * FROM f") == []


def test_a_table_without_validity_has_one_row_of_each_key(world):
    with world.open("target") as connection:
        connection.execute("CREATE TABLE e (no varchar, name varchar)")
        connection.execute("INSERT INTO e VALUES ('A-1', 'a')")
    world.write_source([fact()], FACTS)
    lookup = {"dimension": "e", "key": {"name": "l"}, "fields": {"surrogate_key": "no"}}
    wanted = now_spec("append", lookup, checkpoint={"columns": ["id"]})
    assert world.apply(wanted).rows.inserted == 1
    assert world.read("SELECT sk FROM f") == [("A-1",)]


WRONG = {
    "no such table": ({"dimension": "dd"}, "DMS357"),
    "no such key": ({"key": ["k", "l"]}, "DMS358"),
    "no such surrogate key": ({"fields": {"surrogate_key": "sk"}}, "DMS358"),
    "no validity": ({"as_of": "at", "fields": {"valid_to": "until"}}, "DMS358"),
    "another type": ({"key": {"k": "k", "m": "k"}}, "DMS359"),
    "a number for a time": ({"as_of": "id"}, "DMS359"),
    "no source column": ({"key": {"k": "kk", "m": "l"}}, "DMS301"),
}


@pytest.mark.parametrize("why", WRONG)
def test_a_lookup_that_cannot_meet_is_told(world, why):
    wrong, code = WRONG[why]
    world.write_source([fact()], FACTS)
    with pytest.raises(SpecRejected) as refused:
        world.apply(now_spec(1, ONE | wrong))
    assert {it.code for it in refused.value.diagnostics} == {code}


def test_a_text_that_is_no_key_is_a_reject(world):
    world.write_source([fact(), fact(id=2, l="1")], FACTS)
    lookup = {"dimension": "d", "key": {"k": "l"}}
    assert world.apply(now_spec(1, lookup)).rows.inserted == 1
    assert world.read("SELECT reason, column_name, column_value FROM dmsflow_reject") == [("cast", "l", "a")]


def test_a_text_that_is_no_time_is_a_reject(world):
    world.write_source([fact()], FACTS)
    assert world.apply(now_spec(1, ONE | {"as_of": "v"})).rows.rejected == 1
    assert world.read("SELECT reason, column_name FROM dmsflow_reject") == [("cast", "v")]


def test_a_column_of_another_kind_takes_no_keys(world):
    with world.open("target") as connection:
        connection.execute(
            "CREATE TABLE f (id bigint, sk date, v varchar, inserted_at timestamp, modified_at timestamp)"
        )
    world.write_source([fact()], FACTS)
    with pytest.raises(SpecRejected) as refused:
        world.apply(now_spec(1))
    assert [it.code for it in refused.value.diagnostics if it.is_error] == ["DMS359"]


@pytest.mark.parametrize("target", ["duckdb", "postgresql"])
def test_effects_are_those_of_the_run(tmp_path, target):
    world = World(tmp_path, "duckdb", target)
    write_versions(world, VERSIONS)
    world.write_source([fact(), fact(9, id=2)], FACTS)
    before = world.print_target()
    expected = world.effects(now_spec(1)).expected.rows
    assert world.print_target() == before
    assert world.apply(now_spec(1)).rows == expected
    assert (expected.inserted, expected.rejected) == (1, 1)


@pytest.mark.parametrize("target", ["duckdb", "sqlite"])
def test_a_broken_run_looks_up_what_it_has_not_loaded(tmp_path, monkeypatch, target):
    world, dice = World(tmp_path, "duckdb", target), random.Random(3)
    versions, facts = make_versions(dice), make_facts(dice, 60)
    write_versions(world, versions)
    world.write_source(facts, FACTS)
    wanted = spec(parallel={"min_rows": 0, "chunk_rows": 20, "workers": 1})
    load_chunk = executor.load_chunk

    def break_second(run, chunk, *rest):
        if chunk.number == 2:
            raise KeyboardInterrupt
        return load_chunk(run, chunk, *rest)

    monkeypatch.setattr(executor, "load_chunk", break_second)
    assert apply_recorded(world, wanted).status is RunStatus.STOPPED
    monkeypatch.undo()
    assert apply_recorded(world, wanted).status is RunStatus.SUCCEEDED
    judge(world, versions, facts)
