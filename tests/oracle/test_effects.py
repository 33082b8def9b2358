"""``plan --effects`` into Oracle, over the stand-in of its driver: nothing that commits, and nothing left."""

import re

import oracledb
import pytest
from msgspec.structs import replace

from dmsflow.engines.address import Address
from dmsflow.engines.oracle import OracleEngine
from dmsflow.engines.undoing import Undoing
from dmsflow.errors import PlanRefused
from dmsflow.model.plan import Plan
from dmsflow.model.result import RowCounts, RunStatus
from dmsflow.model.table import TableName
from dmsflow.rehearsal import exact
from tests.laws.world import World
from tests.oracle.driver import oracle_error
from tests.oracle.test_loads import COLUMNS, URL
from tests.oracle.test_loads import spec as load_spec
from tests.oracle.undoing import UndoingDriver

pytestmark = pytest.mark.filterwarnings("ignore:Arrow output on a DB-API result")

UNDONE = re.compile(
    r"SELECT |WITH |INSERT INTO |UPDATE |DELETE FROM |MERGE INTO |SAVEPOINT \w+$|ROLLBACK TO SAVEPOINT \w+$"
    r"|SET CONSTRAINTS .* (IMMEDIATE|DEFERRED)$"
)
"""How a statement begins that a transaction undoes; written once more, so that the gate is not its own judge."""
ASKS = re.compile(r"\s*SELECT |ALTER SESSION SET NLS_")
"""How a statement begins that asks for something, or sets up a new session."""
HISTORY = {"type": 2, "deletes": "close"}
MADE = [f"dmsflow_{name}" for name in ("chunk", "checkpoint", "checkpoint_history", "reject", "lease", "gone_T")]


@pytest.fixture
def server(tmp_path, monkeypatch: pytest.MonkeyPatch) -> UndoingDriver:
    driver = UndoingDriver(tmp_path / "oracle.db")
    monkeypatch.setattr(oracledb, "create_pool", driver.create_pool)
    return driver


@pytest.fixture
def world(server: UndoingDriver, tmp_path) -> World:
    return World(tmp_path, "duckdb", "oracle", servers={"target": URL})


def spec(scd: object = HISTORY, **more: object) -> dict:
    """Chunks of five rows, in which some rows may be refused."""
    guards = {"guards": {"min_rows": 0, "max_close_percent": 100}} if scd == HISTORY else {}
    return load_spec(scd) | {"errors": {"max_rows": 9}} | guards | more


def rows(values: dict[int, str | None]) -> list[dict]:
    return [{"k": k, "v": v} for k, v in values.items()]


def loaded(world: World, server: UndoingDriver, wanted: dict) -> None:
    """Twenty rows in the target, of which the last two will be gone, three changed, and one refused by the table."""
    world.write_source(rows({k: f"v{k}" for k in range(20)}), COLUMNS)
    assert world.apply(wanted).status is RunStatus.SUCCEEDED
    server.run('ALTER TABLE "T" ALTER COLUMN "v" SET NOT NULL')
    after = {k: f"v{k}" for k in range(18)} | {1: "x", 8: "x", 16: "x", 12: None, 30: "new", 31: None, 32: "w" * 50}
    world.write_source(rows(after), COLUMNS)
    server.calls.clear()


def open_part(server: UndoingDriver) -> list[str]:
    """What the driver was told between the first savepoint and the end of everything."""
    told = server.told()
    first = next(i for i, words in enumerate(told) if words.startswith("DELETE FROM") or words.startswith("SAVEPOINT"))
    last = len(told) - told[::-1].index("rollback") - 1
    assert told[last + 1] == "drop", "nobody gets the connection after this"
    return told[first:last]


@pytest.mark.parametrize("scd", [HISTORY, 1, {"type": 1, "deletes": "flag"}, {"type": 2, "deletes": "tombstone"}])
def test_effects_are_those_of_the_run_that_follows_and_nothing_commits(world: World, server: UndoingDriver, scd):
    wanted = spec(scd)
    if isinstance(scd, dict):
        wanted["guards"] = {"min_rows": 0, "max_close_percent": 100}
    loaded(world, server, wanted)
    before = server.print_tables()
    told = world.effects(wanted, samples=100)
    assert server.print_tables() == before
    inside = open_part(server)
    assert [words for words in inside if not UNDONE.match(words.lstrip())] == []
    assert "commit" not in server.names()
    assert {words for words in inside if words.startswith('DELETE FROM "ORA$PTT')}, "tables are emptied, not made"
    assert not [words for words in server.told()[: server.told().index(inside[0])] if words.startswith("INSERT")]
    report = world.apply(wanted)
    assert (told.report.status, told.report.errors) == (report.status, report.errors) == (RunStatus.SUCCEEDED, ())
    assert (told.expected.rows, told.expected.loaded) == (report.rows, RowCounts())
    assert told.report.chunks.total == report.chunks.total > 3
    kinds = ("inserted", "versioned", "updated", "closed")
    counted = {name: count for name in kinds if (count := getattr(report.rows, name))}
    assert {effect.kind: len(effect.samples) for effect in told.effects if effect.samples} == counted
    assert report.rows.rejected == 3
    assert sorted((reject.reason, reject.row_key) for reject in told.rejects) == [
        ("not_null", '{"k":12}'),
        ("not_null", '{"k":31}'),
        ("too_long", '{"k":32}'),
    ]
    assert counted["closed"] == 2 if isinstance(scd, dict) else "closed" not in counted


def test_temporary_tables_are_made_once_and_before_anything_is_open(world: World, server: UndoingDriver):
    loaded(world, server, spec())
    world.effects(spec())
    told = server.told()
    made = [i for i, words in enumerate(told) if words.startswith("CREATE PRIVATE TEMPORARY TABLE")]
    assert len(made) == 4
    assert max(made) < told.index(open_part(server)[0])


def test_the_connection_commits_nothing_by_itself(world: World, server: UndoingDriver):
    """``Connection.autocommit`` is false before the first statement of the transaction, and until its end."""
    loaded(world, server, spec())
    world.effects(spec())
    switches = [(i, detail) for i, (name, detail) in enumerate(server.calls) if name == "autocommit"]
    first = next(
        i for i, (name, it) in enumerate(server.calls) if name == "execute" and it.sql.startswith('DELETE FROM "ORA$')
    )
    assert [on for i, on in switches if i < first][-1] is False
    last = max(i for i, (name, _) in enumerate(server.calls) if name == "rollback")
    assert [on for i, on in switches if first < i < last] == []


def forget(server: UndoingDriver, *tables: str) -> None:
    for table in tables:
        del server.declared[table]


def add_column(wanted: dict) -> dict:
    added = wanted["columns"] | {"w": {"from": "v", "type": "varchar(9)"}}
    return wanted | {"columns": added, "target": wanted["target"] | {"evolve": "add"}}


def always(wanted: dict) -> dict:
    return wanted | {"target": wanted["target"] | {"unique_index": "always"}}


def share(wanted: dict) -> dict:
    return wanted | {"columns": {"k": {}, "v": {"type": "varchar(20)", "scd": 1, "type1": "all"}}}


def keep(wanted: dict) -> dict:
    return wanted


@pytest.mark.parametrize(
    ("lost", "change", "told"),
    [
        (["T", *MADE], keep, ["table DW.T", *(f"table DW.{name}" for name in MADE)]),
        (["T"], keep, ["table DW.T"]),
        (["dmsflow_lease"], keep, ["table DW.dmsflow_lease"]),
        (["dmsflow_gone_T"], keep, ["table DW.dmsflow_gone_T"]),
        ([], add_column, ["w"]),
        ([], always, ["unique index T_current_key"]),
        (["rows_rewritten"], share, ["column rows_rewritten of dmsflow_chunk"]),
    ],
)
def test_what_would_need_ddl_is_refused_before_anything_is_done(
    world: World, server: UndoingDriver, lost, change, told
):
    loaded(world, server, spec())
    if lost == ["rows_rewritten"]:
        kept = [it for it in server.declared["dmsflow_chunk"] if it.name not in lost]
        server.declared["dmsflow_chunk"] = kept
    else:
        forget(server, *lost)
    before = server.print_tables()
    with pytest.raises(PlanRefused, match=r"^DMS413 effects-need-ddl: .* dry-run --sample shows") as refused:
        world.effects(change(spec()))
    for words in told:
        assert words in str(refused.value)
    said = [detail.sql for name, detail in server.calls if name == "execute"]
    assert [sql for sql in said if not ASKS.match(sql)] == []
    assert {"commit", "rollback", "executemany"} & set(server.names()) == set()
    assert server.print_tables() == before


def test_an_index_that_stands_is_no_reason(world: World, server: UndoingDriver):
    loaded(world, server, spec())
    server.indexes = 1
    assert world.effects(always(spec())).report.status is RunStatus.SUCCEEDED


@pytest.mark.parametrize("name", ["begin_mark", "classify", "write_checkpoint"])
@pytest.mark.parametrize("sql", ['TRUNCATE TABLE "DW"."T"', "BEGIN COMMIT; END;", "COMMIT"])
def test_a_statement_that_would_commit_never_reaches_the_server(
    world: World, server: UndoingDriver, monkeypatch: pytest.MonkeyPatch, name: str, sql: str
):
    """Whatever a plan may hold."""
    loaded(world, server, spec())
    before, keep_standing = server.print_tables(), exact.keep_standing

    def spoil(plan: Plan, access) -> Plan:
        plan = keep_standing(plan, access)
        spoiled = (replace(it, sql=sql, binds=()) if it.name == name else it for it in plan.statements)
        return replace(plan, statements=tuple(spoiled))

    monkeypatch.setattr(exact, "keep_standing", spoil)
    told = world.effects(spec())
    assert told.report.status is not RunStatus.SUCCEEDED
    assert f"Oracle would commit what is to be undone, so this was not sent: {sql}" in told.report.errors[0].message
    assert sql not in server.told()
    assert "commit" not in server.names()
    assert server.told()[-3:-1] == ["rollback", "drop"] or "rollback" in server.names()
    assert server.print_tables() == before


@pytest.mark.parametrize("failing", ['^UPDATE "DW"."dmsflow_chunk"', '^INSERT INTO "DW"."dmsflow_checkpoint" '])
def test_a_failure_in_the_middle_rolls_everything_back(world: World, server: UndoingDriver, failing: str):
    loaded(world, server, spec())
    before = server.print_tables()
    server.answer(failing, error=oracle_error(1653, "unable to extend table DW.T by 128 in tablespace USERS"))
    told = world.effects(spec())
    assert told.report.status in (RunStatus.FAILED, RunStatus.PARTIAL)
    assert "make room in that tablespace" in told.report.errors[0].message
    assert "commit" not in server.names()
    open_part(server)
    assert server.print_tables() == before


def test_where_a_part_cannot_be_undone_nothing_more_is_done(world: World, server: UndoingDriver):
    """Counts that go on after that would be others than those of a run."""
    loaded(world, server, spec())
    before = server.print_tables()
    server.answer("^ROLLBACK TO SAVEPOINT dmsflow_undone", error=oracle_error(1086, "savepoint never established"))
    told = world.effects(spec())
    assert "what a part of the run did cannot be undone by itself" in told.report.errors[0].message
    assert server.told()[-2:] != ["commit"]
    assert server.print_tables() == before


def test_a_session_that_is_lost_ends_it_without_a_word_of_the_end(world: World, server: UndoingDriver):
    """The server undoes what a lost session did; that its rollback cannot be sent says nothing new."""
    loaded(world, server, spec())
    for pattern in ("^MERGE", "^rollback$", "^ROLLBACK TO"):
        server.answer(pattern, error=oracle_error(3113, "end-of-file on communication channel"))
    told = world.effects(spec())
    assert told.report.status is not RunStatus.SUCCEEDED
    assert "ORA-03113" in told.report.errors[0].message or "DPY-4011" in told.report.errors[0].message
    assert server.names()[-1] in ("close_pool", "release") or "drop" in server.names()


def test_constraints_that_wait_are_looked_at_where_a_chunk_ends_and_wait_again(world: World, server: UndoingDriver):
    """SET CONSTRAINTS lasts until the transaction ends, or another one: nothing restores what a table declares."""
    loaded(world, server, spec())
    server.waiting = [("DW", "T_FK"), ("DW", "Line")]
    told = world.effects(spec())
    assert told.report.status is RunStatus.SUCCEEDED
    inside = open_part(server)
    looks = [i for i, words in enumerate(inside) if words == "SET CONSTRAINTS ALL IMMEDIATE"]
    assert len(looks) > told.report.chunks.total
    again = 'SET CONSTRAINTS "DW"."T_FK", "DW"."Line" DEFERRED'
    ends = [i for i, words in enumerate(inside) if words == "ROLLBACK TO SAVEPOINT dmsflow_undone"]
    assert all(inside[i + 1] == again for i in ends)
    begins = [i for i, words in enumerate(inside) if words == "SAVEPOINT dmsflow_undone"]
    for begin in begins[1:]:
        before = [words for words in inside[:begin] if words.startswith("SET CONSTRAINTS")]
        assert before[-1] == again


def test_what_the_end_of_a_transaction_refuses_is_counted(world: World, server: UndoingDriver):
    """A chunk whose end is refused is searched for the rows that are to blame, as after a COMMIT that fails."""
    world.write_source(rows({k: f"v{k}" for k in range(20)}), COLUMNS)
    wanted = spec(1)
    assert world.apply(wanted).status is RunStatus.SUCCEEDED
    world.write_source(rows({k: f"v{k}" for k in range(20)} | {7: "orphan"}), COLUMNS)
    find = server.find

    def refuse(sql: str):
        found = find(sql)
        if sql == "SET CONSTRAINTS ALL IMMEDIATE" and server.run('SELECT 1 FROM "T" WHERE "v" = \'orphan\''):
            found.error = oracle_error(2291, "integrity constraint (DW.T_FK) violated - parent key not found")
        return found

    server.find = refuse  # type: ignore[method-assign]
    told = world.effects(wanted)
    assert (told.expected.rows.rejected, told.expected.rows.unchanged) == (1, 19), told.report
    assert [(it.reason, it.row_key) for it in told.rejects] == [("foreign_key", '{"k":7}')]
    assert server.run('SELECT count(*) FROM "T" WHERE "v" = \'orphan\'') == [(0,)]


def test_no_transaction_begins_within_another(server: UndoingDriver):
    """Its savepoint would take the place of the other one's, which then went back to the wrong place."""
    engine = OracleEngine(Address(name="dwh", scheme="oracle", url=URL, pipeline="p"))
    undone = engine.open_undone(Undoing(table=TableName(table="T", schema="DW")))
    one, other = undone.connect(), undone.connect()
    one.begin()
    with pytest.raises(AssertionError, match="within another one"):
        other.begin()
    other.rollback()
    one.commit()
    other.begin()
    other.close()
    undone.close()
    engine.close()
    assert [words for words in server.told() if "SAVEPOINT" in words] == [
        "SAVEPOINT dmsflow_undone",
        "SAVEPOINT dmsflow_undone",
        "ROLLBACK TO SAVEPOINT dmsflow_undone",
    ]


def test_a_user_that_may_make_no_temporary_table_is_told(world: World, server: UndoingDriver):
    loaded(world, server, spec())
    server.answer("CREATE PRIVATE TEMPORARY", error=oracle_error(1031, "insufficient privileges"))
    with pytest.raises(PlanRefused, match=r"^DMS412 effects-not-allowed: .* insufficient privileges"):
        world.effects(spec())
    assert "drop" in server.names()
