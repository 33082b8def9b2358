"""What a session of Oracle tells its driver: parameters, transactions, snapshots, a stop."""

import threading
import time
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID

import pytest

from dmsflow.engines.engine import SnapshotSession, transaction
from dmsflow.engines.oracle_binds import name_binds
from dmsflow.engines.oracle_session import OracleSession
from dmsflow.errors import Interrupted, PermanentError, SnapshotLost, TransientError
from tests.oracle.conftest import Open
from tests.oracle.driver import FakeDriver, column, oracle_error

NUMBER = column("N", "NUMBER", 0, -127)


@pytest.mark.parametrize(
    ("sql", "wanted", "bound"),
    [
        ("a = :start AND b = :start", "a = :p_start AND b = :p_start", {"p_start": 1}),
        ("a = ':start' AND \":start\" = :size", "a = ':start' AND \":start\" = :p_size", {"p_size": 2}),
        ("q'[:start's]' || :size", "q'[:start's]' || :p_size", {"p_size": 2}),
        ("Nq'!:start!' || :size", "Nq'!:start!' || :p_size", {"p_size": 2}),
        ("-- :start's\n:size", "-- :start's\n:p_size", {"p_size": 2}),
        ("/* :start's */ :size", "/* :start's */ :p_size", {"p_size": 2}),
        ("BEGIN x := :start; y:=:other; END;", "BEGIN x := :p_start; y:=:other; END;", {"p_start": 1}),
    ],
)
def test_parameters_get_names_that_oracle_takes(sql, wanted, bound):
    """A reserved word is no name of a parameter (ORA-01745), and one that is not in the statement is no parameter."""
    assert name_binds(sql, {"start": 1, "size": 2}) == (wanted, bound)


def test_values_are_bound_in_types_that_lose_nothing(session: OracleSession, driver: FakeDriver):
    """ "Changing Bind Data Types using an Input Type Handler": the driver's own choice is DATE for a datetime."""
    values = {
        "b": True,
        "d": date(2024, 2, 29),
        "t": datetime(2024, 1, 1, 12),
        "us": datetime(2024, 1, 1, 12, 0, 0, 5),
        "z": datetime(2024, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2))),
        "f": 0.1,
        "u": UUID(int=1),
        "n": Decimal("1.10"),
        "i": 2**70,
        "none": None,
    }
    session.execute(f"INSERT INTO t VALUES ({', '.join(f':{name}' for name in values)})", values)
    [call] = driver.asked("execute")
    assert call.values["p_b"] == 1
    assert call.values["p_z"] == datetime(2023, 12, 31, 23, 30)
    assert call.values["p_u"] == str(UUID(int=1))
    assert call.values["p_i"] == 2**70
    assert call.kinds == {"p_us": "DB_TYPE_TIMESTAMP", "p_f": "DB_TYPE_BINARY_DOUBLE"}


def test_numbers_are_fetched_exactly(session: OracleSession, driver: FakeDriver):
    columns = [NUMBER, column("P", "NUMBER", 20, 2), column("I", "NUMBER", 38, 0), column("X", "CLOB")]
    driver.answer("from t", columns, [(Decimal(7), Decimal("7.00"), Decimal(2**70), {"a": 1})])
    [(count, price, big, text)] = session.fetch("select * from t")
    assert (type(count), count) == (int, 7)
    assert (type(price), price) == (Decimal, Decimal("7"))
    assert (type(big), big) == (Decimal, 2**70)
    assert text == '{"a": 1}'
    options = driver.asked("execute")[0].options
    assert options == {"fetch_lobs": False, "fetch_decimals": True}


def test_an_instant_is_asked_for_in_utc(session: OracleSession, driver: FakeDriver):
    """The driver gives the time as it was written, without its zone."""
    columns = [column("ID", "NUMBER", 9, 0), column("AT", "TIMESTAMP_TZ", 0, 6)]
    driver.answer("from t", columns, [(Decimal(1), datetime(2024, 6, 1, 10))])
    plain = [column("c0", "NUMBER", 9, 0), column("c1", "TIMESTAMP", 0, 9)]
    driver.answer("SYS_EXTRACT_UTC", plain, [(Decimal(1), datetime(2024, 6, 1, 8))])
    wanted = [(1, datetime(2024, 6, 1, 8, tzinfo=UTC))]
    assert session.fetch("select id, at from t") == wanted
    assert len(driver.asked("execute")) == 2
    assert session.fetch("select id, at from t") == wanted
    assert len(driver.asked("execute")) == 3, "it is known the second time"
    assert driver.asked("execute")[2].sql == (
        'WITH "dms_query" ("c0", "c1") AS (\nselect id, at from t\n) SELECT "c0", '
        'SYS_EXTRACT_UTC(CAST("c1" AS TIMESTAMP(9) WITH TIME ZONE)) AS "c1" FROM "dms_query"'
    )


def test_a_transaction_ends_by_commit_or_rollback_alone(session: OracleSession, driver: FakeDriver):
    with transaction(session):
        session.execute("INSERT INTO t VALUES (1)")
    assert driver.names() == ["autocommit", "execute", "commit", "autocommit"]
    assert driver.asked("autocommit") == [False, True]
    driver.calls.clear()
    with pytest.raises(ZeroDivisionError), transaction(session):
        session.execute("INSERT INTO t VALUES (1)")
        raise ZeroDivisionError
    assert driver.names() == ["autocommit", "execute", "rollback", "autocommit"]
    driver.calls.clear()
    session.rollback()
    assert driver.names() == []


def test_a_source_begins_transactions_that_only_read(driver: FakeDriver, opened: Open):
    session = opened(read_only=True).connect()
    driver.calls.clear()
    session.begin()
    assert [call.sql for call in driver.asked("execute")] == ["SET TRANSACTION READ ONLY"]
    session.close()
    assert driver.names()[-3:] == ["rollback", "autocommit", "release"]


def test_chunks_read_the_state_of_one_change_number(driver: FakeDriver, opened: Open):
    engine = opened(read_only=True)
    driver.answer("GET_SYSTEM_CHANGE_NUMBER", [NUMBER], [(Decimal(281474976710655),)])
    holder, reader = engine.connect(), engine.connect()
    assert isinstance(reader, SnapshotSession)
    driver.calls.clear()
    name = holder.export_snapshot()
    assert name == "281474976710655"
    assert driver.asked("execute")[-1].values == {"p_scn": 281474976710655}, "the holder reads that state too"
    driver.calls.clear()
    reader.begin_at(name)
    assert driver.names() == ["autocommit", "execute"]
    [enabled] = driver.asked("execute")
    assert enabled.sql == "BEGIN DBMS_FLASHBACK.ENABLE_AT_SYSTEM_CHANGE_NUMBER(:p_scn); END;"
    assert enabled.values == {"p_scn": 281474976710655}
    reader.close()
    assert driver.names()[2:] == ["rollback", "autocommit", "execute", "release"]
    assert driver.asked("execute")[-1].sql == "BEGIN DBMS_FLASHBACK.DISABLE; END;"
    holder.close()


@pytest.mark.parametrize("number", [1555, 8180, 8181])
def test_a_state_that_is_no_more_is_read_anew(driver: FakeDriver, opened: Open, number: int):
    session = opened(read_only=True).connect()
    driver.answer("ENABLE_AT", error=oracle_error(number))
    driver.calls.clear()
    with pytest.raises(SnapshotLost):
        session.begin_at("1")
    assert driver.names()[-2:] == ["rollback", "autocommit"]
    session.close()


def test_savepoints_are_given_up_by_the_end_of_a_transaction(session: OracleSession):
    assert session.traits.savepoints
    assert not session.traits.releases_savepoints


def test_a_session_that_is_lost_outside_of_a_transaction_is_replaced(session: OracleSession, driver: FakeDriver):
    session._connection.healthy = False
    session.execute("DELETE FROM t")
    assert driver.names()[:2] == ["release", "acquire"]
    assert driver.pools[0].made == 2


def test_within_a_transaction_a_lost_session_is_an_error(session: OracleSession, driver: FakeDriver):
    session.begin()
    driver.answer("INSERT", error=oracle_error(3113, "end-of-file on communication channel"))
    with pytest.raises(TransientError, match="DPY-4011"):
        session.execute("INSERT INTO t VALUES (1)")
    session._connection.healthy = False
    with pytest.raises(TransientError):
        session.execute("INSERT INTO t VALUES (1)")
    driver.answer("rollback", error=oracle_error(3114, "not connected"))
    session.rollback()
    assert driver.asked("acquire") == []


def test_a_stop_breaks_the_statement(driver: FakeDriver, opened: Open):
    engine = opened()
    session = engine.connect()
    driver.answer("slow", error="block")  # type: ignore[arg-type]
    engine.heed(SimpleNamespace(requested=True, at_once=True))
    started = time.monotonic()
    with pytest.raises(Interrupted):
        session.execute("BEGIN slow; END;")
    # A statement that is begun after the stop has the grace of the interrupter.
    assert time.monotonic() - started < 6
    assert driver.asked("cancel") == ["interrupter"]
    session.close()


def test_a_session_stays_in_its_thread(session: OracleSession):
    failures: list[BaseException] = []

    def use() -> None:
        try:
            session.fetch("select 1 from dual")
        except AssertionError as error:
            failures.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert len(failures) == 1


def test_a_date_before_the_first_year_is_told(session: OracleSession, driver: FakeDriver):
    driver.answer("from t", error=ValueError("year -4711 is out of range"))
    with pytest.raises(PermanentError, match="year -4711"):
        session.fetch("select d from t")


def test_a_session_that_reads_the_past_is_nobody_elses(driver: FakeDriver, opened: Open):
    """Closed by another thread, it cannot be undone: the pool drops the connection."""
    engine = opened(read_only=True)
    driver.answer("GET_SYSTEM_CHANGE_NUMBER", [NUMBER], [(Decimal(7),)])
    session = engine.connect()
    session.export_snapshot()
    driver.calls.clear()
    thread = threading.Thread(target=session.close)
    thread.start()
    thread.join()
    assert driver.names() == ["drop"]
