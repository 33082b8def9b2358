"""``dmsflow dry-run``: given rows are loaded as a run would load them, and nothing is opened for it."""

import json
import socket
from pathlib import Path

import msgspec
import pytest

from dmsflow.cli.render.dry_run import render_dry_run
from dmsflow.engines import access, connections
from dmsflow.engines.duckdb_driver import driver
from dmsflow.rehearsal import sampled
from dmsflow.rehearsal.dry_run import DryRun
from tests.flows.shell import PIPELINES
from tests.laws.lab import Lab
from tests.rehearsal.customers import NOWHERE, SOURCE, SPEC, TARGET, changed, rehearse


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A folder with data for the spec."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "customers.yaml").write_text(SOURCE)
    (tmp_path / "data" / "dim_customer.yaml").write_text(TARGET)
    return Lab(tmp_path)


def test_every_effect_is_shown_with_what_it_changes(lab: Lab):
    ran = rehearse(lab)
    assert ran.code == 0, ran.err
    shown = json.loads(ran.out)
    rows = {name: count for name, count in shown["report"]["rows"].items() if count}
    assert rows == {"read": 5, "inserted": 1, "versioned": 1, "updated": 1, "rejected": 2, "closed": 1}
    assert [(effect["kind"], effect["rows"]) for effect in shown["effects"]] == [
        ("inserted", 1),
        ("versioned", 1),
        ("updated", 1),
        ("rejected", 2),
        ("closed", 1),
    ]
    assert changed(shown, "inserted") == [
        {"customer_id": (None, "7"), "name": (None, "NEW 2024"), "half": (None, "4")},
    ]
    assert changed(shown, "versioned") == [{"name": ("ROB 2024", "BOB 2024")}]
    assert changed(shown, "updated") == [{"email": ("old@x", "a@x")}]
    (closed,) = next(effect["samples"] for effect in shown["effects"] if effect["kind"] == "closed")
    assert (closed["new"]["customer_id"], closed["old"]["is_current"], closed["new"]["is_current"]) == (
        "9",
        "true",
        "false",
    )
    assert [(reject["row_key"], reject["reason"]) for reject in shown["rejects"]] == [
        ('{"customer_id":3}', "check"),
        ('{"customer_id":4}', "cast"),
    ]


def test_it_is_told_to_a_person_with_old_and_new_side_by_side(lab: Lab):
    ran = lab.run("dry-run", lab.spec(name="dim_customer", **SPEC), "--data", lab.folder / "data")
    assert "ROB 2024 -> BOB 2024" in ran.out
    assert "old@x -> a@x" in ran.out
    assert "check positive does not hold" in ran.out
    assert "no database was opened" in ran.out
    shown = msgspec.json.decode(rehearse(lab).out, type=DryRun)
    painted = render_dry_run(shown, colour=True)
    assert "ROB 2024 \x1b[33m->\x1b[0m BOB 2024" in painted
    assert "\x1b[36mversioned: 1 row:\x1b[0m" in painted


def test_a_url_that_hides_its_database_leaves_standard_sql(lab: Lab):
    hidden = NOWHERE | {"crm": {"url": "${env:DMSFLOW_NO_SUCH_URL}"}}
    ran = rehearse(lab, connections=hidden)
    assert ran.code == 1
    assert "the url of the connection hides its database" in ran.err
    columns = SPEC["columns"] | {"name": {"expr": "upper(trim(name))", "type": "varchar(40)"}}
    assert rehearse(lab, connections=hidden, columns=columns).code == 0


@pytest.mark.parametrize("url", ["postgresql://crm.example.com/crm", "oracle+oracledb://scott@db.example.com:1521/x"])
def test_nothing_but_a_database_in_memory_is_opened(url, lab: Lab, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something real is opened")

    for module in (access, sampled):
        monkeypatch.setattr(module, "resolve", refuse)
    for module in (access, connections, sampled):
        monkeypatch.setattr(module, "open_engine", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    opened, connect = [], driver.connect

    def note(database: str, **options):
        opened.append(database)
        return connect(database, **options)

    monkeypatch.setattr(driver, "connect", note)
    columns = SPEC["columns"] | {"name": {"expr": "upper(name)", "type": "varchar(40)"}}
    crm = {"url": url, "password": "${env:DMSFLOW_NO_SUCH_PASSWORD}"}
    source = SPEC["source"] | {"where": "active = 'Y'"}
    ran = rehearse(lab, columns=columns, source=source, connections=NOWHERE | {"crm": crm})
    assert ran.code == 0, ran.err
    assert set(opened) == {":memory:"}
    assert not (lab.folder / ".dmsflow").exists(), "there is no ledger either"


def test_it_does_what_a_real_run_does(tmp_path: Path):
    """The same rows, once in databases and once as files of a folder: the same counts and the same table."""
    lab = Lab(tmp_path)
    rows = "SELECT i AS k, i % 7 AS a, CASE WHEN i % 5 > 0 THEN i * 1.5 END AS b FROM range({}, {}) r (i)"
    spec = {"key": ["k"], "scd": {"type": 2, "deletes": "close"}, "guards": {"max_close_percent": 90}}
    lab.make(f"CREATE TABLE s AS {rows.format(0, 60)}")
    assert lab.apply(**spec).code == 0
    (tmp_path / "data").mkdir()
    changed = rows.format(20, 90).replace("i % 7", "if(i % 3 = 0, i, i % 7)")
    lab.make("DROP TABLE s", f"CREATE TABLE s AS {changed}", f"COPY s TO '{tmp_path}/data/s.parquet'")
    lab.make(f"COPY t TO '{tmp_path}/data/t.parquet'", side="target")
    shown = json.loads(lab.run("dry-run", lab.spec(**spec), "--data", tmp_path / "data", "--format", "json").out)
    real = lab.apply(**spec)
    assert shown["report"]["rows"] == real.rows
    assert min(real.rows[name] for name in ("inserted", "versioned", "unchanged", "closed")) > 0


def test_an_example_is_rehearsed_with_its_own_files(tmp_path: Path):
    lab = Lab(tmp_path)
    ran = lab.run("dry-run", PIPELINES / "fact_flight.yaml", "--data", PIPELINES / "data", "--format", "json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["report"]["rows"]["inserted"] == 6_099


QUERY = """
    with sold as (select cust_id, sum(total) as total from shop.orders group by cust_id)
    select c.cust_id, s.total, c.amount / 2 as half, c.amount / 2.0 as exact
    from crm.customers c join sold s on s.cust_id = c.cust_id
"""


def test_a_query_reads_a_file_for_each_table(lab: Lab):
    (lab.folder / "data" / "orders.csv").write_text("cust_id;total;shop\n1;3;a\n1;4;b\n2;5;a\n")
    source = {"connection": "crm", "table": None, "query": QUERY}
    spec = lab.spec(key=["cust_id"], source=source, connections=NOWHERE)
    ran = lab.run("dry-run", spec, "--data", lab.folder / "data", "--format", "json")
    assert ran.code == 0, ran.err
    shown = json.loads(ran.out)
    (inserted,) = (effect["samples"] for effect in shown["effects"])
    rows = [[sample["new"][name] for name in shown["columns"]] for sample in inserted]
    assert [[key, total, half, float(exact)] for key, total, half, exact in rows] == [
        ["1", "7", "2", 2.5],
        ["2", "5", "3", 3.5],
    ]


@pytest.mark.parametrize(
    ("where", "place", "told"),
    [
        ("a = 1 and xml_is_well_formed(a)", "7:20", "there is no translation of XML_IS_WELL_FORMED to DuckDB"),
        ("b / c > 1", "7:10", "whether this divides integers cannot be told"),
    ],
)
def test_what_cannot_be_translated_is_told_with_its_place(where, place, told, tmp_path: Path):
    lab = Lab(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "s.csv").write_text("k,a\n1,1\n")
    file = tmp_path / "p.yaml"
    file.write_text(
        "version: 1\npipeline: p\nkey: [k]\nsource:\n  connection: src\n  table: s\n"
        f"  where: {where}\ntarget: {{connection: dwh, table: t}}\nscd: 1\nconnections:\n"
        '  src: "postgresql://src.example.com/x"\n  dwh: "duckdb:///dwh.duckdb"\n'
    )
    ran = lab.run("dry-run", file, "--data", tmp_path / "data")
    assert ran.code == 1
    assert f"p.yaml:{place}: error[DMS330]" in ran.err
    assert told in ran.err


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, 'there is no file with the rows of "s"'),
        ({"s.csv": "k\n1\n", "S.yaml": "rows: []\n"}, "keep one of the two"),
        ({"s.yaml": "rwos: []\n"}, 'did you mean "rows"?'),
        ({"s.yaml": "rows: []\n"}, "no translation"),
        ({"s.csv": "k\n1\n", "t.yaml": "rows: [{k: 1, kk: 2}]\n"}, 'did you mean "k"?'),
        ({"s.csv": "k\n1\n", "t.yaml": "rows: [{k: one}]\n"}, "does not fit the target"),
    ],
)
def test_rows_that_cannot_be_used_are_refused_with_what_to_do(files, told, tmp_path: Path):
    lab = Lab(tmp_path)
    (tmp_path / "data").mkdir()
    for name, text in files.items():
        (tmp_path / "data" / name).write_text(text)
    columns = {"k": {"type": "bigint"}}
    where = {"where": "pg_lsn(k) is null"} if told == "no translation" else {}
    connections = {"src": {"url": "postgresql://src.example.com/x"}, "dwh": {"url": "duckdb:///dwh.duckdb"}}
    spec = lab.spec(key=["k"], columns=columns, source=where, connections=connections)
    ran = lab.run("dry-run", spec, "--data", tmp_path / "data")
    assert ran.code in (1, 3)
    assert told in ran.err


def test_where_rows_come_from_is_said_once(lab: Lab):
    spec = lab.spec(name="dim_customer", **SPEC)
    assert lab.run("dry-run", spec).code == 2
    assert lab.run("dry-run", spec, "--data", lab.folder / "data", "--generate", "20").code == 2


def test_a_folder_that_is_not_there_is_wrong_usage(lab: Lab):
    spec = lab.spec(name="dim_customer", **SPEC)
    assert lab.run("dry-run", spec, "--data", lab.folder / "dta").code == 2


def test_tables_of_one_name_in_two_schemas_keep_their_types(lab: Lab):
    """An integer divided by one is one in PostgreSQL, whatever another table has under that name."""
    (lab.folder / "data" / "a.t.csv").write_text("id,x\n1,10\n")
    (lab.folder / "data" / "b.t.csv").write_text("id,x\n1,1.5\n")
    query = "select a.id as k, a.x / 4 as whole from a.t as a join b.t as b on a.id = b.id"
    spec = lab.spec(key=["k"], source={"connection": "crm", "table": None, "query": query}, connections=NOWHERE)
    ran = lab.run("dry-run", spec, "--data", lab.folder / "data", "--format", "json")
    assert (ran.code, "whether this divides integers cannot be told" in ran.err) == (1, True), ran.out
    spec = lab.spec(
        key=["k"],
        source={"connection": "crm", "table": None, "query": query.replace("a.x / 4", "cast(a.x as bigint) / 4")},
        connections=NOWHERE,
    )
    shown = json.loads(lab.run("dry-run", spec, "--data", lab.folder / "data", "--format", "json").out)
    assert shown["effects"][0]["samples"][0]["new"]["whole"] == "2"


def test_a_file_of_the_source_is_not_one_of_the_target(lab: Lab):
    """Both tables are called t: one t.csv is the source's, and the target's would be dw.t.csv."""
    (lab.folder / "data" / "t.csv").write_text("k,v\n1,a\n")
    source = {"connection": "crm", "table": "src.t"}
    spec = lab.spec(key=["k"], source=source, target={"table": "dw.t"}, connections=NOWHERE)
    shown = json.loads(lab.run("dry-run", spec, "--data", lab.folder / "data", "--format", "json").out)
    assert (shown["new_target"], shown["report"]["rows"]["inserted"]) == (True, 1)
    (lab.folder / "data" / "dw.t.csv").write_text("k,v\n1,b\n")
    shown = json.loads(lab.run("dry-run", spec, "--data", lab.folder / "data", "--format", "json").out)
    assert (shown["new_target"], shown["report"]["rows"]["updated"]) == (False, 1)


def test_many_rows_of_yaml_are_sent_to_another_format(lab: Lab):
    (lab.folder / "data" / "customers.yaml").write_text("rows:\n" + "- {cust_id: 1, name: a, amount: 2}\n" * 6000)
    ran = rehearse(lab)
    assert (ran.code, "DMS013" in ran.err, "give more rows as CSV or Parquet" in ran.err) == (1, True, True)


def test_a_row_that_does_not_fit_the_target_is_told_without_our_sql(lab: Lab):
    (lab.folder / "data" / "dim_customer.yaml").write_text("rows: [{customer_id: one}]\n")
    ran = rehearse(lab)
    assert "does not fit the target" in ran.err
    assert "INSERT" not in ran.err
