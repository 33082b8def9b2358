"""What the catalog is asked, and how its answers are read. Its statements are parsed by sqlglot: no server is here."""

import pytest
import sqlglot
from sqlglot import ErrorLevel

from dmsflow.engines import oracle_catalog as catalog
from dmsflow.engines.engine import Row
from dmsflow.engines.oracle_session import OracleSession
from dmsflow.errors import PermanentError
from dmsflow.model.table import TableName, TypeName, UniqueKey
from tests.oracle.driver import FakeDriver, column, oracle_error

QUERIES = {name: sql for name, sql in vars(catalog).items() if isinstance(sql, str) and "SELECT" in sql}
TEXT, COUNT = column("C", "VARCHAR", size=128), column("N", "NUMBER", 0, -127)


@pytest.mark.parametrize("name", sorted(set(QUERIES) - {"__doc__"}))
def test_each_statement_is_oracles(name: str):
    assert sqlglot.parse_one(QUERIES[name], dialect="oracle", error_level=ErrorLevel.RAISE)


def found(driver: FakeDriver, *rows: Row) -> None:
    driver.answer("all_synonyms", [COUNT, *[TEXT] * 5], [tuple(row) for row in rows])
    driver.answer("CURRENT_SCHEMA'\\) FROM dual", [TEXT], [("LOADER",)])


@pytest.mark.parametrize(
    ("written", "rows", "wanted"),
    [
        ("sales.orders", [(0, "SALES", "ORDERS", None, None, None)], "SALES.ORDERS"),
        ("orders", [(0, "LOADER", "ORDERS", None, None, None)], "LOADER.ORDERS"),
        # A name that was made in quotes is found as it is written, before one in capitals.
        ("orders", [(0, "A", "ORDERS", None, None, None), (0, "A", "orders", None, None, None)], "A.orders"),
        ("orders", [(1, "LOADER", "ORDERS", "SALES", "O_2024", None)], "SALES.O_2024"),
        (
            "orders",
            [(2, "PUBLIC", "ORDERS", "SALES", "PUBLIC_ONE", None), (1, "LOADER", "ORDERS", "SALES", "OWN", None)],
            "SALES.OWN",
        ),
        ("orders", [(1, "LOADER", "ORDERS", "SALES", "ORDERS", "FAR.EXAMPLE.COM")], "LOADER.ORDERS"),
        ("dw.new", [], "DW.NEW"),
        ("new", [], "LOADER.NEW"),
    ],
)
def test_a_table_is_found_by_oracles_rule(session: OracleSession, driver: FakeDriver, written, rows, wanted):
    """Law 37: once, and quoted from then on."""
    found(driver, *rows)
    schema, _, table = written.rpartition(".")
    assert str(catalog.find_table(session, TableName(table=table, schema=schema or None))) == wanted
    first = driver.asked("execute")[0]
    assert first.values == {"p_owner": schema or None, "p_name": table}


def shape_row(name: str, declared: str, **more: object) -> Row:
    row: dict[str, object] = {
        "name": name, "declared": declared, "owner": None, "size": 22, "length": 0, "precision": None, "scale": None,
        "nullable": "Y", "virtual": "NO", "generation": None, "views": 0, "guards": 0,
    }  # fmt: skip
    return tuple((row | more).values())  # type: ignore[return-value]


DESCRIBED = [TEXT] * 3 + [COUNT] * 4 + [TEXT] * 3 + [COUNT] * 2


def test_a_table_is_described_in_one_statement(session: OracleSession, driver: FakeDriver):
    rows = [
        shape_row("ID", "NUMBER", precision=10, scale=0, nullable="N", generation="ALWAYS"),
        shape_row("name", "VARCHAR2", size=80, length=20),
        shape_row("CODE", "RAW", size=16),
        shape_row("TOTAL", "NUMBER", virtual="YES"),
        shape_row("PLACE", "SDO_GEOMETRY", owner="MDSYS"),
        shape_row("DOC", "XMLTYPE", owner="SYS"),
        shape_row("SEEN", "TIMESTAMP(6) WITH LOCAL TIME ZONE", scale=6),
        shape_row("BY_DEFAULT", "NUMBER", scale=0, generation="BY DEFAULT"),
    ]
    driver.answer("all_tab_cols", DESCRIBED, rows)
    shape = session.describe_table(TableName(table="T", schema="DW"))
    assert shape is not None
    assert len(driver.asked("execute")) == 1
    assert shape.names == ("ID", "name", "CODE", "TOTAL", "PLACE", "DOC", "SEEN", "BY_DEFAULT")
    told = {c.name: (str(c.type), c.nullable, c.generated, c.computed) for c in shape.columns}
    assert told["ID"] == ("decimal(10,0)", False, True, True)
    assert told["name"] == ("varchar(20)", True, False, False)
    assert told["CODE"] == ("RAW(16)", True, False, False)
    assert told["TOTAL"] == ("NUMBER", True, True, True)
    assert told["BY_DEFAULT"] == ("decimal(38,0)", True, True, False)
    assert shape.columns[4].type.name is TypeName.OTHER
    assert (told["DOC"][0], shape.columns[5].comparable) == ("XMLTYPE", False)
    assert told["SEEN"][0] == "TIMESTAMP(6) WITH LOCAL TIME ZONE"
    assert (shape.view, shape.intercepts) == (False, False)


@pytest.mark.parametrize(("views", "guards"), [(1, 0), (0, 1), (1, 2)])
def test_a_view_and_what_intercepts_rows_is_known(session: OracleSession, driver: FakeDriver, views, guards):
    driver.answer("all_tab_cols", DESCRIBED, [shape_row("ID", "NUMBER", views=views, guards=guards)])
    shape = session.describe_table(TableName(table="T", schema="DW"))
    assert shape is not None
    assert (shape.view, shape.intercepts) == (bool(views), bool(guards))


def test_there_is_no_table(session: OracleSession, driver: FakeDriver):
    driver.answer("all_tab_cols", DESCRIBED, [])
    assert session.describe_table(TableName(table="T", schema="DW")) is None


def test_unique_keys_are_those_of_unique_indexes(session: OracleSession, driver: FakeDriver):
    driver.answer("UNIQUE", [TEXT, TEXT], [("PK", "A"), ("PK", "B"), ("UK", "C")])
    keys = session.unique_keys(TableName(table="T", schema="DW"))
    assert keys == (UniqueKey(columns=("A", "B")), UniqueKey(columns=("C",)))


def test_ranges_and_rows_are_estimated(session: OracleSession, driver: FakeDriver):
    driver.answer("column_position = 1", [TEXT], [("A",)])
    driver.answer("num_rows", [COUNT], [(41,)])
    table = TableName(table="T", schema="DW")
    assert session.range_columns(table, "IS_CURRENT") == ("A",)
    assert session.estimate_rows(table) == 41
    driver.answer("num_rows", [COUNT], [(None,)])
    assert session.estimate_rows(table) is None
    driver.answer("num_rows", [COUNT], [])
    assert session.estimate_rows(table) is None, "a view has no statistics"


def test_a_query_is_estimated_where_there_is_a_plan_table(session: OracleSession, driver: FakeDriver):
    driver.answer("cardinality", [COUNT], [(500,)])
    assert session.estimate_query("select * from t where a > :start", {"start": 1}) == 500
    explained = driver.asked("execute")[0]
    assert explained.sql.startswith("EXPLAIN PLAN SET STATEMENT_ID = 'dmsflow' FOR select")
    assert explained.values == {"p_start": 1}
    driver.answer("EXPLAIN", error=oracle_error(2404, "specified plan table not found"))
    assert session.estimate_query("select * from t", {}) is None


def test_a_query_is_described_without_being_run(session: OracleSession, driver: FakeDriver):
    """``Cursor.parse``."""
    driver.answer("from t", [column("ID", "NUMBER", 10, 0), column("ID", "VARCHAR", size=5)])
    shape = session.describe_query("select * from t where a = :start", {"start": 1})
    assert [(c.name, str(c.type)) for c in shape.columns] == [("ID", "decimal(10,0)"), ("ID", "varchar(5)")]
    assert driver.asked("parse") == ["select * from t where a = :p_start"]
    assert driver.asked("execute") == []
    driver.answer("from nowhere", error=oracle_error(942, "table or view does not exist"))
    with pytest.raises(PermanentError, match="ORA-00942"):
        session.describe_query("select * from nowhere")
