"""What every engine promises, whatever its SQL."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from dmsflow.engines.engine import Row, Session, transaction
from dmsflow.errors import PermanentError, TransientError
from dmsflow.model.table import TableName
from tests.engines.conftest import Lab

HOSTILE = [
    "two words",
    'dou"ble',
    "sin'gle",
    "select",
    "SELECT",
    "Ünïcödé 🦆",
    "a:b",
    ":name $name ?",
    "percent % s",
    "back`tick",
    "[bracket]",
    "semi;colon -- comment",
    "rowid_",
    "x" * 63,
]


def make(session: Session, lab: Lab, name: str = "t", columns: str = "id INTEGER, name VARCHAR(30)") -> None:
    session.execute(f"CREATE TABLE {lab.idioms.quote(name)} ({columns})")


def count(session: Session, name: str = '"t"') -> int:
    return int(str(session.fetch(f"SELECT count(*) FROM {name}")[0][0]))


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_names_a_table_and_a_column(lab: Lab, session: Session, name: str) -> None:
    quoted = lab.idioms.quote(name)
    make(session, lab, name, f"{quoted} INTEGER")
    assert session.execute(f"INSERT INTO {lab.idioms.qualify(TableName(table=name))} ({quoted}) VALUES (7)") == 1
    shape = session.describe_table(TableName(table=name))
    assert shape is not None
    assert shape.names == (name,)
    assert session.describe_query(f"SELECT {quoted} FROM {quoted}").names == (name,)
    assert session.stream(f"SELECT * FROM {quoted}", {}, 10).read_all().to_pylist() == [{name: 7}]
    estimated = session.estimate_rows(TableName(table=name))
    assert estimated is not None if lab.name == "postgresql" else estimated in (1, None)


def test_the_rows_of_a_query_are_estimated_at_little_cost(lab: Lab, session: Session) -> None:
    make(session, lab)
    fill = f"INSERT INTO {lab.idioms.quote('t')} (id) SELECT * FROM "
    numbers = "(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n) n"
    session.execute(fill + numbers.replace("RECURSIVE" if lab.name == "oracle" else "", ""))
    if lab.name == "postgresql":
        session.execute('ANALYZE "t"')
    found = session.estimate_query(f'SELECT 1 AS one FROM "t" WHERE id > {lab.bind("least")}', {"least": 900})
    assert found is None if lab.name == "sqlite" else 90 <= found <= 110


def test_a_missing_table_has_no_shape(session: Session) -> None:
    assert session.describe_table(TableName(table="nowhere")) is None
    assert session.estimate_rows(TableName(table="nowhere")) is None


def test_a_view_is_described(lab: Lab, session: Session) -> None:
    make(session, lab)
    session.execute('CREATE VIEW "v" AS SELECT id, name FROM "t"')
    shape = session.describe_table(TableName(table="v"))
    assert shape is not None
    assert [column.type.family for column in shape.columns] == ["integer", "text"]
    assert session.estimate_rows(TableName(table="v")) is None


def test_nulls_are_described(lab: Lab, session: Session) -> None:
    make(session, lab, "t", '"a" INTEGER NOT NULL, "b" TEXT NOT NULL, "c" INTEGER UNIQUE, PRIMARY KEY ("b", "a")')
    shape = session.describe_table(TableName(table="t"))
    assert shape is not None
    assert [column.nullable for column in shape.columns] == [False, False, True]


def test_execute_counts_the_rows_it_writes(lab: Lab, session: Session) -> None:
    make(session, lab)
    assert session.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')") == 3
    assert session.execute("UPDATE t SET name = 'x' WHERE id > 1") == 2
    assert session.execute("UPDATE t SET name = 'x' WHERE id > 9") == 0
    assert session.execute("INSERT INTO t SELECT id + 10, name FROM t") == 3
    assert session.execute("DELETE FROM t WHERE id > 10") == 3
    assert session.execute("CREATE TABLE other (id INTEGER)") == 0


def test_values_are_bound_by_name(lab: Lab, session: Session) -> None:
    make(session, lab)
    text = "a :id $id ' \" ; -- ?"
    session.execute(f"INSERT INTO t VALUES ({lab.bind('id')}, {lab.bind('name')})", {"id": 1, "name": text})
    assert session.fetch(f"SELECT name, ':id $id' FROM t WHERE id = {lab.bind('id')}", {"id": 1}) == [(text, ":id $id")]


def test_a_query_is_described_with_its_binds(lab: Lab, session: Session) -> None:
    make(session, lab)
    sql = f"SELECT id, name, ':low' AS word FROM t WHERE id > {lab.bind('low')} AND name <> {lab.bind('name')}"
    shape = session.describe_query(sql, {"low": 1, "name": "it's"})
    assert shape.names == ("id", "name", "word")
    assert [column.type.family for column in shape.columns[:2]] == ["integer", "text"]


def test_a_rollback_undoes_all_of_a_block(lab: Lab, session: Session) -> None:
    make(session, lab)

    def fail() -> None:
        with transaction(session):
            session.execute("INSERT INTO t VALUES (1, 'a')")
            session.execute("CREATE TEMPORARY TABLE scratch (id INTEGER)")
            raise KeyError("stop")

    with pytest.raises(KeyError):
        fail()
    assert count(session) == 0
    session.execute("CREATE TEMPORARY TABLE scratch (id INTEGER)")
    session.rollback()


def test_a_commit_is_seen_by_others_and_an_open_block_is_not(lab: Lab, session: Session) -> None:
    make(session, lab)
    other = lab.engine.connect()
    session.begin()
    session.execute("INSERT INTO t VALUES (1, 'a')")
    assert count(other) == 0
    session.commit()
    assert count(other) == 1
    other.close()


def test_a_close_undoes_what_is_open(lab: Lab, session: Session) -> None:
    make(session, lab)
    other = lab.engine.connect()
    other.begin()
    other.execute("INSERT INTO t VALUES (1, 'a')")
    other.close()
    assert count(session) == 0


@pytest.mark.parametrize(
    "sql",
    ["SELEC 1", "SELECT * FROM nowhere", "INSERT INTO k VALUES (1), (1)", "INSERT INTO k VALUES (NULL)"],
    ids=["syntax", "missing", "unique", "null"],
)
def test_errors_that_stay_are_permanent(session: Session, sql: str) -> None:
    session.execute("CREATE TABLE k (id BIGINT NOT NULL UNIQUE)")
    with pytest.raises(PermanentError) as caught:
        session.execute(sql)
    assert caught.value.__cause__ is not None


def test_a_session_belongs_to_its_thread(session: Session) -> None:
    def use() -> None:
        with pytest.raises(AssertionError, match="thread"):
            session.fetch("SELECT 1")
        with pytest.raises(AssertionError, match="thread"):
            session.begin()

    thread = threading.Thread(target=use)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(use).result()
    assert not thread.is_alive()
    assert session.fetch("SELECT 1") == [(1,)]


def keep(session: Session, lab: Lab, select: str, **binds: int) -> None:
    """Keep a query's only column, in a table that is defined beforehand where the database wants it so."""
    if defined := lab.idioms.define_temporary("_dms_delta", [("N", "INTEGER")]):
        session.execute(defined)
    session.execute(lab.idioms.create_temporary("_dms_delta", ["N"], select), binds)


def kept(session: Session, lab: Lab) -> list[Row]:
    return session.fetch(f"SELECT {lab.idioms.quote('N')} FROM {lab.idioms.quote('_dms_delta')}")


def test_temporary_tables_are_a_sessions_own(lab: Lab, session: Session) -> None:
    other = lab.engine.connect()
    for number, each in enumerate((session, other)):
        keep(each, lab, f'SELECT {number} AS "N"')
    assert [kept(each, lab) for each in (session, other)] == [[(0,)], [(1,)]]
    other.close()


def test_a_kept_query_takes_binds(lab: Lab, session: Session) -> None:
    keep(session, lab, f'SELECT {lab.bind("n")} AS "N"', n=5)
    assert kept(session, lab) == [(5,)]


@pytest.mark.parametrize("key", [("id",), ("id", "name")])
def test_the_unique_index_refuses_a_second_current_row(lab: Lab, session: Session, key: tuple[str, ...]) -> None:
    make(session, lab, "dim", 'id INTEGER, name VARCHAR(10), "is current" BOOLEAN')
    sql = lab.idioms.unique_current("dim_key", TableName(table="dim"), key, "is current")
    assert sql is not None
    session.execute(sql)
    session.execute(sql)
    session.execute("INSERT INTO dim VALUES (1, 'a', FALSE), (1, 'a', FALSE), (1, 'a', TRUE), (2, 'a', TRUE)")
    with pytest.raises(PermanentError):
        session.execute("INSERT INTO dim VALUES (1, 'a', TRUE)")
    assert session.execute("INSERT INTO dim VALUES (1, 'a', FALSE)") == 1


def test_the_unique_index_without_a_flag_is_over_all_rows(lab: Lab, session: Session) -> None:
    make(session, lab)
    sql = lab.idioms.unique_current("t_key", TableName(table="t"), ["id"], None)
    assert sql is not None
    session.execute(sql)
    session.execute("INSERT INTO t VALUES (1, 'a')")
    with pytest.raises(PermanentError):
        session.execute("INSERT INTO t VALUES (1, 'b')")


def test_two_sessions_write_disjoint_rows(lab: Lab, session: Session) -> None:
    make(session, lab)
    session.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    barrier = threading.Barrier(2)

    def write(number: int) -> None:
        own = lab.engine.connect()
        barrier.wait()
        with transaction(own):
            own.execute(f"UPDATE t SET name = 'w{number}' WHERE id = {number}")
            own.execute(f"INSERT INTO t VALUES ({number + 10}, 'n')")
        own.close()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(write, number) for number in (1, 2)]:
            done.result()
    assert session.fetch("SELECT id, name FROM t ORDER BY id") == [(1, "w1"), (2, "w2"), (11, "n"), (12, "n")]


def test_a_conflict_is_transient(lab: Lab, session: Session) -> None:
    make(session, lab)
    session.execute("INSERT INTO t VALUES (1, 'a')")
    other = lab.engine.connect()
    session.begin()
    session.execute("UPDATE t SET name = 'mine' WHERE id = 1")

    def conflict() -> None:
        with transaction(other):
            other.execute("UPDATE t SET name = 'yours' WHERE id = 1")

    with pytest.raises(TransientError):
        conflict()
    session.commit()
    assert session.fetch("SELECT name FROM t") == [("mine",)]
    other.close()


def test_text_compares_by_its_bytes(lab: Lab, session: Session) -> None:
    make(session, lab)
    words = ["B", "a", "A", "ä", "Z", "", " ", "a ", "🦆", "~"]
    for word in words:
        session.execute(f"INSERT INTO t VALUES (1, {lab.bind('w')})", {"w": word})
    assert lab.engine.traits.binary_text_order
    assert [row[0] for row in session.fetch("SELECT name FROM t ORDER BY name")] == sorted(words, key=str.encode)
    assert session.fetch("SELECT count(DISTINCT name) FROM t") == [(len(words),)]


def test_the_clock_is_utc(lab: Lab, session: Session) -> None:
    from datetime import UTC, timedelta

    found = session.fetch(lab.idioms.now)[0][0]
    moment = found if isinstance(found, datetime) else datetime.fromisoformat(str(found))
    assert moment.tzinfo is None
    assert abs(datetime.now(UTC).replace(tzinfo=None) - moment) < timedelta(seconds=5)


def test_an_empty_query_streams_its_columns(lab: Lab, session: Session) -> None:
    make(session, lab)
    found = session.stream("SELECT id, name FROM t", {}, 10).read_all()
    assert (found.num_rows, found.column_names) == (0, ["id", "name"])


def test_a_stream_comes_in_batches(lab: Lab, session: Session) -> None:
    make(session, lab)
    rows = ", ".join(f"({n}, 'x')" for n in range(5000))
    session.execute(f"INSERT INTO t VALUES {rows}")
    batches = list(session.stream(f"SELECT id FROM t WHERE id >= {lab.bind('low')}", {"low": 1000}, 500))
    assert len(batches) >= 2
    assert sorted(n for batch in batches for n in batch.column(0).to_pylist()) == list(range(1000, 5000))
