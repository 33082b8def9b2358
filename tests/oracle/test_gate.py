"""What may reach an Oracle whose open transaction is going to be undone: what is listed, and nothing else."""

import pytest

from dmsflow.engines.oracle_gate import Gate, GatedConnection, is_undone
from dmsflow.engines.oracle_session import DISABLE, ENABLE, EXPORT, READ_ONLY
from dmsflow.engines.oracle_undone import CHECK, OPENED, UNDO
from dmsflow.errors import PermanentError
from dmsflow.model.plan import DEFINE, DISCARD
from tests.oracle.conftest import Open
from tests.oracle.driver import FakeDriver
from tests.oracle.shapes import SHAPES, plan_of

PASS = [
    "SELECT 1 FROM dual",
    "\n  select\n*\nfrom t",
    "-- why\nSELECT 1 FROM dual",
    "--\r\n/* one */ -- two\n/* DROP TABLE t */ INSERT /*+ x */ INTO t VALUES (1)",
    "WITH q AS (SELECT 1 FROM dual) SELECT * FROM q",
    'with "FUNCTION" as (select 1 from dual) select * from "FUNCTION"',
    "UPDATE t SET a = 'COMMIT'",
    "DELETE FROM t",
    "MERGE INTO t USING s ON (t.k = s.k) WHEN MATCHED THEN UPDATE SET a = 1",
    f"SAVEPOINT {OPENED}",
    UNDO,
    "ROLLBACK TO SAVEPOINT dmsflow_part",
    CHECK,
    'SET CONSTRAINTS "DW"."T_FK", "DW"."it""s" DEFERRED',
    EXPORT,
]
REFUSED = [
    "",
    "   -- nothing",
    "COMMIT",
    "COMMIT WORK",
    "ROLLBACK",
    "ROLLBACK TO SAVEPOINT",
    "ROLLBACK WORK",
    "ROLLBACK TO SAVEPOINT a; COMMIT",
    "SAVEPOINT a\nCOMMIT",
    "CREATE TABLE t (a NUMBER)",
    "create private temporary table ora$ptt_a (a number) on commit preserve definition",
    "ALTER TABLE t ADD (b NUMBER)",
    "ALTER SESSION SET NLS_SORT = BINARY",
    "DROP TABLE t",
    "TRUNCATE TABLE t",
    "GRANT SELECT ON t TO u",
    "ANALYZE TABLE t COMPUTE STATISTICS",
    "EXPLAIN PLAN FOR SELECT 1 FROM dual",
    "LOCK TABLE t IN EXCLUSIVE MODE",
    "CALL p()",
    "BEGIN COMMIT; END;",
    "DECLARE a NUMBER; BEGIN NULL; END;",
    "<<here>> BEGIN NULL; END;",
    "SET TRANSACTION NAME 'a'",
    "SET ROLE r",
    "SET CONSTRAINTS ALL",
    "SET CONSTRAINTS ALL IMMEDIATE; COMMIT",
    "SELECTED",
    "(SELECT 1 FROM dual)",
    "/* SELECT */ DROP TABLE t",
    "/* SELECT",
    "-- SELECT\nDROP TABLE t",
    "-- a line break that only some see\rSELECT 1\nDROP TABLE t",
    "WITH FUNCTION f RETURN NUMBER IS BEGIN RETURN 1; END; SELECT f FROM dual",
    "WITH /* so */ PROCEDURE p IS BEGIN NULL; END; SELECT 1 FROM dual",
    ENABLE,
    DISABLE,
    READ_ONLY,
]


@pytest.mark.parametrize("sql", PASS)
def test_what_is_undone_passes(sql: str):
    assert is_undone(sql)


@pytest.mark.parametrize("sql", REFUSED)
def test_all_else_is_refused(sql: str):
    assert not is_undone(sql)


@pytest.mark.parametrize("shape", [shape.name for shape in SHAPES if not shape.reads])
def test_of_every_plan_no_more_is_refused_than_what_makes_something(shape: str):
    """No statement of a load is kept back, and none that makes a table or a column is let through."""
    plan = plan_of(shape)
    for statement in (*plan.ddl, *plan.statements):
        if statement.side == "target":
            makes = statement in plan.ddl or statement.name.startswith((DEFINE, DISCARD, "add_"))
            makes = makes and statement.name != "add_unknown"
            assert is_undone(statement.sql) is not makes, statement
    assert is_undone(plan.clock)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def gated(driver: FakeDriver, opened: Open, gate: Gate) -> GatedConnection:
    connection = GatedConnection(opened().acquire(), gate)
    driver.calls.clear()
    return connection


CALLS = {
    "execute": lambda connection, sql: connection.cursor().execute(sql),
    "executemany": lambda connection, sql: connection.cursor().executemany(sql, []),
    "parse": lambda connection, sql: connection.cursor().parse(sql),
    "fetch_df_batches": lambda connection, sql: connection.fetch_df_batches(sql),
}


@pytest.mark.parametrize("call", CALLS)
def test_what_is_refused_is_never_sent_and_nothing_is_after_it(gated: GatedConnection, driver: FakeDriver, call: str):
    for sql in ("/* a */ TRUNCATE TABLE t", "SELECT 1 FROM dual"):
        with pytest.raises(PermanentError, match=r"Oracle would commit .* TRUNCATE TABLE t"):
            CALLS[call](gated, sql)
    assert driver.calls == []


def test_a_gate_has_no_other_way_to_the_driver(gated: GatedConnection):
    """Neither a commit, nor the switch that makes one of every statement, nor whatever else a driver may do."""
    for name in ("commit", "rollback", "begin", "tpc_commit", "callproc", "direct_path_load", "fetch_df_all", "close"):
        assert not hasattr(gated, name), name
        assert not hasattr(gated.cursor(), name) or name == "close", name
    with pytest.raises(AttributeError):
        gated.autocommit = True  # type: ignore[attr-defined]


def test_a_cursor_is_the_drivers(gated: GatedConnection, driver: FakeDriver):
    driver.answer("SELECT", rows=[(1,)], rowcount=7)
    with gated.cursor() as cursor:
        cursor.arraysize = 5
        cursor.execute("SELECT 1 FROM dual")
        assert (cursor.arraysize, cursor.rowcount, cursor.fetchall()) == (5, 7, [(1,)])
    assert gated.is_healthy()
