from pathlib import Path

import pytest

from dmsflow.errors import LedgerError
from dmsflow.ledger import find_ledger, locate_ledger


def make(folder: Path) -> Path:
    (folder / ".dmsflow").mkdir(parents=True)
    (folder / ".dmsflow" / "ledger.db").touch()
    return folder / ".dmsflow" / "ledger.db"


def test_the_option_wins_over_the_environment_over_the_folder(tmp_path: Path):
    environ = {"DMSFLOW_LEDGER": str(tmp_path / "env.db")}
    assert locate_ledger(str(tmp_path / "option.db"), tmp_path, environ=environ) == tmp_path / "option.db"
    assert locate_ledger(None, tmp_path, environ=environ) == tmp_path / "env.db"
    assert locate_ledger(None, tmp_path, environ={}) == tmp_path / ".dmsflow" / "ledger.db"


def test_without_a_folder_it_is_in_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert locate_ledger(None, None, environ={}) == tmp_path / ".dmsflow" / "ledger.db"


def test_sqlite_urls_are_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert locate_ledger("sqlite:////var/lib/x.db", None, environ={}) == Path("/var/lib/x.db")
    assert locate_ledger("sqlite:///x.db?mode=rw", None, environ={}) == tmp_path / "x.db"


def test_a_folder_stands_for_the_ledger_in_it(tmp_path: Path):
    ledger = make(tmp_path / "loads")
    assert locate_ledger(str(tmp_path / "loads"), None, environ={}) == ledger
    assert locate_ledger(str(ledger.parent), None, environ={}) == ledger


def test_a_server_is_refused_without_its_password():
    with pytest.raises(LedgerError, match="a ledger on a server") as caught:
        locate_ledger("postgresql://me:hidden@db/x", None, environ={})
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("text", ["sqlite://", "sqlite:///", "sqlite:///:memory:", ":memory:"])
def test_a_ledger_in_memory_is_refused(text: str):
    with pytest.raises(LedgerError, match="needs a file"):
        locate_ledger(text, None, environ={})


def test_a_reader_looks_upwards(tmp_path: Path):
    ledger = make(tmp_path)
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert find_ledger(None, start=tmp_path / "a" / "b", environ={}) == ledger


def test_a_reader_looks_from_the_spec_when_there_is_one(tmp_path: Path):
    make(tmp_path)
    ledger = make(tmp_path / "loads")
    (tmp_path / "loads" / "daily").mkdir()
    spec = tmp_path / "loads" / "daily" / "orders.yaml"
    assert find_ledger(None, spec, start=tmp_path, environ={}) == ledger
    assert find_ledger(None, spec.parent, start=tmp_path, environ={}) == ledger


def test_a_reader_takes_the_only_ledger_below(tmp_path: Path):
    ledger = make(tmp_path / "loads")
    assert find_ledger(None, start=tmp_path, environ={}) == ledger
    make(tmp_path / "other")
    with pytest.raises(LedgerError, match="several folders here have a ledger: loads, other"):
        find_ledger(None, start=tmp_path, environ={})


def test_a_reader_is_told_when_there_is_none(tmp_path: Path):
    with pytest.raises(LedgerError, match="nothing ran here"):
        find_ledger(None, start=tmp_path, environ={})
    with pytest.raises(LedgerError, match="there is no ledger at"):
        find_ledger(str(tmp_path / "x.db"), environ={})
