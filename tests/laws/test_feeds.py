"""Laws 1-4, 9, 18-31 of feeds: the table is what the observations say, however they are cut and however often read."""

import random
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dmsflow.model.plan import Transfer
from dmsflow.model.result import RunStatus
from tests import extension, postgres
from tests.laws.model_changes import USER, last_rows, table_of
from tests.laws.world import World, as_instant

DAY, OPEN = datetime(2020, 1, 1), datetime(9999, 12, 31)
COLUMNS = {"k": "bigint", **dict.fromkeys(USER, "varchar"), "at": "timestamp", "ord": "integer", "op": "varchar"}
TARGETS = ("duckdb", "sqlite", "postgresql")
WRITES = ("inserted", "versioned", "updated", "closed", "rewritten")
NOTHING = [0] * len(WRITES)
SPELLED = {"ignore": {"scd": "ignore"}, "all": {"scd": 1, "type1": "all"}}


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
    seen = draw(st.lists(one, max_size=16, unique_by=lambda o: (o["k"], o["at"], o["ord"])))
    # The first example is always the smallest that there is, and some roads have no other one.
    assume(len(seen) > 3)
    return seen


@st.composite
def rules(draw, late: str):
    """A spec of type 2, and how its work is cut."""
    return Rules(
        policies=tuple(draw(st.sampled_from(["2", "1", "0", "all", "ignore"])) for _ in USER),
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
        columns[name] = SPELLED.get(policy) or {"scd": int(policy)}
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
    """One or two examples; --histories says how many more."""
    count = max(request.config.getoption("--histories") // 5, 1 if target == "postgresql" else 2)
    return settings(
        max_examples=count, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True, database=None
    )


ROADS = [
    ("duckdb", "duckdb", None),
    ("sqlite", "sqlite", None),
    ("parquet", "sqlite", None),
    ("postgresql", "duckdb", None),
    *(("postgresql", "postgresql", road) for road in (Transfer.IN_PLACE, Transfer.COPY, Transfer.ARROW)),
    pytest.param("attached", "duckdb", None, marks=extension.needed),
]


@pytest.mark.parametrize(("source", "target", "road"), ROADS)
def test_batches_in_order_equal_the_model(
    source: str, target: str, road: Transfer | None, request: pytest.FixtureRequest, monkeypatch
) -> None:
    if source == "attached":
        extension.always(monkeypatch)
        source = "postgresql"

    @examples(request, source if source == "postgresql" else target)
    @given(rules("reject"), observations(), st.integers(1, 3))
    def check(rules: Rules, seen: list[dict], parts: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            world, spec = World(Path(folder), source, target, transfer=road), make_spec(rules)
            if source == "parquet":
                spec["source"] = {"file": "s.parquet", "grain": "changes", "op": spec["source"]["op"]}
            ends = [DAY + timedelta(days=10 * (part + 1) / parts) for part in range(parts)]
            for start, end in zip([DAY, *ends], ends, strict=False):
                batch = [o for o in seen if start <= o["at"] < end]
                random.Random(parts).shuffle(batch)
                rows = load(world, spec, batch)
                assert rows.rejected == 0
                assert stored(world, rules.deletes) == expected(rules, [o for o in seen if o["at"] < end])
            before = surrogates(world)
            again = load(world, spec, seen)
            assert [getattr(again, name) for name in WRITES] == NOTHING and again.rejected == 0, again
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
            assert [getattr(again, name) for name in WRITES] == NOTHING, again
            assert surrogates(world) == before
        postgres.give_back()

    check()


@pytest.mark.parametrize("target", TARGETS[:1])
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


@pytest.mark.parametrize("target", TARGETS[:2])
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
            assert [getattr(rows, name) for name in WRITES] == NOTHING, rows
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
