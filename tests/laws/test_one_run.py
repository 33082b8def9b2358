"""Law 12: of two runs that begin at the same instant exactly one holds the target, and the other is told by whom."""

import threading
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from dmsflow.compiler.compile import compile_plan
from dmsflow.compiler.load import load_spec
from dmsflow.engines.access import open_access
from dmsflow.errors import TargetBusy
from dmsflow.model.table import TableName
from dmsflow.runtime.lease import hold_lease
from dmsflow.runtime.persist import Persistence
from dmsflow.runtime.run import Steps
from dmsflow.runtime.stop import StopSignal
from tests.laws.world import World

ROUNDS = 50
SPEC = {
    "version": 1,
    "pipeline": "twice",
    "source": {"connection": "src", "table": "s"},
    "target": {"connection": "dwh", "table": "t"},
    "key": ["k"],
    "scd": 1,
}


class Runner(threading.Thread):
    """A run as far as its lease, which it holds until the other one was refused, or holds it too."""

    def __init__(self, name: str, run, together: threading.Barrier) -> None:
        super().__init__(name=name)
        self.run_with, self.together = run, together
        self.other: Runner | None = None
        self.settled, self.told = threading.Event(), ""

    def run(self) -> None:
        try:
            with self.run_with(self.name, self.together):
                self.told = "held"
                self.settled.set()
                assert self.other is not None
                self.other.settled.wait(30)
        except TargetBusy as error:
            self.told = str(error)
        except Exception as error:
            self.told = f"failed: {error!r}"
        self.settled.set()


def read_clock() -> datetime:
    """This machine's clock."""
    return datetime.now(UTC).replace(tzinfo=None)


@pytest.fixture(params=["postgresql", "sqlite"])
def run(request, tmp_path):
    """What takes the lease of one target on behalf of a run, after a first load has made the tables of the marks."""
    world = World(tmp_path, "duckdb", request.param)
    world.write_source([{"k": 1}], {"k": "bigint"})
    world.apply(SPEC)
    loaded = load_spec(world.write_spec(SPEC))
    with open_access(loaded.raise_if_rejected()) as access:
        plan = compile_plan(loaded, access).plan

        @contextmanager
        def hold(
            name: str, together: threading.Barrier, ahead: timedelta = timedelta(0), table: TableName | None = None
        ):
            target = replace(plan.target, table=table or plan.target.table)
            with closing(access.open_target()) as session:
                values = {"run_id": name, "target_table": str(target.table), "pipeline": plan.pipeline}
                steps = Steps(session=session, plan=replace(plan, target=target), values=values)
                persistence = Persistence(policy=plan.retry, stop=StopSignal())
                together.wait(30)
                with hold_lease(steps, lambda: read_clock() + ahead, access.open_target, persistence):
                    yield

        yield world, hold


def race(hold, number: int) -> tuple[Runner, Runner]:
    """Two runs that begin together, after both have ended."""
    together = threading.Barrier(2)
    one, two = (Runner(f"{name}-{number}", hold, together) for name in ("one", "two"))
    one.other, two.other = two, one
    for runner in (one, two):
        runner.start()
    for runner in (one, two):
        runner.join(60)
    return one, two


def check_won_by_one(one: Runner, two: Runner) -> None:
    winner, loser = (one, two) if one.told == "held" else (two, one)
    assert winner.told == "held", (one.told, two.told)
    assert f"t is being loaded by run {winner.name} of pipeline" in loser.told, loser.told


def test_exactly_one_of_two_runs_at_the_same_instant_holds_the_target(run) -> None:
    world, hold = run
    for number in range(ROUNDS):
        check_won_by_one(*race(hold, number))
    assert world.read("SELECT count(*) FROM dmsflow_lease") == [(0,)]


def test_exactly_one_of_two_runs_takes_over_the_lease_of_a_dead_one(run) -> None:
    world, hold = run
    long_ago = datetime(2020, 1, 1)
    for number in range(ROUNDS // 5):
        with world.open("target") as connection:
            dead = f"('t', 'dead', 'twice', 'elsewhere', 1, '{long_ago}', '{long_ago}')"
            connection.execute(f"INSERT INTO dmsflow_lease VALUES {dead}")
            connection.commit()
        check_won_by_one(*race(hold, number))


@pytest.mark.parametrize("run", ["postgresql"], indirect=True)
@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(hours=-1)])
def test_machines_whose_clocks_differ_exclude_each_other(run, ahead) -> None:
    world, hold = run
    with hold("wrong", threading.Barrier(1), ahead):
        [(beaten_at,)] = world.read("SELECT heartbeat_at FROM dmsflow_lease")
    assert abs(beaten_at - read_clock()) < timedelta(seconds=30)
    with world.open("target") as connection:
        now = "clock_timestamp() AT TIME ZONE 'UTC'"
        connection.execute(f"INSERT INTO dmsflow_lease VALUES ('t', 'alive', 'twice', 'elsewhere', 1, {now}, {now})")
        connection.commit()
    with pytest.raises(TargetBusy), hold("wrong", threading.Barrier(1), ahead):
        pass


@pytest.mark.parametrize(
    ("run", "other"),
    [("postgresql", TableName(table="t", schema="public")), ("sqlite", TableName(table="T", schema="main"))],
    indirect=["run"],
)
def test_a_target_by_another_name_is_the_same_target(run, other) -> None:
    _, hold = run
    alone = threading.Barrier(1)
    with hold("one", alone), pytest.raises(TargetBusy, match="loaded by run one"), hold("two", alone, table=other):
        pass
    with hold("two", alone, table=other), pytest.raises(TargetBusy, match="loaded by run two"), hold("one", alone):
        pass
