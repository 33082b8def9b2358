"""SELECTs of PostgreSQL, run by a real server and through the translation: both return the same."""

from decimal import Decimal

import psycopg
import pytest

from dmsflow.diagnostics import Diagnostic
from dmsflow.rehearsal.dialects.postgres_functions import FUNCTIONS
from dmsflow.rehearsal.scratch import open_scratch
from tests.postgres import borrow
from tests.rehearsal.selects import Database, read_yaml, show

FOLDER = "postgres_selects"
SELECTS = read_yaml(FOLDER, "selects")
SERVER_TYPES = {"date with time": "timestamp"}


@pytest.fixture(scope="module")
def databases():
    url = borrow()
    with psycopg.connect(url, autocommit=True) as server, open_scratch() as scratch:
        server.execute("SET TimeZone = 'UTC'")
        for name, table in read_yaml(FOLDER, "tables").items():
            columns = ", ".join(f"{column} {SERVER_TYPES.get(kind, kind)}" for column, kind in table["columns"].items())
            server.execute(f"CREATE TABLE {name} ({columns})")
            marks = ", ".join(["%s"] * len(table["columns"]))
            for row in table["rows"]:
                server.execute(f"INSERT INTO {name} VALUES ({marks})", row)
        # Each test gives the databases back, so that the server answers everything here.
        answers = {sql: [[show(value) for value in row] for row in server.execute(sql).fetchall()] for sql in SELECTS}
        yield answers, Database(FOLDER, "postgres", scratch)


def near(rows: list[list[object]]) -> list[list[object]]:
    """Numbers to the 12 digits behind the point that both keep of a quotient."""
    return [
        [value.quantize(Decimal("1e-12")) if isinstance(value, Decimal) else value for value in row] for row in rows
    ]


@pytest.mark.parametrize("sql", SELECTS, ids=range(1, len(SELECTS) + 1))
def test_a_select_returns_what_the_server_returns(sql, databases):
    answers, duckdb = databases
    assert answers[sql]
    assert near(duckdb.run(sql)) == near(answers[sql])


@pytest.mark.parametrize("case", read_yaml(FOLDER, "refused"), ids=lambda case: case["told"])
def test_what_is_not_covered_is_refused_at_its_word(case, databases):
    problem = databases[1].translate(case["sql"])
    assert isinstance(problem, Diagnostic), problem
    assert case["told"] in problem.message
    assert problem.position is not None, problem
    assert case["sql"][problem.position.column - 1 :].startswith(case["at"]), problem


def test_now_is_the_instant_of_the_run(databases):
    rows = databases[1].run(
        "SELECT now()::timestamp AS a, current_date AS b, current_timestamp::timestamp AS c, localtimestamp AS d"
    )
    assert rows == [["2024-03-15 10:30:00", "2024-03-15", "2024-03-15 10:30:00", "2024-03-15 10:30:00"]]


def test_every_function_that_is_listed_is_in_a_select():
    written = " ".join(SELECTS).upper() + "NOW("
    assert sorted(name for name in FUNCTIONS if f"{name}(" not in written) == []
