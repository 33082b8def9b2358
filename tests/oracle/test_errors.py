"""What Oracle's errors mean: class, reason, column, next step. Errors are made by the driver's own code (law 33)."""

import oracledb
import pytest

from dmsflow.engines.oracle_errors import Place, explain_open, judge
from dmsflow.errors import Interrupted, PermanentError, RowRefused, SnapshotLost, TransientError
from dmsflow.events import forget_secrets, register_secret
from tests.oracle.driver import oracle_error

TARGET, SOURCE = Place(name="dwh", reads=False), Place(name="crm", reads=True)


def driver_error(words: str) -> oracledb.Error:
    """An error of the driver itself."""
    from oracledb.errors import _Error

    made = _Error(words)
    return made.exc_type(made)


@pytest.mark.parametrize(
    "number", [28, 3113, 3114, 3135, 12537, 12541, 12170, 1033, 1034, 1089, 12514, 54, 60, 4021, 8177, 30006]
)
def test_another_try_may_help(number: int):
    found = judge(oracle_error(number), TARGET)
    assert type(found) is TransientError
    assert f"ORA-{number:05}" in str(found)


@pytest.mark.parametrize("code", ["DPY-1001", "DPY-4011", "DPY-6005", "DPY-4033", "DPI-1080"])
def test_the_drivers_own_codes_tell_of_a_lost_session(code: str):
    assert type(judge(driver_error(f"{code}: the connection is gone"), TARGET)) is TransientError


@pytest.mark.parametrize("number", [1555, 8180, 8181, 1466])
def test_a_state_that_is_no_more_is_lost(number: int):
    assert type(judge(oracle_error(number), SOURCE)) is SnapshotLost


@pytest.mark.parametrize(
    ("number", "words", "reason", "column"),
    [
        (1, "unique constraint (DW.PK) violated", "unique", None),
        (1, "unique constraint (DW.PK) violated on table DW.T columns (ID)", "unique", "ID"),
        (1400, 'cannot insert NULL into ("DW"."T"."NAME")', "not_null", "NAME"),
        (1407, 'cannot update ("DW"."T"."a b") to NULL', "not_null", "a b"),
        (2290, "check constraint (DW.POSITIVE) violated", "check", None),
        (2291, "integrity constraint (DW.FK) violated - parent key not found", "foreign_key", None),
        (12899, 'value too large for column "DW"."T"."NAME" (actual: 21, maximum: 20)', "too_long", "NAME"),
        (1438, "value larger than specified precision allowed for this column", "overflow", None),
        (1722, "invalid number", "refused", None),
        (1861, "literal does not match format string", "refused", None),
        (20001, "no orders on Sundays", "refused", None),
    ],
)
def test_a_row_is_refused_with_its_reason(number: int, words: str, reason: str, column: str | None):
    found = judge(oracle_error(number, words), TARGET)
    assert isinstance(found, RowRefused)
    assert (found.reason, found.column) == (reason, column)
    assert words in found.told
    assert "Help: https" not in str(found)


def test_a_commit_that_is_refused_is_refused_for_a_row():
    """A constraint that waits for the end: the transaction is rolled back (ORA-02091), for what stands below."""
    words = "transaction rolled back\nORA-02291: integrity constraint (DW.FK) violated - parent key not found"
    found = judge(oracle_error(2091, words), TARGET)
    assert isinstance(found, RowRefused)
    assert found.reason == "foreign_key"
    assert type(judge(oracle_error(2091, "transaction rolled back\nORA-00060: deadlock"), TARGET)) is TransientError


def test_what_lies_under_an_error_counts():
    stack = "error occurred at recursive SQL level 1\nORA-20001: no orders on Sundays\nORA-06512: at line 3"
    assert isinstance(judge(oracle_error(604, stack), TARGET), RowRefused)
    assert isinstance(
        judge(oracle_error(12801, "in parallel query server\nORA-01555: snapshot too old"), SOURCE), SnapshotLost
    )


@pytest.mark.parametrize(
    ("number", "place", "step"),
    [
        (942, SOURCE, "READ or SELECT"),
        (942, TARGET, "oracle-permissions"),
        (1031, TARGET, "oracle-permissions"),
        (1950, TARGET, "oracle-permissions"),
        (1653, TARGET, "make room in that tablespace"),
        (1536, TARGET, "raise the quota"),
        (30036, TARGET, "undo tablespace is full"),
        (2393, TARGET, "raise CPU_PER_CALL"),
        (1013, TARGET, "somebody cancelled"),
        (16000, TARGET, "primary database"),
        (1456, SOURCE, "only read"),
    ],
)
def test_what_to_do_is_told(number: int, place: Place, step: str):
    found = judge(oracle_error(number), place)
    assert type(found) is PermanentError
    assert str(found).startswith(f'connection "{place.name}": ORA-{number:05}')
    assert step in str(found)


def test_a_package_that_may_not_be_run_is_a_permission():
    words = "line 1, column 7:\nPLS-00201: identifier 'DBMS_FLASHBACK' must be declared"
    assert "oracle-permissions" in str(judge(oracle_error(6550, words), SOURCE))


def test_a_statement_that_ran_too_long_is_no_lost_session():
    found = judge(driver_error("DPY-4024: call timeout of 90000 ms exceeded"), TARGET)
    assert type(found) is PermanentError
    assert "statement_timeout" in str(found)


def test_a_stop_is_nobodys_error():
    assert type(judge(oracle_error(1013), TARGET, hurried=True)) is Interrupted


@pytest.mark.parametrize(
    ("words", "step"),
    [
        ("ORA-28000: the account is locked", "unlock"),
        ("ORA-28001: the password has expired", "change it"),
        ('DPY-6001: Service "X" is not registered with the listener', "service_name"),
        ('DPY-4000: unable to find "X" in tnsnames.ora', "config_dir"),
        ("DPI-1047: Cannot locate a 64-bit Oracle Client library", "lib_dir"),
        ("DPY-3001: Native Network Encryption is only supported in thick mode", "TCPS"),
        ("DPY-6002: The distinguished name does not match", "wallet_location"),
        ("something else", "check address, user and options"),
    ],
)
def test_a_logon_that_fails_says_what_to_do(words: str, step: str):
    assert step in explain_open('connection "dwh"', driver_error(words))


def test_no_secret_is_told():
    register_secret("tiger-in-the-tank")
    try:
        told = str(judge(oracle_error(1017, "no tiger-in-the-tank here"), TARGET))
        assert "tiger-in-the-tank" not in told + explain_open("x", driver_error("DPY-4000: tiger-in-the-tank"))
    finally:
        forget_secrets()
