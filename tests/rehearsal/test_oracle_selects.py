"""SELECTs as they are written for Oracle, each run on DuckDB, with the rows that Oracle documents; and refused ones."""

import pytest

from dmsflow.diagnostics import Diagnostic
from dmsflow.errors import DmsflowError
from dmsflow.rehearsal.dialects.oracle_functions import FUNCTIONS
from dmsflow.rehearsal.scratch import open_scratch
from tests.rehearsal.selects import HERE, Database, read_yaml, show

FOLDER = "oracle_selects"
THEMES = [file.stem for file in sorted((HERE / FOLDER).glob("*.yaml")) if file.stem not in ("tables", "refused")]
SELECTS = [
    pytest.param(case["sql"], case["rows"], id=f"{theme}-{number}")
    for theme in THEMES
    for number, case in enumerate(read_yaml(FOLDER, theme), 1)
]


@pytest.fixture(scope="module")
def oracle():
    with open_scratch() as scratch:
        yield Database(FOLDER, "oracle", scratch)


@pytest.mark.parametrize(("sql", "rows"), SELECTS)
def test_a_select_returns_what_oracle_returns(sql, rows, oracle):
    assert oracle.run(sql) == [[show(value) for value in row] for row in rows]


@pytest.mark.parametrize("case", read_yaml(FOLDER, "refused"), ids=lambda case: case["told"])
def test_what_is_not_covered_is_refused_at_its_word(case, oracle):
    problem = oracle.translate(case["sql"])
    assert isinstance(problem, Diagnostic), problem
    assert case["told"] in problem.message
    assert problem.code == "DMS330"
    assert problem.position is not None, problem
    at = problem.position.column - 1
    assert case["sql"][at:].startswith(case["at"]), case["sql"][at:]


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT 1 / 0 x FROM dual", "ORA-01476"),
        ("SELECT TO_NUMBER('12a') x FROM dual", "ORA-01722"),
        ("SELECT TO_NUMBER('123456', '999') x FROM dual", "ORA-01722"),
        ("SELECT TO_DATE('2024-02-30', 'YYYY-MM-DD') x FROM dual", "2024-2-30"),
        ("SELECT TO_DATE('2024-01-01x', 'YYYY-MM-DD') x FROM dual", "does not read"),
        ("SELECT TO_DATE('2024-01-01 24:00', 'YYYY-MM-DD HH24:MI') x FROM dual", "ORA-01850"),
        ("SELECT TO_DATE('13:00 PM', 'HH:MI PM') x FROM dual", "ORA-01849"),
        ("SELECT DATE '2024-01-31' + INTERVAL '1' MONTH x FROM dual", "ORA-01839"),
        ("SELECT SQRT(-1) x FROM dual", "ORA-01428"),
        ("SELECT POWER(3, 40) x FROM dual", "fifteen digits"),
        ("SELECT CHR(228) x FROM dual", "character set"),
        ("SELECT CAST(12345 AS NUMBER(3)) x FROM dual", "DECIMAL(3,0)"),
        ("SELECT (SELECT id FROM employees) x FROM dual", "More than one row"),
    ],
)
def test_what_oracle_refuses_at_run_time_is_an_error_here(sql, told, oracle):
    with pytest.raises(DmsflowError, match=told.replace("(", r"\(").replace(")", r"\)")):
        oracle.run(sql)


def test_every_function_that_is_listed_is_in_a_select():
    written = " ".join(str(case.values[0]).upper() for case in SELECTS)
    assert sorted(name for name in FUNCTIONS if f"{name}(" not in written) == []
