"""Law 5: all chunks of a run read one state of the source, whatever others write to it meanwhile."""

import pytest

from dmsflow.model.plan import Transfer
from dmsflow.model.result import ChunkResult, RunStatus
from dmsflow.runtime.apply import Watcher
from dmsflow.runtime.run import Run
from tests import extension
from tests.laws.world import World

COLUMNS = {"k": "bigint", "v": "varchar"}
TOTAL = 20


def spec(kind: object, workers: int = 1) -> dict:
    return {
        "version": 1,
        "pipeline": "still",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t"},
        "scd": kind,
        "parallel": {"min_rows": 0, "chunk_rows": 5, "workers": workers, "chunk_by": ["k"]},
        **({"checkpoint": {"columns": ["k"]}} if kind == "append" else {"key": ["k"]}),
    }


class Meddler(Watcher):
    """Writes to the source when the run begins and after every chunk: moves keys, changes, adds and deletes rows."""

    def __init__(self, world: World, *also: str) -> None:
        self.world, self.also, self.chunks = world, also, 0

    def meddle(self) -> None:
        with self.world.open("source") as connection:
            for sql in ("UPDATE s SET k = 100 - k, v = 'later'", "DELETE FROM s WHERE k < 85", *self.also):
                connection.execute(sql)
            connection.execute("INSERT INTO s SELECT i, 'more' FROM generate_series(200, 220) i")

    def begun(self, run: Run) -> None:
        self.meddle()

    def chunk_ended(self, result: ChunkResult) -> None:
        self.chunks += 1
        self.meddle()


@pytest.fixture(params=["duckdb", "postgresql", pytest.param("attached", marks=extension.needed)])
def world(request, tmp_path, monkeypatch) -> World:
    if request.param == "attached":
        extension.always(monkeypatch)
    world = World(tmp_path, "postgresql", request.param.replace("attached", "duckdb"))
    world.write_source([{"k": i, "v": "then"} for i in range(TOTAL)], COLUMNS)
    return world


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("kind", [1, {"type": 2, "deletes": "close"}, "append"])
def test_every_chunk_reads_the_state_of_the_run(world: World, kind: object, workers: int) -> None:
    meddler = Meddler(world)
    report = world.apply(spec(kind, workers), watchers=(meddler,))
    assert report.status is RunStatus.SUCCEEDED
    assert meddler.chunks > 1
    assert world.read("SELECT k, v FROM t ORDER BY k") == [(i, "then") for i in range(TOTAL)]


def test_a_state_that_is_lost_is_replaced_and_the_run_ends(world: World, caplog) -> None:
    holds = "state = 'idle in transaction' AND datname = current_database()"
    kill = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {holds}"
    report = world.apply(spec(1), watchers=(Meddler(world, kill),))
    assert report.status is RunStatus.SUCCEEDED
    assert "snapshot renewed" in caplog.text
    kept = [k for (k,) in world.read("SELECT k FROM t ORDER BY k")]
    assert len(kept) == len(set(kept)) == report.rows.read


class Rival(Watcher):
    """Writes to rows of the target that a later chunk of the run will update."""

    def __init__(self, world: World) -> None:
        self.world = world

    def begun(self, run: Run) -> None:
        with self.world.open("target") as connection:
            connection.execute("UPDATE t SET v = 'of a rival' WHERE k > 10")


def test_a_chunk_in_place_that_meets_another_writer_reads_a_new_state(tmp_path, caplog) -> None:
    world = World(tmp_path, "postgresql", "postgresql", transfer=Transfer.IN_PLACE)
    patient = {**spec(1), "retry": {"attempts": 3, "first_delay": "1ms"}}
    world.write_source([{"k": i, "v": "then"} for i in range(TOTAL)], COLUMNS)
    world.apply(patient)
    world.write_source([{"k": i, "v": "now"} for i in range(TOTAL)], COLUMNS)
    report = world.apply(patient, watchers=(Rival(world),))
    assert (report.status, report.rows.updated) == (RunStatus.SUCCEEDED, TOTAL), report
    assert "snapshot renewed" in caplog.text
    assert world.read("SELECT k, v FROM t ORDER BY k") == [(i, "now") for i in range(TOTAL)]


def test_the_plan_says_what_is_read(world: World) -> None:
    from dmsflow.compiler.compile import compile_plan
    from dmsflow.compiler.load import load_spec
    from dmsflow.engines.access import open_access

    loaded = load_spec(world.write_spec(spec(1)))
    with open_access(loaded.raise_if_rejected()) as access:
        plan = compile_plan(loaded, access).plan
    assert plan.snapshot
    assert [decision.choice for decision in plan.decisions if decision.about == "snapshot"] == ["exported"]
