"""Laws 3, 4, 9, 18-29, 30: random histories leave exactly what the reference model leaves, whatever the chunks."""

import tempfile
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dmsflow.model.result import RunStatus
from tests.laws.model import Model
from tests.laws.world import World, as_instant


@dataclass(frozen=True)
class Rules:
    """What the model goes by; the spec is made to say the same."""

    type: str
    policies: tuple[str, ...]
    deletes: str
    duplicates: str
    late: str
    effective: bool
    first: datetime | None
    end: datetime | None


DAY = datetime(2020, 1, 1)
OPEN = datetime(9999, 12, 31)

FEW_KEYS = st.integers(0, 4)
INSTANTS = st.integers(0, 4).map(lambda days: DAY + timedelta(days=days))


def rows(effective: bool):
    """Rows of an extract: few keys and few values, so that they collide."""
    return st.fixed_dictionaries(
        {
            "k": st.one_of(*[FEW_KEYS] * 9, st.none()),
            "a": st.sampled_from(["x", "y", "", None]),
            "b": st.sampled_from([Decimal("1.10"), Decimal("2.00"), None]),
            "c": st.sampled_from([date(2020, 2, 29), None]),
            "at": st.one_of(*[INSTANTS] * 9, st.none()) if effective else st.none(),
            "ord": st.integers(0, 2),
        }
    )


@st.composite
def histories(draw):
    """Rules of a target, how its work is cut, and three to five extracts."""
    kind = draw(st.sampled_from(["2", "2", "2", "1", "0"]))
    effective = kind == "2" and draw(st.booleans())
    deletes = {"2": ["ignore", "close", "tombstone"], "1": ["ignore", "delete", "flag"], "0": ["ignore"]}[kind]
    policies = {"2": ["2", "1", "0", "ignore"], "1": ["1", "0", "ignore"], "0": ["0"]}[kind]
    rules = Rules(
        type=kind,
        policies=tuple(draw(st.sampled_from(policies)) for _ in "abc"),
        deletes=draw(st.sampled_from(deletes)),
        duplicates=draw(st.sampled_from(["reject", "last"])),
        late=draw(st.sampled_from(["reject", "correct_current"])) if kind == "2" else "reject",
        effective=effective,
        first=datetime(1900, 1, 1) if kind == "2" and not effective and draw(st.booleans()) else None,
        end=draw(st.sampled_from([OPEN, None])) if kind == "2" else OPEN,
    )
    parallel = {
        "min_rows": draw(st.sampled_from([0, 1000])),
        "chunk_rows": draw(st.integers(1, 12)),
        "workers": draw(st.integers(1, 3)),
    }
    one = st.lists(rows(effective), max_size=8, unique_by=lambda row: row["k"])
    extract = st.one_of(one, one, one, st.lists(rows(effective), max_size=8))
    extracts = draw(st.lists(extract, min_size=2, max_size=5))
    return rules, parallel, extracts


def make_spec(rules: Rules, parallel: dict) -> dict:
    """The spec that says what the rules say."""
    scd = {"type": int(rules.type), "duplicates": rules.duplicates}
    if rules.type == "2":
        scd |= {"late": rules.late, "open_end": "9999-12-31" if rules.end else None}
    if rules.deletes != "ignore":
        scd["deletes"] = rules.deletes
    if rules.duplicates == "last":
        scd["order_by"] = ["ord"]
    if rules.effective:
        scd["effective_at"] = "at"
    if rules.first:
        scd["first_valid_from"] = "1900-01-01"
    columns = {"k": {}}
    for name, policy in zip("abc", rules.policies, strict=True):
        default = {"2": "2", "1": "1", "0": "0"}[rules.type]
        columns[name] = {} if policy == default else {"scd": policy if policy == "ignore" else int(policy)}
    spec = {
        "version": 1,
        "pipeline": "histories",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t", "kind": "dimension"},
        "key": ["k"],
        "columns": columns,
        "scd": scd,
        "parallel": parallel,
        "errors": {"max_rows": 1_000_000},
    }
    return spec | ({"guards": {"min_rows": 0, "max_close_percent": 100}} if rules.deletes != "ignore" else {})


def stored(world: World, rules: Rules, instants: list[datetime]) -> list[tuple]:
    """The target's rows without surrogate keys, instants of runs by their number."""
    names = ["k", "a", "b", "c"]
    names += ["valid_from", "valid_to", "is_current"] if rules.type == "2" else []
    names += ["is_deleted"] if rules.deletes in ("tombstone", "flag") else []
    number = {instant: i for i, instant in enumerate(instants)}
    found = []
    for row in world.read(f"SELECT {', '.join(names)}, inserted_at, modified_at FROM t"):
        values = dict(zip([*names, "ins", "mod"], row, strict=True))
        values["b"] = None if values["b"] is None else Decimal(str(values["b"])).quantize(Decimal("0.01"))
        values["c"] = date.fromisoformat(values["c"]) if isinstance(values["c"], str) else values["c"]
        for name in ("valid_from", "valid_to", "ins", "mod"):
            if name in values:
                instant = as_instant(values[name])
                values[name] = number.get(instant, instant)
        for name in ("is_current", "is_deleted"):
            if name in values:
                values[name] = bool(values[name])
        found.append(tuple(values.values()))
    return sorted(found, key=repr)


def expected(model: Model, instants: list[datetime]) -> list[tuple]:
    """The model's rows in the same shape."""
    number = {instant: i for i, instant in enumerate(instants)}
    found = []
    for v in model.rows:
        row = [v["k"], v["a"], v["b"], v["c"]]
        if model.rules.type == "2":
            row += [number.get(v["start"], v["start"]), number.get(v["end"], v["end"]), v["current"]]
        if model.rules.deletes in ("tombstone", "flag"):
            row.append(v["deleted"])
        found.append((*row, number[v["ins"]], number[v["mod"]]))
    return sorted(found, key=repr)


PAIRS = [("duckdb", "duckdb"), ("sqlite", "duckdb"), ("duckdb", "sqlite"), ("sqlite", "sqlite")]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_histories_equal_the_model(source: str, target: str, request: pytest.FixtureRequest) -> None:
    examples = request.config.getoption("--histories")

    @settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True, database=None
    )
    @given(histories())
    def check(history) -> None:
        rules, parallel, extracts = history
        with tempfile.TemporaryDirectory() as folder:
            replay(World(Path(folder), source, target), rules, parallel, extracts)

    check()


def replay(world: World, rules: Rules, parallel: dict, extracts: list) -> None:
    """Every extract, then the last one once more: that run writes nothing (law 9)."""
    model, instants, spec = Model(rules), [], make_spec(rules, parallel)
    for extract in [*extracts, extracts[-1]]:
        world.write_source(extract)
        before = stored(world, rules, instants) if instants else []
        report = world.apply(spec)
        assert report.status is RunStatus.SUCCEEDED, report
        instants.append(as_instant(world.read("SELECT run_at FROM dmsflow_checkpoint")[0][0]))
        counts = model.load(extract, instants[-1])
        rows = report.rows
        got = {name: getattr(rows, name) for name in rows.__slots__}
        assert got == {name: counts[name] for name in got}, (extract, before)
        assert stored(world, rules, instants) == expected(model, instants)
        rejects = world.read(f"SELECT count(*) FROM dmsflow_reject WHERE run_id = '{report.run_id}'")[0][0]
        assert rejects == rows.rejected
    assert (rows.inserted, rows.versioned, rows.updated, rows.closed) == (0, 0, 0, 0)
    keys = [key for (key,) in world.read("SELECT t_sk FROM t")]
    assert len(keys) == len(set(keys)) and None not in keys
