"""Specs against real DuckDB tables: every DMS3xx once, with its words, its line and its column."""

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import psycopg
import pytest

from dmsflow.codes.tables import TABLES
from dmsflow.compiler.compile import compile_plan
from dmsflow.compiler.load import load_spec
from dmsflow.diagnostics import Diagnostic
from dmsflow.engines.access import open_access
from dmsflow.errors import SpecRejected
from dmsflow.model.result import RunReport
from dmsflow.runtime.apply import apply_plan
from tests import postgres

SOURCE = "create table orders (order_id bigint, customer varchar, amount decimal(12,2), changed_at timestamp)"
TARGET = "create table orders (order_id bigint, customer varchar, inserted_at timestamp, modified_at timestamp)"
HEAD = """\
version: 1
pipeline: orders
connections: {src: "duckdb:///source.db", dwh: "duckdb:///target.db"}
source: {connection: src, table: orders}
target: {connection: dwh, table: orders}
key: [order_id]
scd: 1
"""

Case = tuple[str, str, str, str, str, str]
"""Source DDL, target DDL, spec, the diagnostic's head (position, severity, code), its message, its help."""

CASES: dict[str, Case] = {
    "column": (
        SOURCE,
        "",
        HEAD + "columns:\n  order_id:\n  customer: {from: custmer}\n",
        "10:20 error DMS301",
        'column "custmer" is not in src: orders',
        'did you mean "customer"?',
    ),
    "column of its own name": (
        SOURCE,
        "",
        HEAD + "columns:\n  order_id:\n  region:\n",
        "10:3 error DMS301",
        'column "region" is not in src: orders',
        "the source has: order_id, customer, amount, changed_at",
    ),
    "key without columns": (
        SOURCE,
        "",
        HEAD.replace("[order_id]", "[ordr_id]"),
        "6:7 error DMS301",
        'column "ordr_id" is not in src: orders',
        'did you mean "order_id"?',
    ),
    "business time": (
        SOURCE,
        "",
        HEAD.replace("scd: 1", "scd: {type: 2, effective_at: changed}"),
        "7:30 error DMS301",
        'column "changed" is not in src: orders',
        'did you mean "changed_at"?',
    ),
    "guard": (
        f"{SOURCE}; insert into orders (order_id) select * from range(9)",
        "",
        HEAD + "guards: {min_rows: 10}\n",
        "8:20 warning DMS346",
        "a run is refused: the source has about 9 rows, and guards.min_rows is 10",
        "check the source; to let one run pass: --allow min_rows",
    ),
    "order": (
        SOURCE,
        "",
        HEAD.replace("scd: 1", "scd: {type: 1, duplicates: last, order_by: [seq]}"),
        "7:45 error DMS301",
        'column "seq" is not in src: orders',
        "the source has: order_id, customer, amount, changed_at",
    ),
    "checkpoint": (
        SOURCE,
        "",
        HEAD + "checkpoint:\n  columns: [changd_at]\n",
        "9:13 error DMS301",
        'column "changd_at" is not in src: orders',
        'did you mean "changed_at"?',
    ),
    "name of an engine column": (
        "create table orders (order_id bigint, valid_from timestamp)",
        "",
        HEAD.replace("scd: 1", "scd: 2"),
        "4:1 error DMS302",
        'source column "valid_from" has the name of an engine column of the target',
        "list the columns and rename it, or rename the engine column under scd.fields",
    ),
    "type without a word": (
        "create table orders (order_id bigint, tags integer[])",
        "",
        HEAD + "columns:\n  order_id:\n  tags:\n",
        "10:3 error DMS303",
        'column "tags" has the type INTEGER[], which is not supported',
        'cast it, such as {expr: "cast(tags as varchar)", type: text}',
    ),
    "narrowing": (
        SOURCE,
        "",
        HEAD + "columns:\n  order_id:\n  amount: {type: integer}\n",
        "10:3 warning DMS304",
        'column "amount" narrows decimal(12,2) to integer',
        "values that do not fit are rejected; decimals are rounded to the scale",
    ),
    "no such table": (
        SOURCE,
        "",
        HEAD.replace("src, table: orders", "src, table: ordres"),
        "4:34 error DMS305",
        'there is no table or view "ordres" in connection "src"',
        "check schema and name, and that the user may read it",
    ),
    "no target": (
        SOURCE,
        "",
        HEAD.replace("dwh, table: orders", "dwh, table: orders, create: false"),
        "5:34 error DMS307",
        'target table "orders" does not exist and create is false',
        "create it first, or set create: true",
    ),
    "a view": (
        SOURCE,
        TARGET + "; alter table orders rename to orders_t; create view orders as select * from orders_t",
        HEAD + "columns:\n  order_id:\n  customer:\n",
        "5:34 error DMS317",
        'target "orders" is a view',
        "name the table that it reads, or a new one",
    ),
    "column not in the target": (
        SOURCE,
        TARGET,
        HEAD + "columns:\n  order_id:\n  customer:\n  amount:\n",
        "11:3 error DMS308",
        'column "amount" is not in target table orders',
        "set target.evolve: add, or remove the column",
    ),
    "key not in the target": (
        SOURCE + "; alter table orders add column code bigint",
        TARGET,
        HEAD.replace("table: orders}\nkey: [order_id]", "table: orders, evolve: add}\nkey: [code]")
        + "columns:\n  code:\n  customer:\n",
        "6:7 error DMS308",
        'key column "code" is not in target table orders',
        "a key cannot be added to rows that are there already: name the column they have",
    ),
    "another type": (
        SOURCE,
        TARGET,
        HEAD + "columns:\n  order_id: {type: integer}\n  customer:\n",
        "9:20 error DMS309",
        'column "order_id" is bigint in orders, the spec says integer',
        "write bigint, or change the table first",
    ),
    "not null": (
        SOURCE,
        TARGET.replace("customer varchar", "customer varchar, region varchar not null"),
        HEAD + "columns:\n  order_id:\n  customer:\n",
        "8:1 error DMS310",
        'target column "region" is NOT NULL and the spec does not fill it',
        "add it to columns, or drop the constraint from orders",
    ),
    "computed": (
        SOURCE,
        TARGET.replace("customer varchar", "customer varchar, loud varchar generated always as (upper(customer))"),
        HEAD + "columns:\n  order_id:\n  customer:\n  loud: {from: customer}\n",
        "11:3 error DMS340",
        'column "loud" of orders is computed by the database',
        "leave it out of columns, or of scd.fields; an identity may be declared GENERATED BY DEFAULT",
    ),
    "engine column": (
        SOURCE,
        TARGET.replace(", modified_at timestamp", ""),
        HEAD + "columns:\n  order_id:\n  customer:\n",
        "7:1 error DMS311",
        'engine column "modified_at" is not in target table orders',
        "name the table's own column under scd.fields, or load into a new table",
    ),
    "number as a time": (
        SOURCE,
        "",
        HEAD.replace("scd: 1", "scd: {type: 2, effective_at: amount}"),
        "7:30 error DMS312",
        'effective_at "amount" is of type decimal(12,2), not a date or timestamp',
        "name a column that carries the business time",
    ),
    "settle of a number": (
        SOURCE,
        "",
        HEAD + "checkpoint: {columns: [order_id], settle: 10m}\n",
        "8:43 error DMS312",
        'settle needs a timestamp, but checkpoint column "order_id" is of type bigint',
        "remove settle, or name a timestamp column first",
    ),
    "order of a float": (
        "create table orders (order_id bigint, score double)",
        "",
        HEAD + "checkpoint: {columns: [score]}\n",
        "8:24 error DMS313",
        'checkpoint column "score" is of type double, which has no exact order',
        "name an integer, decimal, date, timestamp or text column",
    ),
    "reserved": (
        "create table orders (order_id bigint, _dms_class varchar)",
        "",
        HEAD,
        "4:1 error DMS315",
        'column name "_dms_class" is reserved for the engine',
        'load it under another name: {new_name: {from: "_dms_class"}}',
    ),
}


def find_problems(folder: Path, source: str, target: str, spec: str) -> tuple[Diagnostic, ...]:
    """What the compiler says of a spec against these tables."""
    for name, ddl in (("source.db", source), ("target.db", target)):
        with duckdb.connect(str(folder / name)) as connection:
            connection.execute(ddl or "select 1")
    file = folder / "orders.yaml"
    file.write_text(spec, encoding="utf-8")
    loaded = load_spec(file)
    assert loaded.diagnostics == ()
    with open_access(loaded.raise_if_rejected(), read_only=True) as access:
        try:
            return compile_plan(loaded, access).diagnostics
        except SpecRejected as error:
            return error.diagnostics


def write_head(problem: Diagnostic) -> str:
    at = problem.position
    assert at is not None
    return f"{at.line}:{at.column} {problem.severity} {problem.code}"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_spec_that_does_not_fit_its_tables(tmp_path: Path, case: Case):
    source, target, spec, head, message, help = case
    problems = find_problems(tmp_path, source, target, spec)
    assert [(write_head(problem), problem.message, problem.help) for problem in problems] == [(head, message, help)]


@pytest.mark.parametrize(
    ("spec", "head", "message"),
    [
        (
            HEAD.replace("table: orders}\ntarget", 'query: "select nothing from orders"}\ntarget'),
            "4:34 error DMS306",
            'the source refuses the query: Binder Error: Referenced column "nothing" not found',
        ),
        (
            HEAD.replace("table: orders}\ntarget", 'table: orders, where: "activ = 1"}\ntarget'),
            "4:49 error DMS306",
            'the source refuses the predicate: Binder Error: Referenced column "activ" not found',
        ),
        (
            HEAD + "columns:\n  order_id:\n  name: {expr: 'upper(nam)'}\n",
            "10:16 error DMS306",
            'the source refuses the expression: Binder Error: Referenced column "nam" not found',
        ),
    ],
    ids=["query", "where", "expression"],
)
def test_sql_that_the_source_refuses_is_told_in_its_words(tmp_path: Path, spec: str, head: str, message: str):
    (problem,) = find_problems(tmp_path, SOURCE, "", spec)
    assert write_head(problem) == head
    assert problem.message.startswith(message)
    assert "\n" not in problem.message


def test_a_table_has_room_for_so_many_columns(tmp_path: Path):
    names = ", ".join(f"c{i} integer" for i in range(1990))
    spec = HEAD.replace("duckdb:///target.db", "sqlite:///target.sqlite")
    (problem,) = find_problems(tmp_path, f"create table orders (order_id bigint, {names})", "", spec)
    assert write_head(problem) == "5:34 error DMS314"
    assert problem.message == "1993 columns are needed, sqlite has room for 1992"


def test_names_and_tables_that_postgresql_does_not_keep(tmp_path: Path):
    server = postgres.borrow()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE TABLE many (order_id bigint, inserted_at timestamp, modified_at timestamp)")
        connection.execute("CREATE TABLE one (extra int) INHERITS (many)")
    spec = HEAD.replace("duckdb:///target.db", server) + "columns:\n  order_id:\n"
    (problem,) = find_problems(tmp_path, SOURCE, "", spec.replace("dwh, table: orders", "dwh, table: many"))
    assert write_head(problem) == "5:34 error DMS319"
    assert problem.message == 'target "many" has partitions, or tables that inherit from it'
    named = f"  {'n' * 64}: {{from: customer}}\n"
    (problem,) = find_problems(tmp_path, "", "", spec + named)
    assert write_head(problem) == "10:3 error DMS318"
    assert problem.message.endswith(" is longer than 63 bytes, which is all that postgresql keeps")


def test_text_in_an_order_of_its_own_is_no_checkpoint(tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "source.sqlite")) as connection:
        connection.execute("PRAGMA encoding = 'UTF-16le'")
        connection.execute("CREATE TABLE orders (order_id bigint, customer varchar)")
    spec = HEAD.replace("duckdb:///source.db", "sqlite:///source.sqlite")
    (problem,) = find_problems(tmp_path, "", "", spec + "checkpoint: {columns: [customer]}\n")
    assert write_head(problem) == "8:24 error DMS313"
    assert problem.message == 'checkpoint column "customer" is text, which the source does not sort by its bytes'


def test_a_checkpoint_of_a_csv_has_no_type(tmp_path: Path):
    (tmp_path / "orders.csv").write_text("order_id,changed_at\n1,2026-01-01\n", encoding="utf-8")
    spec = HEAD.replace("{connection: src, table: orders}", "{file: orders.csv}")
    (problem,) = find_problems(tmp_path, SOURCE, "", spec + "checkpoint: {columns: [changed_at]}\n")
    assert write_head(problem) == "8:24 error DMS313"
    assert problem.message == 'checkpoint column "changed_at" of a CSV file has no type to compare by'


def test_append_leaves_no_row_behind_at_the_watermark(tmp_path: Path):
    spec = HEAD.replace("key: [order_id]\nscd: 1", "scd: append") + "checkpoint: {columns: [changed_at]}\n"
    filled = f"{SOURCE}; insert into orders values (1, 'a', 2, timestamp '2026-01-01')"
    assert find_problems(tmp_path, filled, "", spec) == ()
    assert load_orders(tmp_path).rows.inserted == 1
    (problem,) = find_problems(tmp_path, "insert into orders select * replace (2 as order_id) from orders", "", spec)
    assert write_head(problem) == "7:14 error DMS316"
    assert problem.message == "1 rows came in at the watermark changed_at = 2026-01-01 00:00:00 after it was passed"


def load_orders(folder: Path) -> RunReport:
    loaded = load_spec(folder / "orders.yaml")
    with open_access(loaded.raise_if_rejected()) as access:
        return apply_plan(compile_plan(loaded, access).plan, access, params={}, run_id="first")


def test_every_code_of_tables_is_seen_here():
    elsewhere = {f"DMS3{number}" for number in ("06", 14, 16, 18, 19, 20, 21, 22, 30, 41, 42, 43, 44, 45, 47)}
    seen = elsewhere | {head.split()[-1] for _, _, _, head, _, _ in CASES.values()}
    assert seen == {entry.code for entry in TABLES}
