"""Files of one DuckDB opened by another, options of a connection, and the extension where it is looked for."""

from contextlib import closing
from pathlib import Path

import pytest

from dmsflow.engines import duckdb_postgres
from dmsflow.engines.address import Address
from dmsflow.engines.duckdb import DuckDBEngine
from dmsflow.engines.duckdb_driver import driver
from dmsflow.engines.duckdb_postgres import describe, judge, load_extension
from dmsflow.engines.duckdb_words import explain_open
from dmsflow.engines.postgresql_options import write_conninfo
from dmsflow.errors import ConnectionFailed, PermanentError, TransientError
from tests import extension

WRITTEN = "SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = 'file'"


@pytest.mark.parametrize("version", ["v1.0.0", "v1.2.0", "v1.5.0"])
def test_a_new_file_is_written_for_the_version_that_is_asked_for(tmp_path: Path, version: str) -> None:
    for options in ({"storage_version": version}, None):
        engine = DuckDBEngine(str(tmp_path / "file.duckdb"), options)
        session = engine.connect()
        session.execute("CREATE TABLE IF NOT EXISTS t (a INTEGER)")
        assert session.fetch(WRITTEN) == [(f"{version}+",)]
        session.close()
        engine.close()


def test_a_version_that_is_none_is_refused_with_what_to_write(tmp_path: Path) -> None:
    for version in ("1.5", "v99.0.0", "newest"):
        told = rf'storage_version of a DuckDB connection is "{version}": name a version that DuckDB .* such as v1.2.0'
        with pytest.raises(ConnectionFailed, match=told):
            DuckDBEngine(str(tmp_path / "file.duckdb"), {"storage_version": version})


def test_a_file_of_a_newer_duckdb_is_told_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "file.duckdb"
    driver.connect(str(path)).close()
    newer = bytearray(path.read_bytes())
    newer[12:20] = (9999).to_bytes(8, "little")
    path.write_bytes(newer)
    with pytest.raises(ConnectionFailed, match=r"cannot open|newer DuckDB"):
        DuckDBEngine(str(path))
    said = explain_open("file.duckdb", "The database file was created with an newer version of DuckDB.", "1.5.5")
    assert "written by a newer DuckDB" in said and "storage_version: v1.2.0" in said


def test_the_extension_is_asked_for_in_words() -> None:
    with pytest.raises(ConnectionFailed, match=r'postgres_extension .* is "yes": write one of auto, install, never'):
        DuckDBEngine(None, {"postgres_extension": "yes"})


def test_the_time_zone_is_utc_in_every_session() -> None:
    with closing(DuckDBEngine(None)) as engine, closing(engine.connect()) as session:
        assert session.fetch(
            "SELECT current_setting('TimeZone'), CAST('2020-01-01 02:00:00+02' AS TIMESTAMPTZ)::VARCHAR"
        ) == [("UTC", "2020-01-01 00:00:00+00")]


@extension.missing
def test_a_missing_extension_is_no_error_and_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[str] = []

    class Watched:
        def execute(self, sql: str):
            run.append(sql)
            return database.execute(sql)

    with closing(driver.connect()) as database:
        said = load_extension(Watched(), fetch=False)
    assert "is not installed (pip install duckdb-extension-postgres-scanner" in str(said)
    assert not any("INSTALL" in sql for sql in run)


def test_an_option_that_duckdb_cannot_hold_is_an_obstacle() -> None:
    address = Address(
        name="src", scheme="postgresql", url="postgresql://localhost/x", options=(("sslpassword", "hush"),)
    )
    with closing(DuckDBEngine(None)) as engine:
        assert engine.attach_server(address, "src") == "DuckDB has no place for the option sslpassword"


def test_a_package_for_another_duckdb_is_passed_over() -> None:
    assert duckdb_postgres.find_packaged("v0.0.1") is None


def test_the_password_stands_apart() -> None:
    address = Address(
        name="src",
        scheme="postgresql",
        url="postgresql+psycopg://u%40x:p%27w@one,two/db?options=-c%20work_mem%3D1MB",
        options=(("sslmode", "require"),),
    )
    conninfo, password = write_conninfo(address)
    assert password == "p'w" and "p'w" not in conninfo and "w@" not in conninfo
    assert "options='-c work_mem=1MB -c TimeZone=UTC -c DateStyle" in conninfo and "sslmode=require" in conninfo


SAID = {
    "IO Error: Unable to read binary COPY data from Postgres: server closed the connection unexpectedly\n\tThis": (
        "IO Error: Unable to read binary COPY data from Postgres: server closed the connection unexpectedly This",
        TransientError,
    ),
    'Failed to prepare COPY "COPY (SELECT 1/0) TO STDOUT": ERROR:  division by zero\n': (
        "division by zero",
        PermanentError,
    ),
    'Binder Error: Failed to prepare query "SELECT nope": ERROR:  column "nope" is not there\nLINE 1: SELECT nope': (
        'column "nope" is not there',
        PermanentError,
    ),
    'IO Error: Unable to connect to Postgres at "user=a host=b": timeout expired': ("timeout expired", TransientError),
    "Failed: ERROR:  canceling statement due to conflict with recovery": (
        "canceling statement due to conflict with recovery",
        TransientError,
    ),
}


@pytest.mark.parametrize("said", SAID)
def test_the_servers_words_come_out_and_say_whether_to_try_again(said: str) -> None:
    told, kind = SAID[said]
    assert describe(said) == told
    assert type(judge(PermanentError(said))) is kind
