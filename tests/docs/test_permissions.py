"""The scripts of the page about permissions, run as they stand: each user can do its load, and no less would do."""

import pytest
import yaml

from tests.docs.pages import DOCS, read_blocks
from tests.laws.lab import Lab
from tests.private_postgres import private_server

BLOCKS = tuple(read_blocks(DOCS / "how-to" / "postgresql-permissions.md"))
SPEC = next(block.text for block in BLOCKS if block.kind == "yaml")
SOURCE, COLUMNS, LOADER, WRITER = (block.text for block in BLOCKS if block.kind == "sql")
ROLES = {"crm_reader": "crm", "dwh_loader": "warehouse", "dwh_writer": "warehouse"}
PASSWORD = "change-me"


@pytest.fixture
def server():
    """The two databases of the page, and nobody in them yet."""
    opened = private_server()
    opened.run(*(f'CREATE DATABASE {name} TEMPLATE template0 LOCALE "C"' for name in ("crm", "warehouse")))
    opened.run(
        "REVOKE ALL ON DATABASE crm, warehouse FROM PUBLIC",
        "CREATE SCHEMA sales",
        "CREATE TABLE sales.customers (customer_id int PRIMARY KEY, name text)",
        "INSERT INTO sales.customers SELECT n, 'customer ' || n FROM generate_series(1, 20) AS g (n)",
        database="crm",
    )
    opened.run("REVOKE ALL ON DATABASE warehouse FROM PUBLIC", "CREATE SCHEMA dw", database="warehouse")
    yield opened
    for role, database in ROLES.items():
        if opened.ask(f"SELECT 1 FROM pg_roles WHERE rolname = '{role}'"):
            opened.run(f"DROP OWNED BY {role} CASCADE", database=database)
            opened.run(f"DROP ROLE {role}")
    opened.run(*(f"DROP DATABASE {name} WITH (FORCE)" for name in ("crm", "warehouse")))


def apply(server, folder, loader="dwh_loader", **more):
    """Apply the spec of the page, on this server."""
    spec = yaml.safe_load(SPEC) | more
    for connection, user in (("crm", "crm_reader"), ("dwh", loader)):
        spec["connections"][connection] = {"url": server.tcp(ROLES[user], user), "password": "${env:WORD}"}
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(spec))
    return Lab(folder).run("apply", path, "--format", "json")


def test_the_users_of_the_page_can_load_and_do_nothing_else(server, tmp_path, monkeypatch):
    monkeypatch.setenv("WORD", PASSWORD)
    server.run(SOURCE, database="crm")
    server.run(LOADER, database="warehouse")
    assert apply(server, tmp_path).rows["inserted"] == 20
    server.run(COLUMNS, database="crm")
    server.run("ALTER TABLE sales.customers ADD COLUMN secret text", database="crm")
    columns = {"customer_id": {}, "name": {}}
    assert apply(server, tmp_path, columns=columns).rows["unchanged"] == 20
    denied = apply(server, tmp_path)
    assert denied.code in (1, 3) and denied.report.get("status") != "succeeded"

    server.run(WRITER, database="warehouse")
    server.run("UPDATE sales.customers SET name = 'x' WHERE customer_id = 1", database="crm")
    server.run("DELETE FROM sales.customers WHERE customer_id = 2", database="crm")
    written = apply(server, tmp_path, "dwh_writer", columns=columns)
    assert (written.code, written.rows["versioned"], written.rows["closed"]) == (0, 1, 1), written.told
    checks = [{"name": "short", "expr": "length(name) < 5"}]
    refused = apply(server, tmp_path, "dwh_writer", columns=columns, checks=checks, errors={"max_rows": 100})
    assert (refused.code, refused.rows["rejected"]) == (0, 18), refused.told


def grants():
    """Every privilege that the last script gives on a table."""
    lines = [line for line in WRITER.splitlines() if line.startswith("GRANT") and " ON dw." in line]
    for line in lines:
        privileges, _, rest = line.removeprefix("GRANT ").partition(" ON ")
        for privilege in privileges.split(", "):
            yield f"REVOKE {privilege} ON {rest.replace(' TO ', ' FROM ')}"


def test_each_grant_of_the_last_script_is_needed(server, tmp_path, monkeypatch):
    monkeypatch.setenv("WORD", PASSWORD)
    server.run(SOURCE, database="crm")
    server.run(LOADER, database="warehouse")
    assert apply(server, tmp_path).code == 0
    server.run(WRITER, database="warehouse")
    for number, revoke in enumerate(grants(), start=1):
        server.run("DELETE FROM sales.customers WHERE customer_id < 100", database="crm")
        server.run(
            f"INSERT INTO sales.customers SELECT n, 'round {number}' FROM generate_series(1, 20) AS g (n)",
            f"INSERT INTO sales.customers VALUES ({100 + number}, 'new')",
            database="crm",
        )
        server.run(revoke, database="warehouse")
        checks = [{"name": "fresh", "expr": "customer_id > 1"}]
        outcome = apply(server, tmp_path, "dwh_writer", checks=checks, errors={"max_rows": 9})
        assert "42501" in outcome.told, revoke
        assert outcome.code == 3 or "the lease cannot be released" in outcome.told, revoke
        server.run("DELETE FROM dw.dmsflow_lease", database="warehouse")
        server.run(revoke.replace("REVOKE", "GRANT").replace(" FROM ", " TO "), database="warehouse")
