"""Laws 8, 15, 30: a run whose last commit was done, and its answer lost, ends or goes on with an exact report."""

import pytest

from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.errors import PermanentError, TransientError
from dmsflow.model.result import RunStatus
from tests.laws.test_resume import COLUMNS, ROWS, apply_recorded, spec
from tests.laws.world import World


@pytest.mark.parametrize("again", ["in the same run", "by the next apply"])
def test_keys_that_an_unanswered_end_has_closed_are_in_the_report(again, tmp_path, monkeypatch) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    wanted = spec({"type": 2, "deletes": "close"}, retry={"attempts": 2, "first_delay": "1ms"})
    world.write_source(ROWS, COLUMNS)
    apply_recorded(world, wanted)
    world.write_source(ROWS[:10], COLUMNS)
    commit, struck = DuckDBSession.commit, []
    errors = [TransientError("lost")] * (1 if again == "in the same run" else 2)

    def unanswered(session: DuckDBSession) -> None:
        ends = session.fetch("SELECT 1 FROM dmsflow_checkpoint WHERE run_id = 'second'")
        commit(session)
        if ends and errors:
            struck.append(True)
            raise errors.pop()

    with monkeypatch.context() as lost:
        lost.setattr(DuckDBSession, "commit", unanswered)
        report = apply_recorded(world, wanted, "second")
    if again == "by the next apply":
        assert report.status is RunStatus.PARTIAL
        report = apply_recorded(world, wanted, "third")
    assert struck and (report.run_id, report.status) == ("second", RunStatus.SUCCEEDED)
    assert (report.rows.closed, report.rows.unchanged) == (2, 10)
    assert world.read("SELECT count(*) FROM t WHERE valid_to < '9999-01-01'") == [(2,)]


def test_a_run_that_moved_its_checkpoint_before_it_was_killed_goes_on(tmp_path, monkeypatch) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    wanted = spec(2, checkpoint={"columns": ["k"]})
    world.write_source(ROWS, COLUMNS)
    commit = DuckDBSession.commit

    def killed(session: DuckDBSession) -> None:
        ends = session.fetch("SELECT 1 FROM dmsflow_checkpoint")
        commit(session)
        if ends:
            raise PermanentError("killed")

    with monkeypatch.context() as broken:
        broken.setattr(DuckDBSession, "commit", killed)
        assert apply_recorded(world, wanted).status is RunStatus.PARTIAL
    resumed = apply_recorded(world, wanted, "second")
    assert (resumed.run_id, resumed.status, resumed.rows.inserted) == ("first", RunStatus.SUCCEEDED, 12)
