"""The same loads under pytest-benchmark: ``pytest ci/bench --benchmark-group-by=param:name,param:load``."""

from collections.abc import Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from ci.bench.loads import LOADS, PROGRAMS
from ci.bench.pairs import PAIRS
from ci.bench.sites import Workload, made_workload, open_site

ROWS = 100_000
ORDER = list(LOADS)


@pytest.fixture(scope="module")
def workload() -> Iterator[Workload]:
    """Both days, as every kind of source."""
    with made_workload(ROWS) as made:
        yield made


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("scd", ["1", "2"])
@pytest.mark.parametrize("name", PAIRS)
def test_load(benchmark: BenchmarkFixture, workload: Workload, name: str, scd: str, load: str, program: str) -> None:
    """One load, into a target that the loads before it have filled."""
    run = PROGRAMS[program]
    with open_site(workload, name, [program]) as site:
        for earlier in ORDER[: ORDER.index(load)]:
            site.turn_to(LOADS[earlier])
            run(site.place(program), scd)
            site.rest()
        site.keep(program)
        site.turn_to(LOADS[load])

        def restore() -> None:
            site.restore(program)

        benchmark.pedantic(run, (site.place(program), scd), setup=restore, rounds=3)  # type: ignore[no-untyped-call]
