"""Laws 24, 31 in Oracle's words: rows that only the target's database refuses, and text that Oracle does not keep."""

from pathlib import Path

import pytest

from dmsflow.model.result import RunStatus
from tests.laws.test_oracle_histories import OracleWorld

COLUMNS = {"id": "bigint", "name": "varchar", "code": "varchar(5)", "photo": "blob"}


@pytest.fixture
def world(tmp_path: Path) -> OracleWorld:
    return OracleWorld(tmp_path)


def spec(**more) -> dict:
    return {
        "version": 1,
        "pipeline": "p",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t"},
        "key": ["id"],
        "scd": 1,
        "errors": {"max_rows": 100},
        "columns": {"id": {}, "name": {}, "code": {"type": "varchar(5)"}, "photo": {}},
        **more,
    }


def write(world: OracleWorld, *rows: tuple) -> None:
    world.write_source([dict(zip(COLUMNS, row, strict=True)) for row in rows], COLUMNS)


def rejects(world: OracleWorld) -> list[tuple]:
    return world.read("SELECT row_key, column_name, column_value, reason FROM dmsflow_reject ORDER BY ALL")


def test_a_row_that_a_constraint_refuses_is_found_among_the_others(world: OracleWorld):
    write(world, *((n, f"n{n}", None, None) for n in range(1, 4)))
    assert world.apply(spec()).status is RunStatus.SUCCEEDED
    with world.open("target") as target:
        described = target.execute("SELECT column_name, column_type FROM (DESCRIBE t)").fetchall()
        declared = ", ".join(f'"{name}" {kind}' for name, kind in described)
        target.execute("ALTER TABLE t RENAME TO before")
        target.execute(f"CREATE TABLE t ({declared}, CHECK (name <> 'no'))")
        target.execute("INSERT INTO t FROM before")
    write(world, (1, "n1", None, None), (2, "no", None, b"\x00"), (3, "other", "é", b"\x01"), (4, "no", None, None))
    report = world.apply(spec())
    assert report.status is RunStatus.SUCCEEDED, report.errors[0].message
    assert (report.rows.read, report.rows.inserted, report.rows.updated, report.rows.rejected) == (4, 0, 1, 2)
    assert [(key, reason) for key, _, _, reason in rejects(world)] == [('{"id":2}', "check"), ('{"id":4}', "check")]
    assert world.read("SELECT id, name FROM t ORDER BY id") == [(1, "n1"), (2, "n2"), (3, "other")]


def test_text_without_a_character_is_no_value(world: OracleWorld):
    write(world, (1, "", "", b""), (2, "a", None, b"\x01"))
    first = world.apply(spec())
    write(world, (1, None, "", None), (2, "a", "", b"\x01"))
    again = world.apply(spec())
    assert (first.rows.inserted, again.rows.unchanged, again.rows.updated) == (2, 2, 0)
    assert world.read("SELECT name, code, photo FROM t WHERE id = 1") == [(None, None, None)]


def test_a_key_without_a_character_is_a_reject(world: OracleWorld):
    write(world, (1, "", None, None), (2, "a", None, None))
    report = world.apply(spec(key=["name"]))
    assert (report.rows.inserted, report.rows.rejected) == (1, 1)
    assert rejects(world) == [('{"name":null}', "name", None, "null_key")]


def test_a_text_that_has_too_many_bytes_is_a_reject(world: OracleWorld):
    """A key has room for 4000 bytes, and the stage for no more than the target."""
    long, fits = "é" * 2001, "é" * 2000
    write(world, (1, long, None, None), (2, fits, "sixsix", None), (3, "b", "fiver", None))
    report = world.apply(spec(key=["name"]))
    assert (report.rows.inserted, report.rows.rejected) == (1, 2)
    found = [(column, value, reason) for _, column, value, reason in rejects(world)]
    assert sorted(found) == [("code", "sixsix", "too_long"), ("name", long, "too_long")]


def test_large_values_are_compared_as_they_are(world: OracleWorld):
    """A column of text is a CLOB, and one of bytes a BLOB."""
    write(world, (1, "a" * 5000, None, b"\x00" * 5000), (1, "a" * 5000, None, b"\x00" * 5000), (2, None, None, None))
    first = world.apply(spec())
    write(world, (1, "a" * 4999 + "b", None, b"\x00" * 5000), (2, None, None, b"\x00"))
    again = world.apply(spec())
    assert (first.rows.inserted, first.rows.collapsed) == (2, 1)
    assert (again.rows.updated, again.rows.unchanged) == (2, 0)
    assert any("DBMS_LOB.COMPARE" in sql for sql in world.said)
