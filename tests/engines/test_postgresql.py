"""What only PostgreSQL does: errors by SQLSTATE, parameters, names, the order of text."""

import os
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from dmsflow.engines.address import Address
from dmsflow.engines.engine import Session, transaction
from dmsflow.engines.postgresql_encodings import CODECS, find_unstorable
from dmsflow.engines.postgresql_errors import explain_open
from dmsflow.engines.postgresql_sql import LONGEST_NAME, PostgreSQLIdioms, number_binds, paste_binds
from dmsflow.engines.standard_sql import fit_name
from dmsflow.errors import ConnectionFailed, PermanentError, TransientError
from dmsflow.model.table import DataType, TableName, TypeName
from tests.engines.conftest import open_engine


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


def test_a_pasted_value_is_a_value_whatever_it_says(postgresql: Session) -> None:
    for text in ("x' OR '1'='1", "\\", ":a", "$1", "$$", "%s", "é\n🦆", "--", ""):
        assert postgresql.fetch(paste_binds("SELECT :a, ':a'", {"a": text})) == [(text, ":a")]
        assert postgresql.stream("SELECT :a AS v", {"a": text}, 10).read_all().to_pylist() == [{"v": text}]


def test_a_source_is_read_only(url: str) -> None:
    opened = open_engine(url, read_only=True)
    session = opened.connect()
    for begin in (lambda: None, session.begin):
        begin()
        with pytest.raises(PermanentError, match=r"25006.*connect to the primary"):
            session.execute("CREATE TABLE t (a int)")
    session.close()
    opened.close()


def test_a_session_says_who_it_is_and_gives_its_connection_back(url: str) -> None:
    opened = open_engine(url)
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
        open_engine(replaced(url, **change), password="hidden-word")
    assert "hidden-word" not in str(caught.value)
    assert 'connection "dwh"' in str(caught.value)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("FATAL: sorry, too many clients already", "fewer parallel.workers"),
        ('FATAL: too many connections for role "loader"', "fewer parallel.workers"),
        ('FATAL: too many connections for database "dwh"', "fewer parallel.workers"),
        ("FATAL: remaining connection slots are reserved for roles with SUPERUSER", "fewer parallel.workers"),
        ("FATAL: the database system is starting up", "apply again when it is up"),
        ("FATAL: terminating connection due to administrator command", "somebody ended the session"),
        ("server closed the connection unexpectedly", "look into the log of the server"),
    ],
)
def test_a_server_that_has_no_place_or_no_time_is_told(said: str, told: str) -> None:
    assert told in explain_open("the server", psycopg.OperationalError(said))


def test_an_unknown_option_is_told(url: str) -> None:
    with pytest.raises(ConnectionFailed, match="check the options of the connection"):
        open_engine(url, sslmod="require")


def test_an_address_shows_no_secret(url: str) -> None:
    address = Address(name="dwh", scheme="postgresql", url="postgresql://me:hidden@db/x", password="hidden")
    assert "hidden" not in repr(address)


def test_a_missing_permission_is_told(postgresql: Session, url: str) -> None:
    postgresql.execute("CREATE TABLE t (a int)")
    role = f"dmsflow_reader_{os.getpid()}"
    postgresql.execute(f"CREATE ROLE {role}")
    postgresql.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
    postgresql.execute(f"SET ROLE {role}")
    with pytest.raises(PermanentError, match="42501: permission denied for table t: grant it"):
        postgresql.fetch("SELECT * FROM t")
    postgresql.execute("RESET ROLE")
    postgresql.execute(f"DROP OWNED BY {role}")
    postgresql.execute(f"DROP ROLE {role}")


def test_a_lost_connection_is_transient_and_the_next_one_works(postgresql: Session, url: str) -> None:
    opened = open_engine(url)
    lost = opened.connect()
    lost.begin()
    [(pid,)] = lost.fetch("SELECT pg_backend_pid()")
    postgresql.execute(f"SELECT pg_terminate_backend({pid})")

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


def test_a_deadlock_is_transient(postgresql: Session, url: str) -> None:
    postgresql.execute("CREATE TABLE t (a int, b int)")
    postgresql.execute("INSERT INTO t VALUES (1, 0), (2, 0)")
    opened, barrier = open_engine(url), threading.Barrier(2)

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
        return "done: "

    with ThreadPoolExecutor(2) as pool:
        results = {
            found.result().partition(": ")[2][:5] or "done"
            for found in [pool.submit(write, 1, 2), pool.submit(write, 2, 1)]
        }
    assert results == {"done", "40P01"}
    opened.close()


def test_a_failed_transaction_does_not_commit(postgresql: Session) -> None:
    postgresql.begin()
    with pytest.raises(PermanentError):
        postgresql.execute("SELECT 1 / 0")
    with pytest.raises(PermanentError, match="rolled back"):
        postgresql.commit()


def test_a_domain_is_read_as_its_base(postgresql: Session) -> None:
    postgresql.execute("CREATE DOMAIN small AS numeric(5,2) NOT NULL")
    postgresql.execute("CREATE DOMAIN smaller AS small CHECK (VALUE > 0)")
    postgresql.execute(
        "CREATE TABLE t (a smaller, b int GENERATED ALWAYS AS IDENTITY, c int GENERATED ALWAYS AS (1) STORED)"
    )
    shape = postgresql.describe_table(TableName(table="t"))
    assert shape is not None
    assert shape.columns[0].type == DataType(name=TypeName.DECIMAL, precision=5, scale=2)
    assert [column.nullable for column in shape.columns] == [False, False, True]
    assert [column.generated for column in shape.columns] == [False, True, True]


def test_partitions_are_told_from_a_table(postgresql: Session) -> None:
    postgresql.execute("CREATE TABLE p (a int) PARTITION BY RANGE (a)")
    postgresql.execute("CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9)")
    postgresql.execute("INSERT INTO p SELECT n FROM generate_series(0, 8) AS n")
    whole, part = (postgresql.describe_table(TableName(table=name)) for name in ("p", "p1"))
    assert whole is not None and part is not None
    assert (whole.divided, part.divided) == (True, False)
    postgresql.execute("ANALYZE p")
    assert postgresql.estimate_rows(TableName(table="p")) == 9


def test_the_search_path_finds_a_table(postgresql: Session) -> None:
    postgresql.execute("CREATE SCHEMA other")
    postgresql.execute("CREATE TABLE other.t (a int)")
    assert postgresql.describe_table(TableName(table="t")) is None
    postgresql.execute("SET search_path = public, other")
    found = postgresql.describe_table(TableName(table="t"))
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
    opened = open_engine(url)
    session = opened.connect()
    session.execute("CREATE SCHEMA s")
    for name in ("t", '"Two"', "two"):
        session.execute(f"CREATE TABLE s.{name} (a int)")
    session.close()
    assert opened.locate(written) == stored
    opened.close()


def test_a_schema_is_made_once_and_needs_no_permission_then(postgresql: Session) -> None:
    sql = PostgreSQLIdioms().create_schema(TableName(table="t", schema='it\'s "one"'))
    assert sql is not None
    postgresql.execute(sql)
    postgresql.execute(sql)
    assert postgresql.fetch("SELECT count(*) FROM pg_namespace WHERE nspname = :n", {"n": 'it\'s "one"'}) == [(1,)]


def test_a_long_name_of_ours_is_shortened_and_stays_its_own() -> None:
    names = {fit_name("ü" * 40 + end, LONGEST_NAME) for end in ("_current_key", "_other_key")}
    assert len(names) == 2
    assert all(len(name.encode()) <= 63 for name in names)
    assert fit_name("t_current_key", LONGEST_NAME) == "t_current_key"


def test_text_in_another_order_than_that_of_its_bytes_is_known(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT quote_ident(collname) FROM pg_collation WHERE collprovider = 'c' AND collcollate ~ '^[a-z]' LIMIT 1"
        ).fetchone()
        opened = open_engine(url)
        assert opened.traits.binary_text_order
        opened.close()
        other = found[0] if found else '"unicode"'
        connection.execute(f"CREATE TABLE t (a text COLLATE {other})")
    opened = open_engine(url)
    assert not opened.traits.binary_text_order
    opened.close()


def test_the_characters_of_an_encoding_are_those_of_the_server(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "CREATE FUNCTION pg_temp.decode(byte bytea, encoding text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN "
            "RETURN convert_from(byte, encoding); EXCEPTION WHEN OTHERS THEN RETURN ''; END $$"
        )
        query = """
            SELECT e, string_agg(pg_temp.decode(set_byte('\\x00'::bytea, 0, b), e), '' ORDER BY b)
            FROM unnest(%s::text[]) e, generate_series(1, 255) b GROUP BY e
        """
        stored = connection.execute(query, [list(CODECS)]).fetchall()
    assert len(stored) == len(CODECS)
    for encoding, characters in stored:
        unstorable = find_unstorable(encoding)
        assert unstorable is not None
        assert {c for c in map(chr, range(1, 0x3000)) if not re.search(unstorable, c)} == set(characters), encoding
    assert find_unstorable("UTF8") is None


def test_a_driver_that_is_not_there_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConnectionFailed, match=r'pip install "dmsflow\[postgres\]"'):
        open_engine("postgresql://db/x")


def test_two_sessions_may_make_the_same_table(url: str) -> None:
    opened, barrier = open_engine(url), threading.Barrier(4, timeout=20)

    def make() -> None:
        session = opened.connect()
        for number in range(20):
            barrier.wait()
            session.execute(f"CREATE TABLE IF NOT EXISTS t{number} (a int PRIMARY KEY)")
        session.close()

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(make) for _ in range(4)]:
            done.result()
    opened.close()
