"""What only PostgreSQL does: errors by SQLSTATE, foreign types, COPY, parameters, the order of text."""

import math
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pyarrow as pa
import pytest

from dmsflow.engines.address import Address
from dmsflow.engines.engine import Session, transaction
from dmsflow.engines.postgresql import PostgreSQLEngine
from dmsflow.engines.postgresql_sql import PostgreSQLIdioms, fit_name, number_binds, paste_binds
from dmsflow.errors import ConnectionFailed, PermanentError, TransientError
from dmsflow.model.table import DataType, TableName, TypeName
from tests import postgres


@pytest.fixture
def url() -> str:
    return postgres.borrow()


def engine(url: str, *, read_only: bool = False, password: str | None = None, **options: str | int) -> PostgreSQLEngine:
    address = Address(name="dwh", scheme="postgresql", url=url, password=password, options=tuple(options.items()))
    return PostgreSQLEngine(address, read_only=read_only)


@pytest.fixture
def session(url: str) -> Iterator[Session]:
    opened = engine(url)
    found = opened.connect()
    yield found
    found.close()
    opened.close()


def table_of(name: str, array: pa.Array) -> pa.RecordBatchReader:
    return pa.table({name: array}).to_reader()


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("SELECT :a, ':a', \":a\", a::int, E'\\' :a' -- :a", "SELECT $1, ':a', \":a\", a::int, E'\\' :a' -- :a"),
        ("SELECT $$:a$$, $x$ :a $$ :a $x$, :a % :b", "SELECT $$:a$$, $x$ :a $$ :a $x$, $1 % $2"),
        ("/* :a /* :b */ :a */ :b", "/* :a /* :b */ :a */ $1"),
        ("SELECT ARRAY[:a, :b, :a], x[1:c]", "SELECT ARRAY[$1, $2, $1], x[1:c]"),
        ("SELECT '%s %' || :a, name'x :a'", "SELECT '%s %' || $1, name'x :a'"),
    ],
)
def test_parameters_are_found_where_sql_has_them(sql: str, wanted: str) -> None:
    numbered, values = number_binds(sql, {"a": 1, "b": 2})
    assert numbered == wanted
    assert len(values) == len({word for word in wanted.replace(",", " ").replace("]", " ").split() if word in "$1$2"})


def test_a_pasted_value_is_a_value_whatever_it_says(session: Session) -> None:
    for text in ("x' OR '1'='1", "\\", ":a", "$1", "$$", "%s", "é\n🦆", "--", ""):
        assert session.fetch(paste_binds("SELECT :a, ':a'", {"a": text})) == [(text, ":a")]
        assert session.stream("SELECT :a AS v", {"a": text}, 10).read_all().to_pylist() == [{"v": text}]


def test_a_source_is_read_only(url: str) -> None:
    opened = engine(url, read_only=True)
    session = opened.connect()
    for begin in (lambda: None, session.begin):
        begin()
        with pytest.raises(PermanentError, match=r"25006.*connect to the primary"):
            session.execute("CREATE TABLE t (a int)")
    session.close()
    opened.close()


def test_a_session_says_who_it_is_and_gives_its_connection_back(url: str) -> None:
    opened = engine(url)
    first = opened.connect()
    names = first.fetch("SELECT current_setting('application_name'), current_setting('TimeZone'), pg_backend_pid()")
    first.execute("CREATE TEMPORARY TABLE scratch (a int)")
    first.close()
    second = opened.connect()
    assert second.fetch("SELECT pg_backend_pid()") == [(names[0][2],)]
    assert second.fetch("SELECT to_regclass('scratch') IS NULL") == [(True,)]
    assert names[0][:2] == ("dmsflow", "UTC")
    second.close()
    opened.close()


def replaced(url: str, **parts: str) -> str:
    return urlunsplit(urlsplit(url)._replace(**parts))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"path": "/nowhere"}, "check the database at the end of the url"),
        ({"netloc": "nobody@"}, "check the user in the url"),
        ({"netloc": "me@127.0.0.1:1", "query": ""}, "check host and port, and that the server runs"),
        ({"query": "host=/nowhere"}, "check host and port, and that the server runs"),
    ],
)
def test_why_a_server_cannot_be_reached(url: str, change: dict[str, str], told: str) -> None:
    with pytest.raises(ConnectionFailed, match=told) as caught:
        engine(replaced(url, **change), password="hidden-word")
    assert "hidden-word" not in str(caught.value)
    assert 'connection "dwh"' in str(caught.value)


def test_an_unknown_option_is_told(url: str) -> None:
    with pytest.raises(ConnectionFailed, match="check the options of the connection"):
        engine(url, sslmod="require")


def test_an_address_shows_no_secret(url: str) -> None:
    address = Address(name="dwh", scheme="postgresql", url="postgresql://me:hidden@db/x", password="hidden")
    assert "hidden" not in repr(address)


def test_a_missing_permission_is_told(session: Session, url: str) -> None:
    session.execute("CREATE TABLE t (a int)")
    role = f"dmsflow_reader_{os.getpid()}"
    session.execute(f"CREATE ROLE {role}")
    session.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
    session.execute(f"SET ROLE {role}")
    with pytest.raises(PermanentError, match="42501: permission denied for table t: grant it"):
        session.fetch("SELECT * FROM t")
    session.execute("RESET ROLE")
    session.execute(f"DROP OWNED BY {role}")
    session.execute(f"DROP ROLE {role}")


def test_a_lost_connection_is_transient_and_the_next_one_works(session: Session, url: str) -> None:
    opened = engine(url)
    lost = opened.connect()
    lost.begin()
    [(pid,)] = lost.fetch("SELECT pg_backend_pid()")
    session.execute(f"SELECT pg_terminate_backend({pid})")

    def use() -> None:
        with transaction(lost):
            lost.execute("SELECT 1")

    with pytest.raises(TransientError):
        use()
    lost.close()
    again = opened.connect()
    assert again.fetch("SELECT 1") == [(1,)]
    again.close()
    opened.close()


def test_a_deadlock_is_transient(session: Session, url: str) -> None:
    session.execute("CREATE TABLE t (a int, b int)")
    session.execute("INSERT INTO t VALUES (1, 0), (2, 0)")
    opened, barrier = engine(url), threading.Barrier(2)

    def write(first: int, second: int) -> str:
        own = opened.connect()
        try:
            with transaction(own):
                own.execute(f"UPDATE t SET b = 1 WHERE a = {first}")
                barrier.wait()
                own.execute(f"UPDATE t SET b = 1 WHERE a = {second}")
        except TransientError as error:
            return str(error)
        finally:
            own.close()
        return "done"

    with ThreadPoolExecutor(2) as pool:
        results = {found.result()[:5] for found in [pool.submit(write, 1, 2), pool.submit(write, 2, 1)]}
    assert results == {"done", "40P01"}
    opened.close()


def test_a_failed_transaction_does_not_commit(session: Session) -> None:
    session.begin()
    with pytest.raises(PermanentError):
        session.execute("SELECT 1 / 0")
    with pytest.raises(PermanentError, match="rolled back"):
        session.commit()


def test_an_error_in_the_middle_of_a_stream_comes_out(session: Session) -> None:
    reader = session.stream("SELECT 1 / (100000 - n) AS v FROM generate_series(1, 200000) AS n", {}, 1000)
    with pytest.raises(PermanentError, match="22012: division by zero"):
        reader.read_all()
    assert session.fetch("SELECT 1") == [(1,)]


def test_a_stream_that_is_left_early_is_cancelled(session: Session) -> None:
    reader = session.stream("SELECT n, repeat('x', 1000) AS v FROM generate_series(1, 10000000) AS n", {}, 1000)
    assert next(iter(reader)).num_rows > 0
    reader.close()
    del reader
    assert session.fetch("SELECT 1") == [(1,)]


def test_a_row_may_be_larger_than_a_block(session: Session) -> None:
    text = 'a,"b"\n🦆\'\\' * 700_000
    assert session.stream("SELECT :v AS v, NULL AS n, '' AS e", {"v": text}, 10).read_all().to_pylist() == [
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
def test_a_foreign_type_travels_as_text_and_keeps_its_name(session: Session, kind: str) -> None:
    session.execute("CREATE TYPE mood AS ENUM ('sad', 'happy')")
    session.execute(f"CREATE TABLE t (v {kind})")
    for value in FOREIGN[kind]:
        session.execute("INSERT INTO t VALUES (:v)", {"v": value})
    shape = session.describe_table(TableName(table="t"))
    assert shape is not None
    found = shape.columns[0].type
    assert found.foreign
    session.execute(f'CREATE TEMPORARY TABLE "_dms_stage" (v {PostgreSQLIdioms().type_sql(found)})')
    arrived = session.stream("SELECT v FROM t", {}, 100).read_all()
    assert arrived.column("v").to_pylist() == FOREIGN[kind]
    session.load("_dms_stage", arrived.to_reader())
    assert session.fetch('SELECT count(*) FROM (SELECT v FROM t INTERSECT SELECT v FROM "_dms_stage") AS same') == [
        (len(FOREIGN[kind]),)
    ]


def test_a_domain_is_read_as_its_base(session: Session) -> None:
    session.execute("CREATE DOMAIN small AS numeric(5,2) NOT NULL")
    session.execute("CREATE DOMAIN smaller AS small CHECK (VALUE > 0)")
    session.execute(
        "CREATE TABLE t (a smaller, b int GENERATED ALWAYS AS IDENTITY, c int GENERATED ALWAYS AS (1) STORED)"
    )
    shape = session.describe_table(TableName(table="t"))
    assert shape is not None
    assert shape.columns[0].type == DataType(name=TypeName.DECIMAL, precision=5, scale=2)
    assert [column.nullable for column in shape.columns] == [False, False, True]
    assert [column.generated for column in shape.columns] == [False, True, True]


def test_partitions_are_told_from_a_table(session: Session) -> None:
    session.execute("CREATE TABLE p (a int) PARTITION BY RANGE (a)")
    session.execute("CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9)")
    session.execute("INSERT INTO p SELECT n FROM generate_series(0, 8) AS n")
    whole, part = (session.describe_table(TableName(table=name)) for name in ("p", "p1"))
    assert whole is not None and part is not None
    assert (whole.divided, part.divided) == (True, False)
    assert session.estimate_rows(TableName(table="p")) is None
    session.execute("ANALYZE p")
    assert session.estimate_rows(TableName(table="p")) == 9


def test_the_search_path_finds_a_table(session: Session) -> None:
    session.execute("CREATE SCHEMA other")
    session.execute("CREATE TABLE other.t (a int)")
    assert session.describe_table(TableName(table="t")) is None
    session.execute("SET search_path = public, other")
    found = session.describe_table(TableName(table="t"))
    assert found is not None and found.names == ("a",)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        (TableName(table="T", schema="S"), TableName(table="t", schema="s")),
        (TableName(table="Two", schema="s"), TableName(table="Two", schema="s")),
        (TableName(table="TWO", schema="s"), TableName(table="TWO", schema="s")),
        (TableName(table="NEW"), TableName(table="NEW")),
    ],
)
def test_a_table_is_found_by_its_only_name_that_differs_in_case(
    url: str, written: TableName, stored: TableName
) -> None:
    opened = engine(url)
    session = opened.connect()
    session.execute("CREATE SCHEMA s")
    for name in ("t", '"Two"', "two"):
        session.execute(f"CREATE TABLE s.{name} (a int)")
    session.close()
    assert opened.locate(written) == stored
    opened.close()


def test_a_schema_is_made_once_and_needs_no_permission_then(session: Session) -> None:
    sql = PostgreSQLIdioms().create_schema(TableName(table="t", schema='it\'s "one"'))
    assert sql is not None
    session.execute(sql)
    session.execute(sql)
    assert session.fetch("SELECT count(*) FROM pg_namespace WHERE nspname = :n", {"n": 'it\'s "one"'}) == [(1,)]


def test_a_long_name_of_ours_is_shortened_and_stays_its_own() -> None:
    names = {fit_name("ü" * 40 + end) for end in ("_current_key", "_other_key")}
    assert len(names) == 2
    assert all(len(name.encode()) <= 63 for name in names)
    assert fit_name("t_current_key") == "t_current_key"


def test_nul_in_a_text_is_refused_with_its_column(session: Session) -> None:
    session.execute('CREATE TEMPORARY TABLE "_dms_stage" ("a b" text)')
    with pytest.raises(PermanentError, match='column "a b" holds the character NUL'):
        session.load("_dms_stage", table_of("a b", pa.array(["x", "y\0z"])))
    assert session.fetch('SELECT count(*) FROM "_dms_stage"') == [(0,)]


def test_a_refused_value_is_told_with_its_column(session: Session) -> None:
    session.execute('CREATE TEMPORARY TABLE "_dms_stage" (v int)')
    with pytest.raises(PermanentError, match=r'22P02.*column v: "x"'):
        session.load("_dms_stage", table_of("v", pa.array(["1", "x"])))


def test_times_beyond_the_calendar_are_kept(session: Session) -> None:
    days = [2**31 - 1, 2**31 * -1 + 1, -719_528 - 100, 0, None, 2_932_896 + 1]
    session.execute('CREATE TEMPORARY TABLE "_dms_stage" (v date)')
    session.load("_dms_stage", table_of("v", pa.array(days, pa.int32()).view(pa.date32())))
    assert session.fetch('SELECT v::text FROM "_dms_stage"') == [
        ("infinity",),
        ("-infinity",),
        ("0002-09-23 BC",),
        ("1970-01-01",),
        (None,),
        ("10000-01-01",),
    ]
    session.execute('DROP TABLE "_dms_stage"')
    session.execute('CREATE TEMPORARY TABLE "_dms_stage" (v timestamptz)')
    moments = [2**63 - 1, -(2**63) + 1, (-719_528 - 366) * 86_400_000_000 + 1, 253_402_300_800_000_000]
    session.load("_dms_stage", table_of("v", pa.array(moments, pa.int64()).view(pa.timestamp("us", tz="UTC"))))
    assert session.fetch('SELECT v::text FROM "_dms_stage"') == [
        ("infinity",),
        ("-infinity",),
        ("0003-12-31 00:00:00.000001+00 BC",),
        ("10000-01-01 00:00:00+00",),
    ]


def test_nan_and_infinity_are_kept(session: Session) -> None:
    session.execute('CREATE TEMPORARY TABLE "_dms_stage" (v double precision)')
    session.load("_dms_stage", table_of("v", pa.array([math.nan, math.inf, -math.inf, -0.0])))
    assert [str(v) for (v,) in session.fetch('SELECT v FROM "_dms_stage"')] == ["nan", "inf", "-inf", "-0.0"]


def test_bytes_of_a_slice_are_its_own(session: Session) -> None:
    values = [None, b"", b"\0\xff", b"abc", None, b"z" * 5000]
    session.execute('CREATE TEMPORARY TABLE "_dms_stage" (v bytea)')
    session.load("_dms_stage", table_of("v", pa.array([b"before", *values, b"after"]).slice(1, len(values))))
    assert session.stream('SELECT v FROM "_dms_stage"', {}, 2).read_all().column("v").to_pylist() == values


def test_text_in_another_order_than_that_of_its_bytes_is_known(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT quote_ident(collname) FROM pg_collation WHERE collprovider = 'c' AND collcollate ~ '^[a-z]' LIMIT 1"
        ).fetchone()
        opened = engine(url)
        assert opened.traits.binary_text_order
        opened.close()
        other = found[0] if found else '"unicode"'
        connection.execute(f"CREATE TABLE t (a text COLLATE {other})")
    opened = engine(url)
    assert not opened.traits.binary_text_order
    opened.close()
