import sqlite3
from pathlib import Path

import pytest

from dmsflow.errors import LedgerError
from dmsflow.ledger import Ledger, open_ledger
from tests.unit.ledger.conftest import Start, StillClock, chunk


def test_a_file_of_another_kind_is_refused(path: Path, clock: StillClock):
    path.parent.mkdir()
    path.write_bytes(b"this is not a database, whatever its name says" * 100)
    with pytest.raises(LedgerError, match=r"damaged, or is no ledger.*next: move the file away"):
        open_ledger(path, clock=clock).__enter__()


def test_a_damaged_page_is_said_to_be_damage(path: Path, clock: StillClock):
    with open_ledger(path, clock=clock):
        pass
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with open_ledger(path, clock=clock) as opened, pytest.raises(LedgerError, match="damaged"):
        opened.runs()


def test_a_database_of_another_program_is_left_alone(path: Path, clock: StillClock):
    path.parent.mkdir()
    with sqlite3.connect(path) as other:
        other.execute("create table wine (name text)")
    with pytest.raises(LedgerError, match="database of another program"):
        open_ledger(path, clock=clock).__enter__()
    assert sqlite3.connect(path).execute("select name from sqlite_master").fetchall() == [("wine",)]


def test_a_ledger_of_a_newer_dmsflow_is_refused(path: Path, clock: StillClock):
    with open_ledger(path, clock=clock):
        pass
    with sqlite3.connect(path) as newer:
        newer.execute("pragma user_version = 99")
    with pytest.raises(LedgerError, match="has version 99, this dmsflow reads up to 4"):
        open_ledger(path, clock=clock).__enter__()


def test_an_empty_file_becomes_a_ledger(path: Path, clock: StillClock):
    path.parent.mkdir()
    path.touch()
    with open_ledger(path, clock=clock) as opened:
        assert opened.runs() == ()


def test_a_place_below_a_file_cannot_be_a_folder(tmp_path: Path, clock: StillClock):
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match="cannot be written: Not a directory"):
        open_ledger(tmp_path / "file" / ".dmsflow" / "ledger.db", clock=clock).__enter__()


def test_a_folder_that_takes_no_file_is_refused(clock: StillClock):
    with pytest.raises(LedgerError, match="cannot be written"):
        open_ledger("/proc/self/ledger.db", clock=clock).__enter__()


def test_a_failing_write_is_heard_and_the_ledger_goes_on(ledger: Ledger, start: Start, path: Path):
    start("r1")
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("alter table chunk rename to hidden")
    with pytest.raises(LedgerError, match="does not answer: no such table"):
        ledger.record_chunk("r1", chunk(1))
    blocker.execute("alter table hidden rename to chunk")
    blocker.close()
    ledger.record_chunk("r1", chunk(1))
    assert len(ledger.chunks("r1")) == 1


def test_a_held_lock_is_said_to_be_busy(ledger: Ledger, start: Start, path: Path, monkeypatch: pytest.MonkeyPatch):
    start("r1")
    ledger._connection.execute("pragma busy_timeout = 50")
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("begin immediate")
    try:
        with pytest.raises(LedgerError, match="was busy"):
            ledger.beat("r1", 1)
        assert ledger.run("r1").rows_so_far == 0, "a reader is not held up"
    finally:
        blocker.close()
