"""Law 28 over a table that follows its spec: no evolution makes a version, loses a value, or is left half done."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dmsflow.compiler.compile import Compiled, compile_plan
from dmsflow.compiler.load import load_spec
from dmsflow.compiler.saved import check_plan
from dmsflow.engines.access import open_access
from dmsflow.errors import PermanentError, PlanRefused, SpecRejected
from dmsflow.model.result import RunStatus
from dmsflow.runtime import migration
from dmsflow.runtime.apply import apply_plan
from tests.laws.world import World

TARGETS = ("duckdb", "sqlite", "postgresql")
SOURCE = {"k": "integer", "l": "integer", "v": "varchar", "n": "integer", "x": "varchar", "y": "varchar"}
ROWS = [{"k": i, "l": -i, "v": f"v{i}", "n": 40_000 + i, "x": None if i else "x", "y": "y"} for i in range(4)]
INDEX = {"duckdb": "always", "sqlite": "auto", "postgresql": "auto"}
"""Each has the unique index that a change of the key has to renew."""
APPLY = {"add": "apply", "drop": "apply", "policy": "apply", "open_end": "apply", "key": "apply"}
COLUMNS = {name: {"type": "integer"} if name in "kln" else {} for name in "klvnx"}


def spec(
    columns: dict = COLUMNS, key: str = "k", end: str | None = "9999-12-31", evolve=None, index: str = "auto", **more
) -> dict:
    target = {"connection": "dwh", "table": "t", "kind": "dimension", "unique_index": index}
    target |= {"evolve": evolve} if evolve else {}
    return {
        "version": 1,
        "pipeline": "p",
        "source": {"connection": "src", "table": "s"},
        "target": target,
        "key": [key],
        "scd": {"type": 2, "open_end": end},
        "columns": columns,
        **more,
    }


def loaded(folder: Path, target: str, **first) -> World:
    """A table that was loaded once, and has a closed version."""
    world = World(folder, "duckdb", target)
    world.write_source([ROWS[0] | {"v": "old"}, *ROWS[1:]], SOURCE)
    world.apply(spec(**first))
    world.write_source(ROWS, SOURCE)
    assert world.apply(spec(**first)).rows.versioned == 1
    return world


def plan(world: World, wanted: dict) -> Compiled:
    found = load_spec(world.write_spec(wanted))
    with open_access(found.raise_if_rejected(), read_only=True) as access:
        return compile_plan(found, access)


def refusals(world: World, wanted: dict) -> list[tuple[str, str]]:
    """What the plan of a spec is refused for."""
    with pytest.raises(SpecRejected) as refused:
        plan(world, wanted)
    return [
        (problem.code, f"{problem.message}: {problem.help}")
        for problem in refused.value.diagnostics
        if problem.is_error
    ]


class Evolving:
    """A spec that evolves, and what of it may change once more."""

    def __init__(self, target: str) -> None:
        self.columns = {name: dict(parts) | {"from": name} for name, parts in COLUMNS.items()}
        self.key, self.end, self.count, self.widens = "k", "9999-12-31", 0, target != "sqlite"
        self.index = INDEX[target]
        self.evolve = APPLY | ({"retype": "widen"} if self.widens else {})

    def take(self, changes: set[str]) -> None:
        """Change the spec in these ways, in one order; the table has followed all ways before."""
        for parts in self.columns.values():
            parts.pop("was", None)
        for change in CHANGES:
            if change in changes:
                self._take(change)

    def _take(self, change: str) -> None:
        """One change; one that has no place left changes nothing."""
        self.count += 1
        named = {parts["from"]: name for name, parts in self.columns.items()}
        if change == "rename":
            old = named["v"]
            self.columns[f"v{self.count}"] = self.columns.pop(old) | {"was": old}
        elif change == "rename the key":
            old, self.key = self.key, f"key{self.count}"
            self.columns[self.key] = self.columns.pop(old) | {"was": old}
        elif change == "widen" and self.widens:
            self.columns[named["n"]]["type"] = "bigint"
        elif change == "drop":
            self.columns.pop(named.get("x", ""), None)
        elif change == "add":
            self.columns[named.get("y", "y")] = {"from": "y"}
        elif change == "policy":
            column = self.columns[named["v"]]
            column["scd"] = {2: 1, 1: "ignore", "ignore": 0, 0: 2}[column.get("scd", 2)]
        elif change == "end":
            self.end = "2999-12-31" if self.end == "9999-12-31" else "9999-12-31"
        elif change == "key":
            self.key = named["l"] if self.key == named["k"] else named["k"]

    @property
    def spec(self) -> dict:
        return spec(self.columns, self.key, self.end, self.evolve, self.index)


CHANGES = ("rename", "rename the key", "widen", "drop", "add", "policy", "end", "key")
TAKEN = st.lists(st.sets(st.sampled_from(CHANGES), min_size=3, max_size=6), min_size=2, max_size=2)


@pytest.mark.parametrize("target", TARGETS)
def test_no_evolution_makes_a_version(target: str, request: pytest.FixtureRequest) -> None:
    examples = max(1, request.config.getoption("--histories") // 6)

    @settings(max_examples=examples, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(TAKEN)
    def evolve(taken: list[set[str]]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            world, evolving = loaded(Path(folder), target, index=INDEX[target]), Evolving(target)
            before = read_history(world, "k", "v")
            for changes in taken:
                evolving.take(changes)
                run = world.apply(evolving.spec)
                assert run.status is RunStatus.SUCCEEDED, run.errors
                # Nothing but a column that is new is written, and that in place.
                assert (run.rows.inserted, run.rows.versioned, run.rows.closed) == (0, 0, 0)
                assert run.rows.updated == 0 or "add" in changes
            assert world.apply(evolving.spec).rows.unchanged == len(ROWS)
            named = {parts["from"]: name for name, parts in evolving.columns.items()}
            assert read_history(world, named["k"], named["v"]) == before
            ends = world.read("SELECT DISTINCT CAST(valid_to AS varchar) FROM t WHERE is_current")
            assert [end[:10] for (end,) in ends] == [evolving.end]

    evolve()


def read_history(world: World, key: str, value: str) -> list[tuple]:
    """Every version: its surrogate key, its start, its values."""
    return world.read(f'SELECT t_sk, "{key}", "{value}", valid_from, is_current FROM t ORDER BY t_sk')


def test_what_would_lose_something_is_refused(tmp_path: Path) -> None:
    world = loaded(tmp_path, "postgresql")
    held = {name: COLUMNS[name] for name in "klnv"} | {"w": {"from": "y"}}
    world.apply(spec(held | {"x": {}}, evolve="add"))

    def told(code: str, words: str, columns: dict = held, **changed) -> None:
        [(found, message)] = refusals(world, spec(columns, **changed))
        assert (found, words in message) == (code, True), message

    renamed = {name: held[name] for name in "kln"} | {"w": {"from": "v", "was": "v"}}
    told("DMS370", 't has both "v" and "w"', renamed)
    moved = {name: held[name] for name in "lnvw"} | {"id": {"from": "k", "was": "k", "type": "integer"}}
    told("DMS370", 'column "k" of t would become "id"', moved, key="id", evolve={"rename": "refuse"})
    told("DMS371", 'column "x" of t was loaded before', evolve={"drop": "refuse"})
    widen = {"retype": "widen"}
    told("DMS372", "5 rows would lose something, such as 4000", held | {"n": {"type": "smallint"}}, evolve=widen)
    exact = held | {"n": {"expr": "n / 3", "type": "decimal(20, 4)"}}
    told("DMS372", "cut to integer, and each that shows more now would be a change", exact, evolve=widen)
    told("DMS373", "4 current versions of t end at 9999-12-31, not NULL", end=None)
    told("DMS375", "the key of t was (k), the spec says (l)", key="l")
    told("DMS375", "1 key would have several current versions, 0 a NULL", key="w", evolve={"key": "apply"})


def test_what_sqlite_cannot_change_is_refused_with_the_reason(tmp_path: Path) -> None:
    world = World(tmp_path, "duckdb", "sqlite")
    world.write_source(ROWS, SOURCE)
    world.apply(spec())
    wider = COLUMNS | {"n": {"type": "bigint"}}
    assert refusals(world, spec(wider, evolve={"retype": "widen"}))[0][1].startswith(
        'column "n" of t does not become bigint, from integer: SQLite cannot give a column another type'
    )
    found = refusals(world, spec(end=None, evolve={"open_end": "apply"}))
    assert "write open_end: 9999-12-31: the column takes no NULL" in found[0][1]


@pytest.mark.parametrize("target", TARGETS)
def test_a_run_that_is_killed_between_steps_or_within_one_ends_as_if_it_was_not(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = loaded(tmp_path, target)
    before = read_history(world, "k", "v")
    columns = {"k": {}, "l": {}, "v2": {"from": "v", "was": "v"}, "n": {}, "y": {}}
    wanted = spec(columns, end="2999-12-31", evolve=APPLY)
    executed = migration._execute

    def break_off(after: int, within: bool):
        taken = []

        def execute(session, step) -> None:
            taken.append(step)
            if len(taken) > after:
                if within:
                    executed(session, step)
                raise PermanentError("killed")
            executed(session, step)

        return execute

    for after, within in ((1, False), (1, True)):
        with monkeypatch.context() as broken:
            broken.setattr(migration, "_execute", break_off(after, within))
            assert world.apply(wanted).status is RunStatus.FAILED
    run = world.apply(wanted)
    assert (run.rows.updated, run.rows.unchanged, run.errors) == (4, 0, ())
    assert read_history(world, "k", "v2") == before
    assert plan(world, wanted).plan.migration == ()


def test_a_column_that_was_not_followed_is_brought_up_to_date_in_place(tmp_path: Path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    ignored = COLUMNS | {"v": {"scd": "ignore"}}
    world.write_source([row | {"v": "stale"} for row in ROWS], SOURCE)
    world.apply(spec(ignored))
    world.write_source(ROWS, SOURCE)
    assert world.apply(spec(ignored)).rows.unchanged == 4
    [(code, message)] = refusals(world, spec())
    assert (code, "each value it missed would be a change" in message) == ("DMS374", True)
    saved = plan(world, spec(evolve={"policy": "apply"})).plan
    caught_up = world.apply(spec(evolve={"policy": "apply"}))
    assert (caught_up.rows.updated, caught_up.rows.versioned) == (4, 0)
    # The same plan once more would overwrite what is a change by now.
    found = load_spec(world.write_spec(spec(evolve={"policy": "apply"})))
    with open_access(found.raise_if_rejected(), read_only=True) as access, pytest.raises(PlanRefused, match="DMS402"):
        check_plan(saved, found, access)
    # So would one that was made before the other run held the lease, and begins after it.
    world.write_source([ROWS[0] | {"v": "newer"}, *ROWS[1:]], SOURCE)
    before = world.read("SELECT * FROM t ORDER BY 1, 2")
    world.release()
    with open_access(found.raise_if_rejected()) as access:
        late = apply_plan(saved, access, params={}, run_id="late")
    assert (late.status, "DMS402" in late.errors[0].message) == (RunStatus.FAILED, True)
    assert world.read("SELECT * FROM t ORDER BY 1, 2") == before
    world.write_source([ROWS[0] | {"v": "new"}, *ROWS[1:]], SOURCE)
    followed = world.apply(spec())
    assert (followed.rows.versioned, followed.rows.unchanged) == (1, 3)


@pytest.mark.parametrize("by_key", [False, True])
def test_a_column_that_was_added_makes_no_version_once_nothing_may_be_added(by_key: bool, tmp_path: Path) -> None:
    """The run that adds it is broken off, or reads a part of the source: the row at its watermark alone."""
    world, few = World(tmp_path, "duckdb", "duckdb"), {name: COLUMNS[name] for name in "kln"}
    rest: dict = {"checkpoint": {"columns": ["k"]}} if by_key else {}
    world.write_source(ROWS, SOURCE)
    world.apply(spec(few, **rest))
    if by_key:
        assert world.apply(spec(few | {"v": {}}, evolve="add", **rest)).status is RunStatus.SUCCEEDED
        world.write_source([row | {"k": row["k"] + 10} for row in ROWS], SOURCE)
        world.read("UPDATE t SET k = k + 10")
        world.release()
    else:
        broken = world.apply(spec(few | {"v": {}}, evolve="add", checks=[{"name": "small", "expr": "k < 2"}]))
        assert (broken.status, broken.rows.rejected) == (RunStatus.FAILED, 2)
    filled = world.apply(spec(few | {"w": {"from": "v", "was": "v"}}, **rest))
    assert (filled.rows.versioned, filled.rows.updated) == (0, 3 if by_key else 2)
    assert world.apply(spec(few | {"w": {"from": "v"}}, **rest)).rows.versioned == 0


def test_a_column_that_was_left_out_comes_back_without_a_version(tmp_path: Path) -> None:
    world = loaded(tmp_path, "duckdb")
    few = spec({name: COLUMNS[name] for name in "klvn"})
    world.apply(few)
    world.write_source([row | {"x": "missed"} for row in [*ROWS, {"k": 9, "v": "new"}]], SOURCE)
    assert world.apply(few).rows.inserted == 1
    [(code, message)] = refusals(world, spec())
    assert (code, "was not followed (left out)" in message) == ("DMS374", True)
    back = world.apply(spec(evolve={"policy": "apply"}))
    assert (back.rows.updated, back.rows.versioned) == (5, 0)
    assert world.apply(spec()).rows.unchanged == 5


@pytest.mark.parametrize(("late", "allowed"), [("reject", (1,)), ("insert", ())])
def test_what_a_feed_did_not_follow_is_not_followed_from_rows_that_are_told_again(
    late: str, allowed: tuple[int, ...], tmp_path: Path
) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    rows = [{"k": 1, "at": f"2026-01-0{day}", "v": f"v{day}"} for day in (1, 2)]
    world.write_source(rows, {"k": "integer", "at": "timestamp", "v": "varchar"})

    def feed(scd: object, **evolve: str) -> dict:
        found = spec({"k": {}, "v": {"scd": scd}}, evolve=evolve)
        found["source"]["grain"] = "changes"
        return found | {"scd": {"type": 2, "effective_at": "at", "late": late}}

    world.apply(feed("ignore"))
    for policy in (1, 2):
        wanted = feed(policy, policy="apply")
        if policy in allowed:
            assert plan(world, wanted).plan.migration[0].outcome == "applied"
        else:
            [(code, message)] = refusals(world, wanted)
            assert (code, "told again would contradict" in message) == ("DMS374", True)


def test_a_column_that_is_left_out_stays_known_until_it_is_dropped(tmp_path: Path) -> None:
    world = loaded(tmp_path, "duckdb")
    few = {name: COLUMNS[name] for name in "klvn"}
    assert world.apply(spec(few)).rows.unchanged == 4
    [kept] = plan(world, spec(few)).plan.migration
    assert (kept.change, kept.outcome, kept.column, kept.statements) == ("drop", "kept", "x", ())
    # What nobody lists is left out by the source, and a source that lost a column takes nothing from the target.
    world.write_source(ROWS, {name: kind for name, kind in SOURCE.items() if name not in "xy"})
    everything = spec(evolve={"drop": "apply"})
    del everything["columns"]
    assert [step.outcome for step in plan(world, everything).plan.migration] == ["kept"]
    [dropped] = plan(world, spec(few, evolve={"drop": "apply"})).plan.migration
    assert [s.sql for s in dropped.statements] == ['ALTER TABLE "t" DROP COLUMN "x"']
    assert world.apply(spec(few, evolve={"drop": "apply"})).rows.unchanged == 4
    assert "x" not in [name for (name,) in world.read("SELECT column_name FROM duckdb_columns()")]


def test_effects_are_told_by_the_names_that_columns_get(tmp_path: Path) -> None:
    world = loaded(tmp_path, "postgresql")
    print_before = world.print_target()
    columns = {"id": {"from": "k", "was": "k", "type": "integer"}, "l": {}, "w": {"from": "v", "was": "v"}, "n": {}}
    world.write_source([ROWS[0] | {"v": "newer"}, *ROWS[1:]], SOURCE)
    measured = world.effects(spec(columns, key="id"))
    [versioned] = [effect for effect in measured.effects if effect.kind == "versioned"]
    [sample] = versioned.samples
    assert (sample.old["w"], sample.new["w"], sample.new["id"]) == ("v0", "newer", "0")
    assert world.print_target() == print_before


def test_what_a_column_held_before_goes_with_its_name_and_keeps_its_type(tmp_path: Path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    kept = {"k": COLUMNS["k"], "n": {"scd": 3, "type": "integer"}}
    for shift in (0, 1):
        world.write_source([row | {"n": row["n"] + shift} for row in ROWS], SOURCE)
        world.apply(spec(kept))
    wider = kept | {"n": {"scd": 3, "type": "bigint"}}
    [(code, message)] = refusals(world, spec(wider, evolve={"retype": "widen"}))
    assert (code, "kept in a column of its own" in message) == ("DMS372", True)
    renamed = {"k": COLUMNS["k"], "m": {"from": "n", "was": "n", "scd": 3, "type": "integer"}}
    assert world.apply(spec(renamed)).rows.unchanged == 4
    assert world.read("SELECT m - m_previous, m_since IS NULL FROM t") == [(1, False)] * 4
