"""Laws 1-4, 9, 18-30: random histories leave exactly what the reference model leaves, whatever the chunks."""

import tempfile
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dmsflow.compiler import assemble
from dmsflow.compiler.direct import Reading
from dmsflow.model.plan import Transfer
from dmsflow.model.result import RunStatus
from tests import extension, postgres
from tests.laws.model import USER, Model
from tests.laws.world import FILES, World, as_instant


@dataclass(frozen=True)
class Rules:
    """What the model goes by; the spec is made to say the same."""

    type: str
    key: tuple[str, ...]
    policies: tuple[str, ...]
    deletes: str
    duplicates: str
    late: str
    effective: bool
    first: datetime | None
    end: datetime | None


DAY = datetime(2020, 1, 1)
OPEN = datetime(9999, 12, 31)

POLICIES = {
    "2": ["2", "1", "0", "3", "all", "ignore"],
    "1": ["1", "0", "3", "ignore"],
    "0": ["0"],
    "append": ["ignore"],
}
FEW_KEYS = st.integers(0, 4)
WORDS = st.sampled_from(["", "A", "a", "ä", "a|b"])
INSTANTS = st.integers(0, 4).map(lambda days: DAY + timedelta(days=days))


def rows(key: tuple[str, ...], effective: bool, ordered: bool, nan: bool):
    """Rows of an extract: few keys and few values, so that they collide. NaN is a text, which equals itself."""
    return st.fixed_dictionaries(
        {
            "k": st.one_of(*[FEW_KEYS] * 9, st.none()),
            "l": st.one_of(*[WORDS] * 9, st.none()),
            "a": st.sampled_from(["x", "y", "", None]),
            "b": st.sampled_from([Decimal("1.10"), Decimal("2.00"), None]),
            "c": st.sampled_from([date(2020, 2, 29), None]),
            "at": st.one_of(*[INSTANTS] * 9, st.none()) if effective else st.none(),
            "ord": st.sampled_from([2, 1, 0, None]) if ordered else st.just(0),
            "d": st.sampled_from([0.0, -0.0, 1.5, None, *["nan"] * nan]),
        }
    ).map(lambda row: row | {"key": whole_key(row, key), "rank": -1 if row["ord"] is None else row["ord"]})


def whole_key(row: dict, key: tuple[str, ...]) -> tuple | None:
    """The business key of a row; None where a part of it is."""
    parts = tuple(row[name] for name in key)
    return None if None in parts else parts


@st.composite
def histories(draw, nan: bool):
    """Rules of a target, how its work is cut, and two to five extracts."""
    kind = draw(st.sampled_from(["2", "2", "2", "2", "1", "1", "0", "append"]))
    effective = kind == "2" and draw(st.booleans())
    deletes = {"2": ["ignore", "close", "tombstone"], "1": ["ignore", "delete", "flag"]}.get(kind, ["ignore"])
    policies = POLICIES[kind]
    rules = Rules(
        type=kind,
        key=draw(st.sampled_from([("k",), ("l", "k"), ("l",)])),
        policies=tuple(draw(st.sampled_from(policies)) for _ in USER),
        deletes=draw(st.sampled_from(deletes)),
        duplicates=draw(st.sampled_from(["reject", "last"])) if kind != "append" else "reject",
        late=draw(st.sampled_from(["reject", "correct_current"])) if kind == "2" else "reject",
        effective=effective,
        first=datetime(1900, 1, 1) if kind == "2" and not effective and draw(st.booleans()) else None,
        end=draw(st.sampled_from([OPEN, None])) if kind == "2" else OPEN,
    )
    parallel = {
        "min_rows": draw(st.sampled_from([0, 1000])),
        "chunk_rows": draw(st.integers(1, 12)),
        "workers": draw(st.integers(1, 4)),
    }
    row = rows(rules.key, effective, rules.duplicates == "last", nan)
    one = st.lists(row, max_size=8, unique_by=lambda row: row["key"])
    extracts = draw(st.lists(st.one_of(one, one, one, st.lists(row, max_size=8)), min_size=2, max_size=5))
    # The first example is always the smallest that there is, and some roads have no other one.
    assume(sum(map(len, extracts)) > 3)
    for i, extract in enumerate(extracts, start=1):
        for j, each in enumerate(extract):
            each["seq"] = i * 100 + j
            if kind == "append":
                each["key"] = tuple(each[name] for name in rules.key)
    return rules, parallel, extracts


SPELLED = {"ignore": {"scd": "ignore"}, "all": {"scd": 1, "type1": "all"}}


def make_spec(rules: Rules, parallel: dict) -> dict:
    """The spec that says what the rules say."""
    scd = {"type": rules.type if rules.type == "append" else int(rules.type), "duplicates": rules.duplicates}
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
    columns: dict = {name: {} for name in rules.key}
    for name, policy in zip(USER, rules.policies, strict=True):
        default = "ignore" if rules.type == "append" else rules.type
        columns[name] = {} if policy == default else SPELLED.get(policy) or {"scd": int(policy)}
    spec = {
        "version": 1,
        "pipeline": "histories",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t", "kind": "dimension"},
        "key": [*rules.key],
        "columns": columns,
        "scd": scd,
        "parallel": parallel,
        "errors": {"max_rows": 1_000_000},
    }
    if rules.type == "append":
        spec["checkpoint"] = {"columns": ["seq"]}
        del spec["key"]
    return spec | ({"guards": {"min_rows": 0, "max_close_percent": 100}} if rules.deletes != "ignore" else {})


def stored(world: World, rules: Rules, instants: list[datetime]) -> list[tuple]:
    """The target's rows without surrogate keys, instants of runs by their number."""
    names = [*rules.key, *USER, *previous_names(rules)]
    names += ["valid_from", "valid_to", "is_current"] if rules.type == "2" else []
    names += ["is_deleted"] if rules.deletes in ("tombstone", "flag") else []
    number = {instant: i for i, instant in enumerate(instants)}
    found = []
    modified = "inserted_at" if rules.type == "append" else "modified_at"
    for row in world.read(f"SELECT {', '.join(names)}, inserted_at, {modified} FROM t"):
        values = dict(zip([*names, "ins", "mod"], row, strict=True))
        for name in values:
            values[name] = read_value(name.removesuffix("_previous"), values[name])
            if name in ("valid_from", "valid_to", "ins", "mod") or name.endswith("_since"):
                instant = as_instant(values[name])
                values[name] = number.get(instant, instant)
        for name in ("is_current", "is_deleted"):
            if name in values:
                values[name] = bool(values[name])
        found.append(tuple(values.values()))
    return sorted(found, key=repr)


def previous_names(rules: Rules) -> list[str]:
    """The columns of previous values."""
    kept = [name for name, policy in zip(USER, rules.policies, strict=True) if policy == "3"]
    return [f"{name}_{what}" for name in kept for what in ("previous", "since")]


def read_value(name: str, value):
    """A value of a user's column, whatever its database makes of it."""
    if name == "b" and value is not None:
        return Decimal(str(value)).quantize(Decimal("0.01"))
    if name == "c" and isinstance(value, str):
        return date.fromisoformat(value)
    return plain(value) if name == "d" else value


def plain(value: float | str | None) -> float | str | None:
    """A double as it compares: zero has one sign, NaN is a text."""
    return "nan" if value != value else None if value is None else value if isinstance(value, str) else value + 0.0


def expected(model: Model, instants: list[datetime]) -> list[tuple]:
    """The model's rows in the same shape."""
    number = {instant: i for i, instant in enumerate(instants)}
    found = []
    for v in model.rows:
        row = [*v["key"], v["a"], v["b"], v["c"], plain(v["d"])]
        for name in model.columns("3"):
            previous, since = v["was"][name]
            row += [plain(previous) if name == "d" else previous, number.get(since, since)]
        if model.rules.type == "2":
            row += [number.get(v["start"], v["start"]), number.get(v["end"], v["end"]), v["current"]]
        if model.rules.deletes in ("tombstone", "flag"):
            row.append(v["deleted"])
        found.append((*row, number[v["ins"]], number[v["mod"]]))
    return sorted(found, key=repr)


PAIRS = [
    ("duckdb", "duckdb"),
    ("sqlite", "duckdb"),
    ("duckdb", "sqlite"),
    ("postgresql", "duckdb"),
    ("duckdb", "postgresql"),
]
"""Every other one has another target."""

FILE_PAIRS = [("parquet", "duckdb"), ("parquet", "sqlite"), ("csv", "duckdb")]
ROADS = [(*pair, None) for pair in (*PAIRS, ("sqlite", "sqlite"), *FILE_PAIRS)]
SERVER_ROADS = [("postgresql", "postgresql", road) for road in (Transfer.IN_PLACE, Transfer.COPY, Transfer.ARROW)]
ATTACHED = pytest.param("attached", "duckdb", None, marks=extension.needed)
"""PostgreSQL, through DuckDB's extension."""


@pytest.mark.parametrize(("source", "target", "road"), [*ROADS, *SERVER_ROADS, ATTACHED])
def test_histories_equal_the_model(
    source: str, target: str, road: Transfer | None, request: pytest.FixtureRequest, monkeypatch
) -> None:
    examples = request.config.getoption("--histories")
    if source == "attached":
        extension.always(monkeypatch)
        source = "postgresql"
    if source in FILES or "postgresql" in (source, target):
        examples = max(examples // 4, 1)
    if source == "csv":
        # Where rejects are allowed a file is staged at once; here the direct road is to be walked first.
        monkeypatch.setattr(assemble, "choose_reading", lambda *_: Reading.ONCE)

    @settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True, database=None
    )
    @given(histories(nan="sqlite" not in (source, target)))
    def check(history) -> None:
        rules, parallel, extracts = history
        assume(source != "csv" or suits_a_csv(rules, extracts))
        with tempfile.TemporaryDirectory() as folder:
            replay(World(Path(folder), source, target, transfer=road), rules, parallel, extracts)
        postgres.give_back()

    check()


def suits_a_csv(rules: Rules, extracts: list) -> bool:
    """Whether there is no watermark, and a value in each column whose type only the file can tell."""
    names = ["at"] * rules.effective + ["ord"] * (rules.duplicates == "last")
    return rules.type != "append" and all(
        any(row[name] is not None for row in extract) for extract in extracts for name in names
    )


def replay(world: World, rules: Rules, parallel: dict, extracts: list) -> None:
    """Every extract, then the last one once more: that run writes nothing (law 9)."""
    model, instants, spec = Model(rules), [], world.reading(make_spec(rules, parallel))
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
    assert (rows.inserted, rows.versioned, rows.updated, rows.closed, rows.rewritten) == (0, 0, 0, 0, 0)
    keys = [key for (key,) in world.read("SELECT t_sk FROM t")]
    assert len(keys) == len(set(keys)) and None not in keys
