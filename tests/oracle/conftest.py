"""An Oracle engine over the stand-in of its driver."""

from collections.abc import Callable, Iterator

import oracledb
import pytest

from dmsflow.engines.address import Address
from dmsflow.engines.oracle import OracleEngine
from dmsflow.engines.oracle_session import OracleSession
from tests.oracle.driver import FakeDriver

URL = "oracle+oracledb://loader@db.example.com:1521/?service_name=DWH"
Open = Callable[..., OracleEngine]


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    fake = FakeDriver()
    monkeypatch.setattr(oracledb, "create_pool", fake.create_pool)
    monkeypatch.setattr(oracledb, "init_oracle_client", fake.init_oracle_client)
    return fake


@pytest.fixture
def opened(driver: FakeDriver) -> Iterator[Open]:
    engines: list[OracleEngine] = []

    def open_engine(url: str = URL, *, read_only: bool = False, **options) -> OracleEngine:
        address = Address(
            name="dwh",
            scheme="oracle",
            url=url,
            password="tiger",
            options=tuple(options.items()),
            pipeline="dim_customer",
        )
        engines.append(OracleEngine(address, read_only=read_only))
        return engines[-1]

    yield open_engine
    for engine in engines:
        engine.close()


@pytest.fixture
def session(driver: FakeDriver, opened: Open) -> Iterator[OracleSession]:
    found = opened().connect()
    driver.calls.clear()
    yield found
    found.close()
