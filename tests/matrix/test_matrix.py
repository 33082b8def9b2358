"""Laws 18 to 29, case by case: every engine stores what is written down, and the page tells what is stored."""

from pathlib import Path

import pytest

from tests import postgres
from tests.laws.world import World
from tests.matrix.cases import ELSEWHERE, Ran, read_cases
from tests.matrix.page import LAWS, PAGE, write_page
from tests.matrix.rehearsed import run_case
from tests.matrix.stored import in_groups, run_group

CASES = list(read_cases())


def wrong(ran: list[Ran]) -> dict[str, list[str]]:
    """The cases that are not as expected."""
    found = {run.case.test.name: list(run.differences()) for run in ran}
    return {name: told for name, told in found.items() if told}


def test_every_law_has_cases():
    counts = {law: sum(case.law == law for case in CASES) for law in LAWS}
    assert set(counts) == {case.law for case in CASES}
    assert min(counts.values()) >= 2, counts


def test_the_first_case_of_each_spec_alone(tmp_path: Path):
    """As `dmsflow test` runs them, counts and all; ci/matrix runs every one so."""
    first = {case.spec: case for case in reversed(CASES)}
    assert wrong([run_case(case, tmp_path) for case in first.values()]) == {}


@pytest.mark.parametrize("engine", ["duckdb", "sqlite", "postgresql"])
def test_all_cases_and_the_page_tells_what_is_stored(engine: str, tmp_path: Path):
    url = postgres.borrow() if engine == "postgresql" else None
    world = World(tmp_path, engine, engine, {"source": url, "target": url} if url else None)
    groups = in_groups(case for case in CASES if (engine, case.title) not in ELSEWHERE)
    ran = [run for group in groups for run in run_group(group, world)]
    assert wrong(ran) == {}
    if engine == "duckdb":
        places = [case.test.name for case in CASES]
        ran.sort(key=lambda run: places.index(run.case.test.name))
        assert PAGE.read_text(encoding="utf-8") == write_page(ran), "run ci/matrix"
