"""What only SQLite does: types that bind nobody, files that are none, one writer at a time."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmsflow.engines import sqlite as module
from dmsflow.engines.address import Address
from dmsflow.engines.engine import Session, transaction
from dmsflow.engines.generic import GenericEngine
from dmsflow.engines.sqlite_values import adapt, declare, read_type, write_decimal, write_number
from dmsflow.errors import ConnectionFailed, PermanentError, TransientError
from dmsflow.model.table import DataType, TableName, TypeName

MISFITS = [
    ("INTEGER", [1, "abc"], ["1", "abc"]),
    ("INTEGER", [1, 1.5], ["1", "1.5"]),
    ("INTEGER", [2**63 - 1, b"\x01"], ["9223372036854775807", "x'01'"]),
    ("SMALLINT", [1, 2**15], ["1", "32768"]),
    ("INT4", [-(2**31) - 1], ["-2147483649"]),
    ("DECIMAL(5,2)", [1.5, 1.005], ["1.5", "1.005"]),
    ("DECIMAL(5,2)", [1000], ["1000"]),
    ("DECIMAL(5,2)", ["n/a"], ["n/a"]),
    ("DECIMAL_TEXT(38,18)", ["1.5"], ["1.5"]),
    ("DECIMAL_TEXT(20,2)", ["--1.00", "1e5"], ["--1.00", "1e5"]),
    ("DECIMAL_TEXT(20,0)", ["", "-"], ["", "-"]),
    ("DOUBLE", [1.0, "one"], ["1.0", "one"]),
    ("FLOAT4", [0.1], ["0.1"]),
    ("BOOLEAN", [1, 2], ["1", "2"]),
    ("BOOLEAN", ["true"], ["true"]),
    ("DATE", ["2024-02-30"], ["2024-02-30"]),
    ("DATE", ["2024-02-29", 20240229], ["2024-02-29", "20240229"]),
    ("DATE", ["now"], ["now"]),
    ("DATE", ["0000-01-01"], ["0000-01-01"]),
    ("TIMESTAMP", ["2024-01-01 24:00:00"], ["2024-01-01 24:00:00"]),
    ("TIMESTAMP", ["2024-01-01 00:00:00.1234567"], ["2024-01-01 00:00:00.1234567"]),
    ("TIMESTAMP", ["2024-01-01 00:00:00Z"], ["2024-01-01 00:00:00Z"]),
    ("TIMESTAMP", [1704067200], ["1704067200"]),
    ("TIMESTAMPTZ", ["2024-01-01 00:00:00.000000"], ["2024-01-01 00:00:00.000000"]),
    ("TIMESTAMPTZ", ["2024-01-01 00:00:00+02:00"], ["2024-01-01 00:00:00+02:00"]),
    ("UUID_TEXT", ["not a uuid"], ["not a uuid"]),
    ("JSON", ["{"], ["{"]),
    ("JSON", ["12"], ["12"]),
    ("BLOB", [b"\x00A", "A"], ["\\x00\\x41", "\\A"]),
    ("", [1, "a", None], ["1", "a", None]),
]


def fill(session: Session, declared: str, values: list[object]) -> None:
    session.execute(f"CREATE TABLE t (n INTEGER PRIMARY KEY, v {declared})")
    for value in values:
        session.execute("INSERT INTO t (v) VALUES (:v)", {"v": value})  # type: ignore[dict-item]


@pytest.mark.parametrize(("declared", "values", "texts"), MISFITS)
def test_a_column_with_a_misfit_arrives_as_text(
    sqlite: Session, declared: str, values: list[object], texts: list[str | None]
) -> None:
    fill(sqlite, declared, values)
    found = sqlite.stream("SELECT v FROM t ORDER BY n", {}, 2).read_all()
    assert found.schema.field("v").type == pa.string()
    assert found.column("v").to_pylist() == texts


def test_a_misfit_elsewhere_changes_no_other_column(sqlite: Session) -> None:
    sqlite.execute("CREATE TABLE t (a INTEGER, b INTEGER)")
    sqlite.execute("INSERT INTO t VALUES (1, 2), (3, 'x')")
    found = sqlite.stream("SELECT a, b FROM t WHERE a > :low", {"low": 0}, 10).read_all()
    assert found.to_pylist() == [{"a": 1, "b": "2"}, {"a": 3, "b": "x"}]
    found = sqlite.stream("SELECT a, b FROM t WHERE a < :high", {"high": 3}, 10).read_all()
    assert found.to_pylist() == [{"a": 1, "b": 2}]


def test_a_misfit_far_down_is_found(sqlite: Session) -> None:
    sqlite.execute("CREATE TABLE t (v)")
    sqlite.execute(
        "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 5000) SELECT i FROM n"
    )
    assert sqlite.describe_table(TableName(table="t")).columns[0].type.name is TypeName.BIGINT  # type: ignore[union-attr]
    sqlite.execute("INSERT INTO t VALUES ('last')")
    assert sqlite.stream("SELECT v FROM t", {}, 100).read_all().column("v").to_pylist()[-2:] == ["5000", "last"]


def test_bytes_in_a_text_column_are_refused_by_name(sqlite: Session) -> None:
    fill(sqlite, "TEXT", ["a", b"\xff"])
    with pytest.raises(PermanentError, match='column "v" is text and holds bytes'):
        sqlite.stream("SELECT v FROM t", {}, 10).read_all()


@pytest.mark.parametrize("value", ["2024-01-01", "2024-01-01T10:00:00", "2024-01-01 10:00:00.5"])
def test_the_common_ways_to_write_a_time_are_read(sqlite: Session, value: str) -> None:
    fill(sqlite, "DATETIME" if len(value) > 10 else "DATE", [value])
    found = sqlite.stream("SELECT v FROM t", {}, 10).read_all().column("v").to_pylist()[0]
    assert value.replace("T", " ") in f"{found}"


def test_types_of_expressions_come_from_their_first_rows(sqlite: Session) -> None:
    sqlite.execute("CREATE TABLE t (i INTEGER, x DOUBLE, s TEXT, b BLOB, e TEXT)")
    sqlite.execute("INSERT INTO t VALUES (1, 1.5, 'a', x'00', NULL), (2, 2, 'b', NULL, NULL)")
    shape = sqlite.describe_query("SELECT i + 1, x * 2, upper(s), b || x'01', coalesce(e, NULL), i / x FROM t")
    names = [column.type.name.value for column in shape.columns]
    assert names == ["bigint", "double", "text", "text", "text", "double"]
    assert sqlite.describe_query("SELECT i FROM t ORDER BY i LIMIT :n", {"n": 1}).names == ("i",)


@pytest.mark.parametrize(
    ("declared", "wanted"),
    [
        ("INT", "bigint"),
        ("UNSIGNED BIG INT", "bigint"),
        ("varchar(20)", "varchar(20)"),
        ("NVARCHAR ( 5 )", "varchar(5)"),
        ("character varying", "text"),
        ("numeric(10, 2)", "decimal(10,2)"),
        ("DECIMAL(7)", "decimal(7,0)"),
        ("real", "double"),
        ("double precision", "double"),
        ("datetime", "timestamp"),
        ("timestamp with time zone", "timestamptz"),
        ("VARBINARY(16)", "bytes"),
    ],
)
def test_the_types_of_other_programs_are_understood(declared: str, wanted: str) -> None:
    assert str(read_type(declared)) == wanted


@pytest.mark.parametrize("declared", ["", "NUMERIC", "DECIMAL(60,2)", "MONEY", "ANY"])
def test_a_declared_type_that_tells_nothing_is_probed(sqlite: Session, declared: str) -> None:
    assert read_type(declared) is None
    fill(sqlite, declared, [1, 2.5])
    assert str(sqlite.describe_table(TableName(table="t")).columns[1].type) == "double"  # type: ignore[union-attr]


def test_tables_are_described_with_generated_columns(sqlite: Session) -> None:
    sqlite.execute(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT NOT NULL, b TEXT, c AS (a + 1), d AS (b) STORED, UNIQUE (b, a))"
    )
    shape = sqlite.describe_table(TableName(table="T", schema="main"))
    assert shape is not None
    assert [column.generated for column in shape.columns] == [False, False, False, True, True]
    assert [column.nullable for column in shape.columns] == [False, False, True, True, True]


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_decimals_of_fifteen_digits_survive_as_numbers(data: st.DataObject) -> None:
    precision = data.draw(st.integers(1, 15))
    scale = data.draw(st.integers(0, precision))
    bound = 10**precision - 1
    value = Decimal(data.draw(st.integers(-bound, bound))).scaleb(-scale)
    connection = sqlite3.connect(":memory:")
    connection.execute(
        f"CREATE TABLE t (v {declare(DataType(name=TypeName.DECIMAL, precision=precision, scale=scale))})"
    )
    connection.execute("INSERT INTO t VALUES (?)", (adapt(value),))
    found, fits = connection.execute(f"SELECT v, v = round(v, {scale}) FROM t").fetchone()
    connection.close()
    assert fits
    assert Decimal(repr(found)) == value


def test_decimals_are_written_exactly_or_not_at_all() -> None:
    assert write_decimal(Decimal("1.5"), 3) == "1.500"
    assert write_decimal(Decimal("-0"), 2) == "0.00"
    assert write_number(Decimal("1.10")) == 1.1
    assert write_number(Decimal("12345678901234567.5")) == "12345678901234567.5"
    assert adapt(2**63) == str(2**63)
    with pytest.raises(PermanentError, match="does not fit"):
        write_decimal(Decimal("1.05"), 1)
    with pytest.raises(PermanentError, match="NaN"):
        write_number(Decimal("NaN"))


@pytest.mark.parametrize(
    ("declared", "good", "stored", "bad"),
    [
        ("INTEGER", "5", 5, "abc"),
        ("DECIMAL(10,2)", "1.50", 1.5, "1.505"),
        ("DECIMAL_TEXT(38,2)", "1.5", "1.50", "1.505"),
        ("DOUBLE", "0.5", 0.5, "x"),
        ("BOOLEAN", "true", 1, "perhaps"),
        ("DATE", "2024-02-29", "2024-02-29", "2024-02-30"),
        ("TIMESTAMP", "2024-01-01", "2024-01-01 00:00:00.000000", "2024-01-01 00:00:00Z"),
        ("UUID_TEXT", "0e37df36-f698-11e6-8dd4-cb9ced3df976", "0e37df36-f698-11e6-8dd4-cb9ced3df976", "0E37"),
        ("BLOB", None, None, "text"),
    ],
)
def test_text_is_loaded_as_its_columns_type_or_not_at_all(
    sqlite: Session, declared: str, good: str | None, stored: object, bad: str
) -> None:
    sqlite.execute(f"CREATE TEMPORARY TABLE s (v {declared})")
    if good is not None:
        assert sqlite.load("s", pa.table({"v": [good, None]}).to_reader()) == 2
        assert sqlite.fetch("SELECT v FROM s") == [(stored,), (None,)]
    with pytest.raises(PermanentError, match='column "v"'):
        sqlite.load("s", pa.table({"v": [good, bad]}).to_reader())
    assert sqlite.fetch("SELECT count(*) FROM s") == [(2 if good else 0,)]


def test_times_outside_of_text_order_are_refused(sqlite: Session) -> None:
    sqlite.execute("CREATE TEMPORARY TABLE s (v TIMESTAMP)")
    beyond = pa.table({"v": pa.array([2**62], pa.timestamp("us"))})
    with pytest.raises(PermanentError, match=r'column "v".*year 1 to 9999'):
        sqlite.load("s", beyond.to_reader())


def test_a_second_writer_waits_and_is_then_told_to_try_again(tmp_path: Path) -> None:
    engine = GenericEngine(f"sqlite:///{tmp_path / 'a.db'}", {"busy_timeout": 0})
    first, second = engine.connect(), engine.connect()
    first.begin()
    with pytest.raises(TransientError, match="SQLITE_BUSY"):
        second.begin()
    first.rollback()
    second.begin()
    second.rollback()
    for session in (first, second):
        session.close()


def test_errors_carry_the_name_that_sqlite_gives_them(sqlite: Session) -> None:
    sqlite.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
    sqlite.execute("PRAGMA max_page_count = 3")
    with pytest.raises(PermanentError, match="SQLITE_FULL"):
        sqlite.execute("CREATE TABLE big AS SELECT randomblob(100000) AS b")
    with pytest.raises(PermanentError, match="SQLITE_CONSTRAINT_PRIMARYKEY"):
        sqlite.execute("INSERT INTO t VALUES (1), (1)")


def test_a_source_is_opened_to_read_only(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    writer = GenericEngine(f"sqlite:///{path}").connect()
    writer.execute("CREATE TABLE t (id INTEGER)")
    reader = GenericEngine(f"sqlite:///{path}", read_only=True).connect()
    with pytest.raises(PermanentError, match="SQLITE_READONLY"):
        reader.execute("INSERT INTO t VALUES (1)")
    reader.begin()
    assert reader.describe_query("SELECT id FROM t WHERE id > :n", {"n": 1}).names == ("id",)
    writer.close()
    reader.close()


def test_a_file_that_does_not_open_says_what_to_do(tmp_path: Path) -> None:
    text = tmp_path / "text.db"
    text.write_text("this is no database at all, but a text that is long enough to be read as one")
    cases = {
        tmp_path / "missing" / "a.db": "create it",
        tmp_path: "name a file in it",
        text: "is not a SQLite database",
    }
    for path, message in cases.items():
        with pytest.raises(ConnectionFailed, match=message):
            GenericEngine(f"sqlite:///{path}")
    with pytest.raises(ConnectionFailed, match="there is no SQLite file"):
        GenericEngine(f"sqlite:///{tmp_path / 'new.db'}", read_only=True)
    assert not (tmp_path / "new.db").exists()
    with pytest.raises(ConnectionFailed, match="name a file"):
        GenericEngine("sqlite://")
    with pytest.raises(ConnectionFailed, match="no option wal"):
        GenericEngine(f"sqlite:///{tmp_path / 'a.db'}", {"wal": True})


def test_a_folder_without_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.db"
    path.touch()

    def refuse(*args: object, **kw: object) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(sqlite3, "connect", refuse)
    with pytest.raises(ConnectionFailed, match="check the permissions"):
        GenericEngine(f"sqlite:///{path}")
    path.unlink()
    with pytest.raises(ConnectionFailed, match="there is no SQLite file"):
        GenericEngine(f"sqlite:///{path}")


def test_an_old_sqlite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NEEDED", (99, 0, 0))
    with pytest.raises(ConnectionFailed, match=r"99\.0\.0 or newer"):
        GenericEngine(f"sqlite:///{tmp_path / 'a.db'}")


def test_an_address_opens_its_file(tmp_path: Path) -> None:
    address = Address(name="dwh", scheme="sqlite", url="sqlite:x.db", path=str(tmp_path / "with space?.db"))
    engine = GenericEngine(address)
    engine.connect().close()
    assert (tmp_path / "with space?.db").exists()
    assert engine.traits.embedded


def test_a_broken_url_shows_no_password() -> None:
    with pytest.raises(ConnectionFailed) as caught:
        GenericEngine("no url:secret@host")
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_commit_that_a_reader_keeps_out_is_undone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    engine = GenericEngine(f"sqlite:///{path}", {"busy_timeout": 0})
    session, other = engine.connect(), engine.connect()
    fill(session, "INTEGER", [1])
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM t").fetchall()
        with pytest.raises(TransientError, match="SQLITE_BUSY"), transaction(session):
            session.execute("INSERT INTO t (v) VALUES (2)")
    with transaction(other):
        other.execute("INSERT INTO t (v) VALUES (3)")
    assert session.fetch("SELECT v FROM t ORDER BY v") == [(1,), (3,)]
    for opened in (session, other, engine):
        opened.close()
