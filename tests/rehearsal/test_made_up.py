"""``dmsflow dry-run --generate``: made-up rows show every effect, the edges of types, and are the same for a seed."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from dmsflow.compiler.load import load_spec
from dmsflow.rehearsal.generated import generate_days
from tests.laws.lab import Lab
from tests.rehearsal.customers import NOWHERE, SPEC, changed


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A folder without data."""
    return Lab(tmp_path)


def generate(lab: Lab, *words: str, **changes) -> dict:
    columns = SPEC["columns"] | {"email": {"type": "varchar(9)", "scd": 1}}
    spec = lab.spec(name="dim_customer", **(SPEC | {"columns": columns} | changes))
    ran = lab.run("dry-run", spec, "--generate", "300", "--format", "json", "--samples", "1000", *words)
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_rows_are_made_up_the_same_for_a_seed_with_every_effect_and_the_edges_of_types(lab: Lab):
    source = {"connection": "crm", "table": "crm.customers"}
    shown, again = (generate(lab, "--seed", "3", source=source) for _ in range(2))
    other = generate(lab, "--seed", "4")
    assert shown["report"]["rows"] == again["report"]["rows"]
    assert [changed(shown, kind) for kind in ("inserted", "versioned")] == [
        changed(again, kind) for kind in ("inserted", "versioned")
    ]
    assert changed(shown, "versioned") != changed(other, "versioned")
    rows = shown["report"]["rows"]
    assert min(rows[name] for name in ("inserted", "versioned", "unchanged", "collapsed", "closed")) > 0
    assert {"null_key", "too_long", "duplicate_key"} <= {reject["reason"] for reject in shown["rejects"]}
    assert other["report"]["rows"]["read"] > 30, "made-up rows meet the predicate"
    values = {sample["new"]["segment"] for effect in shown["effects"] for sample in effect["samples"]}
    assert {"2147483647", "-2147483648", None} <= values


@pytest.mark.parametrize("scd", [0, 1, "append"])
def test_rows_are_made_up_for_every_type(scd, tmp_path: Path):
    types = ("smallint", "bigint", "decimal(9,2)", "decimal(2,1)", "real", "double", "boolean", "varchar(3)", "text")
    types += ("date", "timestamp", "timestamptz", "bytes", "uuid", "json")
    columns = {"k": {"type": "bigint"}} | {f"c{i}": {"type": name} for i, name in enumerate(types)}
    checkpoint = {"checkpoint": {"columns": ["seq"]}} if scd == "append" else {}
    source = {"connection": "crm", "table": "s", "where": "k >= 0"}
    shown = generate(Lab(tmp_path), key=["k"], columns=columns, checks=[], source=source, scd=scd, **checkpoint)
    rows = shown["report"]["rows"]
    assert rows["inserted"] > 0
    assert (rows["updated"] > 0) is (scd == 1)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"columns": {"customer_id": {}}, "key": ["customer_id"]}, "write the type of customer_id there"),
        ({"source": {"connection": "crm", "table": "s", "where": "cust_id < 0"}}, "no made-up row meets source.where"),
        ({"source": {"connection": "crm", "table": None, "query": "select 1 as customer_id"}}, "the source is a query"),
    ],
)
def test_rows_that_cannot_be_made_up_are_refused_with_what_to_do(changes, told, lab: Lab):
    columns = {"customer_id": {"from": "cust_id", "type": "bigint"}}
    spec = lab.spec(**(SPEC | {"columns": columns, "checks": []} | changes))
    ran = lab.run("dry-run", spec, "--generate", "50")
    assert (ran.code, told in ran.err) == (3, True), ran.err


def test_made_up_values_fit_the_narrowest_types(tmp_path: Path):
    columns = {
        "k": {"type": "decimal(6,5)"},
        "small": {"type": "smallint"},
        "part": {"type": "decimal(5,5)"},
        "digit": {"type": "decimal(1,0)"},
        "wide": {"type": "decimal(38,38)"},
    }
    source = {"connection": "crm", "table": "s"}
    shown = generate(Lab(tmp_path), key=["k"], columns=columns, checks=[], source=source)
    keys = [sample["new"]["k"] for effect in shown["effects"] for sample in effect["samples"] if sample["new"]]
    assert shown["report"]["rows"]["inserted"] > 10
    assert len(set(keys)) > 50
    values = {sample["new"]["part"] for effect in shown["effects"] for sample in effect["samples"] if sample["new"]}
    assert len(values) > 10


def test_a_key_of_few_values_is_refused_with_what_to_do(lab: Lab):
    columns = {"customer_id": {"type": "boolean"}}
    spec = lab.spec(**(SPEC | {"columns": columns, "checks": [], "source": {"connection": "crm", "table": "s"}}))
    ran = lab.run("dry-run", spec, "--generate", "50")
    assert (ran.code, "or the key columns a type of more values" in ran.err) == (3, True), ran.err


def test_the_same_seed_makes_the_same_bytes(lab: Lab):
    """Of every type: the same rows, in both days; other rows for another seed; keys that differ, texts that fit."""
    types = (
        "smallint",
        "decimal(9,2)",
        "double",
        "boolean",
        "varchar(5)",
        "date",
        "timestamp",
        "bytes",
        "uuid",
        "json",
    )
    columns = {"k": {"type": "bigint"}} | {f"c{i}": {"type": name} for i, name in enumerate(types)}
    source = {"connection": "crm", "table": "s"}
    spec = load_spec(lab.spec(key=["k"], columns=columns, source=source, connections=NOWHERE), {}).raise_if_rejected()

    def days(seed: int) -> list[list[tuple]]:
        with generate_days(spec, 300, seed) as made:
            found = []
            for day in made:
                with duckdb.connect(str(day.file), read_only=True) as connection:
                    found.append(connection.execute("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM rows").fetchall())
            return found

    first = days(7)
    assert first == days(7)
    assert all(day != other for day, other in zip(first, days(8), strict=True))
    keys = [row[0] for row in first[0]]
    assert len(set(keys)) == len(keys)
    assert None not in keys
    assert None in {row[0] for row in first[1]}
    lengths = {len(row[5]) for row in first[0] if row[5] is not None}
    assert {0, 5, 6} <= lengths, "empty, of the declared length, one longer"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_of_made_up_rows_after_a_signal(number, tmp_path: Path):
    columns = {"k": {"type": "bigint"}, "t": {"type": "text"}}
    source = {"connection": "crm", "table": "s"}
    spec = Lab(tmp_path).spec(key=["k"], columns=columns, source=source, connections=NOWHERE)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = [
        sys.executable,
        "-c",
        "from dmsflow.cli.app import app; app()",
        "dry-run",
        spec,
        "--generate",
        "20000000",
    ]
    with subprocess.Popen(
        command, env=os.environ | {"TMPDIR": str(scratch)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        for _ in range(600):
            if any(scratch.iterdir()) or run.poll() is not None:
                break
            time.sleep(0.05)
        time.sleep(0.3)
        run.send_signal(number)
        run.communicate(timeout=60)
    assert run.returncode in (128 + number, 130), "DuckDB takes any signal for an interrupt"
    assert not list(scratch.iterdir())


def test_nothing_of_the_spec_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Not for made-up rows, and not for tests: neither a socket nor an engine."""
    import psycopg

    from dmsflow.engines import access, connections
    from dmsflow.rehearsal import sampled

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something real is opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(psycopg, "connect", refuse)
    for module in (access, connections, sampled):
        monkeypatch.setattr(module, "open_engine", refuse)
    lab = Lab(tmp_path)
    columns = {"k": {"type": "bigint"}}
    spec = lab.spec(key=["k"], columns=columns, source={"connection": "crm", "table": "s"}, connections=NOWHERE)
    assert lab.run("dry-run", spec, "--generate", "30").code == 0
    tests = tmp_path / "p_tests.yaml"
    step = "{given: {source: [{k: 1}]}, expect: {target: [{k: 1}]}}"
    tests.write_text(f"version: 1\nspec: p.yaml\ntests: [{{name: t, steps: [{step}]}}]\n")
    assert lab.run("test", tests).code == 0
    spec = lab.spec(
        key=["k"],
        columns=columns,
        source={"connection": "crm", "table": "s"},
        connections={"crm": {"url": "postgresql://crm.example.com/crm"}, "dwh": {"url": "duckdb:///t.db"}},
    )
    with pytest.raises(AssertionError, match="something real is opened"):
        lab.run("dry-run", spec, "--sample", "5")
