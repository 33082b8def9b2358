"""What a load meets in PostgreSQL alone: its types, its names, its order of text, tables that are many."""

import pytest
from msgspec.structs import replace

from dmsflow.compiler.chunking import decide_cut
from dmsflow.compiler.compile import examine
from dmsflow.compiler.load import load_spec
from dmsflow.engines.access import open_access
from tests.laws.lab import Lab

TYPED = {
    "numeric": "12345678901234567890123456789012345678901234.5",
    "mood": "happy",
    "int[]": "{1,NULL,3}",
    "interval": "1 day 02:00:00",
    "timestamp(0)": "2020-01-01 00:00:01",
    "character(5)": "ab",
    "inet": "10.0.0.1/8",
    "time": "24:00:00",
}
MOOD = "CREATE TYPE mood AS ENUM ('sad', 'happy')"


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path, "postgresql", "postgresql")


@pytest.mark.parametrize("kind", TYPED)
def test_a_type_of_its_own_is_compared_as_the_table_stores_it(lab, kind):
    for side in ("source", "target"):
        lab.make(MOOD, side=side)
    lab.make(f"CREATE TABLE s (id int, v {kind})", f"INSERT INTO s VALUES (1, '{TYPED[kind]}'), (2, NULL)")
    lab.make(f"CREATE TABLE t (id int, v {kind}, inserted_at timestamp, modified_at timestamp)", side="target")
    assert lab.apply(key=["id"]).rows["inserted"] == 2
    assert lab.apply(key=["id"]).rows["unchanged"] == 2
    assert lab.read("SELECT id, v::text FROM t ORDER BY id") == lab.read(
        "SELECT id, v::text FROM s ORDER BY id", "source"
    )


def test_a_number_without_a_limit_becomes_text_or_what_the_spec_says(lab):
    lab.make("CREATE TABLE s (id int, v numeric, w numeric)")
    lab.make("INSERT INTO s VALUES (1, 1.50, 1.50), (2, 1e60, 'NaN'), (3, 0.123456789012345678901234567890, 1e60)")
    columns = {"id": {}, "v": {}, "w": {"type": "decimal(10,2)"}}
    outcome = lab.apply(key=["id"], columns=columns, errors={"max_rows": 2})
    assert (outcome.rows["inserted"], outcome.rows["rejected"]) == (1, 2)
    assert lab.read("SELECT id, v, w::text FROM t") == [(1, "1.50", "1.50")]
    assert sorted(lab.read("SELECT row_key, column_value, reason FROM dmsflow_reject")) == [
        ('{"id":2}', "NaN", "cast"),
        ('{"id":3}', "1" + "0" * 60, "cast"),
    ]


def test_what_has_an_order_of_its_own_is_no_checkpoint_and_no_order(lab):
    lab.make(MOOD, "CREATE TABLE s (id int, m mood, n numeric)", "INSERT INTO s VALUES (1, 'sad', 1)")
    refused = lab.apply(key=["id"], checkpoint={"columns": ["m"]})
    assert refused.code == 1 and 'checkpoint column "m" is of type mood' in refused.told
    refused = lab.apply(key=["id"], scd={"type": 1, "duplicates": "last", "order_by": ["n"]})
    assert refused.code == 1 and 'order_by column "n" is of type numeric, which arrives as text' in refused.told


def test_a_table_of_partitions_is_read_and_not_written(lab):
    parts = ["CREATE TABLE {0} (id int, v int) PARTITION BY HASH (id)"]
    parts += [f"CREATE TABLE {{0}}{i} PARTITION OF {{0}} FOR VALUES WITH (MODULUS 2, REMAINDER {i})" for i in (0, 1)]
    lab.make(*(part.format("s") for part in parts), "INSERT INTO s SELECT n, n FROM generate_series(1, 20) AS n")
    split = {"min_rows": 0, "chunk_rows": 5, "workers": 2}
    assert lab.apply(key=["id"], parallel=split).rows["inserted"] == 20
    lab.make("DROP TABLE t", *(part.format("t") for part in parts), side="target")
    refused = lab.apply(key=["id"])
    assert refused.code == 1 and "DMS319" in refused.told


def test_a_name_that_would_be_cut_off_is_refused(lab):
    lab.make("CREATE TABLE s (id int)")
    for target, columns in (({"table": "t" * 60}, {"id": {}}), ({}, {"id": {}, "ü" * 32: {"from": "id"}})):
        refused = lab.apply(key=["id"], target=target, columns=columns)
        assert refused.code == 1 and "DMS318" in refused.told
    assert not lab.tables()


def test_a_schema_is_made_and_the_marks_stand_in_it(lab):
    lab.make("CREATE TABLE s (id int)", "INSERT INTO s VALUES (1)")
    assert lab.apply(key=["id"], scd=2, target={"table": '"dw"."dim x"'}).rows["inserted"] == 1
    assert lab.apply(key=["id"], scd=2, target={"table": 'DW."DIM X"'}).rows["unchanged"] == 1
    found = lab.read("SELECT tablename FROM pg_tables WHERE schemaname = 'dw' ORDER BY 1")
    assert [name for (name,) in found] == [
        "dim x",
        "dmsflow_checkpoint",
        "dmsflow_checkpoint_history",
        "dmsflow_chunk",
        "dmsflow_lease",
        "dmsflow_reject",
        "dmsflow_terms",
    ]


@pytest.mark.parametrize(
    ("index", "parallel", "count"),
    [
        ("CREATE INDEX ON t (id)", {}, 20),
        ("CREATE UNIQUE INDEX ON t (id) WHERE is_current", {}, 20),
        ("CREATE INDEX ON t (v, id)", {"workers": 3}, 3),
        ("CREATE INDEX ON t (id) WHERE v > 5", {"workers": 3}, 3),
        ("CREATE INDEX ON t USING hash (id)", {"workers": 1}, 1),
        ("CREATE INDEX ON t (v, id)", {"chunk_rows": 10_000, "workers": 3}, 500),
    ],
)
def test_a_target_without_an_index_by_which_ranges_are_found_is_read_by_few_chunks(lab, index, parallel, count):
    lab.make("CREATE TABLE s (id int, v int)", "INSERT INTO s VALUES (1, 1)")
    assert lab.apply(key=["id"], scd=2, target={"unique_index": "never"}).rows["inserted"] == 1
    lab.make(index, side="target")
    loaded = load_spec(lab.spec(key=["id"], scd=2, parallel=parallel))
    with open_access(loaded.raise_if_rejected()) as access:
        found = examine(loaded, access)
    facts = replace(found.facts, source=replace(found.facts.source, estimated_rows=5_000_000))
    cut = decide_cut(found.spec, facts, found.columns)
    assert (cut.count, "no index" in cut.why) == (count, count < 20)


def test_the_index_keeps_a_second_current_version_out(lab):
    lab.make("CREATE TABLE s (id int, v int)", "INSERT INTO s VALUES (1, 1)")
    assert lab.apply(key=["id"], scd=2).code == 0
    with pytest.raises(Exception, match="t_current_key"), lab.open("target") as connection:
        connection.execute("INSERT INTO t SELECT * FROM t")


def test_a_user_without_the_permission_to_write_is_told(lab):
    lab.make("CREATE TABLE s (id int)", "INSERT INTO s VALUES (1)")
    assert lab.apply(key=["id"]).code == 0
    lab.make("INSERT INTO s VALUES (2)")
    readonly = {"src": {"url": lab.url("source")}, "dwh": {"url": lab.url("target"), "options": {"options": READ_ONLY}}}
    outcome = lab.apply(key=["id"], connections=readonly)
    assert outcome.code == 3 and "connect to the primary server" in outcome.told


READ_ONLY = "-c default_transaction_read_only=on"


@pytest.mark.parametrize(
    ("column", "code", "told"),
    [
        ("note json", "DMS341", "is json, which has no comparison"),
        ("note text GENERATED ALWAYS AS ('x') STORED", "DMS340", "is computed by the database"),
        ("note int GENERATED ALWAYS AS IDENTITY", "DMS340", "is computed by the database"),
    ],
)
@pytest.mark.parametrize("scd", [1, 2])
def test_a_column_that_a_load_cannot_write_or_compare_is_told_before_it_begins(tmp_path, column, code, told, scd):
    lab = Lab(tmp_path, "postgresql", "postgresql")
    ours = ", valid_from timestamptz, valid_to timestamptz, is_current boolean" if scd == 2 else ""
    lab.make("CREATE TABLE s (id int, note text)", "INSERT INTO s VALUES (1, '1')")
    with lab.open("target") as connection:
        connection.execute(f"CREATE TABLE t (id int, {column}, inserted_at timestamptz, modified_at timestamptz{ours})")
        connection.commit()
    outcome = lab.run("apply", str(lab.spec(key=["id"], scd=scd)))
    assert (outcome.code, code in outcome.told, told in outcome.told) == (1, True, True), outcome.told
