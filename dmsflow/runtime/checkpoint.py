"""Where a pipeline stands after a run, written with the data (law 15)."""

from datetime import datetime

import msgspec

from dmsflow.errors import PromiseBroken
from dmsflow.marks.checkpoint import Cause, this_user, write_watermark
from dmsflow.model.plan import Plan
from dmsflow.model.watermark import Watermark
from dmsflow.runtime.run import Run, Steps


def next_watermark(plan: Plan) -> Watermark | None:
    """The watermark after a run whose every chunk is committed: the fence it read to."""
    return plan.checkpoint.fence or plan.checkpoint.start


def write_checkpoint(run: Run, steps: Steps, now: datetime) -> None:
    """Replace the pipeline's checkpoint and say in the marks that the run ended; in the caller's transaction.

    Raises PromiseBroken where a chunk that was committed has no mark any more: a checkpoint never goes beyond it.
    """
    watermark = next_watermark(run.plan)
    if steps.has("forget_seen"):
        from dmsflow.runtime.replay import forget_old

        forget_old(run.plan, steps)
    if steps.has("forget_columns"):
        steps.execute("forget_columns")
    if run.plan.terms is not None:
        steps.execute("forget_terms")
        steps.execute("write_terms", terms=msgspec.json.encode(run.plan.terms).decode())
    others = sum(int(str(count)) for _, count in steps.fetch("find_broken_off")) if len(run.plan.chunks) > 1 else 0
    ended = steps.execute("end_marks", run_ended_at=now) - others
    if ended < len(run.plan.chunks):
        raise PromiseBroken(
            f"{len(run.plan.chunks) - ended} of {len(run.plan.chunks)} chunks that were committed are not in the "
            "target any more, as after a crash or a failover that loses what was last committed: apply again to load "
            "them"
        )
    written = write_watermark(watermark)
    if steps.has("note_checkpoint"):
        steps.execute(
            "note_checkpoint", watermark=written, cause=Cause.RUN.value, changed_by=this_user(), changed_at=now
        )
    steps.execute("forget_checkpoint")
    steps.execute("write_checkpoint", watermark=written, spec_digest=run.plan.digests.spec)
