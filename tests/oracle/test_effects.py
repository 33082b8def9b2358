"""``plan --effects`` into Oracle, over the stand-in of its driver: nothing that commits, and nothing left."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import oracledb
import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from dmsflow.cli.app import app
from dmsflow.engines.address import Address
from dmsflow.engines.oracle import OracleEngine
from dmsflow.engines.undoing import Undoing
from dmsflow.errors import PlanRefused
from dmsflow.model.plan import Plan
from dmsflow.model.result import RowCounts, RunStatus
from dmsflow.model.table import TableName
from dmsflow.rehearsal import exact
from tests.laws.test_resume import apply_recorded, break_at
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
Ready = tuple[World, UndoingDriver]
HISTORY = {"type": 2, "deletes": "close"}
MADE = [f"dmsflow_{name}" for name in ("chunk", "checkpoint", "checkpoint_history", "reject", "lease", "gone_T")]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ready]:
    """A target that is loaded once for many tests: effects leave nothing behind, so that none sees another."""
    with pytest.MonkeyPatch.context() as patch:
        world, server = open_world(tmp_path_factory.mktemp("filled"), patch)
        load(world, server, spec())
        before = server.print_tables()
        yield world, server
        assert server.print_tables() == before


@pytest.fixture
def ready(filled: Ready) -> Iterator[Ready]:
    """The same, with what a test makes of the server's answers taken back."""
    _, server = filled
    kept = [*server.answers], {**server.declared}, server.find
    server.calls.clear()
    yield filled
    server.answers, server.declared, server.find = kept  # type: ignore[method-assign]
    server.waiting, server.indexes = [], 0


@pytest.fixture
def own(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Ready:
    """One that a test may load itself."""
    return open_world(tmp_path, monkeypatch)


def open_world(folder: Path, patch: pytest.MonkeyPatch) -> Ready:
    server = UndoingDriver()
    patch.setattr(oracledb, "create_pool", server.create_pool)
    return World(folder, "duckdb", "oracle", servers={"target": URL}), server


def spec(scd: object = HISTORY, **more: object) -> dict:
    """Chunks of seven rows, in which some rows may be refused."""
    guards = {"guards": {"min_rows": 0, "max_close_percent": 100}} if isinstance(scd, dict) else {}
    cut = {"min_rows": 0, "chunk_rows": 7, "workers": 1, "chunk_by": ["k"]}
    return load_spec(scd) | {"parallel": cut, "errors": {"max_rows": 9}} | guards | more


def rows(values: dict[int, str | None]) -> list[dict]:
    return [{"k": k, "v": v} for k, v in values.items()]


def load(world: World, server: UndoingDriver, wanted: dict) -> None:
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


@pytest.mark.parametrize("scd", [HISTORY, {"type": 1, "deletes": "flag"}])
def test_effects_are_those_of_the_run_that_follows_and_nothing_commits(own: Ready, scd):
    world, server = own
    wanted = spec(scd)
    load(world, server, wanted)
    before = server.print_tables()
    told = world.effects(wanted, samples=100)
    assert server.print_tables() == before
    assert [words for words in open_part(server) if not UNDONE.match(words.lstrip())] == []
    assert "commit" not in server.names()
    report = world.apply(wanted)
    assert (told.report.status, told.report.errors) == (report.status, report.errors) == (RunStatus.SUCCEEDED, ())
    assert (told.expected.rows, told.expected.loaded) == (report.rows, RowCounts())
    assert told.report.chunks.total == report.chunks.total > 2
    kinds = ("inserted", "versioned", "updated", "closed")
    counted = {name: count for name in kinds if (count := getattr(report.rows, name))}
    assert {effect.kind: len(effect.samples) for effect in told.effects if effect.samples} == counted
    assert (counted["closed"], report.rows.rejected) == (2, 3)
    assert sorted((reject.reason, reject.row_key) for reject in told.rejects) == [
        ("not_null", '{"k":12}'),
        ("not_null", '{"k":31}'),
        ("too_long", '{"k":32}'),
    ]


def test_all_is_one_transaction_that_begins_when_the_temporary_tables_are_made(ready: Ready):
    """``Connection.autocommit`` is false before its first statement, and until its end."""
    world, server = ready
    assert world.effects(spec()).report.status is RunStatus.SUCCEEDED
    told = server.told()
    first = told.index(open_part(server)[0])
    last = len(told) - told[::-1].index("rollback") - 1
    made = [i for i, words in enumerate(told) if words.startswith("CREATE PRIVATE TEMPORARY TABLE")]
    assert len(made) == 4 and max(made) < first
    assert told[first].startswith('DELETE FROM "ORA$PTT_DMS_'), "tables are emptied, not made anew"
    calls = [(name, detail) for name, detail in server.calls if name != "parse"]
    switches = [(i, on) for i, (name, on) in enumerate(calls) if name == "autocommit"]
    assert [on for i, on in switches if i < first][-1] is False
    assert [on for i, on in switches if first < i < last] == []
    assert told.count("rollback") == 1


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
def test_what_would_need_ddl_is_refused_before_anything_is_done(ready: Ready, lost, change, told):
    world, server = ready
    if lost == ["rows_rewritten"]:
        kept = [it for it in server.declared["dmsflow_chunk"] if it.name not in lost]
        server.declared["dmsflow_chunk"] = kept
    else:
        forget(server, *lost)
    with pytest.raises(PlanRefused, match=r"^DMS413 effects-need-ddl: .* dry-run --sample shows") as refused:
        world.effects(change(spec()))
    for words in told:
        assert words in str(refused.value)
    said = [detail.sql for name, detail in server.calls if name == "execute"]
    assert [sql for sql in said if not ASKS.match(sql)] == []
    assert {"commit", "rollback", "executemany"} & set(server.names()) == set()


def test_an_index_that_stands_is_no_reason(ready: Ready):
    world, server = ready
    server.indexes = 1
    assert world.effects(always(spec())).report.status is RunStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("name", "sql"),
    [("begin_mark", 'TRUNCATE TABLE "DW"."T"'), ("classify", "BEGIN COMMIT; END;"), ("write_checkpoint", "COMMIT")],
)
def test_a_statement_that_would_commit_never_reaches_the_server(ready: Ready, monkeypatch, name: str, sql: str):
    """Whatever a plan may hold."""
    world, server = ready
    keep_standing = exact.keep_standing

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
    assert open_part(server)[-1] != sql


@pytest.mark.parametrize("failing", ['^UPDATE "DW"."dmsflow_chunk"', '^INSERT INTO "DW"."dmsflow_checkpoint" '])
def test_a_failure_in_the_middle_rolls_everything_back(ready: Ready, failing: str):
    world, server = ready
    before = server.print_tables()
    server.answer(failing, error=oracle_error(1653, "unable to extend table DW.T by 128 in tablespace USERS"))
    told = world.effects(spec())
    assert told.report.status in (RunStatus.FAILED, RunStatus.PARTIAL)
    assert "make room in that tablespace" in told.report.errors[0].message
    assert "commit" not in server.names()
    assert "SAVEPOINT dmsflow_undone" in open_part(server)
    assert server.print_tables() == before


def test_where_a_part_cannot_be_undone_nothing_more_is_done(ready: Ready):
    """Counts that go on after that would be others than those of a run."""
    world, server = ready
    before, refusal = server.print_tables(), oracle_error(1086, "savepoint never established")
    server.answer("^ROLLBACK TO SAVEPOINT dmsflow_undone", error=refusal)
    told = world.effects(spec())
    assert "what a part of the run did cannot be undone by itself" in told.report.errors[0].message
    assert open_part(server)[-1] == "ROLLBACK TO SAVEPOINT dmsflow_undone"
    assert server.print_tables() == before


def test_a_session_that_is_lost_is_the_end(ready: Ready):
    """The server undoes what a lost session did; that its rollback cannot be sent says nothing new."""
    world, server = ready
    for pattern in ("^MERGE", "^rollback$", "^ROLLBACK TO"):
        server.answer(pattern, error=oracle_error(3113, "end-of-file on communication channel"))
    told = world.effects(spec())
    assert told.report.status is not RunStatus.SUCCEEDED
    assert "ORA-03113" in told.report.errors[0].message
    assert open_part(server)[-1].startswith("ROLLBACK TO")


def test_constraints_that_wait_are_looked_at_where_a_chunk_ends_and_wait_again(ready: Ready):
    """SET CONSTRAINTS lasts until the transaction ends, or another one: nothing restores what a table declares."""
    world, server = ready
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


def test_what_the_end_of_a_transaction_refuses_is_counted(ready: Ready):
    """A chunk whose end alone is refused is searched for the rows to blame, as after a COMMIT that fails."""
    world, server = ready
    find = server.find

    def refuse(sql: str):
        found = find(sql)
        if sql == "SET CONSTRAINTS ALL IMMEDIATE" and server.run('SELECT 1 FROM "T" WHERE "k" = 1 AND "v" = \'x\''):
            found.error = oracle_error(2291, "integrity constraint (DW.T_FK) violated - parent key not found")
        return found

    server.find = refuse  # type: ignore[method-assign]
    told = world.effects(spec())
    assert told.expected.rows.rejected == 4, told.report
    assert [it.row_key for it in told.rejects if it.reason == "foreign_key"] == ['{"k":1}']


def test_effects_of_a_broken_run_are_those_that_are_left(own: Ready, monkeypatch: pytest.MonkeyPatch):
    """Its plan made the target, which stands since: going on needs no DDL."""
    world, server = own
    world.write_source(rows({k: f"v{k}" for k in range(12)}), COLUMNS)
    with monkeypatch.context() as broken:
        break_at(broken, 2)
        assert apply_recorded(world, spec(1)).chunks.done == 1
    before = server.print_tables()
    server.calls.clear()
    ledger = str(world.folder / "ledger.db")
    words = ["plan", str(world.write_spec(spec(1))), "--effects", "--format", "json", "--ledger", ledger]
    ran = CliRunner().invoke(app, words)
    assert ran.exit_code == 0, ran.stderr
    told = json.loads(ran.stdout)["effects"]["expected"]
    assert told["rows"]["inserted"] + told["loaded"]["inserted"] == 12
    assert told["loaded"]["inserted"] == len(before["T"])
    assert "commit" not in server.names()
    assert server.print_tables() == before


def test_no_transaction_begins_within_another(ready: Ready):
    """Its savepoint would take the place of the other one's, which then went back to the wrong place."""
    _, server = ready
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


def test_a_user_that_may_make_no_temporary_table_is_told(ready: Ready):
    world, server = ready
    server.answer("CREATE PRIVATE TEMPORARY", error=oracle_error(1031, "insufficient privileges"))
    with pytest.raises(PlanRefused, match=r"^DMS412 effects-not-allowed: .* insufficient privileges"):
        world.effects(spec())
    assert "drop" in server.names()
