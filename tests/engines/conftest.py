"""Every engine under one name: the contract suite runs once per lab."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dmsflow.engines.address import Address
from dmsflow.engines.duckdb import DuckDBEngine
from dmsflow.engines.engine import Engine, Idioms, Session
from dmsflow.engines.generic import GenericEngine
from dmsflow.engines.postgresql import PostgreSQLEngine
from tests import postgres


@dataclass(frozen=True, kw_only=True)
class Lab:
    """One engine on an empty database of its own."""

    name: str
    engine: Engine
    marker: str

    @property
    def idioms(self) -> Idioms:
        return self.engine.idioms

    def bind(self, name: str) -> str:
        return f"{self.marker}{name}"


@contextmanager
def open_duckdb(folder: Path) -> Iterator[Lab]:
    yield Lab(name="duckdb", engine=DuckDBEngine(str(folder / "lab.duckdb")), marker="$")


@contextmanager
def open_sqlite(folder: Path) -> Iterator[Lab]:
    options = {"busy_timeout": 5}
    yield Lab(name="sqlite", engine=GenericEngine(f"sqlite:///{folder / 'lab.db'}", options), marker=":")


@contextmanager
def open_postgresql(folder: Path) -> Iterator[Lab]:
    with postgres.database() as url:
        address = Address(name="lab", scheme="postgresql", url=url, options=(("options", "-c lock_timeout=500"),))
        yield Lab(name="postgresql", engine=PostgreSQLEngine(address), marker=":")


OPENERS: dict[str, Callable[[Path], AbstractContextManager[Lab]]] = {
    "duckdb": open_duckdb,
    "sqlite": open_sqlite,
    "postgresql": open_postgresql,
}


@pytest.fixture(params=list(OPENERS))
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    with OPENERS[request.param](tmp_path) as found:
        yield found
        found.engine.close()


@pytest.fixture
def session(lab: Lab) -> Iterator[Session]:
    opened = lab.engine.connect()
    yield opened
    opened.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Session]:
    with open_sqlite(tmp_path) as found:
        opened = found.engine.connect()
        yield opened
        opened.close()
        found.engine.close()
