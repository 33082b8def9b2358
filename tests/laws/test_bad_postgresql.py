"""A PostgreSQL that lets nobody in, forbids, or has no room: told with what to do, and the target as it was."""

import os
import subprocess
from contextlib import contextmanager

import pytest

from tests.laws.private_lab import SPLIT, PrivateLab

PASSWORD = "a-word-that-nobody-may-see"


@pytest.fixture
def lab(tmp_path):
    opened = PrivateLab(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def role(lab):
    """A user who may do nothing, with a password over TCP."""
    name = f"clerk_{lab.databases['target']}"
    lab.server.run(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
    yield name
    for database in lab.databases.values():
        lab.server.run(f"DROP OWNED BY {name}", database=database)
    lab.server.run(f"DROP ROLE {name}")


OPENINGS = {
    "password": (lambda lab, role, side: lab.server.tcp(lab.databases[side], role), "check the user and the password"),
    "database": (lambda lab, role, side: lab.server.tcp("nowhere", role), "check the database at the end of the url"),
    "user": (lambda lab, role, side: lab.server.url(lab.databases[side], "nobody"), "check the user in the url"),
    "port": (lambda lab, role, side: lab.server.tcp("x", role, port=1), "check host and port, and that the server"),
    "host": (lambda lab, role, side: "postgresql://me@no-such-host.invalid/x", "check the host in the url"),
}


@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize("case", OPENINGS)
def test_a_server_that_lets_nobody_in_is_told(lab, role, side, case, monkeypatch):
    make_url, told = OPENINGS[case]
    lab.fill(3)
    monkeypatch.setenv("WORD", PASSWORD if case == "database" else "wrong-" + PASSWORD)
    name = "src" if side == "source" else "dwh"
    wrong = lab.connections() | {name: {"url": make_url(lab, role, side), "password": "${env:WORD}"}}
    outcome = lab.apply(connections=wrong)
    assert (outcome.code, outcome.out) == (3, "")
    assert told in outcome.err
    assert f'connection "{name}"' in outcome.err
    assert PASSWORD not in outcome.err
    assert not lab.tables()


@pytest.mark.parametrize(
    ("limit", "written"),
    [("lock_timeout", "5"), ("statement_timeout", "soon"), ("silence_timeout", "-1s"), ("lock_timeout", True)],
)
def test_a_limit_without_a_unit_is_told(lab, limit, written):
    lab.options["target"] = {limit: written}
    outcome = lab.apply()
    assert (outcome.code, outcome.out) == (3, "")
    assert f'connection "dwh": {limit} is "{written}"' in outcome.err
    assert "write 30s" in outcome.err


READING = {
    "table": ("GRANT USAGE ON SCHEMA public TO {role}", {}, "permission denied for table s"),
    "column": ("GRANT SELECT (id) ON s TO {role}", {}, "name them under columns"),
    "schema": (
        "CREATE SCHEMA hidden; CREATE TABLE hidden.s (id int); GRANT SELECT ON hidden.s TO {role}",
        {"source": {"table": "hidden.s"}},
        "permission denied for schema hidden",
    ),
    "connect": ("REVOKE CONNECT ON DATABASE {database} FROM PUBLIC", {}, "check the database at the end of the url"),
}


@pytest.mark.parametrize("case", READING)
def test_a_source_that_may_not_be_read_is_told(lab, role, case):
    statements, spec, told = READING[case]
    lab.fill(3)
    names = {"role": role, "database": lab.databases["source"]}
    lab.make(*statements.format(**names).split("; "))
    lab.users["source"] = role
    outcome = lab.apply(**spec)
    assert outcome.code == 3
    assert told in outcome.told
    assert 'connection "src"' in outcome.told
    if lab.tables():
        assert lab.read("SELECT count(*) FROM t") == [(0,)]


def test_one_column_that_may_be_read_is_read(lab, role):
    lab.fill(30)
    lab.make(f"GRANT SELECT (id) ON s TO {role}")
    lab.users["source"] = role
    outcome = lab.apply(columns={"id": {}}, parallel=SPLIT, guards={"min_rows": 1})
    assert (outcome.code, outcome.rows["inserted"]) == (0, 30), outcome.told


WRITING = {
    "schema": ("SELECT 1", {}, "permission denied for schema public"),
    "make the schema": ("SELECT 1", {"target": {"table": "new.t"}}, "permission denied for database"),
    "insert": ("GRANT SELECT, UPDATE, DELETE ON t TO {role}", {}, "permission denied for table t"),
    "update": ("GRANT SELECT, INSERT, DELETE ON t TO {role}", {}, "permission denied for table t"),
    "read": ("GRANT INSERT, UPDATE, DELETE ON t TO {role}", {}, "permission denied for table t"),
    "temporary": ("REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC", {}, "permission denied to create temporary"),
    **{
        f"dmsflow_{name}": (f"REVOKE ALL ON dmsflow_{name} FROM {{role}}", {}, f"for table dmsflow_{name}")
        for name in ("chunk", "checkpoint", "lease")
    },
}
ALL = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"


@pytest.mark.parametrize("case", WRITING)
def test_a_target_that_may_not_be_written_is_told_and_stays_as_it_was(lab, role, case):
    statement, spec, told = WRITING[case]
    lab.fill(3)
    if "schema" not in case:
        assert lab.apply().code == 0
        lab.make("INSERT INTO s VALUES (4, 'd')", "UPDATE s SET v = 'z' WHERE id = 1")
        lab.make(ALL.format(role=role), side="target")
        if case in ("insert", "update", "read"):
            lab.make(f"REVOKE ALL ON t FROM {role}", side="target")
    lab.make(statement.format(role=role, database=lab.databases["target"]), side="target")
    before = lab.read("SELECT * FROM t ORDER BY 1") if lab.tables() else []
    lab.users["target"] = role
    outcome = lab.apply(**spec)
    assert outcome.code == 3
    assert told in outcome.told
    assert "grant it to the user of the connection" in outcome.told
    assert 'connection "dwh"' in outcome.told
    assert (lab.read("SELECT * FROM t ORDER BY 1") if lab.tables() else []) == before
    lab.users.clear()
    assert lab.apply(**spec).code == 0, "the next apply, with the permission, ends as if nothing had been"


def test_rejects_that_may_not_be_kept_fail_the_run(lab, role):
    lab.make("CREATE TABLE s (id int, v text)", "INSERT INTO s VALUES (1, 'a')")
    assert lab.apply().code == 0
    lab.make("INSERT INTO s VALUES (NULL, 'b')")
    lab.make(ALL.format(role=role), f"REVOKE ALL ON dmsflow_reject FROM {role}", side="target")
    lab.users["target"] = role
    outcome = lab.apply(errors={"max_rows": 5})
    assert (outcome.code, outcome.report["status"]) == (3, "failed")
    assert "for table dmsflow_reject" in outcome.told
    assert lab.read("SELECT count(*) FROM t") == [(1,)]


@pytest.mark.parametrize("what", ["DATABASE {database}", "ROLE {role}"])
def test_a_target_that_is_read_only_is_told(lab, role, what):
    lab.fill(3)
    assert lab.apply().code == 0
    lab.make(ALL.format(role=role), f"GRANT CREATE ON SCHEMA public TO {role}", side="target")
    lab.grow(3)
    whole = lab.read("SELECT * FROM t ORDER BY id")
    changed = what.format(role=role, database=lab.databases["target"])
    lab.server.run(f"ALTER {changed} SET default_transaction_read_only = on")
    lab.users["target"] = role
    outcome = lab.apply()
    assert outcome.code == 3
    assert "25006" in outcome.told and "a user whose transactions may write" in outcome.told
    assert lab.read("SELECT * FROM t ORDER BY id") == whole
    lab.server.run(f"ALTER {changed} RESET default_transaction_read_only")
    assert lab.apply().rows["updated"] == 3


@contextmanager
def small_disk(lab):
    """A tablespace of a few MiB; skips where nothing may be mounted."""
    place = lab.server.folder / lab.databases["target"]
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0777", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        (place / "data").mkdir()
        (place / "data").chmod(0o777)
        subprocess.run(["chown", lab.server.system_user, place / "data"], check=True)
        lab.server.run(f"CREATE TABLESPACE {place.name} LOCATION '{place / 'data'}'")
        yield place.name
    finally:
        lab.close()
        lab.databases.clear()
        lab.server.run(f"DROP TABLESPACE IF EXISTS {place.name}")
        subprocess.run(["umount", place], check=True)


def test_a_disk_that_is_full_is_told_and_not_tried_again(tmp_path):
    lab = PrivateLab(tmp_path)
    with small_disk(lab) as space:
        lab.fill(20)
        assert lab.apply().code == 0
        lab.make(f"ALTER TABLE t SET TABLESPACE {space}", side="target")
        lab.make(
            "INSERT INTO s SELECT n, string_agg(md5(random()::text), '') FROM generate_series(21, 200) AS n, "
            "generate_series(1, 2000) GROUP BY n"
        )
        outcome = lab.apply()
        assert (outcome.code, outcome.report["status"]) == (3, "failed")
        assert "53100" in outcome.told and "make room, then apply again" in outcome.told
        assert outcome.report["errors"][0]["attempts"] == 1
        assert lab.read("SELECT count(*), max(id) FROM t") == [(20, 20)]
        lab.make("ALTER TABLE t SET TABLESPACE pg_default", side="target")
        assert lab.apply().rows["inserted"] == 180
        assert lab.is_whole(200)


def test_a_limit_of_temporary_files_is_told(lab):
    lab.make("CREATE TABLE s (id int, v text)")
    lab.make("INSERT INTO s SELECT n, repeat(md5(n::text), 20) FROM generate_series(1, 4000) AS n")
    lab.make("CREATE VIEW sorted AS SELECT * FROM s ORDER BY v DESC, id")
    lab.options["source"] = {"options": "-c temp_file_limit=100kB -c work_mem=64kB"}
    outcome = lab.apply(source={"table": "sorted"})
    assert (outcome.code, outcome.report["status"]) == (3, "failed")
    assert "53400" in outcome.told and "raise that limit" in outcome.told
