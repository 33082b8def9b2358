"""Any SQLAlchemy database, tried out on one that is at hand: SQLite by a driver that binds by position."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy.engine import make_url

from dmsflow.engines.generic import GenericEngine, GenericSession
from dmsflow.engines.generic_driver import SQLAlchemyDriver
from dmsflow.engines.generic_sql import GenericIdioms
from dmsflow.engines.interrupter import Interrupter
from dmsflow.errors import ConnectionFailed, PermanentError
from dmsflow.model.table import DataType, TableName, TypeName


@pytest.fixture
def driver(tmp_path: Path) -> SQLAlchemyDriver:
    return SQLAlchemyDriver(make_url(f"sqlite:///{tmp_path / 'any.db'}"), {})


@pytest.fixture
def session(driver: SQLAlchemyDriver) -> Iterator[GenericSession]:
    opened = GenericSession(driver, Interrupter())
    opened.execute(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(10), price NUMERIC(10, 2), b BLOB, UNIQUE (name))"
    )
    opened.begin()
    opened.execute("INSERT INTO t VALUES (:i, :n, 1.5, x'00'), (2, ':n', NULL, NULL)", {"n": "one", "i": 1})
    opened.commit()
    yield opened
    opened.close()


def test_named_values_are_bound_in_the_drivers_own_way(session: GenericSession) -> None:
    found = session.fetch("SELECT id, ':n' FROM t WHERE name = :n OR (id = :i AND :n <> 'x')", {"n": "one", "i": 2})
    assert found == [(1, ":n"), (2, ":n")]


def test_a_table_is_described_by_the_inspector(session: GenericSession) -> None:
    shape = session.describe_table(TableName(table="t"))
    assert shape is not None
    assert [str(column.type) for column in shape.columns] == ["integer", "varchar(10)", "decimal(10,2)", "bytes"]
    assert session.describe_table(TableName(table="nowhere")) is None


def test_rows_are_streamed_as_the_types_of_the_first_ones(session: GenericSession) -> None:
    found = session.stream("SELECT id, name, price, b FROM t ORDER BY id", {}, 1).read_all()
    assert found.schema.types == [pa.int64(), pa.string(), pa.float64(), pa.binary()]
    assert found.to_pylist()[0] == {"id": 1, "name": "one", "price": 1.5, "b": b"\0"}


def test_arrow_batches_are_loaded(session: GenericSession) -> None:
    table = pa.table({"name": ["x"], "id": [9]})
    assert session.load("t", table.to_reader()) == 1
    assert session.fetch("SELECT name FROM t WHERE id = 9") == [("x",)]


def test_errors_are_judged(session: GenericSession) -> None:
    with pytest.raises(PermanentError) as caught:
        session.execute("INSERT INTO t (id) VALUES (1)")
    assert isinstance(caught.value.__cause__, sqlite3.IntegrityError)


def test_the_dialect_writes_its_own_words(driver: SQLAlchemyDriver) -> None:
    idioms = GenericIdioms(driver.dialect)
    assert idioms.quote('a"b') == '"a""b"'
    assert idioms.literal("it's :x") == "'it''s :x'"
    assert idioms.type_sql(DataType(name=TypeName.DECIMAL, precision=10, scale=2)) == "NUMERIC(10, 2)"
    assert idioms.type_sql(DataType(name=TypeName.VARCHAR, length=5)) == "VARCHAR(5)"
    assert idioms.unique_current("i", TableName(table="t"), ["id"], "is_current") is None


def test_a_dialect_that_is_not_installed_says_so() -> None:
    with pytest.raises(ConnectionFailed, match="install"):
        GenericEngine("mariadb+nowhere://host/db")
