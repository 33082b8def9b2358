"""What Oracle does not load yet is told in the plan, not by a run that fails."""

from msgspec.structs import replace

from dmsflow.compiler.target_rules import feed_has_its_tables
from dmsflow.model.spec import Grain, PipelineSpec, Scd, ScdType, Source, Target
from dmsflow.model.table import TableName
from tests.oracle.shapes import SHAPES, facts_of


def test_a_feed_into_oracle_is_refused_with_what_to_do():
    shape = next(shape for shape in SHAPES if not shape.reads)
    table = TableName(table="t")
    spec = PipelineSpec(
        version=1,
        pipeline="p",
        source=Source(connection="src", table=table, grain=Grain.CHANGES),
        target=Target(connection="dwh", table=table),
        scd=Scd(type=ScdType.HISTORY, effective_at="changed"),
    )
    (problem,) = feed_has_its_tables(spec, facts_of(shape))
    assert (problem.code, problem.path) == ("DMS344", ("source", "grain"))
    assert problem.help and "grain: snapshot" in problem.help
    snapshot = replace(spec, source=replace(spec.source, grain=Grain.SNAPSHOT))
    assert not [*feed_has_its_tables(snapshot, facts_of(shape))]
