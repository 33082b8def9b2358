"""Lookups in a dimension that changes while facts are loaded: every key is one of a version that held."""

from datetime import timedelta

from dmsflow.model.result import RunStatus
from dmsflow.runtime import executor
from dmsflow.runtime.run import Steps
from tests.laws.test_lookups import DAY, FACTS, OPEN, VERSIONS, fact, spec, write_versions
from tests.laws.test_resume import apply_recorded
from tests.laws.world import World


def begin_version(world: World, key: int) -> None:
    """Another version of the one key of the dimension, with this surrogate key; the one before it ends."""
    since = DAY + timedelta(days=key - 1)
    with world.open("target") as connection:
        connection.execute("UPDATE d SET valid_to = %s, is_current = false WHERE d_sk = %s", [since, key - 1])
        connection.execute("INSERT INTO d VALUES (%s, 1, 'a', %s, %s, true)", [key, since, OPEN])


def test_a_dimension_that_changes_within_a_chunk_is_looked_up_in_one_state(tmp_path, monkeypatch):
    world = World(tmp_path, "duckdb", "postgresql")
    write_versions(world, VERSIONS)
    world.write_source([fact(at=DAY + timedelta(days=9))], FACTS)
    execute = Steps.execute

    def change_meanwhile(steps, name, **more):
        done = execute(steps, name, **more)
        if name == "lookup_0":
            begin_version(world, 3)
        return done

    monkeypatch.setattr(Steps, "execute", change_meanwhile)
    report = world.apply(spec())
    assert (report.status, report.rows.inserted) == (RunStatus.SUCCEEDED, 1), report.errors
    assert world.read('SELECT "then", "now" FROM f') == [(2, 2)]
    monkeypatch.undo()
    assert world.apply(spec()).rows.updated == 1
    assert world.read('SELECT "then", "now" FROM f') == [(3, 3)]


def test_each_chunk_looks_up_in_the_dimension_as_it_is_then_also_after_a_break(tmp_path, monkeypatch):
    world = World(tmp_path, "duckdb", "postgresql")
    write_versions(world, VERSIONS)
    world.write_source([fact(id=i, at=DAY + timedelta(days=9)) for i in range(3)], FACTS)
    wanted = spec(parallel={"min_rows": 0, "chunk_rows": 1, "workers": 1})
    load_chunk = executor.load_chunk

    def change_before(run, chunk, *rest):
        if chunk.number > 1:
            begin_version(world, chunk.number + 1)
        if chunk.number == 3:
            raise KeyboardInterrupt
        return load_chunk(run, chunk, *rest)

    monkeypatch.setattr(executor, "load_chunk", change_before)
    assert apply_recorded(world, wanted).rows.inserted == 2
    monkeypatch.undo()
    resumed = apply_recorded(world, wanted)
    assert (resumed.status, resumed.rows.read, resumed.rows.inserted) == (RunStatus.SUCCEEDED, 3, 3)
    assert world.read('SELECT id, "then", "now" FROM f ORDER BY id') == [(0, 2, 2), (1, 3, 3), (2, 4, 4)]
    # What was loaded keeps its key until it is loaded again.
    assert world.apply(wanted).rows.updated == 2
    assert world.read('SELECT DISTINCT "then", "now" FROM f') == [(4, 4)]
