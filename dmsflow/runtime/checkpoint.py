"""Where a pipeline stands after a run, written with the data (law 15)."""

from datetime import datetime

import msgspec

from dmsflow.model.plan import Plan
from dmsflow.model.watermark import Watermark
from dmsflow.runtime.run import Run, Steps


def next_watermark(plan: Plan) -> Watermark | None:
    """The watermark after a run whose every chunk is committed: the fence it read to."""
    return plan.checkpoint.fence or plan.checkpoint.start


def write_checkpoint(run: Run, steps: Steps, now: datetime) -> None:
    """Replace the pipeline's checkpoint and say in the marks that the run ended; in the caller's transaction."""
    watermark = next_watermark(run.plan)
    if steps.has("forget_columns"):
        steps.execute("forget_columns")
    steps.execute("end_marks", run_ended_at=now)
    steps.execute("forget_checkpoint")
    steps.execute(
        "write_checkpoint",
        watermark=msgspec.json.encode(watermark).decode() if watermark else None,
        spec_digest=run.plan.digests.spec,
    )
