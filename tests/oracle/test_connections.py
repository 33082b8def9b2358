"""How Oracle is reached: pool, modes, options, names in V$SESSION. Sections are those of the driver's user guide."""

import logging

import oracledb
import pytest

from dmsflow.engines.address import Address
from dmsflow.engines.oracle import OracleEngine
from dmsflow.engines.oracle_options import read_address
from dmsflow.errors import ConnectionFailed, TransientError
from tests.oracle.conftest import URL, Open
from tests.oracle.driver import CAPABILITIES, FakeDriver, oracle_error

ALIAS = "oracle+oracledb://loader@dwh_tns"


def arguments(url: str, password: str | None = None, **options) -> dict[str, object]:
    return read_address(
        Address(name="dwh", scheme="oracle", url=url, password=password, options=tuple(options.items()))
    ).arguments


@pytest.mark.parametrize(
    ("url", "options", "wanted"),
    [
        (URL, {}, {"host": "db.example.com", "port": 1521, "service_name": "DWH", "user": "loader"}),
        ("oracle://u@h:1522/DWH", {}, {"host": "h", "port": 1522, "service_name": "DWH"}),
        ("oracle://u@h/?sid=ORCL", {}, {"host": "h", "port": 1521, "sid": "ORCL"}),
        (ALIAS, {"config_dir": "/etc/oracle"}, {"dsn": "dwh_tns", "config_dir": "/etc/oracle"}),
        ("oracle://u@h:1521/", {"service_name": "S"}, {"host": "h", "service_name": "S"}),
        ("oracle://", {"dsn": "(DESCRIPTION=(ADDRESS=...))", "user": "u"}, {"dsn": "(DESCRIPTION=(ADDRESS=...))"}),
        ("oracle://proxy%5Bsales%5D@h/S", {}, {"user": "proxy[sales]", "homogeneous": False}),
        ("oracle://u@h/S", {"user": "proxy[sales]"}, {"user": "proxy[sales]", "homogeneous": False}),
        (
            "oracle://u@h:2484/S?protocol=tcps",
            {"wallet_location": "/w", "wallet_password": "secret", "ssl_server_dn_match": "yes"},
            {"protocol": "tcps", "wallet_location": "/w", "wallet_password": "secret", "ssl_server_dn_match": True},
        ),
        (URL, {"stmtcachesize": 5, "connect_timeout": "1m"}, {"stmtcachesize": 5, "tcp_connect_timeout": 60}),
        (URL, {}, {"stmtcachesize": 60, "tcp_connect_timeout": 30, "expire_time": 1}),
    ],
)
def test_an_address_says_how_the_driver_gets_there(url, options, wanted):
    found = arguments(url, **options)
    assert {name: found.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("url", [URL, ALIAS, "oracle://u@h/?sid=X", "oracle://u@h/S?protocol=tcps"])
def test_the_driver_takes_what_it_is_given(url):
    """Every argument is one of PoolParams, or a dsn, by the driver's own check of names and types."""
    given = arguments(url, password="tiger", wallet_location="/w", events="false", retry_count=3)
    dsn = given.pop("dsn", None)
    params = oracledb.PoolParams(**given)
    assert params.user in ("loader", "u")
    assert dsn == ("dwh_tns" if url == ALIAS else None)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"walet_location": "/w"}, 'no option "walet_location": did you mean "wallet_location"?'),
        ({"sslmode": "require"}, 'no option "sslmode": '),
        ({"stmtcachesize": "many"}, 'stmtcachesize is "many", which is no whole number'),
        ({"statement_timeout": "soon"}, 'statement_timeout is "soon", which is no duration'),
        ({"ssl_server_dn_match": "perhaps"}, 'ssl_server_dn_match is "perhaps": write true or false'),
    ],
)
def test_an_option_that_is_none_is_refused(opened: Open, options, told):
    with pytest.raises(ConnectionFailed) as refused:
        opened(**options)
    assert told in str(refused.value)


def test_no_secret_is_shown(driver: FakeDriver, opened: Open):
    url = "oracle://loader:tiger1@db.example.com/S?wallet_password=wallet1"
    reach = read_address(Address(name="dwh", scheme="oracle", url=url))
    assert reach.arguments["password"] == "tiger1"
    assert "tiger1" not in repr(reach)
    assert "wallet1" not in repr(reach)
    with pytest.raises(ConnectionFailed) as refused:
        opened("oracle://loader[x]:tiger1@db.example.com/S")
    assert "tiger1" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert "%5B" in str(refused.value)


def test_sessions_come_from_one_pool_and_go_back_to_it(driver: FakeDriver, opened: Open):
    """ "Connection Pooling": one connection for each thread that needs one, set up once."""
    engine = opened()
    [given] = driver.asked("create_pool")
    assert (given["min"], given["increment"], given["user"], given["password"]) == (0, 1, "loader", "tiger")
    first, second = engine.connect(), engine.connect()
    assert first._connection is not second._connection
    first.close()
    engine.connect().close()
    second.close()
    assert driver.pools[0].made == 2
    settings = [call.sql for call in driver.asked("execute") if call.sql.startswith("ALTER SESSION")]
    assert len(settings) == 2
    for setting in ("TIME_ZONE = '+00:00'", "NLS_SORT = 'BINARY'", "NLS_NUMERIC_CHARACTERS = '.,'"):
        assert setting in settings[0]
    engine.close()
    assert driver.asked("close_pool") == [True]


def test_a_session_is_named_for_whoever_looks_at_the_database(driver: FakeDriver, opened: Open):
    """ "End-to-End Database Tracing": the values stay with a pooled connection, so that each loan sets them."""
    engine = opened()
    driver.calls.clear()
    engine.connect().close()
    assert driver.asked("module") == ["dmsflow"]
    assert driver.asked("action") == ["dim_customer"]


def test_limits_are_set_for_a_connection_and_that_of_a_round_trip_at_every_loan(driver: FakeDriver, opened: Open):
    """A pool that pings a connection forgets its call_timeout (python-oracledb, issue 558)."""
    engine = opened(statement_timeout="90s", lock_timeout="5m")
    driver.calls, calls = [], driver.calls
    engine.connect().close()
    assert driver.asked("call_timeout") == [90_000]
    driver.calls = calls
    [settings] = [call.sql for call in driver.asked("execute") if call.sql.startswith("ALTER SESSION")]
    assert "DDL_LOCK_TIMEOUT = 300" in settings


def test_thick_mode_is_an_option(driver: FakeDriver, opened: Open):
    """ "Enabling python-oracledb Thick mode": init_oracle_client comes before any connection."""
    opened()
    assert driver.client is None
    driver.calls.clear()
    opened(lib_dir="instantclient", config_dir="/etc/oracle")
    assert driver.names()[:2] == ["init_oracle_client", "create_pool"]
    assert driver.client == {"lib_dir": "instantclient", "config_dir": "/etc/oracle", "driver_name": "dmsflow"}
    assert "lib_dir" not in driver.asked("create_pool")[0]


def test_an_engine_that_cannot_be_opened_says_what_to_do(driver: FakeDriver, opened: Open):
    driver.answer("acquire", error=oracle_error(1017, "invalid username/password; logon denied"))
    with pytest.raises(ConnectionFailed) as failed:
        opened()
    assert 'cannot open connection "dwh" (db.example.com:1521)' in str(failed.value)
    assert "check the user and the password" in str(failed.value)
    assert driver.asked("close_pool") == [True]


def test_a_server_that_has_answered_is_worth_another_try(driver: FakeDriver, opened: Open):
    engine = opened()
    driver.answer("acquire", error=oracle_error(12541, "TNS:no listener"))
    with pytest.raises(TransientError, match="ORA-12541"):
        engine.connect()


def test_the_real_driver_tells_of_a_server_that_is_not_there():
    """No stand-in: nothing listens on port 1."""
    address = Address(name="dwh", scheme="oracle", url="oracle://u@127.0.0.1:1/S", password="tiger")
    with pytest.raises(ConnectionFailed) as failed:
        OracleEngine(address)
    assert "DPY-6005" in str(failed.value)
    assert "check host and port" in str(failed.value)


@pytest.mark.parametrize(
    ("charset", "unicode", "bytewise", "refused"),
    [("AL32UTF8", True, True, None), ("UTF8", True, False, None), ("WE8MSWIN1252", False, False, "α")],
)
def test_what_a_character_set_holds_is_known(driver: FakeDriver, opened: Open, charset, unicode, bytewise, refused):
    driver.answer("nls_database", CAPABILITIES, [(charset, 0)])
    traits = opened().traits
    assert (traits.unicode, traits.binary_text_order) == (unicode, bytewise)
    assert (traits.unstorable is None) == (refused is None)


def test_chunks_read_one_state_where_the_user_may(driver: FakeDriver, opened: Open, caplog):
    assert opened(read_only=True).traits.exports_snapshots
    assert not opened().traits.exports_snapshots, "what writes does not read the past"
    driver.answer("nls_database", CAPABILITIES, [("AL32UTF8", 0)])
    with caplog.at_level(logging.WARNING, "dmsflow.engines"):
        assert not opened(read_only=True).traits.exports_snapshots
    assert "DBMS_FLASHBACK" in str(caplog.records[-1].event)
