"""A plan that was saved is applied once, as it was saved, or refused with the reason."""

import json
from pathlib import Path

import duckdb
import pytest

from dmsflow.compiler.saved import read_plan
from tests.flows.shell import PROGRAM, Ran, apply, ask, dmsflow, execute

SPEC = """\
version: 1
pipeline: orders
source: {file: orders.parquet}
target: {connection: dwh, table: orders, kind: fact}
key: [id]
columns:
  id: {type: bigint}
  amount: {type: "decimal(9,2)"}
scd: append
checkpoint: {columns: [id]}
connections: {dwh: "duckdb:///dwh.duckdb"}
"""
ORDERS = "(1, 10.50), (2, 20.25)"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with a spec, its file, and a saved plan for the first load."""
    (tmp_path / "orders.yaml").write_text(SPEC)
    write_orders(tmp_path, ORDERS)
    save_plan(tmp_path)
    return tmp_path


def write_orders(folder: Path, rows: str) -> None:
    with duckdb.connect() as connection:
        given = f"SELECT id::BIGINT AS id, amount::DECIMAL(9,2) AS amount FROM (VALUES {rows}) AS t(id, amount)"
        connection.execute(f"COPY ({given}) TO '{folder / 'orders.parquet'}' (FORMAT parquet)")


def save_plan(folder: Path) -> None:
    ran = dmsflow("plan", "orders.yaml", "--out", "plan.json", cwd=folder)
    assert ran.code == 0, ran.err


def apply_plan(folder: Path) -> Ran:
    return dmsflow("apply", "plan.json", "--format", "json", cwd=folder)


def assert_refused(ran: Ran, code: str) -> None:
    assert ran.code == 3, ran.out
    assert code in ran.err
    assert "Traceback" not in ran.err


def change_target(folder: Path, statement: str) -> None:
    with duckdb.connect(str(folder / "dwh.duckdb")) as connection:
        connection.execute(statement)


def test_a_plan_is_applied_as_it_was_saved(shop: Path):
    assert not (shop / "dwh.duckdb").exists() or ask(shop / "dwh.duckdb", "SHOW TABLES") == []
    ran = apply_plan(shop)
    assert (ran.code, ran.rows) == (0, {"read": 2, "inserted": 2}), ran.err
    assert apply("orders.yaml", cwd=shop).rows == {}


def test_a_plan_is_applied_from_another_folder(shop: Path, tmp_path_factory: pytest.TempPathFactory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert apply(shop / "plan.json", cwd=elsewhere).rows == {"read": 2, "inserted": 2}
    assert list(elsewhere.iterdir()) == []
    assert ask(shop / "dwh.duckdb", "SELECT count(*) FROM orders") == [(2,)]


def test_a_plan_holds_no_secret(shop: Path):
    (shop / "orders.yaml").write_text(SPEC.replace("dwh.duckdb", "${env:ORDERS_DWH}"))
    done = execute("env", "ORDERS_DWH=hush.duckdb", PROGRAM, "plan", "orders.yaml", "--out", "plan.json", cwd=shop)
    assert done.code == 0, done.err
    assert "hush" not in (shop / "plan.json").read_text()


def test_refused_when_applied_twice(shop: Path):
    assert apply_plan(shop).code == 0
    assert_refused(apply_plan(shop), "DMS40")
    assert ask(shop / "dwh.duckdb", "SELECT count(*) FROM orders") == [(2,)]


def test_refused_when_the_spec_has_changed(shop: Path):
    (shop / "orders.yaml").write_text(SPEC.replace("decimal(9,2)", "decimal(11,2)"))
    assert_refused(apply_plan(shop), "DMS401")


def test_refused_when_the_target_has_changed(shop: Path):
    assert apply_plan(shop).code == 0
    write_orders(shop, ORDERS + ", (3, 1.00)")
    save_plan(shop)
    change_target(shop, "ALTER TABLE orders ADD COLUMN note VARCHAR")
    assert_refused(apply_plan(shop), "DMS402")
    assert ask(shop / "dwh.duckdb", "SELECT count(*) FROM orders") == [(2,)]


def test_refused_when_the_checkpoint_has_moved(shop: Path):
    assert apply_plan(shop).code == 0
    write_orders(shop, ORDERS + ", (3, 1.00)")
    save_plan(shop)
    assert apply("orders.yaml", cwd=shop).rows == {"read": 1, "inserted": 1}
    assert_refused(apply_plan(shop), "DMS403")
    assert ask(shop / "dwh.duckdb", "SELECT count(*) FROM orders") == [(3,)]


def test_refused_when_it_was_edited(shop: Path):
    path = shop / "plan.json"
    edited = path.read_text().replace("orders", "others", 1)
    assert edited != path.read_text()
    path.write_text(edited)
    assert_refused(apply_plan(shop), "DMS404")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": 99}', "null"])
def test_refused_when_it_is_no_plan(shop: Path, text: str):
    (shop / "plan.json").write_text(text)
    ran = apply_plan(shop)
    assert ran.code in (1, 2, 3)
    assert ran.err
    assert "Traceback" not in ran.err


def test_a_plan_takes_no_other_parameters(shop: Path):
    ran = dmsflow("apply", "plan.json", "--set", "since=2026-01-01", cwd=shop)
    assert (ran.code, ran.err) == (2, "a plan holds its parameters: give --set to the plan that writes it\n")


def test_a_plan_that_cannot_be_written_is_said(shop: Path):
    ran = dmsflow("plan", "orders.yaml", "--out", "missing/plan.json", cwd=shop)
    wanted = 'error: "missing/plan.json" cannot be written: no such file or directory: name another file\n'
    assert (ran.code, ran.err) == (3, wanted)


def test_refused_with_a_reason_when_the_source_is_gone(shop: Path):
    source = '{connection: src, query: "select id, amount from orders"}'
    spec = SPEC.replace("{file: orders.parquet}", source).replace("{dwh:", '{src: "duckdb:///src.duckdb", dwh:')
    (shop / "orders.yaml").write_text(spec)
    with duckdb.connect(str(shop / "src.duckdb")) as connection:
        connection.execute("CREATE TABLE orders AS SELECT 1::BIGINT AS id, 2::DECIMAL(9,2) AS amount")
    save_plan(shop)
    with duckdb.connect(str(shop / "src.duckdb")) as connection:
        connection.execute("DROP TABLE orders")
    ran = apply_plan(shop)
    assert ran.code == 1
    assert "orders.yaml:3:34: error[DMS306] sql-refused: the source refuses the query" in ran.err


def save_counted(folder: Path) -> Ran:
    ran = dmsflow("plan", "orders.yaml", "--effects", "--out", "plan.json", cwd=folder)
    assert ran.code == 0, ran.err
    return ran


def test_a_plan_that_counts_its_effects_says_nothing_where_the_run_does_that(shop: Path):
    told = save_counted(shop)
    assert "read  inserted" in told.out and "inserted: 2 rows:" in told.out
    assert json.loads((shop / "plan.json").read_text())["expected"]["rows"]["inserted"] == 2
    assert not (shop / "dwh.duckdb").exists()
    ran = apply_plan(shop)
    assert (ran.code, ran.rows, ran.err) == (0, {"read": 2, "inserted": 2}, "")


def test_a_run_that_differs_from_its_plan_is_told(shop: Path):
    save_counted(shop)
    write_orders(shop, "(1, 10.50)")
    ran = apply_plan(shop)
    assert (ran.code, ran.rows) == (0, {"read": 1, "inserted": 1})
    assert "warning[DMS410] effects-differ: the run counts other rows than the plan expects: " in ran.err
    assert "1 read instead of 2, 1 inserted instead of 2" in ran.err
    logged = (shop / ".dmsflow" / "dmsflow.log").read_text()
    assert "effects differ" in logged


def test_counts_that_were_edited_are_refused(shop: Path):
    save_counted(shop)
    path = shop / "plan.json"
    path.write_text(path.read_text().replace('"inserted": 2', '"inserted": 1', 1))
    assert_refused(apply_plan(shop), "DMS404")


def test_counts_are_no_part_of_the_plan(shop: Path):
    plain = read_plan(shop / "plan.json").plan.digest
    save_counted(shop)
    assert read_plan(shop / "plan.json").plan.digest == plain


def test_samples_stay_out_of_the_file(shop: Path):
    told = save_counted(shop)
    assert "20.25" in told.out
    assert "20.25" not in (shop / "plan.json").read_text()
