"""``dmsflow dry-run --generate``: made-up rows show every effect, the edges of types, and are the same for a seed."""

import json
from pathlib import Path

import pytest

from tests.laws.lab import Lab
from tests.rehearsal.customers import SPEC, changed


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
