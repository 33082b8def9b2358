"""Names of every kind, targets that do not fit, and SQL that fails: told, or loaded as it is."""

import pytest

from tests.laws.lab import Lab

PAIRS = [
    ("duckdb", "duckdb"),
    ("sqlite", "sqlite"),
    ("duckdb", "sqlite"),
    ("sqlite", "duckdb"),
    ("postgresql", "postgresql"),
]
NAMES = """two words|qu"ote|apo's|emoji 🎉|select|order|s|t|d|src|run_at|run_id|lo_0|hi_0|place|count|total|ranked|chunk
x:y|x%(y)s|x\\y|$a|:b|{c}|?|x;--|ÄÖ|class|value|null|sk_base|pipeline|probe|_|1""".replace("\n", "|").split("|")
SPLIT = {"chunk_rows": 1, "min_rows": 0, "workers": 2}
ENGINE = "inserted_at timestamp, modified_at timestamp"
VALIDITY = "valid_from timestamp, valid_to timestamp, is_current boolean"


def quote(name):
    return '"' + name.replace('"', '""') + '"'


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_column_may_have_any_name(tmp_path, source, target):
    lab = Lab(tmp_path, source, target)
    lab.make(f"CREATE TABLE s (id integer, {', '.join(f'{quote(name)} varchar' for name in NAMES)})")
    for i in (1, 2, 3):
        lab.make(f"INSERT INTO s VALUES ({i}, {', '.join(repr(str(j)) for j in range(len(NAMES)))})")
    assert lab.apply(key=["id"], scd=2, parallel=SPLIT).rows["inserted"] == 3
    lab.make(f"UPDATE s SET {quote(NAMES[-1])} = 'z' WHERE id = 2")
    outcome = lab.apply(key=["id"], scd=2, parallel=SPLIT)
    assert (outcome.rows["versioned"], outcome.rows["unchanged"]) == (1, 2)
    listed = ", ".join(map(quote, NAMES))
    assert lab.read(f"SELECT {listed} FROM t WHERE is_current AND id = 2") == lab.read(
        f"SELECT {listed} FROM s WHERE id = 2", "source"
    )


@pytest.mark.parametrize(
    "name", ["two words", 'qu"ote', "select", "lo_0", "place", "run_id", "s", "🎉", "x:y", "x%(y)s"]
)
@pytest.mark.parametrize("target", ["duckdb", "sqlite", "postgresql"])
def test_a_key_may_have_any_name(tmp_path, target, name):
    lab = Lab(tmp_path, "duckdb", target)
    lab.make(f"CREATE TABLE s ({quote(name)} int, v int)", "INSERT INTO s VALUES (1, 1), (2, 2), (3, 3)")
    assert lab.apply(key=[name], scd=2, parallel=SPLIT, target={"table": f'"t {name.replace(chr(34), "")}"'}).code == 0
    outcome = lab.apply(key=[name], scd=2, parallel=SPLIT, target={"table": f'"t {name.replace(chr(34), "")}"'})
    assert outcome.rows["unchanged"] == 3


@pytest.mark.xfail(reason="SQLite itself renames a column true or false of a derived table: the chunk fails")
def test_sqlite_has_a_column_called_true(tmp_path):
    lab = Lab(tmp_path, "sqlite", "sqlite")
    lab.make('CREATE TABLE s ("true" integer, "false" integer)', "INSERT INTO s VALUES (1, 1), (2, 2)")
    assert lab.apply(key=["true"], scd=2, parallel=SPLIT).rows["inserted"] == 2
    lab.make('UPDATE s SET "false" = 3 WHERE "true" = 2', "INSERT INTO s VALUES (1, 1)")
    outcome = lab.apply(key=["true"], scd=2, parallel=SPLIT)
    assert (outcome.rows["versioned"], outcome.rows["unchanged"], outcome.rows["collapsed"]) == (1, 1, 1)


@pytest.mark.parametrize("table", ["apo's", "emoji🎉", "select", '"a.b".c', '"two words"', '"qu""ote"', "main.select"])
def test_a_table_may_have_any_name(tmp_path, table):
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT 1 AS id")
    assert lab.apply(key=["id"], target={"table": table}).code == 0
    assert lab.apply(key=["id"], target={"table": table}).rows["unchanged"] == 1


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_schema_may_have_the_name_of_its_file(tmp_path, side):
    lab = Lab(tmp_path)
    lab.make(
        "CREATE SCHEMA source", "CREATE TABLE source.source.s AS SELECT 1 AS id", "CREATE TABLE s AS SELECT 2 AS id"
    )
    places = {"source": {"source": {"table": "source.s"}}, "target": {"target": {"table": "target.t"}}}
    for count in ("inserted", "unchanged"):
        assert lab.apply(key=["id"], scd=2, **places[side]).rows[count] == 1
    within = {"connection": "src", "table": "SOURCE.t"}
    assert lab.apply(name="q", key=["id"], source={"table": "source.s"}, target=within).rows["inserted"] == 1


@pytest.mark.parametrize("name", ["two words", 'qu"ote', "emoji🎉", "per%cent", "it's"])
def test_a_spec_may_be_called_anything(tmp_path, name):
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT 1 AS id")
    path = lab.spec(key=["id"]).rename(tmp_path / f"{name}.yaml")
    assert lab.run("apply", path).code == 0


REFUSED = {
    "missing": (f"CREATE TABLE t (id int, {ENGINE})", {}, 'column "v" is not in target table t'),
    "not null": (f"CREATE TABLE t (id int, v varchar, x int NOT NULL, {ENGINE})", {}, '"x" is NOT NULL'),
    "no flag": (f"CREATE TABLE t (id int, v varchar, {ENGINE})", {"scd": 2}, 'engine column "is_current" is not in'),
    "view": ("CREATE VIEW t AS SELECT 1 AS id, 2 AS v", {}, 'target "t" is a view'),
    "check": (f"CREATE TABLE t (id int, v varchar CHECK (v <> 'b'), {ENGINE})", {}, "check constraint"),
    "two rows": (
        f"CREATE TABLE t (id int, v varchar, {ENGINE}); INSERT INTO t (id, v) VALUES (1, 'x'), (1, 'y')",
        {},
        "more than one current row in the target",
    ),
    "two current": (
        f"CREATE TABLE t (id int, v varchar, {VALIDITY}, {ENGINE}); INSERT INTO t (id, v, valid_from, valid_to, "
        "is_current) VALUES (1, 'x', '2020-01-01', '9999-12-31', true), (1, 'y', '2020-01-01', '9999-12-31', true)",
        {"scd": 2},
        "more than one current row in the target",
    ),
}


@pytest.mark.parametrize("target", ["duckdb", "sqlite", "postgresql"])
@pytest.mark.parametrize("case", REFUSED)
def test_a_target_that_does_not_fit_stays_as_it_was(tmp_path, target, case):
    ddl, spec, told = REFUSED[case]
    lab = Lab(tmp_path, "duckdb", target)
    lab.make("CREATE TABLE s AS SELECT 1 AS id, 'b' AS v UNION ALL SELECT 2, 'c'")
    lab.make(*ddl.split("; "), side="target")
    before = lab.read("SELECT * FROM t ORDER BY 1, 2")
    outcome = lab.apply(key=["id"], **({"scd": 1} | spec))
    assert outcome.code in (1, 3)
    assert told.lower() in outcome.told.lower()
    assert lab.read("SELECT * FROM t ORDER BY 1, 2") == before


@pytest.mark.parametrize("target", ["duckdb", "sqlite", "postgresql"])
@pytest.mark.parametrize("chunk_rows", [2, 1000])
@pytest.mark.parametrize(
    ("since", "twice", "told"),
    [
        ("2999-01-01", 1, "1 versions would end before they start"),
        ("2020-01-01", 2, "more than one current row in the target"),
    ],
)
def test_a_history_that_breaks_a_law_is_found_in_every_chunk(tmp_path, target, chunk_rows, since, twice, told):
    """Key 5 is gone from the source, and key 6 has changed; key 5 begins in the future, or key 6 is current twice."""
    lab = Lab(tmp_path, "duckdb", target)
    lab.make("CREATE TABLE s AS SELECT i AS id, 'b' AS v FROM range(8) r(i) WHERE i <> 5")
    lab.make(f"CREATE TABLE t (id bigint, v varchar, {VALIDITY}, {ENGINE})", side="target")
    rows = [f"({i}, 'a', '{since if i == 5 else '2020-01-01'}', '9999-12-31', true)" for i in range(8)]
    rows += rows[6:7] * (twice - 1)
    lab.make(
        f"INSERT INTO t (id, v, valid_from, valid_to, is_current) VALUES {', '.join(rows)}",
        side="target",
    )
    parallel = {"chunk_rows": chunk_rows, "min_rows": 1}
    outcome = lab.apply(key=["id"], scd={"type": 2, "deletes": "close"}, parallel=parallel)
    assert outcome.code in (1, 3)
    assert told in outcome.told


def test_a_row_that_a_constraint_refuses_is_one_reject(tmp_path):
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT 1 AS id, 'b' AS v UNION ALL SELECT 2, 'c'")
    lab.make(f"CREATE TABLE t (id int, v varchar CHECK (v <> 'b'), {ENGINE})", side="target")
    assert lab.apply(key=["id"], errors={"max_rows": 1}).rows["rejected"] == 1


@pytest.mark.parametrize(
    ("held", "url", "told"),
    [
        ("sqlite", "duckdb", "is a SQLite database: write sqlite:/// in its url"),
        ("duckdb", "sqlite", "is not a SQLite database"),
    ],
)
def test_a_database_of_the_other_kind_is_told(tmp_path, held, url, told):
    Lab(tmp_path, "duckdb", held).make("CREATE TABLE x (a integer)", side="target")
    before = (tmp_path / "target.db").read_bytes()
    tmp_path.joinpath("a.csv").write_text("id\n1\n")
    outcome = Lab(tmp_path, "duckdb", url).apply(file="a.csv", key=["id"])
    assert outcome.code == 3
    assert told in outcome.told
    assert (tmp_path / "target.db").read_bytes() == before


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_columns_are_found_whatever_their_case(tmp_path, source, target):
    lab = Lab(tmp_path, source, target)
    lab.make(
        "CREATE TABLE S (ID integer, Name varchar, Extra integer)", "INSERT INTO s VALUES (1, 'a', 1), (2, 'b', 2)"
    )
    lab.make(
        "CREATE TABLE T (Id integer, NAME varchar, plus integer DEFAULT 7, VALID_FROM timestamp, Valid_To timestamp, "
        "IS_CURRENT boolean, INSERTED_AT timestamp, Modified_At timestamp)",
        side="target",
    )
    spec = {"key": ["id"], "scd": 2, "columns": {"id": {}, "name": {}}, "parallel": SPLIT}
    assert lab.apply(**spec).rows["inserted"] == 2
    lab.make("UPDATE s SET name = 'z' WHERE id = 2")
    assert lab.apply(**spec).rows["versioned"] == 1
    assert lab.read("SELECT id, name, plus FROM t WHERE is_current ORDER BY 1") == [(1, "a", 7), (2, "z", 7)]


SQL = ("CREATE TABLE s (id integer, a integer, v varchar)", "INSERT INTO s VALUES (1, 0, 'x'), (2, 5, 'y')")
FAILING = [
    ({"source": {"where": "1=1; drop table s"}}, "where is not one expression"),
    ({"source": {"where": "1=1) or (1=1"}}, "where cannot be read at"),
    ({"source": {"where": "nope = 1"}}, "the source refuses the predicate"),
    ({"source": {"where": "max(a) = 1"}}, "where looks at several rows"),
    ({"columns": {"id": {}, "e": {"expr": "1; delete from s"}}}, "expr is not one expression"),
    ({"columns": {"id": {}, "e": {"expr": "max(a)"}}}, "expr looks at several rows"),
    ({"columns": {"id": {}, "e": {"expr": "row_number() over ()"}}}, "expr looks at several rows"),
    ({"checks": [{"name": "c", "expr": "nope > 0"}]}, "the staged rows refuse the check"),
    ({"checks": [{"name": "c", "expr": "1=1; drop table t"}]}, "expr is not one expression"),
]


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize(("spec", "told"), FAILING)
def test_sql_that_is_no_expression_is_refused(tmp_path, source, target, spec, told):
    lab = Lab(tmp_path, source, target)
    lab.make(*SQL)
    outcome = lab.apply(key=["id"], **spec)
    assert outcome.code == 1
    assert told in outcome.told
    assert not lab.tables()
    assert lab.read("SELECT count(*) FROM s", "source") == [(2,)]


@pytest.mark.parametrize(
    "spec",
    [
        {"source": {"where": "cast(v as integer) > 0"}},
        {"columns": {"id": {}, "e": {"expr": "cast(v as integer)"}}},
        {"checks": [{"name": "c", "expr": "cast(v as integer) > 0"}]},
    ],
)
def test_sql_that_fails_on_a_row_loads_nothing(tmp_path, spec):
    lab = Lab(tmp_path)
    lab.make(*SQL)
    outcome = lab.apply(key=["id"], **spec)
    assert outcome.code == 3
    assert "Could not convert string 'x' to INT32" in outcome.told
    assert lab.read("SELECT count(*) FROM t") == [(0,)]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_parameter_is_a_value_whatever_it_says(tmp_path, source, target):
    lab = Lab(tmp_path, source, target)
    lab.make(*SQL)
    hostile = ["x' or '1'='1", "'; drop table s; --", '"', "\\", "$h", ":h", "%s", "é\n🎉", "", "y"]
    for text in hostile:
        spec = {"params": {"h": {"type": "text"}}, "source": {"where": "v = ${param:h}"}}
        outcome = lab.apply("--set", f"h={text}", key=["id"], **spec)
        assert (outcome.code, outcome.rows["read"]) == (0, 1 if text == "y" else 0), text
    assert lab.read("SELECT count(*) FROM s", "source") == [(2,)]


@pytest.mark.xfail(reason="a table named in an expression is looked up in the target, not in an attached source")
def test_an_expression_may_ask_another_table_of_the_source(tmp_path):
    lab = Lab(tmp_path)
    lab.make(*SQL)
    assert lab.apply(key=["id"], columns={"id": {}, "e": {"expr": "(select max(a) from s)"}}).code == 0
