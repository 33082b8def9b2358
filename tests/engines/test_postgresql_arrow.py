"""PostgreSQL's COPY as Arrow and back: foreign types, values at the ends of their types, errors on the way."""

import math

import pyarrow as pa
import pytest

from dmsflow.engines.engine import Session
from dmsflow.engines.postgresql_sql import PostgreSQLIdioms
from dmsflow.errors import PermanentError, TransientError
from dmsflow.model.table import TableName
from tests.engines.conftest import open_engine


def table_of(name: str, array: pa.Array) -> pa.RecordBatchReader:
    return pa.table({name: array}).to_reader()


def test_an_error_in_the_middle_of_a_stream_comes_out(postgresql: Session) -> None:
    reader = postgresql.stream("SELECT 1 / (100000 - n) AS v FROM generate_series(1, 200000) AS n", {}, 1000)
    with pytest.raises(PermanentError, match="22012: division by zero"):
        reader.read_all()
    assert postgresql.fetch("SELECT 1") == [(1,)]


def test_a_stream_that_is_left_early_is_cancelled(postgresql: Session) -> None:
    reader = postgresql.stream("SELECT n, repeat('x', 1000) AS v FROM generate_series(1, 10000000) AS n", {}, 1000)
    assert next(iter(reader)).num_rows > 0
    reader.close()
    del reader
    assert postgresql.fetch("SELECT 1") == [(1,)]


def test_a_stream_of_a_server_that_goes_away_does_not_end_as_if_it_were_whole(postgresql: Session, url: str) -> None:
    opened = open_engine(url)
    reading = opened.connect()
    [(pid,)] = reading.fetch("SELECT pg_backend_pid()")
    sql = "SELECT n, repeat('x', 1000) AS v FROM generate_series(1, 10000000) AS n"
    batches = iter(reading.stream(sql, {}, 1000))
    assert next(batches).num_rows > 0
    postgresql.execute(f"SELECT pg_terminate_backend({pid})")
    with pytest.raises(TransientError):
        list(batches)
    reading.close()
    opened.close()


def test_a_row_may_be_larger_than_a_block(postgresql: Session) -> None:
    text = 'a,"b"\n🦆\'\\' * 700_000
    assert postgresql.stream("SELECT :v AS v, NULL AS n, '' AS e", {"v": text}, 10).read_all().to_pylist() == [
        {"v": text, "n": None, "e": ""}
    ]


FOREIGN = {
    "numeric": ["1234567890123456789012345678901234567890.5", "NaN", "0"],
    "numeric(50,3)": ["12345678901234567890123456789012345678901234567.123"],
    "int[]": ["{1,NULL,3}", "{}"],
    "text[]": ['{"a,b",NULL,""}'],
    "interval": ["1 day 02:00:00.5", "-1 mons"],
    "time": ["24:00:00", "10:11:12.123456"],
    "inet": ["10.0.0.1/8"],
    "int4range": ["[1,5)", "empty"],
    "mood": ["sad", "happy"],
    "timestamp(0)": ["2020-01-01 00:00:01", "infinity"],
    "character(5)": ["ab   "],
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_type_travels_as_text_and_keeps_its_name(postgresql: Session, kind: str) -> None:
    postgresql.execute("CREATE TYPE mood AS ENUM ('sad', 'happy')")
    postgresql.execute(f"CREATE TABLE t (v {kind})")
    for value in FOREIGN[kind]:
        postgresql.execute("INSERT INTO t VALUES (:v)", {"v": value})
    shape = postgresql.describe_table(TableName(table="t"))
    assert shape is not None
    found = shape.columns[0].type
    assert found.foreign
    postgresql.execute(f'CREATE TEMPORARY TABLE "_dms_stage" (v {PostgreSQLIdioms().type_sql(found)})')
    arrived = postgresql.stream("SELECT v FROM t", {}, 100).read_all()
    assert arrived.column("v").to_pylist() == FOREIGN[kind]
    postgresql.load("_dms_stage", arrived.to_reader())
    assert postgresql.fetch('SELECT count(*) FROM (SELECT v FROM t INTERSECT SELECT v FROM "_dms_stage") AS same') == [
        (len(FOREIGN[kind]),)
    ]


def test_nul_in_a_text_is_refused_with_its_column(postgresql: Session) -> None:
    postgresql.execute('CREATE TEMPORARY TABLE "_dms_stage" ("a b" text)')
    with pytest.raises(PermanentError, match='column "a b" holds the character NUL'):
        postgresql.load("_dms_stage", table_of("a b", pa.array(["x", "y\0z"])))
    assert postgresql.fetch('SELECT count(*) FROM "_dms_stage"') == [(0,)]


def test_a_refused_value_is_told_with_its_column(postgresql: Session) -> None:
    postgresql.execute('CREATE TEMPORARY TABLE "_dms_stage" (v int)')
    with pytest.raises(PermanentError, match=r'22P02.*column v: "x"'):
        postgresql.load("_dms_stage", table_of("v", pa.array(["1", "x"])))


def test_times_beyond_the_calendar_are_kept(postgresql: Session) -> None:
    days = [2**31 - 1, 2**31 * -1 + 1, -719_528 - 100, 0, None, 2_932_896 + 1]
    postgresql.execute('CREATE TEMPORARY TABLE "_dms_stage" (v date)')
    postgresql.load("_dms_stage", table_of("v", pa.array(days, pa.int32()).view(pa.date32())))
    assert postgresql.fetch('SELECT v::text FROM "_dms_stage"') == [
        ("infinity",),
        ("-infinity",),
        ("0002-09-23 BC",),
        ("1970-01-01",),
        (None,),
        ("10000-01-01",),
    ]
    postgresql.execute('DROP TABLE "_dms_stage"')
    postgresql.execute('CREATE TEMPORARY TABLE "_dms_stage" (v timestamptz)')
    moments = [2**63 - 1, -(2**63) + 1, (-719_528 - 366) * 86_400_000_000 + 1, 253_402_300_800_000_000]
    postgresql.load("_dms_stage", table_of("v", pa.array(moments, pa.int64()).view(pa.timestamp("us", tz="UTC"))))
    assert postgresql.fetch('SELECT v::text FROM "_dms_stage"') == [
        ("infinity",),
        ("-infinity",),
        ("0003-12-31 00:00:00.000001+00 BC",),
        ("10000-01-01 00:00:00+00",),
    ]


def test_nan_and_infinity_are_kept(postgresql: Session) -> None:
    postgresql.execute('CREATE TEMPORARY TABLE "_dms_stage" (v double precision)')
    postgresql.load("_dms_stage", table_of("v", pa.array([math.nan, math.inf, -math.inf, -0.0])))
    assert [str(v) for (v,) in postgresql.fetch('SELECT v FROM "_dms_stage"')] == ["nan", "inf", "-inf", "-0.0"]


def test_bytes_of_a_slice_are_its_own(postgresql: Session) -> None:
    values = [None, b"", b"\0\xff", b"abc", None, b"z" * 5000]
    postgresql.execute('CREATE TEMPORARY TABLE "_dms_stage" (v bytea)')
    postgresql.load("_dms_stage", table_of("v", pa.array([b"before", *values, b"after"]).slice(1, len(values))))
    assert postgresql.stream('SELECT v FROM "_dms_stage"', {}, 2).read_all().column("v").to_pylist() == values
