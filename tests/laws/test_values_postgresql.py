"""Values that PostgreSQL has no place for, and texts in other encodings: rejected row by row, or told by column."""

import sqlite3

import pytest

from tests.laws.lab import Lab
from tests.laws.private_lab import PrivateLab

REJECTS = "SELECT row_key, column_name, column_value, reason FROM dmsflow_reject ORDER BY row_key"


def write_source(lab, kind, rows):
    """A source of an id and a text; how a spec names it."""
    if kind == "csv":
        lab.folder.joinpath("s.csv").write_text("id,note\n" + "".join(f"{i},{text}\n" for i, text in rows))
        return {"file": "s.csv", "columns": {"id": {"type": "integer"}, "note": {"type": "text"}}}
    if kind == "duckdb":
        lab.make("CREATE TABLE s (id int, note varchar)")
        with lab.open("source") as connection:
            connection.executemany("INSERT INTO s VALUES (?, ?)", rows)
    else:
        with sqlite3.connect(lab.folder / "source.db") as connection:
            connection.execute("CREATE TABLE s (id integer, note text)")
            connection.executemany("INSERT INTO s VALUES (?, ?)", rows)
    return {}


@pytest.mark.parametrize("limit", [0, 5])
@pytest.mark.parametrize("source", ["duckdb", "sqlite", "csv"])
def test_a_text_with_nul_is_a_reject(tmp_path, source, limit):
    lab = Lab(tmp_path, "duckdb" if source == "csv" else source, "postgresql")
    spec = write_source(lab, source, [(1, "good"), (2, "a\0b"), (3, "good too")])
    outcome = lab.apply(key=["id"], errors={"max_rows": limit}, **spec)
    assert (outcome.code, outcome.rows["rejected"], outcome.rows["inserted"]) == (3 if limit == 0 else 0, 1, 2)
    assert lab.read(REJECTS) == [('{"id":2}', "note", r"a\0b", "not_storable")]
    assert lab.read("SELECT id, note FROM t ORDER BY id") == [(1, "good"), (3, "good too")]


@pytest.mark.parametrize("scd", [1, 2])
def test_a_key_with_nul_is_a_reject(tmp_path, scd):
    lab = Lab(tmp_path, "duckdb", "postgresql")
    lab.make("CREATE TABLE s (id varchar, n int)", "INSERT INTO s VALUES ('a', 1), ('b' || chr(0), 2), (NULL, 3)")
    for counted in ("inserted", "unchanged"):
        outcome = lab.apply(key=["id"], scd=scd, errors={"max_rows": 5})
        assert (outcome.code, outcome.rows["rejected"], outcome.rows[counted]) == (0, 2, 1)
    found = lab.read("SELECT column_name, column_value, reason FROM dmsflow_reject ORDER BY reason")
    assert found == [("id", r"b\0", "not_storable")] * 2 + [("id", None, "null_key")] * 2


FITS = {
    "text": ("varchar(3)", "'long'", "long", "too_long"),
    "smallint": ("smallint", "40000", "40000", "cast"),
    "integer": ("integer", "3000000000", "3000000000", "cast"),
    "bigint": ("bigint", "'9223372036854775808'::hugeint", "9223372036854775808", "cast"),
    "decimal": ("decimal(4,2)", "1234.5", "1234.5", "cast"),
    "number": ("integer", "'12x'", "12x", "cast"),
    "day": ("date", "'2024-02-30'", "2024-02-30", "cast"),
    "nul in a number": ("integer", "'1' || chr(0)", r"1\0", "cast"),
}


@pytest.mark.parametrize("existing", [False, True], ids=["new", "existing"])
@pytest.mark.parametrize("case", FITS)
def test_a_value_that_does_not_fit_is_a_reject(tmp_path, case, existing):
    declared, value, told, reason = FITS[case]
    lab = Lab(tmp_path, "duckdb", "postgresql")
    lab.make(f"CREATE TABLE s AS SELECT 1 AS id, {value} AS v UNION ALL SELECT 2, NULL")
    if existing:
        lab.make(f"CREATE TABLE t (id int, v {declared}, inserted_at timestamp, modified_at timestamp)", side="target")
    columns = {} if existing else {"columns": {"id": {}, "v": {"type": declared}}}
    outcome = lab.apply(key=["id"], errors={"max_rows": 1}, **columns)
    assert (outcome.code, outcome.rows["rejected"], outcome.rows["inserted"]) == (0, 1, 1), outcome.told
    assert lab.read(REJECTS) == [('{"id":1}', "v", told, reason)]
    assert lab.read("SELECT id, v FROM t") == [(2, None)]


@pytest.fixture
def encoded(tmp_path, request):
    """A laboratory with one side of another encoding."""
    side, encoding = request.param
    lab = PrivateLab(tmp_path)
    name = lab.server.create(ENCODING=f"'{encoding}'")
    lab.server.run(f"DROP DATABASE {lab.databases[side]}")
    lab.databases[side], lab.servers[side] = name, lab.server.url(name)
    yield lab
    lab.close()


@pytest.mark.parametrize("encoded", [("source", "SQL_ASCII")], indirect=True)
@pytest.mark.parametrize("target", ["postgresql", "duckdb"])
def test_bytes_that_are_no_text_are_told_with_how_to_read_them(encoded, target):
    lab = encoded
    lab.server.run(
        "CREATE TABLE s (id int, note text)",
        r"INSERT INTO s VALUES (1, E'caf\xe9'), (2, 'tea')",
        database=lab.databases["source"],
    )
    if target == "duckdb":
        lab.server.run(f"DROP DATABASE {lab.databases.pop('target')}")
        lab.servers.pop("target")
        lab.engines["target"] = "duckdb"
    outcome = lab.apply(columns={"id": {}, "note": {"type": "text"}})
    assert (outcome.code, outcome.report["status"]) == (3, "failed")
    assert 'connection "src": 22021: invalid byte sequence for encoding "UTF8": 0xe9' in outcome.told
    assert "convert_from" in outcome.told
    assert outcome.report["errors"][0]["attempts"] == 1
    repaired = "convert_from(pg_catalog.convert(note::bytea, 'LATIN1', 'UTF8'), 'SQL_ASCII')"
    assert lab.apply(columns={"id": {}, "note": {"expr": repaired, "type": "text"}}).code == 0
    assert lab.read("SELECT note FROM t ORDER BY id") == [("café",), ("tea",)]


@pytest.mark.parametrize("encoded", [("source", "LATIN1")], indirect=True)
def test_a_source_in_latin_1_is_read_as_it_is(encoded):
    encoded.make("CREATE TABLE s (id int, note text)", "INSERT INTO s VALUES (1, 'café')")
    assert encoded.apply().rows["inserted"] == 1
    assert encoded.read("SELECT note FROM t") == [("café",)]


@pytest.mark.parametrize("encoded", [("target", "EUC_JP")], indirect=True)
def test_a_character_that_an_encoding_of_several_bytes_does_not_have_is_told(encoded):
    encoded.make("CREATE TABLE s (id int, note text)", "INSERT INTO s VALUES (1, '漢字'), (2, '5 €')")
    outcome = encoded.apply()
    assert (outcome.code, outcome.report["status"]) == (3, "failed")
    assert "22P05" in outcome.told and "load into a database of encoding UTF8" in outcome.told
    assert encoded.read("SELECT count(*) FROM t") == [(0,)]
    assert encoded.apply(source={"where": "id = 1"}).rows["inserted"] == 1
    assert encoded.read("SELECT note FROM t") == [("漢字",)]


@pytest.mark.parametrize("encoded", [("target", "LATIN1")], indirect=True)
@pytest.mark.parametrize(("source", "road"), [("postgresql", "copy"), ("postgresql", "arrow"), ("duckdb", "arrow")])
def test_a_row_with_a_character_that_the_target_does_not_have_is_a_reject(encoded, source, road):
    lab = encoded
    if source == "duckdb":
        lab.server.run(f"DROP DATABASE {lab.databases.pop('source')}")
        lab.servers.pop("source")
        lab.engines["source"] = "duckdb"
    rows = """VALUES (1, 'a', 'café', '"ü"'), (2, 'b', '5 €', NULL), (3, 'Ł', 'x', NULL), (4, 'c', NULL, '"漢"')"""
    lab.make("CREATE TABLE s (id int, code varchar(9), note text, doc json)", f"INSERT INTO s {rows}")
    path = lab.spec(key=["code"], errors={"max_rows": 3})
    for written in ("inserted", "unchanged"):
        outcome = lab.run("apply", str(path), "--format", "json", "--transfer", road)
        assert (outcome.rows[written], outcome.rows["rejected"]) == (1, 3), outcome.told
    assert lab.read("SELECT code, note, doc::text FROM t") == [("a", "café", '"ü"')]
    told = "SELECT DISTINCT column_name, column_value, reason FROM dmsflow_reject ORDER BY 1"
    assert lab.read(told) == [
        ("code", "?", "not_storable"),
        ("doc", '"?"', "not_storable"),
        ("note", "5 ?", "not_storable"),
    ]


@pytest.mark.parametrize("encodings", ["WIN1252 LATIN1", "LATIN1 WIN1252", "EUC_JP LATIN1", "SQL_ASCII LATIN1"])
def test_a_source_of_another_encoding_does_not_look_for_what_the_target_lacks(tmp_path, encodings):
    lab = PrivateLab(tmp_path)
    for side, encoding in zip(("source", "target"), encodings.split(), strict=True):
        name = lab.server.create(ENCODING=f"'{encoding}'")
        lab.server.run(f"DROP DATABASE {lab.databases[side]}")
        lab.databases[side], lab.servers[side] = name, lab.server.url(name)
    lacking = {"WIN1252": "'5 €'", "EUC_JP": "'漢'", "SQL_ASCII": r"E'\xe6\xbc\xa2'"}.get(encodings.split()[0])
    values = "(1, 'tea')" + (f", (2, {lacking})" if lacking else "")
    lab.make("CREATE TABLE s (id int, note text)", f"INSERT INTO s VALUES {values}")
    outcome = lab.apply(errors={"max_rows": 1})
    assert (outcome.code, outcome.rows["rejected"]) == (0, int(lacking is not None)), outcome.told
    assert lab.read("SELECT note FROM t") == [("tea",)]
    assert lab.read("SELECT reason FROM dmsflow_reject") == [("not_storable",)] * int(lacking is not None)
    lab.close()


def guard_target(lab, columns, *statements):
    """Make the target a table with row level security, and load it as a user who does not own it."""
    user = f"loader_{lab.databases['target']}"
    lab.make(
        f"CREATE ROLE {user} LOGIN",
        f"GRANT ALL ON SCHEMA public TO {user}",
        f"CREATE TABLE t ({columns})",
        *statements,
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
        f"GRANT ALL ON t TO {user}",
        side="target",
    )
    lab.users["target"] = user


@pytest.mark.parametrize("source", ["postgresql", "duckdb"])
def test_rows_are_appended_to_a_table_with_policies(tmp_path, source):
    lab = PrivateLab(tmp_path, source)
    lab.make("CREATE TABLE s (id int)", "INSERT INTO s VALUES (1), (2)")
    guard_target(lab, "id int, inserted_at timestamp", "CREATE POLICY all_rows ON t USING (TRUE)")
    outcome = lab.apply(key=None, scd="append", checkpoint="none")
    assert (outcome.code, outcome.rows["inserted"]) == (0, 2), outcome.told
    lab.close()


@pytest.mark.parametrize(
    ("policies", "hides"),
    [
        (["USING (TRUE)"], False),
        (["FOR SELECT USING (TRUE)", "FOR INSERT WITH CHECK (TRUE)", "FOR UPDATE USING (TRUE)"], False),
        (["FOR SELECT USING (id > 2)", "FOR INSERT WITH CHECK (TRUE)", "FOR UPDATE USING (TRUE)"], True),
        (["USING (TRUE)", "AS RESTRICTIVE FOR SELECT TO PUBLIC USING (id > 2)"], True),
        (["USING (id > 2)", "AS PERMISSIVE FOR SELECT TO pg_monitor USING (TRUE)"], True),
    ],
)
def test_a_key_is_loaded_only_beside_all_rows(tmp_path, policies, hides):
    lab = PrivateLab(tmp_path, "duckdb")
    lab.make("CREATE TABLE s (id int)", "INSERT INTO s VALUES (1), (2), (3)")
    guard_target(
        lab,
        "id int, inserted_at timestamp, modified_at timestamp",
        "INSERT INTO t SELECT n, '2026-01-01', '2026-01-01' FROM generate_series(1, 3) AS n",
        *(f"CREATE POLICY p{number} ON t {policy}" for number, policy in enumerate(policies)),
    )
    target = {"connection": "dwh", "table": "t", "unique_index": "never"}
    outcome = lab.apply(key=["id"], scd=1, target=target)
    assert ("DMS347" in outcome.told, outcome.code == 0) == (hides, not hides), outcome.told
    assert lab.read("SELECT count(*), count(DISTINCT id) FROM t") == [(3, 3)]
    lab.close()
