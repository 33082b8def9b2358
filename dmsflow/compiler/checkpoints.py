"""Where a run starts and ends, from what both databases remember. Pure."""

from dmsflow.model.deletes import DeleteScope
from dmsflow.model.facts import Facts
from dmsflow.model.plan import CheckpointPlan
from dmsflow.model.spec import PipelineSpec, ScdType, Strategy

SETTLES = ("timestamp", "timestamptz", "text")
"""Families that a clock can be compared with; table_rules says so of the others."""


def plan_checkpoint(spec: PipelineSpec, facts: Facts) -> CheckpointPlan:
    """Where this run starts and ends. Merging types read the boundary value again (law 16)."""
    if not spec.checkpoint.by_key:
        return CheckpointPlan(strategy=Strategy.PYTHON if spec.checkpoint.counted else Strategy.NONE)
    names = tuple(found.name for name in spec.checkpoint.columns if (found := facts.source.shape.find(name)))
    return CheckpointPlan(
        strategy=Strategy.KEY,
        columns=names,
        start=facts.start,
        fence=facts.fence or facts.start,
        inclusive=spec.scd.type is not ScdType.APPEND,
    )


def reads_whole(spec: PipelineSpec) -> bool:
    """Whether a run reads all rows, so that none of the target is left as it was: neither new ones, nor a part."""
    return not spec.checkpoint.by_key and spec.scd.within.scope is DeleteScope.SOURCE
