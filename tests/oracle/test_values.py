"""Rows of Oracle as Arrow data and back: what the driver is asked for, and what it is given."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import oracledb
import pyarrow as pa
import pytest

from dmsflow.engines.oracle_session import OracleSession
from dmsflow.engines.oracle_types import read_fetched, read_stored
from dmsflow.errors import PermanentError, SnapshotLost
from dmsflow.model.table import DataType, TypeName, can_bound
from tests.oracle.driver import FakeDriver, column, oracle_error

DECIMAL, TEXT = TypeName.DECIMAL, TypeName.TEXT


@pytest.mark.parametrize(
    ("declared", "length", "precision", "scale", "wanted", "native"),
    [
        ("NUMBER", None, None, None, "NUMBER", "NUMBER"),
        ("NUMBER", None, None, 0, "decimal(38,0)", None),
        ("NUMBER", None, 10, 0, "decimal(10,0)", None),
        ("NUMBER", None, 12, 2, "decimal(12,2)", None),
        ("NUMBER", None, 5, -2, "decimal(7,0)", "NUMBER(5,-2)"),
        ("NUMBER", None, 3, 5, "decimal(5,5)", "NUMBER(3,5)"),
        ("NUMBER", None, 38, -84, "NUMBER(38,-84)", "NUMBER(38,-84)"),
        ("NUMBER", None, 2, 127, "NUMBER(2,127)", "NUMBER(2,127)"),
        ("FLOAT", None, 126, None, "FLOAT(126)", "FLOAT(126)"),
        ("BINARY_FLOAT", None, None, None, "real", None),
        ("BINARY_DOUBLE", None, None, None, "double", None),
        ("DATE", None, None, None, "DATE", "DATE"),
        ("TIMESTAMP(6)", None, None, 6, "timestamp", None),
        ("TIMESTAMP(9)", None, None, 9, "TIMESTAMP(9)", "TIMESTAMP(9)"),
        ("TIMESTAMP(6) WITH TIME ZONE", None, None, 6, "timestamptz", None),
        ("VARCHAR2", 20, None, None, "varchar(20)", None),
        ("NVARCHAR2", 20, None, None, "varchar(20)", None),
        ("CHAR", 3, None, None, "CHAR(3 CHAR)", "CHAR(3 CHAR)"),
        ("NCHAR", 3, None, None, "NCHAR(3)", "NCHAR(3)"),
        ("RAW", 16, None, None, "RAW(16)", "RAW(16)"),
        ("CLOB", None, None, None, "text", None),
        ("NCLOB", None, None, None, "NCLOB", "NCLOB"),
        ("BLOB", None, None, None, "bytes", None),
        ("JSON", None, None, None, "json", None),
        ("BOOLEAN", None, None, None, "boolean", None),
        ("XMLTYPE", None, None, None, "XMLTYPE", "XMLTYPE"),
        ("INTERVAL DAY(2) TO SECOND(6)", None, 2, 6, "INTERVAL DAY(2) TO SECOND(6)", "INTERVAL DAY(2) TO SECOND(6)"),
    ],
)
def test_a_stored_type_holds_what_the_column_holds(declared, length, precision, scale, wanted, native):
    found = read_stored(declared, length, precision, scale)
    assert (str(found) if not found.foreign or found.name is not DECIMAL else str(found.common)) == wanted
    assert found.native == native


@pytest.mark.parametrize("declared", ["LONG", "LONG RAW", "BFILE", "VECTOR", "OBJECT SDO_GEOMETRY"])
def test_a_type_that_cannot_travel_is_none_of_ours(declared):
    """The plan refuses it: DMS303."""
    assert read_stored(declared, None, None, None).name is TypeName.OTHER


def test_a_foreign_decimal_keeps_its_digits_elsewhere():
    found = read_stored("NUMBER", None, 3, 5)
    assert found.common == DataType(name=DECIMAL, precision=5, scale=5)
    assert can_bound(found)
    assert not can_bound(read_stored("NUMBER", None, None, None))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (column("C", "NUMBER", 0, -127), DataType(name=TEXT, native="NUMBER", foreign=True)),
        (column("C", "NUMBER", 126, -127), DataType(name=TEXT, native="FLOAT(126)", foreign=True)),
        (column("C", "NUMBER"), DataType(name=TEXT, native="NUMBER", foreign=True)),
        (column("C", "NUMBER", 9, 2), DataType(name=DECIMAL, precision=9, scale=2)),
        (column("C", "VARCHAR", size=7), DataType(name=TypeName.VARCHAR, length=7)),
        (column("C", "CHAR", size=7), DataType(name=TEXT, length=7, native="CHAR(7 CHAR)", foreign=True)),
        (column("C", "RAW", size=16), DataType(name=TypeName.BYTES, native="RAW(16)", foreign=True)),
        (column("C", "TIMESTAMP", 0, 6), DataType(name=TypeName.TIMESTAMP)),
        (column("C", "TIMESTAMP_TZ", 0, 6), DataType(name=TypeName.TIMESTAMPTZ)),
        (
            column("C", "TIMESTAMP_LTZ", 0, 6),
            DataType(name=TypeName.TIMESTAMPTZ, native="TIMESTAMP(6) WITH LOCAL TIME ZONE", foreign=True),
        ),
        (column("C", "DATE"), DataType(name=TypeName.TIMESTAMP, native="DATE", foreign=True)),
        (column("C", "LONG"), DataType(name=TypeName.OTHER, native="LONG")),
    ],
)
def test_a_fetched_type_is_the_stored_one(given, wanted):
    assert read_fetched(given) == wanted


ROWS = [
    column("N", "NUMBER", 0, -127),
    column("P", "NUMBER", 12, 2),
    column("T", "TIMESTAMP_TZ", 0, 6),
    column("D", "DATE"),
    column("F", "BINARY_DOUBLE"),
    column("S", "VARCHAR", size=10),
    column("R", "RAW", size=4),
]


def test_a_query_is_read_exactly(session: OracleSession, driver: FakeDriver):
    """ "Data Frame Type Mapping": what the driver would round is asked for as Oracle writes it."""
    at = datetime(2024, 6, 1, 8, 0, 0, 1)
    number, price = "12345678901234567890.123456789", Decimal("9999999999.99")
    row = (number, price, at, datetime(2024, 2, 29, 13), float("inf"), None, b"\x00\xff")
    driver.answer("from t", ROWS, [row] * 5)
    reader = session.stream("select * from t where a > :start", {"start": 1}, 2)
    assert reader.schema == pa.schema(
        {
            "N": pa.string(),
            "P": pa.decimal128(12, 2),
            "T": pa.timestamp("us", "UTC"),
            "D": pa.timestamp("us"),
            "F": pa.float64(),
            "S": pa.string(),
            "R": pa.binary(),
        }
    )
    batches = list(reader)
    assert [batch.num_rows for batch in batches] == [2, 2, 1]
    wanted = {
        "N": number,
        "P": price,
        "T": at.replace(tzinfo=UTC),
        "D": datetime(2024, 2, 29, 13),
        "F": float("inf"),
        "S": None,
        "R": b"\x00\xff",
    }
    assert batches[0].to_pylist()[0] == wanted
    [call] = driver.asked("fetch_df_batches")
    assert 'TO_CHAR("c0", \'TM9\') AS "c0"' in call["statement"]
    assert call["statement"].startswith('WITH "dms_query" ("c0", "c1", "c2", "c3", "c4", "c5", "c6") AS (\nselect')
    assert call["parameters"] == {"p_start": 1}
    assert call["size"] == 2
    assert call["requested_schema"].field("T").type == pa.timestamp("us"), "the driver knows no zones"


def test_what_is_exact_is_read_as_it_stands(session: OracleSession, driver: FakeDriver):
    driver.answer("from t", [column("P", "NUMBER", 12, 2)], [])
    assert list(session.stream("select p from t", {}, 10)) == []
    assert driver.asked("fetch_df_batches")[0]["statement"] == "select p from t"


def test_batches_with_lobs_are_small(session: OracleSession, driver: FakeDriver):
    driver.answer("from t", [column("C", "CLOB"), column("B", "BLOB")], [("x" * 10, b"y")])
    [batch] = session.stream("select * from t", {}, 8192)
    assert batch.to_pylist() == [{"C": "x" * 10, "B": b"y"}]
    assert driver.asked("fetch_df_batches")[0]["size"] == 256


def test_an_error_amid_the_rows_is_the_databases_own(session: OracleSession, driver: FakeDriver):
    """Law 32, and law 34: the end of data is no error."""
    row = (Decimal("1.00"),)
    driver.answer("from t", [column("P", "NUMBER", 12, 2)], [row], error=oracle_error(1555, "snapshot too old"))
    reader = session.stream("select p from t", {}, 10)
    assert reader.read_next_batch().num_rows == 1
    with pytest.raises(SnapshotLost, match=r"ORA-01555.*UNDO_RETENTION"):
        reader.read_next_batch()


STAGE = [
    column("ID", "NUMBER", 19, 0),
    column("NAME", "VARCHAR", size=20),
    column("NOTE", "CLOB"),
    column("DATA", "BLOB"),
    column("FLAG", "NUMBER", 1, 0),
    column("AT", "TIMESTAMP_TZ", 0, 6),
    column("U", "VARCHAR", size=36),
    column("DAY", "DATE"),
]


def load(session: OracleSession, table: pa.Table) -> int:
    return session.load("_dms_stage", pa.RecordBatchReader.from_batches(table.schema, table.to_batches()))


def test_rows_are_loaded_as_arrays_of_arrow_data(session: OracleSession, driver: FakeDriver):
    """ "Inserting Data Frames with executemany()": one round trip for a piece; LOBs are bound as LONG, text is not."""
    driver.answer("^SELECT .* FROM", STAGE)
    at = datetime(2024, 1, 1, 12, 0, 0, 1, tzinfo=UTC)
    table = pa.table(
        {
            "ID": pa.array([1, 2**62], pa.int64()),
            "NAME": pa.array(["é", None]),
            "NOTE": pa.array(["n" * 40_000, ""]),
            "DATA": pa.array([b"\x00", None]),
            "FLAG": pa.array([True, None]),
            "AT": pa.array([at, None], pa.timestamp("us", "UTC")),
            "U": pa.array([UUID(int=1).bytes, None], pa.uuid()),
            "DAY": pa.array([date(2024, 2, 29), None]),
        }
    )
    assert load(session, table) == 2
    [call] = driver.asked("executemany")
    listed = ", ".join(f'"{name}"' for name in table.schema.names)
    assert call.sql == (f'INSERT INTO "ORA$PTT_DMS_STAGE" ({listed}) VALUES (:1, :2, :3, :4, :5, :6, :7, :8)')
    kinds = dict(zip(call.table.schema.names, call.table.schema.types, strict=True))
    assert (kinds["NAME"], kinds["NOTE"], kinds["DATA"]) == (pa.string(), pa.large_string(), pa.large_binary())
    assert (kinds["FLAG"], kinds["AT"]) == (pa.int8(), pa.timestamp("us"))
    first = call.table.to_pylist()[0]
    assert first["AT"] == at.replace(tzinfo=None)
    assert first["U"] == str(UUID(int=1))
    assert first["FLAG"] == 1


def test_pieces_stay_below_what_oracle_tells_apart(session: OracleSession, driver: FakeDriver):
    driver.answer("^SELECT .* FROM", [column("ID", "NUMBER", 19, 0)])
    assert load(session, pa.table({"ID": range(100_000)})) == 100_000
    sizes = [call.table.num_rows for call in driver.asked("executemany")]
    assert sum(sizes) == 100_000
    assert max(sizes) <= 10_000


def test_no_rows_are_no_round_trip(session: OracleSession, driver: FakeDriver):
    driver.answer("^SELECT .* FROM", [column("ID", "NUMBER", 19, 0)])
    assert load(session, pa.table({"ID": pa.array([], pa.int64())})) == 0
    assert driver.asked("executemany") == []


def test_a_list_is_refused_with_its_column(session: OracleSession, driver: FakeDriver):
    driver.answer("^SELECT .* FROM", [column("L", "CLOB")])
    with pytest.raises(PermanentError, match='column "L": Oracle has no type for list'):
        load(session, pa.table({"L": [[1]]}))


def test_the_types_are_those_that_the_driver_knows():
    """Each name of a type that is read is one of the driver's."""
    from dmsflow.engines import oracle_types

    names = {*oracle_types.FETCHED, *oracle_types.ZONES, *oracle_types.TEXTS, "DB_TYPE_NUMBER", "DB_TYPE_RAW"}
    for name in names:
        found = getattr(oracledb, name, None)
        assert found is not None
        assert found.name == name or found.name in names
    known = {name for name in vars(oracledb) if name.startswith("DB_TYPE_")}
    assert known - names == {"DB_TYPE_BINARY_INTEGER", "DB_TYPE_UNKNOWN"}, "PL/SQL's own, and none"
