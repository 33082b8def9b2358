"""SQL of a spec, asked of a real source: all that it refuses at once, and nothing that was not read before."""

from pathlib import Path

import duckdb
import pytest

from dmsflow.compiler.compile import compile_plan
from dmsflow.compiler.load import load_spec
from dmsflow.engines.access import open_access
from dmsflow.errors import SpecRejected
from dmsflow.events import forget_secrets, register_secret
from tests.unit.compiler.test_table_rules import HEAD, SOURCE, TARGET, find_problems, write_head


def test_all_that_the_source_refuses_is_said_at_once(tmp_path: Path):
    spec = HEAD.replace("table: orders}\ntarget", 'table: orders, where: "activ = 1"}\ntarget')
    columns = "columns:\n  order_id:\n  a: {expr: nothing}\n  b: {expr: nowhere}\n  c: {from: custmer}\n"
    problems = find_problems(tmp_path, SOURCE, "", spec + columns)
    found = [problem.path for problem in problems]
    assert found == [("columns", "c", "from"), ("columns", "a", "expr"), ("columns", "b", "expr"), ("source", "where")]


HIDING = HEAD.replace("duckdb:///source.db", "${env:SOURCE_URL}")
STACKED = "select 1 as order_id) as src; drop table orders; select * from (select 1 as order_id"


@pytest.mark.parametrize(
    ("part", "head", "message"),
    [
        (f'query: "{STACKED}"', "4:55 error DMS260", 'query cannot be read at ")"'),
        (
            'table: orders, where: "1 = 1); drop table orders; select (1"',
            "4:55 error DMS260",
            'where cannot be read at ")"',
        ),
    ],
    ids=["query", "where"],
)
def test_sql_of_a_hidden_database_is_read_before_it_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, head: str, message: str
):
    monkeypatch.setenv("SOURCE_URL", "duckdb:///target.db")
    file = tmp_path / "orders.yaml"
    file.write_text(HIDING.replace("table: orders}\ntarget", f"{part}}}\ntarget"), encoding="utf-8")
    with duckdb.connect(str(tmp_path / "target.db")) as connection:
        connection.execute(TARGET)
    loaded = load_spec(file)
    with open_access(loaded.raise_if_rejected()) as access, pytest.raises(SpecRejected) as raised:
        compile_plan(loaded, access)
    (problem,) = raised.value.diagnostics
    assert (write_head(problem), problem.message) == (head, message)
    assert problem.help == "correct the SQL; it is read as duckdb"
    with duckdb.connect(str(tmp_path / "target.db")) as connection:
        assert connection.execute("select table_name from duckdb_tables()").fetchall() == [("orders",)]


def test_the_words_of_a_database_are_shown_without_secrets(tmp_path: Path):
    register_secret("hunter2")
    try:
        spec = HEAD + "columns:\n  order_id:\n  a: {expr: hunter2}\n"
        (problem,) = find_problems(tmp_path, SOURCE, "", spec)
        assert 'Referenced column "***" not found' in problem.message
        assert "hunter2" not in problem.message
    finally:
        forget_secrets()


def test_a_query_takes_its_own_parameters_alone(tmp_path: Path):
    query = "select order_id from orders where order_id > ${param:ab}"
    source = f'{{connection: src, query: "{query}", where: "order_id < ${{param:a}}"}}'
    params = "params: {a: {type: integer, default: 5}, ab: {type: integer, default: 3}}\n"
    spec = HEAD.replace("{connection: src, table: orders}", source) + params
    assert find_problems(tmp_path, SOURCE, "", spec) == ()
