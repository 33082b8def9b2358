"""Plan shapes of an Oracle target, each with facts that no server was asked for."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path

import yaml
from msgspec.structs import replace

from dmsflow.compiler.assemble import build_plan, make_builder
from dmsflow.compiler.checkpoints import plan_checkpoint
from dmsflow.compiler.chunking import decide_cut
from dmsflow.compiler.columns import match_columns
from dmsflow.compiler.evolution.find import evolve
from dmsflow.compiler.load import load_spec
from dmsflow.compiler.questions import ask_boundaries
from dmsflow.compiler.source_sql import SourceSql
from dmsflow.compiler.transfers import choose_route
from dmsflow.engines.duckdb import TRAITS as DUCKDB
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.engines.oracle_sql import TRAITS, OracleIdioms
from dmsflow.model.evolution import EvolutionFacts
from dmsflow.model.facts import Facts, SourceFacts, TargetFacts
from dmsflow.model.plan import Plan
from dmsflow.model.table import Column, DataType, TableShape, TypeName
from dmsflow.model.watermark import Bound, TypedValue, Watermark
from tests.oracle.follows import FOLLOWS, NAME

SOURCE = {
    "id": DataType(name=TypeName.BIGINT),
    "code": DataType(name=TypeName.VARCHAR, length=20),
    "name": DataType(name=TypeName.VARCHAR, length=60),
    "note": DataType(name=TypeName.TEXT),
    "photo": DataType(name=TypeName.BYTES),
    "price": DataType(name=TypeName.DECIMAL, precision=12, scale=2),
    "weight": DataType(name=TypeName.DOUBLE),
    "active": DataType(name=TypeName.BOOLEAN),
    "born": DataType(name=TypeName.DATE),
    "seen": DataType(name=TypeName.TIMESTAMPTZ),
    "changed": DataType(name=TypeName.TIMESTAMP),
}
ALL = ("name", "note", "photo", "price", "weight", "active", "born", "seen")
FEW = ("name", "price")


CHUNK_ROWS = 200_000
"""So many that a sample cuts them."""


def native(name: TypeName, sql: str, length: int | None = None) -> DataType:
    """A type of an Oracle table that is there already, which Oracle alone has."""
    return DataType(name=name, native=sql, length=length, foreign=True)


EXISTING = {
    "id": DataType(name=TypeName.DECIMAL, precision=19, scale=0, native="NUMBER(19)"),
    "code": native(TypeName.TEXT, "CHAR(20 CHAR)", 20),
    "name": DataType(name=TypeName.VARCHAR, length=60, native="VARCHAR2(60 CHAR)"),
    "note": native(TypeName.TEXT, "CLOB"),
    "photo": native(TypeName.BYTES, "BLOB"),
    "price": DataType(name=TypeName.DECIMAL, precision=12, scale=2, native="NUMBER(12,2)"),
    "weight": DataType(name=TypeName.DOUBLE, native="BINARY_DOUBLE"),
    "active": DataType(name=TypeName.DECIMAL, precision=1, scale=0, native="NUMBER(1)"),
    "born": native(TypeName.TIMESTAMP, "DATE"),
    "seen": DataType(name=TypeName.TIMESTAMPTZ, native="TIMESTAMP(6) WITH TIME ZONE"),
    "region": DataType(name=TypeName.VARCHAR, length=10, native="VARCHAR2(10 CHAR)"),
}
OURS = {
    "t_sk": DataType(name=TypeName.DECIMAL, precision=19, scale=0, native="NUMBER(19)"),
    "valid_from": DataType(name=TypeName.TIMESTAMP, native="TIMESTAMP(6)"),
    "valid_to": DataType(name=TypeName.TIMESTAMP, native="TIMESTAMP(6)"),
    "is_current": DataType(name=TypeName.DECIMAL, precision=1, scale=0, native="NUMBER(1)"),
    "is_deleted": DataType(name=TypeName.DECIMAL, precision=1, scale=0, native="NUMBER(1)"),
    "inserted_at": DataType(name=TypeName.TIMESTAMP, native="TIMESTAMP(6)"),
    "modified_at": DataType(name=TypeName.TIMESTAMP, native="TIMESTAMP(6)"),
}


DIMENSION = TableShape(
    columns=tuple(
        Column(name=name, type=kind)
        for name, kind in {"d_sk": OURS["t_sk"], **EXISTING, **OURS}.items()
        if name in ("d_sk", "id", "code", "valid_from", "valid_to", "is_current")
    )
)


@dataclass(frozen=True)
class Shape:
    """What makes a plan another one: parts of its spec, how many rows there are, what stands in the target."""

    name: str
    scd: dict
    key: tuple[str, ...] = ("id",)
    columns: tuple[str, ...] = FEW
    chunked: bool = False
    exists: bool = False
    started: bool = False
    new: tuple[str, ...] = ()
    reads: bool = False
    more: dict = field(default_factory=dict)
    found: EvolutionFacts = field(default_factory=EvolutionFacts)


OPEN_END = {"open_end": None}
LAST = {"duplicates": "last", "order_by": ["changed"]}

REMEMBERED = {"id": {}, "name": {"scd": 3}, "photo": {"scd": 3, "previous": "old_photo"}}
HYBRID = {
    **REMEMBERED,
    "price": {},
    "price_now": {"from": "price", "scd": 1, "type1": "all"},
    **{name: {"scd": 1, "type1": "all"} for name in ("code", "note")},
}

SHAPES = (
    Shape("append", {"type": "append"}, key=(), more={"checkpoint": {"columns": ["changed", "id"]}}),
    Shape(
        "append_from_a_watermark_in_chunks",
        {"type": "append"},
        key=(),
        chunked=True,
        started=True,
        more={"checkpoint": {"columns": ["id"], "on_null": "reject"}, "parallel": {"chunk_by": ["id"]}},
    ),
    Shape("type_0", {"type": 0}),
    Shape("type_1", {"type": 1}, columns=ALL),
    Shape("type_1_deletes", {"type": 1, "deletes": "delete"}),
    Shape("type_1_flags_in_chunks", {"type": 1, "deletes": "flag"}, chunked=True),
    Shape("type_1_without_lobs", {"type": 1, **LAST}),
    Shape("type_1_into_an_existing_table", {"type": 1}, key=("code",), columns=ALL, exists=True),
    Shape("type_2", {"type": 2}, columns=ALL),
    Shape("type_2_in_chunks", {"type": 2}, chunked=True),
    Shape("type_2_open_end_null", {"type": 2, **OPEN_END, "first_valid_from": "1900-01-01"}),
    Shape("type_2_closes", {"type": 2, "deletes": "close"}),
    Shape("type_2_closes_in_chunks", {"type": 2, "deletes": "close"}, key=("id", "code"), chunked=True),
    Shape("type_2_buries", {"type": 2, "deletes": "tombstone"}),
    Shape("type_2_last_of_duplicates", {"type": 2, **LAST}, columns=("note", "photo")),
    Shape("type_2_by_business_time", {"type": 2, "effective_at": "changed"}),
    Shape("type_2_corrects_late_rows", {"type": 2, "effective_at": "changed", "late": "correct_current"}),
    Shape("type_2_by_a_text", {"type": 2}, key=("note", "code")),
    Shape("type_2_checks", {"type": 2}, more={"checks": [{"name": "sane", "expr": "price >= 0"}]}),
    Shape("type_2_from_a_watermark", {"type": 2}, started=True, more={"checkpoint": {"columns": ["changed"]}}),
    Shape("type_2_into_an_existing_table", {"type": 2}, key=("code",), columns=ALL, exists=True),
    Shape(
        "type_2_grows",
        {"type": 2},
        exists=True,
        columns=(*FEW, "note", "active"),
        new=("note", "active"),
        more={"target": {"evolve": "add"}},
    ),
    Shape("type_1_keeps_previous_values", {"type": 1, "deletes": "flag"}, more={"columns": REMEMBERED}),
    Shape("type_6_buries", {"type": 2, "deletes": "tombstone"}, more={"columns": HYBRID}),
    Shape(
        "type_6_grows",
        {"type": 2, "effective_at": "changed", "late": "correct_current"},
        exists=True,
        new=("code", "note"),
        more={"target": {"evolve": "add"}, "columns": HYBRID},
    ),
    Shape(
        "type_2_follows",
        {"type": 2, "deletes": "close"},
        exists=True,
        chunked=True,
        found=FOLLOWS,
        more={
            "target": {
                "unique_index": "always",
                "evolve": {"drop": "apply", "retype": "widen", "open_end": "apply", "key": "apply"},
            },
            "columns": {"id": {}, "name": {"type": str(NAME)}, "cost": {"from": "price", "was": "price"}},
        },
    ),
    Shape("read_in_chunks", {"type": 2}, columns=("code", *ALL), chunked=True, reads=True),
    Shape(
        "read_from_a_watermark",
        {"type": 1},
        columns=ALL,
        started=True,
        reads=True,
        more={"checkpoint": {"columns": ["changed", "id"]}, "source": {"where": "price > 0 and name <> 'a'"}},
    ),
    Shape(
        "type_1_with_lookups",
        {"type": 1},
        more={
            "columns": {
                "id": {},
                "then_sk": {"lookup": {"dimension": "d", "key": ["code"], "as_of": "changed", "on_miss": "unknown"}},
                "now_sk": {"lookup": {"dimension": "d", "key": ["id", "code"]}},
            }
        },
    ),
    Shape(
        "type_2_with_an_unknown_member",
        {"type": 2, "deletes": "close", "unknown_member": {"id": -1, "price": 0}},
    ),
    Shape("type_2_of_an_identity", {"type": 2, "fields": {"surrogate_key": {"from": "identity"}}}),
    Shape("type_2_of_a_sequence", {"type": 2, "fields": {"surrogate_key": {"from": "sequence", "sequence": "t_seq"}}}),
    Shape(
        "type_2_of_uuids",
        {"type": 2, "effective_at": "changed", "fields": {"surrogate_key": {"from": "uuid"}}},
        key=("id", "code"),
    ),
    Shape("type_2_without_a_surrogate_key", {"type": 2}, more={"target": {"kind": "table"}}),
)


def spec_of(shape: Shape) -> dict:
    """The spec of a shape. Its connections are never opened."""
    more = dict(shape.more)
    source = {"connection": "src", "table": "s"} | more.pop("source", {})
    target = {"connection": "dwh", "table": "DWH.t", "kind": "dimension"} | more.pop("target", {})
    target = {name: value for name, value in target.items() if value != "table" or name != "kind"}
    guards = {"guards": {"min_rows": 0, "max_close_percent": 100}} if shape.scd.get("deletes") else {}
    return {
        "version": 1,
        "pipeline": "p",
        "source": source,
        "target": target,
        **({"key": [*shape.key]} if shape.key else {}),
        "columns": {name: {} for name in (*(shape.key or ("id",)), *shape.columns)},
        "scd": shape.scd,
        "connections": {"src": {"url": "duckdb:///source.db"}, "dwh": {"url": "duckdb:///target.db"}},
        **guards,
        **more,
    }


def facts_of(shape: Shape) -> Facts:
    """What a survey would have found."""
    found = None
    if shape.exists:
        known = {name: kind for name, kind in EXISTING.items() if name not in shape.new}
        names = known | (
            OURS if shape.scd["type"] == 2 else {k: OURS[k] for k in ("t_sk", "inserted_at", "modified_at")}
        )
        found = TableShape(columns=tuple(Column(name=name, type=kind) for name, kind in names.items()))
    start = None
    if shape.started:
        columns = tuple(shape.more["checkpoint"]["columns"])
        values = tuple(TypedValue.of(7 if name == "id" else datetime(2024, 1, 1)) for name in columns)
        start = Watermark(columns=columns, values=values)
    names = SOURCE | {"code": native(TypeName.TEXT, "CHAR(20 CHAR)", 20)} if shape.reads else SOURCE
    traits = DUCKDB if shape.reads else TRAITS
    return Facts(
        source=SourceFacts(
            engine=TRAITS.name if shape.reads else "duckdb",
            label="src: s",
            relation='"SRC"."s"' if shape.reads else '"s"',
            shape=TableShape(columns=tuple(Column(name=name, type=kind) for name, kind in names.items())),
            embedded=not shape.reads,
            repeatable=True,
            estimated_rows=3 * CHUNK_ROWS if shape.chunked else 10,
        ),
        target=TargetFacts(
            engine=traits.name,
            shape=found,
            **{
                name: getattr(traits, name)
                for name in TargetFacts.__struct_fields__
                if name in traits.__struct_fields__ and name != "name"
            },
        ),
        start=start,
        fence=start,
        evolution=replace(shape.found, stands=found),
        boundaries=boundaries_of(shape) if shape.chunked else (),
        dimensions=tuple((name, DIMENSION) for name, it in shape.more.get("columns", {}).items() if "lookup" in it),
    )


def boundaries_of(shape: Shape) -> tuple[Bound, ...]:
    """Three chunks."""
    width = len(shape.key) or 1
    return tuple(tuple([TypedValue.of(n), TypedValue.of("m")][:width]) for n in (1000, 2000))


@cache
def plan_of(shape_name: str) -> Plan:
    """The plan of a shape, as the compiler makes it from a spec and facts."""
    shape = next(shape for shape in SHAPES if shape.name == shape_name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p.yaml"
        parallel = {"min_rows": 0, "chunk_rows": CHUNK_ROWS, "workers": 2} if shape.chunked else {}
        spec = spec_of(shape)
        spec["parallel"] = parallel | spec.get("parallel", {})
        path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
        loaded = load_spec(path)
    decoded = loaded.raise_if_rejected()
    facts = evolve(decoded, facts_of(shape))
    columns = match_columns(decoded, facts)
    cut = decide_cut(decoded, facts, columns)
    assert (cut.count > 1) is shape.chunked, cut.why
    reader, writer = (OracleIdioms(), DuckDBIdioms()) if shape.reads else (DuckDBIdioms(), OracleIdioms())
    sql = SourceSql(spec=decoded, facts=facts.source, idioms=reader, marker=":" if shape.reads else "$")
    checkpoint, route = plan_checkpoint(decoded, facts), choose_route(decoded, facts, columns, cut)
    builder = make_builder(decoded, facts, columns, cut, sql, checkpoint, writer, route)
    boundaries = ask_boundaries(decoded, sql, cut, checkpoint) if shape.reads and shape.chunked else None
    return build_plan(builder, boundaries, writer.now, "spec")


def oracle_statements(plan: Plan) -> Iterator[tuple[str, str]]:
    """Everything that the plan says to Oracle, by name; a statement of a range with its shape."""
    side = "target" if plan.target.engine == TRAITS.name else "source"
    steps = (statement for step in plan.migration for statement in (*step.aside, *step.statements))
    for statement in (*plan.ddl, *steps, *plan.statements):
        if statement.side == side:
            shape = "" if statement.shape == "any" else f" {statement.shape}"
            yield f"{statement.name}{shape}", statement.sql
    if side == "target":
        yield "clock", plan.clock


def shared_statements() -> dict[str, str]:
    """What every plan of the target says in the same words."""
    every = [set(oracle_statements(plan_of(shape.name))) for shape in SHAPES if not shape.reads]
    common = set.intersection(*every)
    return {name: sql for name, sql in oracle_statements(plan_of(SHAPES[0].name)) if (name, sql) in common}


def statements_by_file() -> dict[str, dict[str, str]]:
    """All statements, those of each shape in a file of its own."""
    shared = shared_statements()
    files = {"every_plan": shared}
    for shape in SHAPES:
        own = dict(oracle_statements(plan_of(shape.name)))
        files[shape.name] = {name: sql for name, sql in own.items() if shared.get(name) != sql}
    return files
