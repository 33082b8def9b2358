"""Lookups in a dimension that changes while facts are loaded: every key is one of a version that held."""

from datetime import timedelta

from dmsflow.model.result import RunStatus
from dmsflow.runtime.run import Steps
from tests.laws.test_lookups import DAY, FACTS, OPEN, VERSIONS, fact, spec, write_versions
from tests.laws.world import World


def test_a_dimension_that_changes_within_a_chunk_is_looked_up_in_one_state(tmp_path, monkeypatch):
    world = World(tmp_path, "duckdb", "postgresql")
    write_versions(world, VERSIONS)
    world.write_source([fact(at=DAY + timedelta(days=9))], FACTS)
    execute = Steps.execute

    def change_meanwhile(steps, name, **more):
        done = execute(steps, name, **more)
        if name == "lookup_0":
            with world.open("target") as connection:
                since = DAY + timedelta(days=2)
                connection.execute("UPDATE d SET valid_to = %s, is_current = false WHERE d_sk = 2", [since])
                connection.execute("INSERT INTO d VALUES (3, 1, 'a', %s, %s, true)", [since, OPEN])
        return done

    monkeypatch.setattr(Steps, "execute", change_meanwhile)
    report = world.apply(spec())
    assert (report.status, report.rows.inserted) == (RunStatus.SUCCEEDED, 1), report.errors
    assert world.read('SELECT "then", "now" FROM f') == [(2, 2)]
    monkeypatch.undo()
    assert world.apply(spec()).rows.updated == 1
    assert world.read('SELECT "then", "now" FROM f') == [(3, 3)]
