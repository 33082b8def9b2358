"""How rows travel: the plan takes the fastest exact way and says why; every way leads to the same table."""

import json

import pytest

from tests.laws.lab import Lab

TYPES = {
    "n": ("numeric(12,3)", "123456789.125"),
    "nan": ("numeric(5,1)", "NaN"),
    "wide": ("numeric", "1e50"),
    "f": ("double precision", "-Infinity"),
    "r": ("real", "1.5"),
    "s": ("smallint", "-32768"),
    "b": ("boolean", "false"),
    "t": ("text", 'a\tb\\\n"c" ü'),
    "c": ("character(4)", "ab"),
    "d": ("date", "infinity"),
    "bc": ("date", "0044-03-15 BC"),
    "ts": ("timestamp", "2020-02-29 23:59:59.999999"),
    "tz": ("timestamptz", "-infinity"),
    "y": ("bytea", "\\x00ff"),
    "u": ("uuid", "c0ffee00-0000-4000-8000-000000000001"),
    "j": ("jsonb", '{"a": [1, null]}'),
    "js": ("json", '{"b":  2}'),
    "e": ("mood", "happy"),
    "a": ("integer[]", "{1,NULL,3}"),
    "i": ("interval", "1 mon 2 days"),
}


def tables(lab: Lab, *, beside: bool = False) -> None:
    """A source of every type, and a target of the same types."""
    names = ", ".join(TYPES)
    columns = ", ".join(f"{name} {kind}" for name, (kind, _) in TYPES.items())
    values = ", ".join("'" + value.replace("'", "''") + "'" for _, value in TYPES.values())
    mood = "CREATE TYPE mood AS ENUM ('sad', 'happy')"
    lab.make(mood, f"CREATE TABLE s (id int PRIMARY KEY, {columns})")
    lab.make(f"INSERT INTO s (id, {names}) VALUES (1, {values})", "INSERT INTO s (id) VALUES (2)")
    more = "inserted_at timestamp, modified_at timestamp"
    made = f"CREATE TABLE t (id int, {columns}, {more})".replace("js json,", "js jsonb,")
    lab.make(*([] if beside else [mood]), made, side="target")


@pytest.fixture
def lab(tmp_path) -> Lab:
    return Lab(tmp_path, "postgresql", "postgresql")


def beside(lab: Lab) -> Lab:
    """The same laboratory with one database for both sides."""
    lab.servers["source"] = lab.servers["target"]
    return lab


def choice(lab: Lab, *words: str) -> str:
    """What the plan says of the transfer."""
    outcome = lab.run("plan", str(lab.folder / "p.yaml"), *words)
    assert outcome.code == 0, outcome.told
    return next(line for line in outcome.out.splitlines() if "transfer" in line)


@pytest.mark.parametrize("one", [False, True])
@pytest.mark.parametrize("kind", [0, 1, 2])
def test_every_type_arrives_as_it_was(lab, kind, one):
    lab = beside(lab) if one else lab
    tables(lab, beside=one)
    if kind == 2:
        lab.make("DROP TABLE t", side="target")
        lab.make("ALTER TABLE s DROP COLUMN wide, DROP COLUMN c, DROP COLUMN e, DROP COLUMN a, DROP COLUMN i")
    first = lab.apply(key=["id"], scd=kind)
    assert (first.code, first.report["transfer"]) == (0, "in-place" if one else "copy"), first.told
    assert first.rows["inserted"] == 2
    again = lab.apply(key=["id"], scd=kind)
    assert again.rows["unchanged"] == 2
    kept = [name for name in TYPES if kind != 2 or name not in ("wide", "c", "e", "a", "i")]
    shown = ", ".join(f"{name}::text" if name != "js" else "js::jsonb::text" for name in kept)
    wanted = lab.read(f"SELECT id, {shown} FROM s ORDER BY id", "source")
    assert lab.read(f"SELECT id, {shown} FROM t ORDER BY id") == wanted


@pytest.mark.parametrize("one", [False, True])
def test_what_a_new_table_has_no_type_for_arrives_as_it_was(lab, one):
    lab = beside(lab) if one else lab
    types = {"a": "timestamp(0)", "b": "timestamptz(3)", "c": "character(4)", "d": "numeric", "e": "integer[]"}
    values = "'2020-02-29 23:59:59', '2020-02-29 23:59:59.125+02', 'ab', '1e50', '{1,NULL}'"
    lab.make(f"CREATE TABLE s (id int PRIMARY KEY, {', '.join(f'{name} {kind}' for name, kind in types.items())})")
    lab.make(f"INSERT INTO s VALUES (1, {values}), (2, NULL, NULL, NULL, NULL, NULL)")
    for scd in (1, "append"):
        more = {"key": ["id"]} if scd == 1 else {"checkpoint": "none"}
        outcome = lab.apply(scd=scd, target={"table": f"t{scd}"}, name=f"p{scd}", **more)
        assert (outcome.code, outcome.report["transfer"]) == (0, "in-place" if one else "copy"), outcome.told
        shown = ", ".join(f"{name}::text" for name in types)
        wanted = lab.read(f"SELECT {shown} FROM s ORDER BY id", "source")
        assert lab.read(f'SELECT {shown} FROM "t{scd}" ORDER BY id') == wanted


@pytest.mark.parametrize("one", [False, True])
def test_what_travels_as_text_is_the_same_text_on_every_road(lab, one):
    lab = beside(lab) if one else lab
    lab.make("CREATE TABLE s (id int, code char(5), host inet, pair text[])")
    lab.make(
        "INSERT INTO s VALUES (1, 'ab', '10.0.0.1', '{a,NULL}'), (2, NULL, NULL, NULL), (3, '', '10.0.0.1/8', '{}')"
    )
    lab.spec(key=["id"])
    roads = ("arrow", "in-place" if one else "copy")
    for road, written in zip((*roads, roads[0]), ("inserted", "unchanged", "unchanged"), strict=True):
        outcome = lab.run("apply", str(lab.folder / "p.yaml"), "--format", "json", "--transfer", road)
        assert outcome.rows[written] == 3, (road, outcome.rows)
    assert lab.read("SELECT code, host FROM t WHERE id = 1") == [("ab", "10.0.0.1")]


def test_a_value_that_may_have_no_place_goes_through_arrow(lab):
    lab.make("CREATE TABLE s (id int, v text)", "INSERT INTO s VALUES (1, '7'), (2, 'x')")
    columns = {"id": {}, "v": {"type": "integer"}}
    outcome = lab.apply(key=["id"], columns=columns, errors={"max_rows": 1})
    assert (outcome.report["transfer"], outcome.rows["inserted"], outcome.rows["rejected"]) == ("arrow", 1, 1)
    assert 'column "v" goes from text to integer' in choice(lab)
    refused = lab.run("apply", str(lab.folder / "p.yaml"), "--transfer", "copy")
    assert refused.code == 1
    assert "DMS320" in refused.told and 'column "v" goes from text to integer' in refused.told


@pytest.mark.parametrize("one", [False, True])
def test_rejects_are_the_same_on_every_road(lab, one):
    lab = beside(lab) if one else lab
    lab.make("CREATE TABLE s (id int, v text, w int)")
    lab.make("INSERT INTO s VALUES (1, 'abc', 1), (2, 'abcd', 2), (NULL, 'a', 3), (4, NULL, NULL), (5, 'x', 5)")
    made = "CREATE TABLE t (id int, v varchar(3), w int NOT NULL, inserted_at timestamp, modified_at timestamp)"
    found = {}
    for road in ("copy", "arrow", *(["in-place"] if one else [])):
        lab.make("DROP TABLE IF EXISTS t, dmsflow_reject, dmsflow_chunk, dmsflow_checkpoint", made, side="target")
        lab.spec(key=["id"], errors={"max_rows": 9})
        outcome = lab.run("apply", str(lab.folder / "p.yaml"), "--format", "json", "--transfer", road)
        assert outcome.report["transfer"] == road, outcome.told
        rejects = lab.read(
            "SELECT row_key, column_name, column_value, reason, message FROM dmsflow_reject ORDER BY 1, 4"
        )
        found[road] = (outcome.rows, rejects, lab.read("SELECT id, v, w FROM t ORDER BY id"))
    assert found["copy"][0]["rejected"] == 3
    assert all(result == found["copy"] for result in found.values())


@pytest.mark.parametrize(("kind", "measured"), [("varchar(3)", False), ("varchar(5)", True), ("text", True)])
def test_a_text_that_its_own_table_keeps_short_is_not_measured(lab, kind, measured):
    lab.make(f"CREATE TABLE s (id int PRIMARY KEY, v {kind})", "INSERT INTO s VALUES (1, 'abc'), (2, 'ÄÖÜ')")
    lab.make("CREATE TABLE t (id int, v varchar(3), inserted_at timestamp, modified_at timestamp)", side="target")
    path = lab.spec(key=["id"], scd=1, errors={"max_rows": 1})
    assert ("length(" in lab.run("plan", str(path), "--sql").out) is measured
    if measured:
        lab.make("INSERT INTO s VALUES (3, 'abcd')")
    rows = lab.run("apply", str(path), "--format", "json").rows
    assert (rows["inserted"], rows["rejected"]) == (2, int(measured))


@pytest.mark.parametrize("one", [False, True])
@pytest.mark.parametrize("kind", [1, {"type": 2, "deletes": "close"}])
def test_an_unsound_row_of_a_unique_source_sends_its_chunk_to_the_stage(lab, one, kind):
    lab = beside(lab) if one else lab
    lab.make("CREATE TABLE s (id int PRIMARY KEY, v text)", "INSERT INTO s SELECT i, 'ok' FROM generate_series(1, 9) i")
    lab.make("UPDATE s SET v = 'too long' WHERE id = 5")
    more = {"columns": {"id": {}, "v": {"type": "varchar(3)"}}, "errors": {"max_rows": 1}, "scd": kind}
    more["parallel"] = {"min_rows": 0, "chunk_rows": 3, "workers": 2}
    first = lab.apply(key=["id"], **more)
    assert (first.rows["read"], first.rows["inserted"], first.rows["rejected"]) == (9, 8, 1), first.told
    lab.make("UPDATE s SET v = 'new' WHERE id = 2", "DELETE FROM s WHERE id = 9")
    again = lab.apply(key=["id"], **more)
    changed = again.rows["updated"] + again.rows["versioned"]
    assert (again.rows["read"], changed, again.rows["rejected"]) == (8, 1, 1), again.told
    assert lab.read("SELECT row_key, reason FROM dmsflow_reject GROUP BY 1, 2") == [('{"id":5}', "too_long")]
    current = " WHERE is_current" if kind != 1 else " WHERE id < 9"
    assert lab.read(f"SELECT id, v FROM t{current} ORDER BY id") == [
        (i, "new" if i == 2 else "ok") for i in range(1, 9) if i != 5
    ]


@pytest.mark.parametrize(("kind", "direct"), [("timestamp", True), ("timestamptz", False)])
def test_an_append_goes_straight_into_a_table_that_takes_rows_as_they_are_sent(lab, kind, direct):
    tables(lab)
    lab.make(f"ALTER TABLE t DROP modified_at, ALTER inserted_at TYPE {kind}", side="target")
    path = lab.spec(scd="append", checkpoint="none")
    assert lab.run("plan", str(path), "--out", str(lab.folder / "plan.json")).code == 0
    assert json.loads((lab.folder / "plan.json").read_text())["plan"]["direct"] is direct
    same = ", ".join(f"{name}::text" for name in ("id", *TYPES) if name != "js")
    for loaded in (2, 4):
        assert lab.run("apply", str(path), "--format", "json").rows["inserted"] == 2
        rows = lab.read(f"SELECT {same} FROM t GROUP BY {same} ORDER BY 1")
        assert rows == lab.read(f"SELECT {same} FROM s ORDER BY 1", "source")
        age = "extract(epoch FROM now() - inserted_at" + (" AT TIME ZONE 'UTC')" if direct else ")")
        assert lab.read(f"SELECT count(*) FROM t WHERE {age} BETWEEN 0 AND 99") == [(loaded,)]


@pytest.mark.parametrize("one", [False, True])
@pytest.mark.parametrize("own", ["", "sk bigint, "])
def test_a_row_that_the_table_of_an_append_refuses_is_a_reject(lab, one, own):
    lab = beside(lab) if one else lab
    lab.make("CREATE TABLE s (id int, v text)", "INSERT INTO s SELECT i, 'ok' FROM generate_series(1, 9) i")
    lab.make(f"CREATE TABLE t ({own}id int CHECK (id <> 4), v text, inserted_at timestamp)", side="target")
    split = {"min_rows": 0, "chunk_rows": 3, "chunk_by": ["id"], "workers": 2}
    scd = {"type": "append", "fields": {"surrogate_key": "sk"}} if own else "append"
    outcome = lab.apply(scd=scd, checkpoint="none", errors={"max_rows": 1}, parallel=split)
    assert (outcome.rows["read"], outcome.rows["inserted"], outcome.rows["rejected"]) == (9, 8, 1), outcome.told
    assert lab.read("SELECT reason FROM dmsflow_reject") == [("check",)]
    if own:
        assert lab.read("SELECT count(DISTINCT sk) FROM t") == [(8,)]


KEEPS_OUT = {
    "trigger": (
        "CREATE FUNCTION keep_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW WHEN (NEW.id = 2) EXECUTE FUNCTION keep_out()",
    ),
    "rule": ("CREATE RULE x AS ON INSERT TO t WHERE NEW.id = 2 DO INSTEAD NOTHING",),
}


@pytest.mark.parametrize("road", ["in-place", "copy", "arrow"])
@pytest.mark.parametrize("how", KEEPS_OUT)
def test_an_append_whose_table_keeps_a_row_out_has_failed(lab, how, road):
    lab = beside(lab) if road == "in-place" else lab
    lab.make("CREATE TABLE s (id int)", "INSERT INTO s VALUES (1), (2), (3)")
    lab.make("CREATE TABLE t (id int, inserted_at timestamp)", *KEEPS_OUT[how], side="target")
    outcome = lab.apply("--transfer", road, scd="append", checkpoint="none")
    assert outcome.code == 3, outcome.rows
    assert "3 rows were read, 2 are accounted for" in outcome.told
    assert lab.read("SELECT count(*) FROM t") == [(0,)]


@pytest.mark.parametrize("source", ["duckdb", "sqlite", "postgresql"])
def test_an_append_is_piped_into_a_server_and_staged_where_a_row_is_not_sound(tmp_path, source):
    lab = Lab(tmp_path, source, "postgresql")
    made = "CREATE TABLE s (id int, v varchar(9), d date, w varchar(9))"
    lab.make(made, *(f"INSERT INTO s VALUES ({i}, 'a\tü\\', '2024-02-0{i}', '{i}')" for i in range(1, 7)))
    columns = {"id": {}, "v": {"type": "varchar(4)"}, "d": {"type": "date"}, "w": {"type": "integer"}}
    split = {"min_rows": 0, "chunk_rows": 2, "chunk_by": ["id"], "workers": 2}
    spec = {"scd": "append", "checkpoint": "none", "columns": columns, "parallel": split}
    path = lab.spec(**spec)
    assert lab.run("plan", str(path), "--out", str(lab.folder / "plan.json")).code == 0
    plan = json.loads((lab.folder / "plan.json").read_text())["plan"]
    assert (plan["transfer"], plan["direct"], len(plan["chunks"])) == ("arrow", True, 3)
    assert lab.run("apply", str(path), "--format", "json").rows["inserted"] == 6
    assert lab.read("SELECT id, v, d::text, w FROM t ORDER BY id") == [
        (i, "a\tü\\", f"2024-02-0{i}", i) for i in range(1, 7)
    ]
    lab.make("UPDATE s SET w = 'x' WHERE id = 3", "UPDATE s SET v = 'too long' WHERE id = 6")
    refused = lab.run("apply", str(path), "--format", "json")
    assert refused.code == 3 and refused.rows["rejected"] >= 1
    lab.make("DROP TABLE t, dmsflow_chunk, dmsflow_reject", side="target")
    lab.spec(**spec, errors={"max_rows": 2}, name="allowed")
    outcome = lab.run("apply", str(lab.folder / "allowed.yaml"), "--format", "json")
    assert (outcome.rows["inserted"], outcome.rows["rejected"]) == (4, 2), outcome.told
    assert lab.read("SELECT column_name, reason FROM dmsflow_reject ORDER BY 1") == [("v", "too_long"), ("w", "cast")]


def test_what_is_asked_for_is_done_or_refused(tmp_path):
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s (id int)", "INSERT INTO s VALUES (1)")
    lab.spec(key=["id"])
    for road, told in (("copy", "from PostgreSQL to PostgreSQL"), ("arrow", "the target reads the source itself")):
        refused = lab.run("apply", str(lab.folder / "p.yaml"), "--transfer", road)
        assert refused.code == 1 and told in refused.told
    assert lab.run("apply", str(lab.folder / "p.yaml"), "--transfer", "pigeon").code == 2
    assert not lab.tables()
    assert lab.run("apply", str(lab.folder / "p.yaml"), "--transfer", "in-place").code == 0
    assert (
        lab.run("plan", str(lab.folder / "p.yaml"), "--out", str(tmp_path / "plan.json"), "--transfer", "in-place").code
        == 0
    )
    held = lab.run("apply", str(tmp_path / "plan.json"), "--transfer", "in-place")
    assert held.code == 2 and "a plan holds its transfer" in held.told
