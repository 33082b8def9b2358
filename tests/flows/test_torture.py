"""``dmsflow torture``: a spec keeps its promise on every engine, and a promise that is broken is told."""

import shutil
import sys
from pathlib import Path

import duckdb
import pytest
import yaml

from tests import postgres
from tests.flows.shell import dmsflow, execute

SPEC = {
    "version": 1,
    "pipeline": "dim_customer",
    "source": {"connection": "crm", "table": "customers"},
    "target": {"connection": "dwh", "table": "dim_customer", "kind": "dimension"},
    "key": ["id"],
    "columns": {
        "id": {"from": "cust_id", "type": "bigint"},
        "name": {"expr": "upper(name)", "type": "varchar(40)"},
        "segment": {"scd": 1},
        "amount": {"type": "decimal(9,2)"},
    },
    "scd": {"type": 2, "deletes": "close"},
}
ROWS = """
CREATE TABLE customers AS SELECT i AS cust_id, 'name ' || (i % 97) AS name, CAST(i % 7 AS VARCHAR) AS segment,
CAST(i * 1.5 AS DECIMAL(9, 2)) AS amount, TIMESTAMP '2024-01-01' + to_minutes(i) AS updated_at FROM range(400) r (i)
"""
TABLES = "SELECT count(*) FROM information_schema.tables WHERE table_schema LIKE 'dmsflow%' OR table_name LIKE 'dim%'"


def write(folder: Path, url: str, **more: object) -> Path:
    """The spec, and a source for it."""
    with duckdb.connect(str(folder / "crm.duckdb")) as connection:
        connection.execute(ROWS)
    spec = folder / "spec.yaml"
    connections = {"crm": "duckdb:///crm.duckdb", "dwh": url}
    spec.write_text(yaml.safe_dump(SPEC | {"connections": connections} | more, sort_keys=False))
    return spec


def torture(spec: Path, *words: str, code: int = 0) -> dict:
    ran = dmsflow("torture", spec, "--format", "json", *words, cwd=spec.parent)
    assert ran.code == code, ran.out + ran.err
    return ran.report


@pytest.mark.parametrize("target", ["duckdb:///dwh.duckdb", "sqlite:///dwh.sqlite", "postgresql"])
def test_a_spec_that_is_killed_again_and_again_loads_what_an_undisturbed_one_loads(target, tmp_path) -> None:
    url = postgres.borrow() if target == "postgresql" else target
    report = torture(write(tmp_path, url), "--kills", "1", "--seed", "4")
    assert (report["differences"], report["kills"], report["rows"]) == ([], 1, 400)
    assert report["applies"] > report["kills"]
    assert [day["chunks"] > 1 for day in report["work"]] == [True] * 3
    work = report["work"][1]["rows"]
    assert min(work[name] for name in ("inserted", "versioned", "unchanged", "collapsed", "rejected", "closed")) > 0
    assert not list(tmp_path.glob("dwh.*")), "the user's target is not touched"


LOOKS_UP = {
    "target": {"connection": "dwh", "table": "fact", "kind": "fact"},
    "columns": {
        "id": {"from": "cust_id", "type": "bigint"},
        "then": {"lookup": {"dimension": "d", "key": {"word": "segment"}, "as_of": "updated_at"}},
        "now": {"lookup": {"dimension": "d", "key": {"word": "segment"}, "on_miss": "unknown"}},
        "amount": {"type": "decimal(9,2)"},
    },
    "scd": {"type": 1, "deletes": "delete"},
}
VERSIONS = """
INSERT INTO d SELECT i, CAST(i % 6 AS VARCHAR), TIMESTAMP '2024-01-01' + (i // 6) * INTERVAL 200 MINUTE,
TIMESTAMP '2024-01-01' + (i // 6 + 1) * INTERVAL 200 MINUTE, i // 6 = 1 FROM range(12) r (i)
UNION ALL SELECT -1, NULL, TIMESTAMP '1900-01-01', TIMESTAMP '9999-12-31', true
"""


@pytest.mark.parametrize(
    ("target", "words"),
    [("duckdb:///dwh.duckdb", ("--engine", "sqlite")), ("postgresql", ("--generate", "--rows", "300"))],
)
def test_keys_are_looked_up_in_a_copy_of_the_dimension(target, words, tmp_path) -> None:
    spec = write(tmp_path, postgres.borrow() if target == "postgresql" else target, **LOOKS_UP)
    fill_dimension(tmp_path)
    report = torture(spec, "--kills", "1", "--seed", "4", *words)
    assert report["differences"] == []
    first = report["work"][0]["rows"]
    assert min(first["inserted"], first["rejected"]) > 0, first


def fill_dimension(folder: Path) -> None:
    """The versions that the facts look for, but for those of one word."""
    with duckdb.connect(str(folder / "dwh.duckdb")) as connection:
        held = "d_sk bigint, word varchar, valid_from timestamp, valid_to timestamp, is_current boolean"
        connection.execute(f"CREATE TABLE d ({held})")
        connection.execute(VERSIONS)


GUESSES = """
import os
from dmsflow.model.plan import STAGE
from dmsflow.runtime import lookups
resolve = lookups.resolve_lookups
def guess(plan, steps):
    resolve(plan, steps)
    steps.session.execute(f'UPDATE "{STAGE}" SET "now" = {os.getpid()} WHERE "now" > 0')
lookups.resolve_lookups = guess
from dmsflow.cli.app import main
main()
"""


def test_keys_that_are_looked_up_are_compared(tmp_path) -> None:
    """A dmsflow whose lookups find something else in each process is found out."""
    spec = write(tmp_path, "duckdb:///dwh.duckdb", **LOOKS_UP)
    fill_dimension(tmp_path)
    words = ("torture", str(spec), "--kills", "5", "--seed", "4", "--format", "json")
    ran = execute(sys.executable, "-c", GUESSES, *words, cwd=tmp_path)
    assert ran.code == 3 and ran.out, ran.err
    assert any(line.startswith("round_1, day 1: table") for line in ran.report["differences"])
    shutil.rmtree(ran.report["scratch"])


NEVER_RESUMES = """
from dmsflow.runtime import resume
resume.find_broken = lambda *_: None
from dmsflow.cli.app import main
main()
"""


def test_a_broken_promise_is_told_and_its_scratch_is_kept(tmp_path) -> None:
    """A dmsflow that forgets the run it was in loads a day in two runs."""
    spec = write(tmp_path, "duckdb:///dwh.duckdb")
    words = ("torture", str(spec), "--kills", "20", "--seed", "4", "--format", "json")
    ran = execute(sys.executable, "-c", NEVER_RESUMES, *words, cwd=tmp_path)
    assert ran.code == 3, ran.err
    told = ran.report["differences"]
    assert told and all(line.startswith("round_") for line in told)
    scratch = Path(ran.report["scratch"])
    # A round that was disturbed too little to differ is not kept.
    kept = [spec.parent.name for spec in scratch.glob("round_*/spec.yaml")]
    assert any(line.startswith(name) for name in kept for line in told)
    shutil.rmtree(scratch)


@pytest.mark.parametrize(
    ("more", "words", "told"),
    [
        (
            {"scd": "append", "checkpoint": "none", "columns": {"id": {"from": "cust_id"}}},
            (),
            "Give the spec checkpoint columns",
        ),
        ({"columns": {"id": {"from": "cust_id"}}}, ("--generate",), "write the type of id there"),
        (
            {"columns": {"id": {"from": "cust_id"}, "sk": {"lookup": {"dimension": "d", "key": "cust_id"}}}},
            (),
            'there is no dimension "d"',
        ),
    ],
)
def test_what_cannot_be_tortured_is_refused_with_what_to_do(more, words, told, tmp_path) -> None:
    spec = write(tmp_path, "duckdb:///dwh.duckdb", **more)
    ran = dmsflow("torture", spec, *words, "--kills", "0", cwd=tmp_path)
    assert told in ran.out + ran.err
