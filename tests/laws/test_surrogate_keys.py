"""Surrogate keys that a row's own values give: the same in every database, whatever breaks and whoever works."""

from datetime import datetime
from uuid import UUID

import pytest

from dmsflow.engines.name_keys import make_key
from dmsflow.errors import SpecRejected
from dmsflow.model.result import RunStatus
from dmsflow.runtime import executor
from tests.laws.test_resume import apply_recorded
from tests.laws.world import World, as_instant

DAY = datetime(2024, 2, 29, 12, 30)
COLUMNS = {"k": "bigint", "l": "varchar", "a": "varchar", "at": "timestamp"}
WORDS = ["a", "ä", "12:b", "\N{PILE OF POO}", ""]
PAIRS = [("duckdb", "duckdb"), ("duckdb", "sqlite"), ("postgresql", "postgresql"), ("duckdb", "postgresql")]


def spec(**more: object) -> dict:
    return {
        "version": 1,
        "pipeline": "p",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t", "kind": "dimension"},
        "key": ["k", "l"],
        "scd": {"type": 2, "effective_at": "at", "fields": {"surrogate_key": {"from": "uuid"}}},
        "columns": {"k": {}, "l": {}, "a": {}},
        "parallel": {"min_rows": 0, "chunk_rows": 4, "chunk_by": ["k"], "workers": 2},
        **more,
    }


def rows(value: str, at: datetime, count: int = 12) -> list[dict]:
    return [{"k": i, "l": WORDS[i % len(WORDS)], "a": value, "at": at} for i in range(count)]


def stored(world: World) -> list[tuple]:
    found = world.read("SELECT t_sk, k, l, a, valid_from FROM t ORDER BY k, valid_from")
    return [(UUID(str(sk)), k, word, a, as_instant(at)) for sk, k, word, a, at in found]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_uuid_is_that_of_key_and_start(tmp_path, source, target):
    world = World(tmp_path, source, target)
    for value, at in (("x", DAY), ("y", datetime(2024, 3, 1, 0, 0, 0, 120_000))):
        world.write_source(rows(value, at), COLUMNS)
        assert world.apply(spec()).status is RunStatus.SUCCEEDED
    found = stored(world)
    assert len(found) == len({row[0] for row in found}) == 24
    assert all(sk == make_key([k, word, at]) for sk, k, word, _, at in found)


def test_a_broken_run_goes_on_with_the_same_keys(tmp_path, monkeypatch):
    wanted = spec(parallel={"min_rows": 0, "chunk_rows": 4, "chunk_by": ["k"], "workers": 1})
    worlds = [World(tmp_path / name, "duckdb", "duckdb") for name in ("whole", "broken")]
    for world in worlds:
        world.folder.mkdir()
        world.write_source(rows("x", DAY), COLUMNS)
    assert apply_recorded(worlds[0], wanted).status is RunStatus.SUCCEEDED
    load_chunk = executor.load_chunk

    def break_second(run, chunk, *rest):
        if chunk.number == 2:
            raise KeyboardInterrupt
        return load_chunk(run, chunk, *rest)

    monkeypatch.setattr(executor, "load_chunk", break_second)
    assert apply_recorded(worlds[1], wanted).status is RunStatus.STOPPED
    monkeypatch.undo()
    assert apply_recorded(worlds[1], wanted).status is RunStatus.SUCCEEDED
    assert stored(worlds[1]) == stored(worlds[0])


def test_a_key_without_one_text_is_told(tmp_path):
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source([{"d": 1.5}], {"d": "double"})
    with pytest.raises(SpecRejected) as refused:
        world.apply(spec(key=["d"], columns={"d": {}}, scd=spec()["scd"] | {"effective_at": "run"}, parallel={}))
    assert [it.code for it in refused.value.diagnostics] == ["DMS355"]


def test_a_table_keeps_its_kind_of_key(tmp_path):
    world = World(tmp_path, "duckdb", "sqlite")
    world.write_source(rows("x", DAY), COLUMNS)
    numbers = spec(scd={"type": 2, "effective_at": "at"})
    for first, second in ((spec(), numbers), (numbers, spec())):
        world.apply(first)
        with pytest.raises(SpecRejected) as refused:
            world.apply(second)
        assert [it.code for it in refused.value.diagnostics] == ["DMS356"]
        with world.open("target") as connection:
            connection.execute("DROP TABLE t")
            connection.commit()


NUMBERED = [("duckdb", "duckdb"), ("postgresql", "postgresql")]


@pytest.mark.parametrize(("source", "target"), NUMBERED)
@pytest.mark.parametrize("made_from", ["identity", "sequence"])
def test_the_database_numbers_the_rows(tmp_path, source, target, made_from):
    world = World(tmp_path, source, target)
    key = {"from": made_from} | ({"sequence": '"my seq"'} if made_from == "sequence" else {})
    kind = {"type": 2, "effective_at": "at", "fields": {"surrogate_key": key}, "unknown_member": {"k": -1, "l": "none"}}
    for value, at in (("x", DAY), ("y", datetime(2024, 3, 1))):
        world.write_source(rows(value, at), COLUMNS)
        assert world.apply(spec(scd=kind)).status is RunStatus.SUCCEEDED
    keys = [sk for (sk,) in world.read("SELECT t_sk FROM t ORDER BY 1")]
    assert len(set(keys)) == len(keys) == 25
    assert (keys[0], keys[1]) == (-1, 1)


def test_sqlite_numbers_nothing_by_itself(tmp_path):
    world = World(tmp_path, "duckdb", "sqlite")
    world.write_source(rows("x", DAY), COLUMNS)
    for made_from in ("identity", "sequence"):
        with pytest.raises(SpecRejected) as refused:
            world.apply(spec(scd={"type": 2, "fields": {"surrogate_key": {"from": made_from}}}))
        assert [it.code for it in refused.value.diagnostics] == ["DMS361"]


def test_a_column_that_does_not_fill_itself_is_no_identity(tmp_path):
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source(rows("x", DAY), COLUMNS)
    world.apply(spec(scd={"type": 2, "effective_at": "at"}))
    with world.open("target") as connection:
        connection.execute("ALTER TABLE t ALTER t_sk DROP NOT NULL")
    with pytest.raises(SpecRejected) as refused:
        world.apply(spec(scd={"type": 2, "effective_at": "at", "fields": {"surrogate_key": {"from": "identity"}}}))
    assert [it.code for it in refused.value.diagnostics] == ["DMS356"]
