"""Laws 1-4, 9, 18-31 of feeds: the table is what the observations say, however they are cut and however often read."""

import random
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dmsflow.errors import SpecRejected
from dmsflow.model.result import RunStatus
from tests import postgres
from tests.laws.model_changes import USER, last_rows, table_of
from tests.laws.world import World, as_instant

DAY, OPEN = datetime(2020, 1, 1), datetime(9999, 12, 31)
COLUMNS = {"k": "bigint", **dict.fromkeys(USER, "varchar"), "at": "timestamp", "ord": "integer", "op": "varchar"}
TARGETS = ("duckdb", "sqlite", "postgresql")
WRITES = ("inserted", "versioned", "updated", "closed")


@dataclass(frozen=True)
class Rules:
    """What the model goes by; the spec is made to say the same."""

    policies: tuple[str, ...] = ("2", "2", "1", "0")
    deletes: str = "close"
    late: str = "insert"
    type: int = 2
    end: datetime | None = OPEN
    parallel: dict = field(default_factory=dict)
    scd: dict = field(default_factory=dict)


@st.composite
def observations(draw):
    """What happened to a few keys: no two at the same instant with the same number."""
    one = st.fixed_dictionaries(
        {
            "k": st.integers(1, 3),
            **{name: st.sampled_from(["x", "y", None]) for name in USER},
            "at": st.integers(0, 9).map(lambda days: DAY + timedelta(days=days)),
            "ord": st.integers(0, 2),
            "op": st.sampled_from(["I", "U", "U", "D"]),
        }
    )
    return draw(st.lists(one, max_size=16, unique_by=lambda o: (o["k"], o["at"], o["ord"])))


@st.composite
def rules(draw, late: str):
    """A spec of type 2, and how its work is cut."""
    return Rules(
        policies=tuple(draw(st.sampled_from(["2", "1", "0", "ignore"])) for _ in USER),
        deletes=draw(st.sampled_from(["ignore", "close", "tombstone"])),
        late=late,
        end=draw(st.sampled_from([OPEN, None])),
        parallel={
            "min_rows": draw(st.sampled_from([0, 1000])),
            "chunk_rows": draw(st.integers(1, 6)),
            "workers": draw(st.integers(1, 3)),
        },
    )


def make_spec(rules: Rules, **more) -> dict:
    columns: dict = {"k": {}}
    for name, policy in zip(USER, rules.policies, strict=True):
        columns[name] = {"scd": policy if policy == "ignore" else int(policy)}
    scd = {"type": rules.type, "effective_at": "at", "order_by": ["ord"], "deletes": rules.deletes, **rules.scd}
    if rules.type == 2:
        scd |= {"late": rules.late, "open_end": "9999-12-31" if rules.end else None}
    return {
        "version": 1,
        "pipeline": "feed",
        "source": {
            "connection": "src",
            "table": "s",
            "grain": "changes",
            "op": {"column": "op", "insert": "I", "update": "U", "delete": "D"},
        },
        "target": {"connection": "dwh", "table": "t", "kind": "dimension"},
        "key": ["k"],
        "columns": columns,
        "scd": scd,
        "parallel": rules.parallel,
        "errors": {"max_rows": 1_000_000},
    } | more


def load(world: World, spec: dict, batch: list[dict]):
    """Load a batch; every row of it is accounted for."""
    world.write_source(batch, COLUMNS)
    report = world.apply(spec)
    assert report.status is RunStatus.SUCCEEDED, report
    assert report.rows.read == len(batch) and report.rows.balanced
    return report.rows


def stored(world: World, deletes: str) -> list[tuple]:
    """The target's versions: what the model says of them."""
    flag = "is_deleted" if deletes == "tombstone" else "false"
    found = world.read(f"SELECT k, a, b, c, d, valid_from, valid_to, is_current, {flag} FROM t")
    rows = [(*row[:5], as_instant(row[5]), as_instant(row[6]), bool(row[7]), bool(row[8])) for row in found]
    return sorted(rows, key=repr)


def surrogates(world: World) -> list:
    return sorted(world.read("SELECT t_sk, k, valid_from, inserted_at, modified_at FROM t"))


def expected(rules: Rules, seen: list[dict]) -> list[tuple]:
    return table_of(seen, rules.policies, rules.deletes, rules.end)


def examples(request: pytest.FixtureRequest, target: str):
    """A few examples; --histories says how many."""
    count = max(request.config.getoption("--histories") // (6 if target == "postgresql" else 3), 2)
    return settings(
        max_examples=count, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True, database=None
    )


@pytest.mark.parametrize("target", TARGETS)
def test_batches_in_order_equal_the_model(target: str, request: pytest.FixtureRequest) -> None:
    @examples(request, target)
    @given(rules("reject"), observations(), st.integers(1, 4))
    def check(rules: Rules, seen: list[dict], parts: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            world, spec = World(Path(folder), "duckdb", target), make_spec(rules)
            ends = [DAY + timedelta(days=10 * (part + 1) / parts) for part in range(parts)]
            for start, end in zip([DAY, *ends], ends, strict=False):
                batch = [o for o in seen if start <= o["at"] < end]
                random.Random(parts).shuffle(batch)
                rows = load(world, spec, batch)
                assert rows.rejected == 0
                assert stored(world, rules.deletes) == expected(rules, [o for o in seen if o["at"] < end])
            before = surrogates(world)
            again = load(world, spec, seen)
            assert [getattr(again, name) for name in WRITES] == [0, 0, 0, 0] and again.rejected == 0, again
            assert surrogates(world) == before
        postgres.give_back()

    check()


@pytest.mark.parametrize("target", TARGETS)
def test_late_rows_get_the_place_where_they_belong(target: str, request: pytest.FixtureRequest) -> None:
    """Any order, any batches, any repetition, any chunks: the table is what all observations together say."""

    @examples(request, target)
    @given(rules("insert"), observations(), st.randoms(use_true_random=False))
    def check(rules: Rules, seen: list[dict], chance: random.Random) -> None:
        with tempfile.TemporaryDirectory() as folder:
            world, spec, known = World(Path(folder), "duckdb", target), make_spec(rules), []
            waiting = [*seen, *chance.sample(seen, len(seen) // 2)]
            chance.shuffle(waiting)
            while waiting or not known:
                size = chance.randint(1, max(len(waiting), 1))
                batch, waiting = waiting[:size], waiting[size:]
                rows = load(world, spec, batch)
                known += batch
                assert rows.rejected == 0
                assert stored(world, rules.deletes) == expected(rules, known), batch
                if not batch:
                    break
            before = surrogates(world)
            again = load(world, spec, known)
            assert [getattr(again, name) for name in WRITES] == [0, 0, 0, 0], again
            assert surrogates(world) == before
        postgres.give_back()

    check()


@pytest.mark.parametrize("target", TARGETS)
def test_a_snapshot_is_a_feed_of_one_row_a_key(target: str, request: pytest.FixtureRequest) -> None:
    """One row of each key in a run, with its business time: both grains write the same versions, and count alike."""

    @examples(request, target)
    @given(rules("reject"), observations())
    def check(rules: Rules, seen: list[dict]) -> None:
        rules = Rules(**{**vars_of(rules), "deletes": "ignore"})
        with tempfile.TemporaryDirectory() as folder:
            world, feed = World(Path(folder), "duckdb", target), make_spec(rules)
            snapshot = make_spec(rules, pipeline="snapshot", source={"connection": "src", "table": "s"})
            snapshot["target"] = {**snapshot["target"], "table": "u"}
            snapshot["scd"] = {**snapshot["scd"], "duplicates": "last"}
            for day in sorted({o["at"] for o in seen})[:3] or [DAY]:
                on_day = {o["k"]: {**o, "op": "U"} for o in seen if o["at"] == day}
                batch = list(on_day.values())
                assert load(world, feed, batch) == load(world, snapshot, batch)
            names = "k, a, b, c, d, valid_from, valid_to, is_current"
            assert sorted(map(repr, world.read(f"SELECT {names} FROM t"))) == sorted(
                map(repr, world.read(f"SELECT {names} FROM u"))
            )
        postgres.give_back()

    check()


def vars_of(rules: Rules) -> dict:
    return {name: getattr(rules, name) for name in Rules.__dataclass_fields__}


@pytest.mark.parametrize("target", TARGETS)
def test_without_history_the_last_row_of_a_key_counts(target: str, request: pytest.FixtureRequest) -> None:
    """Where the target keeps the business time, a row that is older than it changes nothing, however late it comes."""

    @examples(request, target)
    @given(observations(), st.sampled_from(["flag", "delete"]), st.integers(0, 9))
    def check(seen: list[dict], deletes: str, day: int) -> None:
        rules = Rules(type=1, policies=("1",) * 4, deletes=deletes, parallel={"min_rows": 0, "chunk_rows": 4})
        first = [o for o in seen if o["at"] < DAY + timedelta(days=day)]
        second = [o for o in seen if o["at"] >= DAY + timedelta(days=day)]
        with tempfile.TemporaryDirectory() as folder:
            world, spec = World(Path(folder), "duckdb", target), make_spec(rules)
            spec["columns"] = {**spec["columns"], "at": {}}
            for batch in (first, second, second, *([first] if deletes == "flag" else [])):
                rows = load(world, spec, batch[::-1])
            assert [getattr(rows, name) for name in WRITES] == [0, 0, 0, 0], rows
            flag = "is_deleted" if deletes == "flag" else "false"
            found = world.read(f'SELECT k, a, b, c, d, "at", {flag} FROM t')
            got = sorted(((*r[:5], as_instant(r[5]), bool(r[6])) for r in found), key=repr)
            wanted = last_rows(seen, rules.policies, deletes)
            assert [row for row in got if not row[-1]] == [row for row in wanted if not row[-1]]
            # A key that comes and goes within one extract was never in the target: it is not flagged there.
            assert {row[0] for row in got} <= {row[0] for row in wanted}
            assert all(row in wanted or row[-1] for row in got)
        postgres.give_back()

    check()


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


def test_the_first_row_of_a_new_key_counts_with_type_0(tmp_path: Path) -> None:
    rules = Rules(type=0, policies=("0",) * 4, deletes="ignore")
    world, spec = World(tmp_path, "duckdb", "duckdb"), make_spec(rules, columns={name: {} for name in ("k", *USER)})
    rows = load(world, spec, [observe(1, 3, "c"), observe(1, 1, None, op="D"), observe(1, 2, "b")])
    assert (rows.inserted, rows.collapsed) == (1, 2)
    assert load(world, spec, [observe(1, 0, "a"), observe(2, 1, None, op="D")]).unchanged == 2
    assert world.read("SELECT k, a FROM t") == [(1, "b")]


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
