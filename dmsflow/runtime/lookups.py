"""Staged rows get the surrogate keys that they look up. Opens no transaction."""

from dmsflow.errors import PromiseBroken
from dmsflow.model.plan import Plan
from dmsflow.runtime.run import Steps


def resolve_lookups(plan: Plan, steps: Steps) -> None:
    """Look up, in the order of the columns. Raises PromiseBroken where a dimension has two versions at one time."""
    for number, column in enumerate(plan.looked_up):
        name = f"lookup_{number}"
        if steps.execute(name) and (doubtful := steps.count(f"{name}_twice")):
            raise PromiseBroken(
                f'{doubtful:,} lookups of "{column}" meet several versions that hold at one time: correct the dimension'
            )
        if steps.has(f"{name}_unknown"):
            steps.execute(f"{name}_unknown")
        steps.execute(f"{name}_refuse")
    if steps.has("learn_stage"):
        steps.execute("learn_stage")
