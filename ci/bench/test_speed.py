"""The same loads under pytest-benchmark: ``pytest ci/bench --benchmark-group-by=param:kind,param:load``."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from ci.bench.loads import LOADS, PROGRAMS, made_workload, point_to
from ci.bench.programs import KINDS

ROWS = 100_000
ORDER = list(LOADS)


@pytest.fixture(scope="module")
def workload() -> Iterator[Path]:
    """Both days, as every kind of source."""
    with made_workload(ROWS) as folder:
        yield folder


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("scd", ["1", "2"])
@pytest.mark.parametrize("kind", KINDS)
def test_load(
    benchmark: BenchmarkFixture, workload: Path, tmp_path: Path, kind: str, scd: str, load: str, program: str
) -> None:
    """One load, into a target that the loads before it have filled."""
    run = PROGRAMS[program]
    target, before = tmp_path / "target", tmp_path / "before"
    target.mkdir()
    for earlier in ORDER[: ORDER.index(load)]:
        run(target, point_to(workload / f"{LOADS[earlier]}.{kind}"), scd)
    target.rename(before)

    def restore() -> None:
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(before, target)

    source = point_to(workload / f"{LOADS[load]}.{kind}")
    benchmark.pedantic(run, (target, source, scd), setup=restore, rounds=3)  # type: ignore[no-untyped-call]
