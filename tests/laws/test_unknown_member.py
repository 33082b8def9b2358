"""The unknown member: there once, whatever breaks; never changed, closed, counted or compared; found by lookups."""

from datetime import datetime
from uuid import UUID

import pytest

from dmsflow.compiler.load import load_spec
from dmsflow.engines.access import open_access
from dmsflow.errors import SpecRejected
from dmsflow.model.plan import Transfer
from dmsflow.model.result import RunStatus
from dmsflow.verify.report import Verdict
from dmsflow.verify.verification import verify_spec
from tests.laws.world import World

COLUMNS = {"k": "bigint", "l": "varchar", "a": "varchar"}
KINDS = [
    {"type": 2, "deletes": "close"},
    {"type": 2, "deletes": "tombstone", "open_end": None},
    {"type": 1, "deletes": "delete"},
    {"type": 1, "deletes": "flag"},
    {"type": 0},
]
CASES = [
    *(("duckdb", "duckdb", None, kind) for kind in KINDS),
    ("duckdb", "sqlite", None, KINDS[0]),
    ("postgresql", "postgresql", Transfer.IN_PLACE, KINDS[0]),
    ("postgresql", "postgresql", Transfer.COPY, KINDS[2]),
]


def spec(kind: dict, **more: object) -> dict:
    return {
        "version": 1,
        "pipeline": "p",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t", "kind": "dimension"},
        "key": ["k"],
        "columns": {"k": {}, "l": {}, "a": {}},
        "scd": kind | {"unknown_member": {"k": -1, "l": "none"}},
        "guards": {"max_close_percent": 100, "min_rows": 0},
        "errors": {"max_rows": 9},
        **more,
    }


def rows(*keys: int, value: str = "x") -> list[dict]:
    return [{"k": key, "l": "w", "a": value} for key in keys]


def member(world: World, key: object = -1) -> list[tuple]:
    return world.read(f"SELECT k, l, a FROM t WHERE CAST(t_sk AS VARCHAR(36)) = '{key}'")


@pytest.mark.parametrize(("source", "target", "transfer", "kind"), CASES)
def test_no_load_touches_it(tmp_path, source, target, transfer, kind):
    world = World(tmp_path, source, target, transfer=transfer)
    deletes = "deletes" in kind
    for extract, inserted, closed in ((rows(1, 2), 2, 0), (rows(2, 3, value="y"), 1, 1), (rows(), 0, 2)):
        world.write_source(extract, COLUMNS)
        found = world.apply(spec(kind))
        assert found.status is RunStatus.SUCCEEDED
        assert (found.rows.inserted, found.rows.closed) == (inserted, closed if deletes else 0)
        assert member(world) == [(-1, "none", None)]
    assert world.read("SELECT min(t_sk) FROM t WHERE t_sk <> -1") in ([(1,)], [(None,)])


def test_a_feed_does_not_touch_it(tmp_path):
    world = World(tmp_path, "duckdb", "duckdb")
    wanted = spec({"type": 2, "effective_at": "at", "late": "insert"})
    wanted["source"] |= {"grain": "changes"}
    del wanted["guards"]
    for day in (3, 1):
        world.write_source([row | {"at": datetime(2024, 1, day)} for row in rows(1)], COLUMNS | {"at": "timestamp"})
        assert world.apply(wanted).status is RunStatus.SUCCEEDED
    assert member(world) == [(-1, "none", None)]
    assert world.read("SELECT count(*) FROM t WHERE is_current") == [(2,)]


def test_it_is_there_once_after_runs_that_fail(tmp_path):
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source(rows(1), COLUMNS)
    broken = spec({"type": 2}, guards={"min_rows": 5})
    for wanted in (broken, broken, spec({"type": 2})):
        world.apply(wanted)
    assert member(world) == [(-1, "none", None)]
    assert world.read("SELECT t_sk FROM t ORDER BY 1") == [(-1,), (1,)]


def test_its_key_is_no_other_row_s(tmp_path):
    world = World(tmp_path, "duckdb", "sqlite")
    world.write_source(rows(-1, 1), COLUMNS)
    for _ in range(2):
        assert world.apply(spec({"type": 2})).rows.rejected == 1
    told = world.read("SELECT DISTINCT reason, row_key FROM dmsflow_reject")
    assert told == [("unknown_member", '{"k":-1}')]
    assert member(world) == [(-1, "none", None)]


def test_verify_does_not_look_at_it(tmp_path):
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source(rows(1, 2), COLUMNS)
    world.apply(spec({"type": 2}))
    loaded = load_spec(world.write_spec(spec({"type": 2})))
    with open_access(loaded.raise_if_rejected(), read_only=True) as access:
        found = verify_spec(loaded, access)
    assert (found.verdict, found.history.versions) == (Verdict.EQUAL, 2)


@pytest.mark.parametrize("target", ["duckdb", "sqlite", "postgresql"])
@pytest.mark.parametrize("made_from", ["blocks", "uuid"])
def test_a_fact_without_its_member_points_to_it(tmp_path, target, made_from):
    world = World(tmp_path, "duckdb", target)
    world.write_source(rows(1), COLUMNS)
    kind = {"type": 2, "first_valid_from": "1900-01-01", "fields": {"surrogate_key": {"from": made_from}}}
    world.apply(spec(kind))
    lookup = {"dimension": "t", "key": "k", "on_miss": "unknown"}
    facts = spec({"type": 1}, columns={"id": {}, "t_sk": {"lookup": lookup}}, key=["id"], pipeline="f")
    facts["target"] = {"connection": "dwh", "table": "f"}
    facts["source"] = {"connection": "src", "table": "facts"}
    del facts["scd"]["unknown_member"]
    world.write_source(
        [{"id": 1, "k": 1}, {"id": 2, "k": 9}, {"id": 3, "k": None}], {"id": "bigint", "k": "bigint"}, "facts"
    )
    assert world.apply(facts).rows.inserted == 3
    unknown = -1 if made_from == "blocks" else str(UUID(int=0))
    keys = [str(sk) for (sk,) in world.read("SELECT t_sk FROM f ORDER BY id")]
    assert keys[1:] == [str(unknown)] * 2
    assert keys[0] == str(world.read("SELECT t_sk FROM t WHERE k = 1")[0][0])
    with world.open("target") as connection:
        connection.execute(f"DELETE FROM t WHERE t_sk = '{unknown}'")
        connection.commit()
    assert world.apply(facts).rows.rejected == 2


def test_a_member_that_does_not_fit_is_told(tmp_path):
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source(rows(1), COLUMNS)
    for wrong in ({"k": "none"}, {"k": -1, "b": 1}):
        wanted = spec({"type": 2})
        wanted["scd"]["unknown_member"] = wrong
        with pytest.raises(SpecRejected) as refused:
            world.apply(wanted)
        assert [it.code for it in refused.value.diagnostics if it.is_error] == ["DMS360"]
