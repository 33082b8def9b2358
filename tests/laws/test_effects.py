"""Laws 27, 30, 31: what ``plan --effects`` counts is what the run that follows counts, and it leaves nothing behind."""

import json
import sqlite3
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from typer.testing import CliRunner

from dmsflow.cli.app import app
from dmsflow.errors import TargetBusy
from dmsflow.model.plan import Transfer
from dmsflow.model.result import RowCounts, RunStatus
from tests import extension, postgres
from tests.laws.lab import Lab
from tests.laws.test_feed_cases import observe
from tests.laws.test_feeds import COLUMNS as FEED_COLUMNS
from tests.laws.test_feeds import Rules as FeedRules
from tests.laws.test_feeds import make_spec as make_feed
from tests.laws.test_histories import histories, make_spec
from tests.laws.test_refused import good, make
from tests.laws.test_resume import apply_recorded, break_at, hold
from tests.laws.test_resume import spec as broken_spec
from tests.laws.world import World

KINDS = ("inserted", "versioned", "updated", "closed", "rewritten")
ROADS = [
    ("duckdb", "duckdb", None),
    ("sqlite", "duckdb", None),
    ("parquet", "duckdb", None),
    ("duckdb", "sqlite", None),
    ("duckdb", "postgresql", None),
    ("postgresql", "postgresql", Transfer.IN_PLACE),
    ("postgresql", "postgresql", Transfer.COPY),
    pytest.param("attached", "duckdb", None, marks=extension.needed),
]


@pytest.mark.parametrize(("source", "target", "road"), ROADS)
def test_effects_are_those_of_the_run_that_follows(source, target, road, request, monkeypatch) -> None:
    examples = max(request.config.getoption("--histories") // 8, 1)
    if source == "attached":
        extension.always(monkeypatch)
        source = "postgresql"

    @settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True, database=None
    )
    @given(histories(nan="sqlite" not in (source, target)))
    def check(history) -> None:
        rules, parallel, extracts = history
        with tempfile.TemporaryDirectory() as folder:
            world = World(Path(folder), source, target, transfer=road)
            spec = world.reading(make_spec(rules, parallel))
            for extract in extracts:
                world.write_source(extract)
                compare_with_run(world, spec)
        postgres.give_back()

    check()


def compare_with_run(world: World, spec: dict) -> None:
    """Count, see that nothing has changed, then run: the counts, and as many samples."""
    before = world.print_target()
    told = world.effects(spec, samples=1000)
    assert world.print_target() == before
    report = world.apply(spec)
    assert (told.report.status, told.report.errors) == (report.status, report.errors) == (RunStatus.SUCCEEDED, ())
    assert (told.expected.rows, told.expected.loaded) == (report.rows, RowCounts())
    assert (told.report.chunks, told.report.watermark) == (report.chunks, report.watermark)
    sampled = {effect.kind: len(effect.samples) for effect in told.effects if effect.samples}
    assert sampled == {name: getattr(report.rows, name) for name in KINDS if getattr(report.rows, name)}
    assert len(told.rejects) == report.rows.rejected


PAIRS = [("duckdb", "duckdb"), ("duckdb", "sqlite"), ("postgresql", "postgresql")]
CHUNKS = {"min_rows": 0, "chunk_rows": 3, "workers": 2}


def foresee(lab: Lab, *words: str, code: int = 0, **spec) -> dict:
    """What the command tells of the effects."""
    outcome = lab.run("plan", lab.spec(**spec), "--effects", "--format", "json", *words)
    assert outcome.code == code, outcome.told
    return json.loads(outcome.out)["effects"] if outcome.out else {"told": outcome.err}


@pytest.mark.parametrize(
    ("source", "target", "scd"),
    [*((*PAIRS[0], scd) for scd in ("append", 1, 2)), (*PAIRS[1], 2), *((*PAIRS[2], scd) for scd in ("append", 2))],
)
def test_rows_that_the_target_refuses_are_counted(tmp_path, source, target, scd):
    """Also where rows of different chunks refuse each other, and where nothing of dmsflow's is there yet."""
    lab = Lab(tmp_path, source, target)
    mixed = [(17, "bad", "e17", 1), (18, "a", "e18", 7), (19, "a", "e5", 1)]
    make(lab, [*good(*range(1, 17)), *mixed])
    wanted = {"scd": scd, "errors": {"max_rows": 5}, "parallel": CHUNKS}
    wanted |= {"checkpoint": "none"} if scd == "append" else {"key": ["id"]}
    told = foresee(lab, **wanted)
    ran = lab.apply(**wanted)
    assert told["expected"]["rows"] == ran.rows
    assert (ran.rows["inserted"], ran.rows["rejected"]) == (16, 3)
    assert sorted(reject["reason"] for reject in told["rejects"]) == ["check", "foreign_key", "unique"]


def test_what_the_end_of_a_transaction_refuses_is_counted(tmp_path):
    lab = Lab(tmp_path, "postgresql", "postgresql")
    lab.make("CREATE TABLE s AS SELECT n AS id, n % 5 AS p FROM generate_series(1, 12) AS g (n)")
    lab.make(
        "CREATE TABLE parent (id integer PRIMARY KEY)",
        "INSERT INTO parent VALUES (0), (1), (2), (3)",
        "CREATE TABLE t (id integer, p integer REFERENCES parent DEFERRABLE INITIALLY DEFERRED, "
        "inserted_at timestamp, modified_at timestamp)",
        side="target",
    )
    wanted = {"key": ["id"], "errors": {"max_rows": 5}, "parallel": CHUNKS}
    told = foresee(lab, **wanted)
    assert told["expected"]["rows"] == lab.apply(**wanted).rows
    assert told["expected"]["rows"]["rejected"] == 2


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_effects_of_a_broken_run_are_those_that_are_left(source, target, tmp_path, monkeypatch):
    world = World(tmp_path, source, target)
    world.write_source([{"k": i, "v": "a"} for i in range(12)], {"k": "bigint", "v": "varchar"})
    wanted = broken_spec()
    with monkeypatch.context() as broken:
        break_at(broken, 3)
        assert apply_recorded(world, wanted).chunks.done == 2
    before = world.print_target()
    ran = CliRunner().invoke(
        app,
        [
            "plan",
            str(world.write_spec(wanted)),
            "--effects",
            "--format",
            "json",
            "--ledger",
            str(tmp_path / "ledger.db"),
        ],
    )
    assert ran.exit_code == 0, ran.stderr
    assert "apply would resume run first: 2 of 4 chunks are loaded" in ran.stderr
    told = json.loads(ran.stdout)["effects"]["expected"]
    assert (told["rows"]["inserted"], told["loaded"]["inserted"]) == (6, 6)
    assert world.print_target() == before
    assert apply_recorded(world, wanted).rows.inserted == 12


@pytest.mark.parametrize(("source", "target", "parallel"), [("duckdb", "duckdb", {}), *((*p, CHUNKS) for p in PAIRS)])
def test_a_guard_refuses_the_effects_as_it_refuses_the_run(source, target, parallel, tmp_path):
    lab = Lab(tmp_path, source, target)
    lab.make("CREATE TABLE s (id integer)", "INSERT INTO s VALUES (1), (2), (3), (4), (5), (6), (7)")
    wanted = {"key": ["id"], "scd": {"type": 2, "deletes": "close"}, "parallel": parallel}
    assert lab.apply(**wanted).code == 0
    for kept in (3, 0):
        lab.make(f"DELETE FROM s WHERE id > {kept}")
        told = foresee(lab, "--out", str(tmp_path / "plan.json"), code=3, **wanted)
        ran = lab.apply(**wanted)
        assert ran.code == 3
        [mine], [theirs] = told["report"]["errors"], ran.report["errors"]
        assert mine["message"] == theirs["message"]
        assert "guards." in mine["message"]
        assert told["expected"]["rows"] == ran.rows
    assert not (tmp_path / "plan.json").exists()
    assert lab.read("SELECT count(*) FROM t WHERE is_current") == [(7,)]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_column_that_is_added_first_is_gone_again(source, target, tmp_path):
    lab = Lab(tmp_path, source, target)
    lab.make("CREATE TABLE s (id integer, v integer)", "INSERT INTO s VALUES (1, 5), (2, NULL)")
    assert lab.apply(key=["id"], columns={"id": {}}, scd=2).code == 0
    wanted = {"key": ["id"], "scd": 2, "target": {"evolve": "add"}}
    told = foresee(lab, **wanted)
    assert told["columns"][:2] == ["id", "v"]
    assert [effect["samples"][0]["new"]["v"] for effect in told["effects"] if effect["kind"] == "updated"] == ["5"]
    with pytest.raises(Exception, match="v"):
        lab.read("SELECT v FROM t")
    assert told["expected"]["rows"] == lab.apply(**wanted).rows


@pytest.mark.parametrize("engine", ["duckdb", "sqlite"])
def test_source_and_target_may_be_one_file(engine, tmp_path):
    lab = Lab(tmp_path, engine, engine)
    lab.url = lambda side: f"{engine}:///one.db"
    connect = duckdb.connect if engine == "duckdb" else sqlite3.connect
    with closing(connect(tmp_path / "one.db")) as file:
        file.execute("CREATE TABLE s AS SELECT 1 AS id, 'a' AS v")
    assert foresee(lab, key=["id"])["expected"]["rows"]["inserted"] == 1
    assert lab.apply(key=["id"]).rows["inserted"] == 1
    assert foresee(lab, key=["id"])["expected"]["rows"]["unchanged"] == 1


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_effects_are_refused_while_a_run_holds_the_lease(source, target, tmp_path):
    world = World(tmp_path, source, target)
    world.write_source([{"k": 1, "v": "a"}], {"k": "bigint", "v": "varchar"})
    wanted = broken_spec()
    world.apply(wanted)
    hold(world, "elsewhere", 1, datetime.now(UTC).replace(tzinfo=None))
    with pytest.raises(TargetBusy, match="is being loaded by run other"):
        world.effects(wanted)


@pytest.mark.parametrize(("source", "target"), [("duckdb", "duckdb"), ("postgresql", "postgresql")])
def test_rows_that_are_counted_as_they_are_read_have_their_effects(source, target, tmp_path):
    world = World(tmp_path, source, target)
    world.write_source([{"k": i % 7, "v": f"v{i}"} for i in range(20)], {"k": "bigint", "v": "varchar"})
    spec = {name: value for name, value in broken_spec().items() if name != "key"}
    told = world.effects(spec | {"scd": {"type": "append", "order_by": ["k", "v"]}, "checkpoint": "python"}, samples=3)
    report = world.apply(spec | {"scd": {"type": "append", "order_by": ["k", "v"]}, "checkpoint": "python"})
    assert (told.expected.rows, told.report.chunks) == (report.rows, report.chunks)
    assert report.rows.inserted == 20 and report.chunks.total == 7
    assert [sample.new["v"] for sample in told.effects[0].samples] == ["v0", "v14", "v7"]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_samples_stand_in_the_order_of_the_key_s_own_type(source, target, tmp_path):
    lab = Lab(tmp_path, source, target)
    lab.make("CREATE TABLE s (id integer, d decimal(9,1))", "INSERT INTO s VALUES (10, 1), (9, 2), (-1, 3), (100, 4)")
    effects = foresee(lab, key=["id"])["effects"]
    assert [sample["new"]["id"] for sample in effects[0]["samples"]] == ["-1", "9", "10", "100"]


@pytest.mark.parametrize("target", ["duckdb", "postgresql"])
def test_effects_of_a_feed_are_shown_and_those_of_its_late_rows(target, tmp_path):
    world, spec = World(tmp_path, "duckdb", target), make_feed(FeedRules(policies=("2",) * 4))
    batches = [
        [observe(key, 1, "a") for key in (1, 2, 3)],
        [
            observe(1, 5, "b"),
            observe(1, 7, "c"),
            observe(2, 4, None, op="D"),
            observe(3, 0, "late"),
            observe(4, 1, "a"),
        ],
    ]
    for batch in batches:
        world.write_source(batch, FEED_COLUMNS)
        before = world.print_target()
        told = world.effects(spec, samples=10)
        assert world.print_target() == before
        assert told.expected.rows == world.apply(spec).rows
    shown = {effect.kind: [sample.new["k"] for sample in effect.samples] for effect in told.effects}
    assert shown["inserted"] == ["3", "4"] and shown["versioned"] == ["1", "1"] and shown["closed"] == ["2"]
