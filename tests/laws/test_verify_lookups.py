"""Keys that are looked up are verified: by what the dimension says now, and by when it began to say so."""

import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dmsflow.compiler.load import load_spec
from dmsflow.engines.access import open_access
from dmsflow.errors import PlanRefused
from dmsflow.model.plan import Transfer
from dmsflow.verify.report import Verdict, Verification
from dmsflow.verify.verification import verify_spec
from tests.laws.test_lookups import (
    DAY,
    FACTS,
    ONE,
    OPEN,
    fact,
    look_up,
    make_facts,
    make_versions,
    now_spec,
    spec,
    stamp,
    write_versions,
)
from tests.laws.world import World

PAIRS = [
    ("duckdb", "duckdb", None),
    ("parquet", "sqlite", None),
    ("duckdb", "postgresql", None),
    ("postgresql", "duckdb", None),
    ("postgresql", "postgresql", None),
    ("postgresql", "postgresql", Transfer.IN_PLACE),
]
LONG_AGO, LATER = datetime(2020, 1, 1), datetime(2100, 1, 1)
HELD = {"d_sk": "bigint", "k": "bigint", "m": "varchar", "valid_from": "timestamp", "valid_to": "timestamp"}
HELD |= {"is_current": "boolean", "inserted_at": "timestamp", "modified_at": "timestamp"}


def verify(world: World, wanted: dict, limit: int = 1000) -> Verification:
    loaded = load_spec(world.write_spec(world.reading(wanted)))
    with open_access(loaded.raise_if_rejected(), read_only=True) as access:
        return verify_spec(loaded, access, limit)


def run(world: World, *statements: str) -> None:
    with world.open("target") as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def counts(found: Verification) -> dict[str, int]:
    tally = found.rows.counts
    return {name: rows for name in tally.__struct_fields__ if (rows := getattr(tally, name))}


@pytest.mark.parametrize(("source", "target", "transfer"), PAIRS)
def test_what_was_looked_up_is_equal_and_each_wrong_key_is_found(tmp_path, source, target, transfer):
    dice = random.Random(11)
    world = World(tmp_path, source, target, transfer=transfer)
    versions, facts = make_versions(dice), make_facts(dice, 300)
    write_versions(world, versions)
    world.write_source(facts, FACTS)
    report = world.apply(world.reading(spec()))
    before = world.print_target()
    equal = verify(world, spec())
    assert equal.verdict is Verdict.EQUAL
    assert equal.rows.segments.differing == 0
    loaded = report.rows.inserted
    assert counts(equal) == {"expected": loaded, "actual": loaded, "rejected": report.rows.rejected}
    assert equal.rows.compared == ("id", "then", "now", "v")
    assert world.print_target() == before
    sound = [it["id"] for it in facts if isinstance(look_up(versions, it)[1], int)]
    wrong = dice.sample(sound, 9)
    run(
        world,
        *(f'UPDATE f SET "then" = "then" + 1 WHERE id = {i}' for i in wrong[:4]),
        *(f'UPDATE f SET "now" = NULL WHERE id = {i}' for i in wrong[4:7]),
        *(f"UPDATE f SET v = 'y' WHERE id = {i}" for i in wrong[7:]),
    )
    apart = verify(world, spec())
    assert counts(apart) == counts(equal) | {"different": 9}
    told = {int(it.key["id"]): {*it.actual} for it in apart.rows.differences}
    columns = dict.fromkeys(wrong[:4], "then") | dict.fromkeys(wrong[4:7], "now") | dict.fromkeys(wrong[7:], "v")
    assert told == {i: {name} for i, name in columns.items()}


def write_learned(world: World, rows: list[tuple]) -> None:
    """A dimension that tells when its versions were inserted and written."""
    declared = ", ".join(f"{name} {kind}" for name, kind in HELD.items())
    mark = "%s" if world.target == "postgresql" else "?"
    with world.open("target") as connection:
        connection.execute("DROP TABLE IF EXISTS d")
        connection.execute(f"CREATE TABLE d ({declared})")
        for row in rows:
            values = [stamp(it) if isinstance(it, datetime) and world.target == "sqlite" else it for it in row]
            connection.execute(f"INSERT INTO d VALUES ({', '.join([mark] * len(HELD))})", values)
        connection.commit()


SECOND = DAY + timedelta(days=1)


def version(sk: int, came: datetime = LONG_AGO, *, key: int = 1, closed: datetime | None = None) -> tuple:
    """A version that holds from the first day on; one that came later, or came to close it, from the second."""
    start = SECOND if came == LATER else DAY
    return (sk, key, "a", start, SECOND if closed else OPEN, closed is None, came, closed or came)


THEN = ONE | {"as_of": "at"}
WAYS = [("duckdb", "duckdb"), ("duckdb", "postgresql"), ("postgresql", "postgresql"), ("parquet", "sqlite")]


@pytest.mark.parametrize(
    ("source", "target", "kind"),
    [*((*way, kind) for way, kind in zip(WAYS, (1, "append", 2, 1), strict=True)), ("duckdb", "duckdb", "append")],
)
def test_a_version_that_came_later_is_no_difference_and_an_older_one_is(tmp_path, source, target, kind):
    world = World(tmp_path, source, target)
    write_learned(world, [version(1), version(2, key=2), version(3, key=3)])
    world.write_source([fact(), fact(2, id=2), fact(3, id=3)], FACTS)
    more = {"checkpoint": {"columns": ["id"]}} if kind == "append" else {}
    wanted = now_spec(kind, **more)
    assert world.apply(world.reading(wanted)).rows.inserted == 3
    assert verify(world, wanted).verdict is Verdict.EQUAL
    write_learned(
        world,
        [version(1, closed=LATER), version(4, LATER), version(2, key=2), version(5, LATER, key=3)],
    )
    found = verify(world, wanted)
    assert (found.verdict, counts(found)) == (Verdict.EQUAL, {"expected": 3, "actual": 3, "outdated": 2})
    told = {it.kind.value: (it.key["id"], it.expected, it.actual) for it in found.rows.differences}
    assert told["outdated"][1:] in [({"sk": "4"}, {"sk": "1"}), ({"sk": "5"}, {"sk": "3"})]
    run(world, "UPDATE f SET sk = 1 WHERE id = 2")
    found = verify(world, wanted)
    assert counts(found) == {"expected": 3, "actual": 3, "outdated": 2, "different": 1}
    assert found.rows.differences[0].expected == {"sk": "2"}
    assert found.rows.columns == {"sk": 1}
    run(world, "UPDATE f SET v = 'y' WHERE id = 1")
    assert counts(verify(world, wanted)) == {"expected": 3, "actual": 3, "outdated": 1, "different": 2}


def test_a_dimension_that_does_not_tell_when_its_versions_came_excuses_nothing(tmp_path):
    world = World(tmp_path, "duckdb", "duckdb")
    write_versions(world, [(1, 1, "a", DAY, OPEN, True)])
    world.write_source([fact()], FACTS)
    world.apply(now_spec(1))
    run(world, "UPDATE d SET d_sk = 2")
    assert counts(verify(world, now_spec(1))) == {"expected": 1, "actual": 1, "different": 1}


def test_rows_of_a_dimension_of_two_lookups_are_judged_one_by_one(tmp_path):
    world = World(tmp_path, "duckdb", "duckdb")
    write_learned(world, [version(1), version(2, key=2)])
    world.write_source([fact(), fact(id=2), fact(id=3)], FACTS)
    columns = {"id": {}, "one": {"lookup": ONE}, "other": {"lookup": THEN}, "v": {}}
    wanted = now_spec(1, columns=columns)
    assert world.apply(wanted).rows.inserted == 3
    write_learned(world, [version(1, closed=LATER), version(3, LATER), version(2, key=2)])
    run(world, "UPDATE f SET other = 2 WHERE id = 2")
    found = verify(world, wanted)
    assert counts(found) == {"expected": 3, "actual": 3, "outdated": 2, "different": 1}
    told = {it.key["id"]: (it.kind.value, {*it.actual}) for it in found.rows.differences}
    assert told == {"1": ("outdated", {"one"}), "2": ("different", {"one", "other"}), "3": ("outdated", {"one"})}


MISSING = ONE | {"on_miss": "unknown"}
MEMBER = (-1, -1, "-", datetime(1900, 1, 1), OPEN, True, LONG_AGO, LONG_AGO)


@pytest.mark.parametrize(("source", "target"), WAYS)
def test_the_unknown_member_is_outdated_where_the_key_was_closed_since(tmp_path, source, target):
    world = World(tmp_path, source, target)
    write_learned(world, [MEMBER, version(1), version(2, key=2)])
    world.write_source([fact(), fact(2, id=2), fact(9, id=3), fact(None, id=4)], FACTS)
    wanted = now_spec(1, MISSING)
    assert world.apply(world.reading(wanted)).rows.inserted == 4
    assert verify(world, wanted).verdict is Verdict.EQUAL
    write_learned(world, [MEMBER, version(1, closed=LATER), version(2, key=2, closed=LONG_AGO)])
    run(world, "UPDATE f SET sk = 2 WHERE id > 2")
    found = verify(world, wanted)
    assert counts(found) == {"expected": 4, "actual": 4, "outdated": 1, "different": 3}
    assert {it.expected["sk"] for it in found.rows.differences} == {"-1"}


def test_rows_without_a_key_are_paired_by_what_is_not_looked_up(tmp_path):
    world = World(tmp_path, "duckdb", "duckdb")
    write_learned(world, [version(1), version(2, key=2)])
    world.write_source([fact(), fact(), fact(2), fact(2, v="y")], FACTS)
    columns = {"v": {}, "sk": {"lookup": ONE}}
    wanted = {k: v for k, v in now_spec("append", columns=columns).items() if k != "key"}
    wanted["checkpoint"] = {"columns": ["id"]}
    assert world.apply(wanted).rows.inserted == 4
    assert verify(world, wanted).verdict is Verdict.EQUAL
    run(world, "UPDATE f SET sk = 1 WHERE v = 'y'")
    found = verify(world, wanted)
    assert counts(found) == {"expected": 4, "actual": 4, "different": 1}
    [apart] = found.rows.differences
    assert (apart.key, apart.expected, apart.actual) == ({"v": "y"}, {"sk": "2"}, {"sk": "1"})
    write_learned(world, [version(1, closed=LATER), version(2, key=2), version(3, LATER)])
    assert counts(verify(world, wanted)) == {"expected": 4, "actual": 4, "different": 1, "outdated": 2}
    run(world, "UPDATE f SET sk = 2 WHERE v = 'y'")
    assert counts(verify(world, wanted)) == {"expected": 4, "actual": 4, "outdated": 2}
    # Of rows that are alike but for their keys, one that cannot be excused excuses none.
    run(world, "UPDATE f SET sk = 9 WHERE v = 'x' AND sk = 2")
    assert counts(verify(world, wanted)) == {"expected": 4, "actual": 4, "different": 3}


def test_another_version_of_a_key_that_is_looked_up_is_another_row(tmp_path):
    world = World(tmp_path, "duckdb", "postgresql")
    write_learned(world, [version(1), version(2, key=2)])
    world.write_source([fact(), fact(2, id=2)], FACTS)
    wanted = now_spec(1, key=["sk"], columns={"sk": {"lookup": ONE}, "v": {}})
    assert world.apply(wanted).rows.inserted == 2
    assert verify(world, wanted).verdict is Verdict.EQUAL
    run(world, "UPDATE f SET sk = 7 WHERE sk = 2")
    assert counts(verify(world, wanted)) == {"expected": 2, "actual": 2, "missing": 1, "kept": 1}


@pytest.mark.parametrize(("source", "target"), WAYS)
def test_versions_that_hold_at_one_time_are_told(tmp_path, source, target):
    world = World(tmp_path, source, target)
    write_learned(world, [version(1)])
    world.write_source([fact(), fact(id=2)], FACTS)
    wanted = now_spec(1)
    assert world.apply(world.reading(wanted)).rows.inserted == 2
    run(world, "INSERT INTO d SELECT 2, k, m, valid_from, valid_to, is_current, inserted_at, modified_at FROM d")
    with pytest.raises(PlanRefused, match=r'2 lookups of "sk" meet several versions that hold at one time'):
        verify(world, wanted)


def test_of_a_deleted_row_nothing_is_looked_up(tmp_path):
    world = World(tmp_path, "duckdb", "duckdb")
    write_learned(world, [version(1)])
    wanted = now_spec({"type": 1, "deletes": "delete", "effective_at": "at"})
    wanted["source"] |= {"grain": "changes", "op": {"column": "op", "insert": "I", "delete": "D"}}
    world.write_source([fact(op="I"), fact(id=2, op="I")], FACTS | {"op": "varchar"})
    world.apply(wanted)
    gone = fact(9, op="D", at=DAY + timedelta(days=2))
    world.write_source([fact(op="I"), fact(id=2, op="I"), gone], FACTS | {"op": "varchar"})
    found = verify(world, wanted)
    assert counts(found) == {"expected": 1, "actual": 2, "extra": 1}


def test_a_refused_row_is_none_of_two_that_differ(tmp_path):
    """The last row of a key finds nothing, and so the one before it is loaded."""
    world = World(tmp_path, "duckdb", "postgresql")
    write_learned(world, [version(1)])
    rows = [fact(), fact(9, at=DAY + timedelta(days=1))]
    world.write_source(rows, FACTS)
    wanted = now_spec({"type": 1, "duplicates": "last", "order_by": ["at"]})
    report = world.apply(wanted)
    assert (report.rows.inserted, report.rows.rejected) == (1, 1)
    assert counts(verify(world, wanted)) == {"expected": 1, "actual": 1, "rejected": 1}


@pytest.mark.parametrize("transfer", [Transfer.IN_PLACE, None])
def test_a_key_that_only_the_target_compares_is_verified_there_alone(tmp_path, transfer):
    world = World(tmp_path, "postgresql", "postgresql", transfer=transfer)
    kind = "CREATE TYPE word AS ENUM ('b', 'a')"
    run(world, kind, "CREATE TABLE e (e_sk bigint, m word)", "INSERT INTO e VALUES (5, 'a'), (6, 'b')")
    world.write_source([fact(), fact(id=2, l="c")], FACTS)
    with world.open("source") as connection:
        if transfer is None:
            connection.execute(kind)
        connection.execute("DELETE FROM s WHERE l = 'c'")
        connection.execute("ALTER TABLE s ALTER l TYPE word USING l::word")
    wanted = now_spec(1, {"dimension": "e", "key": {"m": "l"}})
    assert world.apply(wanted).rows.inserted == 1
    run(world, "UPDATE f SET sk = 6")
    found = verify(world, wanted)
    if transfer is None:
        [left] = found.rows.left_out
        assert (left.column, left.why) == ("sk", '"m" of e is word, which only its own database can compare')
        assert found.verdict is Verdict.EQUAL
    else:
        assert found.rows.left_out == ()
        assert counts(found) == {"expected": 1, "actual": 1, "different": 1}


def test_blanks_that_a_dimension_fills_its_keys_up_with_do_not_count(tmp_path):
    world = World(tmp_path, "duckdb", "postgresql")
    run(world, "CREATE TABLE e (e_sk bigint, m char(5))", "INSERT INTO e VALUES (5, 'a')")
    world.write_source([fact(), fact(id=2, l="a ")], FACTS)
    wanted = now_spec(1, {"dimension": "e", "key": {"m": "l"}})
    assert world.apply(wanted).rows.inserted == 2
    assert counts(verify(world, wanted)) == {"expected": 2, "actual": 2}
    run(world, "UPDATE f SET sk = 6 WHERE id = 2")
    assert counts(verify(world, wanted)) == {"expected": 2, "actual": 2, "different": 1}


def test_the_dimension_is_read_once_for_all_of_its_lookups(tmp_path: Path, monkeypatch):
    from dmsflow.engines.postgresql_session import PostgreSQLSession

    world = World(tmp_path, "duckdb", "postgresql")
    write_learned(world, [version(1)])
    world.write_source([fact()], FACTS)
    columns = {"id": {}, "one": {"lookup": ONE}, "other": {"lookup": ONE}, "v": {}}
    wanted = now_spec(1, columns=columns)
    world.apply(wanted)
    asked: list[str] = []
    for name in ("fetch", "stream"):
        call = getattr(PostgreSQLSession, name)

        def told(session, sql, *rest, call=call):
            asked.append(sql)
            return call(session, sql, *rest)

        monkeypatch.setattr(PostgreSQLSession, name, told)
    assert verify(world, wanted).verdict is Verdict.EQUAL
    read = [sql for sql in asked if not sql.startswith("EXPLAIN")]
    assert [len([sql for sql in read if f'FROM "{table}" AS' in sql]) for table in "df"] == [1, 1]
