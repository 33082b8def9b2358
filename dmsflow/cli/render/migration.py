"""The steps by which a table follows its spec, for a person."""

from collections.abc import Iterator

from dmsflow.cli.render.words import count_of, escape, write_count
from dmsflow.model.evolution import Cost, Outcome
from dmsflow.model.plan import MigrationStep, Plan


def render_migration(plan: Plan) -> Iterator[str]:
    """What is done before anything is loaded, what it costs, and why."""
    for step in plan.migration:
        cost = "nothing is changed" if step.outcome is Outcome.KEPT else write_cost(plan, step)
        yield f"  {step.outcome.value}: {escape(step.what)}"
        yield f"      {cost}: {escape(step.why)}"


def write_cost(plan: Plan, step: MigrationStep) -> str:
    """The cost in words, with the number of rows where some are written."""
    match step.cost:
        case Cost.NOTHING:
            return "no statement"
        case Cost.ROWS:
            return f"writes {count_of(step.rows or 0, 'row')}"
        case Cost.REWRITE if plan.target.estimated_rows is not None:
            return f"{step.cost.value}, about {write_count(plan.target.estimated_rows)} rows"
    return step.cost.value
