"""Exit codes, files by relative paths, and parameters: what a script around dmsflow rests on."""

import os
from pathlib import Path

import pytest

from tests.flows.shell import apply, ask, dmsflow, start_dmsflow
from tests.flows.slow import wait_for_run, write_slow_load

SPEC = """\
version: 1
pipeline: customer
params:
  country: {type: text, default: NO}
source: {file: data/customers.csv, where: "country = ${param:country}"}
target: {connection: dwh, table: customer, kind: table}
key: [id]
columns:
  id: {type: integer}
  name: {type: text}
scd: 1
connections: {dwh: "duckdb:///target/dwh.duckdb"}
"""
CUSTOMERS = "id,name,country\n1,Ada,NO\n2,Bo,NO\n3,Cy,SE\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with a spec, its file, and room for the target."""
    folder = tmp_path / "shop"
    for name in ("data", "target"):
        (folder / name).mkdir(parents=True)
    (folder / "customer.yaml").write_text(SPEC)
    (folder / "data" / "customers.csv").write_text(CUSTOMERS)
    return folder


def test_0_done(shop: Path):
    for words in (("validate", "customer.yaml"), ("plan", "customer.yaml"), ("apply", "customer.yaml"), ("runs",)):
        ran = dmsflow(*words, cwd=shop)
        assert (ran.code, ran.err) == (0, ""), words


@pytest.mark.parametrize("command", ["validate", "plan", "apply"])
def test_1_a_spec_is_rejected_with_its_line(shop: Path, command: str):
    (shop / "customer.yaml").write_text(SPEC.replace("key: [id]", "keys: [id]"))
    ran = dmsflow(command, "customer.yaml", cwd=shop)
    assert ran.code == 1
    assert "customer.yaml:7:1: error[DMS" in ran.out + ran.err
    assert not list((shop / "target").iterdir())


def test_1_a_spec_that_its_source_does_not_fit(shop: Path):
    (shop / "customer.yaml").write_text(SPEC.replace("name: {type", "nome: {type"))
    ran = dmsflow("apply", "customer.yaml", cwd=shop)
    assert ran.code == 1
    assert 'did you mean "name"?' in ran.err


@pytest.mark.parametrize(
    "words",
    [
        ("aply", "customer.yaml"),
        ("apply",),
        ("apply", "missing.yaml"),
        ("plan", "customer.yaml", "--format", "xml"),
        ("validate", "nowhere"),
        ("explain", "DMS999"),
        ("runs", "--limit", "0"),
    ],
)
def test_2_wrong_usage(shop: Path, words: tuple[str, ...]):
    ran = dmsflow(*words, cwd=shop)
    assert ran.code == 2, ran.out
    assert ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_3_a_source_that_is_not_there(shop: Path, command: str):
    (shop / "data" / "customers.csv").unlink()
    ran = dmsflow(command, "customer.yaml", cwd=shop)
    assert ran.code == 3
    assert "customers.csv" in ran.err
    assert "Traceback" not in ran.err


def test_3_a_run_that_rejects_more_than_it_may_keeps_the_rejects(shop: Path):
    (shop / "data" / "customers.csv").write_text(CUSTOMERS + "four,Di,NO\n")
    ran = dmsflow("apply", "customer.yaml", "--format", "json", cwd=shop)
    assert ran.code == 3
    assert ran.report["status"] != "succeeded"
    assert ran.report["errors"]
    kept = ask(shop / "target" / "dwh.duckdb", "SELECT column_name, column_value FROM dmsflow_reject")
    assert kept == [("id", "four")]


def test_4_a_run_that_was_asked_to_stop(shop: Path):
    spec = write_slow_load(shop)
    process = start_dmsflow("apply", spec, "--format", "json", cwd=shop)
    try:
        wait_for_run(spec, cwd=shop)
        process.terminate()
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 4, err
    assert '"stopped"' in out


def test_a_parameter_is_a_value_never_sql(shop: Path):
    assert apply("customer.yaml", cwd=shop).rows == {"read": 2, "inserted": 2}
    assert apply("customer.yaml", "--set", "country=SE", cwd=shop).rows == {"read": 1, "inserted": 1}
    assert apply("customer.yaml", "--set", "country=x' or 'x'='x", cwd=shop).rows == {}


@pytest.mark.parametrize("setting", ["land=SE", "country"])
def test_a_parameter_that_is_not_there_or_has_no_value(shop: Path, setting: str):
    ran = dmsflow("apply", "customer.yaml", "--set", setting, cwd=shop)
    assert ran.code in (1, 2)
    assert setting.split("=")[0] in ran.err


def test_paths_are_relative_to_their_file_not_to_the_caller(shop: Path):
    elsewhere = shop.parent / "elsewhere" / "deep"
    elsewhere.mkdir(parents=True)
    spec = os.path.relpath(shop / "customer.yaml", elsewhere)
    assert apply(spec, cwd=elsewhere).rows == {"read": 2, "inserted": 2}
    assert apply(shop / "customer.yaml", cwd=elsewhere).rows == {"read": 2, "unchanged": 2}
    assert list(elsewhere.iterdir()) == []
    runs = dmsflow("runs", "--spec", spec, "--format", "json", cwd=elsewhere)
    assert (runs.code, runs.out.count('"succeeded"')) == (0, 2)


def test_the_end_of_a_run_is_an_event(shop: Path):
    ran = dmsflow("-v", "apply", "customer.yaml", cwd=shop)
    assert "run ended pipeline=customer" in ran.err
    assert "status=succeeded rows=2" in ran.err
    (shop / "data" / "customers.csv").write_text(CUSTOMERS + "four,Di,NO\n")
    ran = dmsflow("-v", "apply", "customer.yaml", cwd=shop)
    assert "run ended pipeline=customer" in ran.err
    assert "status=failed rows=3" in ran.err
