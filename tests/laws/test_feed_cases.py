"""Laws 20, 23, 25, 28, 31 of feeds, case by case: what is refused, what stays, what is not written."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dmsflow.errors import SpecRejected
from tests.laws.test_feeds import COLUMNS, DAY, TARGETS, USER, WRITES, Rules, expected, load, make_spec, stored
from tests.laws.world import World, as_instant


def observe(key: int, day: int, value: str | None, number: int = 0, op: str = "U") -> dict:
    """One row of a feed."""
    return {"k": key, **dict.fromkeys(USER, value), "at": DAY + timedelta(days=day), "ord": number, "op": op}


ALL_TWO = ("2",) * 4


def test_a_row_without_a_place_in_the_order_is_refused_with_all_of_its_instant(tmp_path: Path) -> None:
    world, spec = World(tmp_path, "duckdb", "duckdb"), make_spec(Rules(policies=ALL_TWO))
    tied = [observe(1, 3, "y", 1), observe(1, 3, "z", 1), observe(1, 3, "w", 0)]
    rows = load(world, spec, [observe(1, 1, "x"), *tied, observe(1, 5, "v"), observe(2, 1, "x")])
    assert (rows.inserted, rows.versioned, rows.rejected) == (2, 1, 3)
    rejects = world.read("SELECT row_key, reason FROM dmsflow_reject")
    assert rejects == [('{"k":1}', "duplicate_key")] * 3
    # What is remembered stays, and what contradicts it is refused.
    rows = load(world, spec, [observe(1, 5, "other")])
    assert (rows.rejected, rows.updated, rows.versioned) == (1, 0, 0)


@pytest.mark.parametrize("target", ["duckdb", "sqlite"])
def test_a_row_that_is_late_by_more_than_the_window_is_refused(tmp_path: Path, target: str) -> None:
    rules = Rules(policies=ALL_TWO, scd={"window": "3d"})
    world, spec = World(tmp_path, "duckdb", target), make_spec(rules)
    first = [observe(1, 0, "a"), observe(1, 2, "b"), observe(2, 1, "a"), observe(1, 8, "c"), observe(1, 9, "d")]
    assert load(world, spec, first).rejected == 0
    # Of what is older than the window the last row of each key is kept: nothing else tells that a row is late.
    kept = world.read("SELECT k, a FROM dmsflow_seen_t ORDER BY k, _dms_effective")
    assert kept == [(1, "b"), (1, "c"), (1, "d"), (2, "a")]
    late = [observe(1, 1, "no"), observe(1, 7, "yes"), observe(2, 3, "next"), observe(3, 0, "new"), observe(2, 0, "no")]
    rows = load(world, spec, late)
    assert (rows.rejected, rows.inserted, rows.versioned) == (2, 1, 2)
    told = {message for (message,) in world.read("SELECT message FROM dmsflow_reject")}
    assert told == {"late by more than the window of 3 days: what happened then is forgotten"}
    accepted = [*first, *(row for row in late if row["a"] != "no")]
    assert stored(world, "close") == expected(rules, accepted)
    # Law 9: what was read before, and is forgotten, is no news when it is read again.
    again = load(world, spec, accepted)
    assert (again.unchanged, again.rejected) == (len(accepted), 0)
    assert stored(world, "close") == expected(rules, accepted)


def test_what_was_there_before_the_memory_stays(tmp_path: Path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    load(world, make_spec(Rules(policies=ALL_TWO, late="reject")), [observe(1, 2, "a"), observe(1, 4, "b")])
    spec = make_spec(Rules(policies=ALL_TWO))
    rows = load(world, spec, [observe(1, 6, "c")])
    assert (rows.versioned, rows.rejected) == (1, 0)
    rows = load(world, spec, [observe(1, 3, "no"), observe(1, 5, "yes")])
    assert (rows.versioned, rows.rejected) == (1, 1)
    assert world.read("SELECT a FROM t ORDER BY valid_from") == [("a",), ("b",), ("yes",), ("c",)]


def test_a_target_that_was_emptied_is_loaded_anew(tmp_path: Path) -> None:
    world, spec = World(tmp_path, "duckdb", "duckdb"), make_spec(Rules(policies=ALL_TWO))
    batch = [observe(1, 1, "a"), observe(1, 3, "b"), observe(2, 2, "a")]
    load(world, spec, batch)
    before = stored(world, "close")
    with world.open("target") as connection:
        connection.execute("DELETE FROM t")
    assert load(world, spec, batch).inserted == 2
    assert stored(world, "close") == before


def test_a_memory_that_lacks_a_column_is_told_before_a_run(tmp_path: Path) -> None:
    world, spec = World(tmp_path, "duckdb", "duckdb"), make_spec(Rules(policies=ALL_TWO))
    load(world, spec, [observe(1, 1, "a")])
    with world.open("target") as connection:
        connection.execute("ALTER TABLE t ADD COLUMN e VARCHAR")
    with pytest.raises(SpecRejected) as refused:
        world.apply({**spec, "columns": {**spec["columns"], "e": {"from": "a"}}})
    (problem,) = refused.value.diagnostics
    assert (problem.code, problem.message) == ("DMS342", "table dmsflow_seen_t remembers rows without e")


@pytest.mark.parametrize("target", TARGETS)
def test_a_version_that_is_as_it_should_be_is_not_written(tmp_path: Path, target: str) -> None:
    """Law 20, where a late row is let in: only its neighbours change, and the others keep key and instants."""
    world, spec = World(tmp_path, "duckdb", target), make_spec(Rules(policies=ALL_TWO))
    load(world, spec, [observe(1, day, value) for day, value in ((1, "a"), (3, "b"), (5, "c"), (7, "d"))])
    names = "t_sk, valid_from, valid_to, inserted_at, modified_at"
    before = {as_instant(row[1]): row for row in world.read(f"SELECT {names} FROM t")}
    load(world, spec, [observe(1, 4, "late")])
    after = {as_instant(row[1]): row for row in world.read(f"SELECT {names} FROM t")}
    same = [day for day in (1, 3, 5, 7) if before[at(day)] == after[at(day)]]
    assert same == [1, 5, 7]
    assert before[at(3)][0] == after[at(3)][0] and as_instant(after[at(3)][2]) == at(4)


def at(day: int) -> datetime:
    return DAY + timedelta(days=day)


def test_of_a_delete_only_the_key_and_the_time_are_read(tmp_path: Path) -> None:
    """Its other columns may be empty, or break a rule; a row that says nothing known is refused, and named."""
    world, spec = World(tmp_path, "duckdb", "duckdb"), make_spec(Rules(policies=ALL_TWO))
    spec["checks"] = [{"name": "has_a", "expr": "a is not null and a <> 'bad'"}]
    spec["columns"] = {**spec["columns"], "a": {"type": "varchar(3)"}}
    gone = [observe(1, 2, None, op="D"), observe(2, 2, "far too long", op="D"), observe(3, 2, "bad", op="D")]
    rows = load(world, spec, [*(observe(key, 1, "x") for key in (1, 2, 3)), *gone, observe(4, 1, "bad")])
    assert (rows.inserted, rows.updated, rows.closed, rows.rejected) == (3, 3, 3, 1)
    rows = load(world, spec, [observe(5, 1, "x", op="X"), observe(6, 1, "x", op=None)])
    assert rows.rejected == 2
    told = world.read("SELECT reason, column_name, column_value FROM dmsflow_reject WHERE reason <> 'check'")
    assert sorted(told, key=repr) == [("unknown_op", "op", "X"), ("unknown_op", "op", None)]


def test_no_check_looks_at_a_row_that_says_that_its_key_was_deleted(tmp_path: Path) -> None:
    world, spec = World(tmp_path, "duckdb", "duckdb"), make_spec(Rules(policies=ALL_TWO))
    filled = [{"name": on, "on": on, "not_null": ["a"], "severity": "warning"} for on in ("row", "staged")]
    spec["checks"] = [*filled, {"name": "few", "on": "staged", "rows": {"max": 2}}]
    world.write_source([observe(1, 1, "x"), observe(2, 1, "x"), observe(1, 2, None, op="D")], COLUMNS)
    report = world.apply(spec)
    assert (report.rows.closed, [check.status for check in report.checks]) == (1, ["passed"] * 3), report


def test_the_first_row_of_a_new_key_counts_with_type_0(tmp_path: Path) -> None:
    rules = Rules(type=0, policies=("0",) * 4, deletes="ignore")
    world, spec = World(tmp_path, "duckdb", "duckdb"), make_spec(rules, columns={name: {} for name in ("k", *USER)})
    rows = load(world, spec, [observe(1, 3, "c"), observe(1, 1, None, op="D"), observe(1, 2, "b")])
    assert (rows.inserted, rows.collapsed) == (1, 2)
    assert load(world, spec, [observe(1, 0, "a"), observe(2, 1, None, op="D")]).unchanged == 2
    assert world.read("SELECT k, a FROM t") == [(1, "b")]


@pytest.mark.parametrize("type", [1, 2])
def test_a_delete_that_is_ignored_stands_for_no_other_row(type: int, tmp_path: Path) -> None:
    """It changes nothing: not the row of its instant, nor, without history, the last row before it."""
    rules = Rules(type=type, policies=(str(type),) * 4, deletes="ignore", scd={"window": "1d"} if type == 2 else {})
    world, spec = World(tmp_path, "duckdb", "duckdb"), make_spec(rules)
    same = [observe(1, 1, "a"), observe(1, 2, "b"), observe(1, 2, None, 1, op="D")]
    later = [observe(2, 1, "a"), observe(2, 2, None, op="D"), observe(3, 9, "a"), observe(4, 1, None, op="D")]
    rows = load(world, spec, [*same, *later])
    assert (rows.inserted, rows.versioned, rows.rejected) == (3, type - 1, 0)
    assert sorted(world.read("SELECT DISTINCT ON (k) k, a FROM t ORDER BY k, a DESC")) == [(1, "b"), (2, "a"), (3, "a")]
    # Law 9: nor is it too late where the window has forgotten it.
    again = load(world, spec, [*same, *later])
    assert not any(getattr(again, name) for name in ("rejected", *WRITES)), again


@pytest.mark.parametrize("target", ["duckdb", "sqlite"])
def test_what_only_the_target_has_goes_on_from_version_to_version(tmp_path: Path, target: str) -> None:
    """Law 28: a version takes over what the spec does not load, in a chain, and where a late row splits one."""
    world, spec = World(tmp_path, "duckdb", target), make_spec(Rules(policies=ALL_TWO))
    load(world, spec, [observe(1, 1, "a"), observe(2, 1, "a")])
    with world.open("target") as connection:
        connection.execute("ALTER TABLE t ADD COLUMN note VARCHAR")
        connection.execute("UPDATE t SET note = 'n' WHERE k = 1")
        connection.commit()
    load(world, spec, [observe(1, 5, "b"), observe(1, 7, "c"), observe(3, 1, "a"), observe(3, 2, "b")])
    load(world, spec, [observe(1, 6, "late")])
    found = world.read("SELECT k, a, note FROM t WHERE k <> 2 ORDER BY k, valid_from")
    assert found[:4] == [(1, "a", "n"), (1, "b", "n"), (1, "late", "n"), (1, "c", "n")]
    assert found[4:] == [(3, "a", None), (3, "b", None)]


def test_a_new_column_makes_no_version_of_a_feed_by_itself(tmp_path: Path) -> None:
    """Law 28: its first value is filled into the current version; what changes afterwards makes versions."""
    world, spec = World(tmp_path, "duckdb", "duckdb"), make_spec(Rules(policies=ALL_TWO, late="reject"))
    load(world, spec, [observe(1, 1, "a"), observe(2, 1, "a")])
    columns = {**spec["columns"], "e": {"from": "ord"}}
    evolved = {**spec, "columns": columns, "target": {**spec["target"], "evolve": "add"}}
    rows = load(world, evolved, [observe(1, 2, "a", 7), observe(1, 3, "a", 8), observe(2, 2, "a", 5)])
    assert (rows.versioned, rows.rejected) == (1, 0)
    assert world.read("SELECT k, e FROM t ORDER BY k, valid_from") == [(1, 7), (1, 8), (2, 5)]
