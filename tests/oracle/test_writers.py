"""Who may still commit rows (law 17), found in Oracle's catalog: DuckDB runs the question over one of its own."""

import duckdb
import pytest

from dmsflow.engines.oracle_writers import OPEN_SINCE, find_writers
from tests.oracle.parsers import parse_sqlglot

CATALOG = """
CREATE TABLE all_objects (object_id INT, owner TEXT, object_name TEXT);
INSERT INTO all_objects VALUES
    (1, 'SALES', 'ORDERS'), (2, 'SALES', 'ORDERS'), (3, 'SALES', 'LINES'), (4, 'DW', 'ORDERS');
CREATE TABLE all_dependencies (
    owner TEXT, name TEXT, type TEXT, referenced_owner TEXT, referenced_name TEXT, referenced_type TEXT);
INSERT INTO all_dependencies VALUES
    ('SALES', 'OPEN_ORDERS', 'VIEW', 'SALES', 'ORDERS', 'TABLE'),
    ('SALES', 'OPEN_ORDERS', 'VIEW', 'SALES', 'PRICE', 'FUNCTION'),
    ('SALES', 'Both', 'VIEW', 'SALES', 'OPEN_ORDERS', 'VIEW'),
    ('SALES', 'Both', 'VIEW', 'SALES', 'LINES', 'TABLE'),
    ('SALES', 'LINES', 'TRIGGER', 'SALES', 'ORDERS', 'TABLE'),
    ('PUBLIC', 'BOTH_OF_THEM', 'SYNONYM', 'SALES', 'Both', 'VIEW');
CREATE TABLE locked (inst_id INT, session_id INT, object_id INT, oracle_username TEXT, locked_mode INT);
INSERT INTO locked VALUES
    (1, 11, 1, 'WEB', 3), (1, 11, 2, 'WEB', 3), (2, 12, 3, 'JOB', 6), (1, 13, 4, 'DW', 3), (1, 14, 1, 'LOOKS', 2),
    (1, 15, 3, 'WAITS', 0);
CREATE TABLE sessions (inst_id INT, sid INT, "SERIAL#" INT, program TEXT);
INSERT INTO sessions VALUES (1, 11, 70, 'app'), (2, 11, 71, 'other'), (2, 12, 72, NULL), (1, 13, 73, 'dmsflow');
CREATE TABLE dual AS SELECT 1 AS x;
CREATE MACRO sys_context(space, name) AS 'DW';
"""
WEB, JOB, DW = "session 11,70, user WEB, of app", "session 12,72, user JOB", "session 13,73, user DW, of dmsflow"


def ask(names: list[str]) -> list[tuple[str, str]]:
    """The answer of a catalog of DuckDB's: its names have no dollar, its recursion a word of its own."""
    sql = parse_sqlglot(find_writers(names)).sql(dialect="duckdb")
    sql = (
        sql.replace("gv$locked_object", "locked").replace("gv$session", "sessions").replace("WITH ", "WITH RECURSIVE ")
    )
    # What is NULL adds nothing to a text of Oracle's.
    sql = sql.replace("', of ' || s.program END", "', of ' || s.program ELSE '' END")
    with duckdb.connect() as database:
        database.execute(CATALOG)
        return sorted(database.execute(sql).fetchall())


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (['"SALES"."ORDERS"'], [WEB]),
        (["sales.lines"], [JOB]),
        (["orders"], [DW]),
        (['sales."Both"'], [WEB, JOB]),
        (["sales.both"], []),
        (["both_of_them"], [WEB, JOB]),
        (["sales.open_orders", "orders"], [WEB, DW]),
        (["it's.\"x'y\""], []),
        ([], []),
    ],
)
def test_who_writes_into_what_is_read_is_found_and_no_other(names, found):
    """Behind views and synonyms, on every instance; a lock to read, and one that is waited for, is none."""
    assert [who for _, who in ask(names)] == found


def test_one_session_has_one_name_as_long_as_it_lasts():
    assert [writer for writer, _ in ask(["sales.open_orders"])] == ["1.11.70"]


@pytest.mark.parametrize("sql", [OPEN_SINCE, find_writers(["a.b", "c"])])
def test_the_questions_are_oracles(sql):
    assert parse_sqlglot(sql)
