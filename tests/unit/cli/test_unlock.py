"""``dmsflow unlock``: who holds the lease, and taking it from one that is gone."""

import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from tests.laws.lab import Lab

HERE = platform.node()


@pytest.fixture
def lab(tmp_path) -> Lab:
    opened = Lab(tmp_path)
    opened.make("CREATE TABLE s AS SELECT 1 AS id")
    assert opened.apply(key=["id"]).code == 0
    return opened


def gone() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def hold(lab: Lab, *, host: str = HERE, pid: int | None = None, silent: timedelta = timedelta()) -> None:
    beat = datetime.now(UTC).replace(tzinfo=None) - silent
    values = f"'t', 'r1', 'p', '{host}', {pid or os.getpid()}, '2026-03-01 01:10:06', '{beat}'"
    lab.make(f"INSERT INTO dmsflow_lease VALUES ({values})", side="target")


def unlock(lab: Lab, *words: str):
    return lab.run("unlock", lab.folder / "p.yaml", *words)


def held(lab: Lab) -> bool:
    return lab.read("SELECT count(*) FROM dmsflow_lease") == [(1,)]


def test_the_lease_of_a_process_that_is_gone_is_removed(lab):
    pid = gone()
    hold(lab, pid=pid, silent=timedelta(minutes=10))
    done = unlock(lab, "--yes")
    assert (done.code, held(lab)) == (0, False)
    assert re.sub(r"10m \d\ds", "10m 00s", done.out).splitlines() == [
        'the lease of t is held by run r1, pipeline "p"',
        f"on {HERE}, process {pid}, which is gone from this machine",
        "since 2026-03-01 01:10:06 UTC, last sign of life 10m 00s ago",
        "the lease is removed",
    ]
    assert unlock(lab).out == "nobody holds the lease of t\n"


def test_a_holder_that_lives_keeps_its_lease_unless_forced(lab):
    hold(lab, silent=timedelta(days=1))
    refused = unlock(lab, "--yes")
    assert (refused.code, held(lab)) == (3, True)
    assert "which is there on this machine" in refused.out and "error: it is alive" in refused.err
    assert (unlock(lab, "--yes", "--force").code, held(lab)) == (0, False)


@pytest.mark.parametrize(("silent", "code"), [(timedelta(seconds=20), 3), (timedelta(seconds=70), 0)])
def test_a_holder_elsewhere_is_believed_for_a_minute(lab, silent, code):
    hold(lab, host="elsewhere", silent=silent)
    done = unlock(lab, "--yes")
    assert (done.code, held(lab)) == (code, code == 3)
    assert "on elsewhere, process" in done.out and "which this machine cannot see" in done.out


def test_nobody_to_ask_is_no_yes(lab):
    hold(lab, pid=gone())
    refused = unlock(lab)
    assert (refused.code, held(lab)) == (2, True)
    assert "nobody can be asked here: give --yes" in refused.err


def test_a_target_without_a_lease_table_is_free(tmp_path):
    lab = Lab(tmp_path)
    lab.spec(key=["id"])
    assert unlock(lab).code == 3
    lab.make("CREATE TABLE t (id INTEGER)", side="target")
    assert unlock(lab).out == "nobody holds the lease of t\n"
    assert lab.read("SELECT table_name FROM duckdb_tables()") == [("t",)]
