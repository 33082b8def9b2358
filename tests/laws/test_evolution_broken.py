"""Law 28 over runs that do not come to their end, over two terminals, and over a table with an unknown member."""

from pathlib import Path

import pytest

from dmsflow.compiler.load import load_spec
from dmsflow.engines.access import open_access
from dmsflow.model.result import RunStatus
from dmsflow.runtime.apply import apply_plan
from tests.laws.test_evolution import COLUMNS, ROWS, SOURCE, TARGETS, plan, spec
from tests.laws.world import World


@pytest.mark.parametrize("target", TARGETS)
def test_the_names_of_a_run_that_did_not_come_to_its_end_are_known_to_the_next(target: str, tmp_path: Path) -> None:
    world = World(tmp_path, "duckdb", target)
    world.write_source([row | {"v": "stale"} for row in ROWS], SOURCE)
    world.apply(spec(COLUMNS | {"v": {"scd": "ignore"}}))
    world.write_source(ROWS, SOURCE)
    columns = {"no": {"from": "k", "was": "k", "type": "integer"}, "v2": {"from": "v", "was": "v"}}
    wanted = spec(columns, "no", evolve={"policy": "apply"})
    refused = world.apply(wanted | {"checks": [{"name": "never", "expr": "count(*) > 5", "on": "result"}]})
    assert (refused.status, refused.rows.read) == (RunStatus.FAILED, 0)
    assert world.read("SELECT DISTINCT v2 FROM t") == [("stale",)]
    # The key is the one it was, and the column is one that was not followed.
    run = world.apply(wanted)
    assert (run.rows.updated, run.rows.versioned, run.errors) == (4, 0, ())
    assert world.apply(wanted).rows.unchanged == 4


@pytest.mark.parametrize("target", TARGETS)
def test_a_plan_ends_where_another_run_has_made_or_changed_the_table_before_its_lease(
    target: str, tmp_path: Path
) -> None:
    world = World(tmp_path, "duckdb", target)
    world.write_source(ROWS, SOURCE)
    first = plan(world, spec()).plan if target == "postgresql" else None
    world.apply(spec())
    old = plan(world, spec()).plan
    world.apply(spec(COLUMNS | {"y": {}}, evolve={"add": "apply"}))
    world.write_source([ROWS[0] | {"v": "newer"}, *ROWS[1:]], SOURCE)
    before = world.read("SELECT * FROM t ORDER BY 1, 2")
    world.release()
    found = load_spec(world.write_spec(spec()))
    for stale, told in ((old, "t has changed its shape"), *(((first, "t was made"),) if first else ())):
        with open_access(found.raise_if_rejected()) as access:
            late = apply_plan(stale, access, params={}, run_id="late")
        assert (late.status, told in late.errors[0].message) == (RunStatus.FAILED, True)
        assert "DMS402" in late.errors[0].message
    # Planned anew, a version takes over what the spec does not load.
    assert world.read("SELECT * FROM t ORDER BY 1, 2") == before
    assert world.apply(spec()).rows.versioned == 1
    assert world.read("SELECT count(*) FROM t WHERE y IS NULL") == [(0,)]


@pytest.mark.parametrize("target", ["duckdb", "postgresql"])
@pytest.mark.parametrize("made_from", ["blocks", "uuid"])
def test_an_unknown_member_follows_the_open_end_and_is_found_by_no_key(
    target: str, made_from: str, tmp_path: Path
) -> None:
    world = World(tmp_path, "duckdb", target)
    world.write_source(ROWS, SOURCE)

    def with_member(key: str, end: str, member: dict) -> dict:
        wanted = spec(key=key, end=end, evolve={"open_end": "apply", "key": "apply"})
        wanted["scd"] |= {"unknown_member": member, "fields": {"surrogate_key": {"column": "sk", "from": made_from}}}
        return wanted

    world.apply(with_member("k", "9999-12-31", {"k": -1}))
    for end in ("2999-12-31", "3999-12-31"):
        assert world.apply(with_member("k", end, {"k": -1})).rows.unchanged == 4
        assert [str(day)[:10] for (day,) in world.read("SELECT DISTINCT valid_to FROM t")] == [end]
    run = world.apply(with_member("l", "3999-12-31", {"k": -1, "l": -100}))
    assert (run.rows.unchanged, run.errors) == (4, ())
    assert world.read("SELECT count(*) FROM t") == [(5,)]
