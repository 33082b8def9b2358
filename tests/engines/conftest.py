"""Every engine under one name: the contract suite runs once per lab."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dmsflow.engines.address import Address
from dmsflow.engines.duckdb import DuckDBEngine
from dmsflow.engines.engine import Engine, Idioms, Session
from dmsflow.engines.generic import GenericEngine
from dmsflow.engines.oracle import OracleEngine
from dmsflow.engines.postgresql import PostgreSQLEngine
from tests import postgres
from tests.oracle import server


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


def open_duckdb(folder: Path) -> Lab:
    return Lab(name="duckdb", engine=DuckDBEngine(str(folder / "lab.duckdb")), marker="$")


def open_sqlite(folder: Path) -> Lab:
    options = {"busy_timeout": 5}
    return Lab(name="sqlite", engine=GenericEngine(f"sqlite:///{folder / 'lab.db'}", options), marker=":")


def open_postgresql(folder: Path) -> Lab:
    options = (("options", "-c lock_timeout=500"),)
    address = Address(name="lab", scheme="postgresql", url=postgres.borrow(), options=options)
    return Lab(name="postgresql", engine=PostgreSQLEngine(address), marker=":")


def open_oracle(folder: Path) -> Lab:
    server.empty()
    return Lab(name="oracle", engine=OracleEngine(server.address()), marker=":")


OPENERS: dict[str, Callable[[Path], Lab]] = {
    "duckdb": open_duckdb,
    "sqlite": open_sqlite,
    "postgresql": open_postgresql,
    **({"oracle": open_oracle} if server.URL else {}),
}


@pytest.fixture(params=list(OPENERS))
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    found = OPENERS[request.param](tmp_path)
    yield found
    found.engine.close()


@pytest.fixture
def session(lab: Lab) -> Iterator[Session]:
    opened = lab.engine.connect()
    yield opened
    opened.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Session]:
    engine = open_sqlite(tmp_path).engine
    opened = engine.connect()
    yield opened
    opened.close()
    engine.close()


def open_engine(
    url: str, *, read_only: bool = False, password: str | None = None, **options: str | int
) -> PostgreSQLEngine:
    """A database of PostgreSQL as a connection of a spec names it."""
    address = Address(name="dwh", scheme="postgresql", url=url, password=password, options=tuple(options.items()))
    return PostgreSQLEngine(address, read_only=read_only)


@pytest.fixture
def url() -> str:
    return postgres.borrow()


@pytest.fixture
def postgresql(url: str) -> Iterator[Session]:
    engine = open_engine(url)
    opened = engine.connect()
    yield opened
    opened.close()
    engine.close()
