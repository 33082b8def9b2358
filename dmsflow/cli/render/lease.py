"""Who holds a lease, for a person. Reads no table."""

from datetime import datetime

from dmsflow.cli.render.words import escape, write_span
from dmsflow.marks.lease import Holder


def render_holder(holder: Holder, table: str, now: datetime) -> str:
    """Which run, where, since when, and whether it lives."""
    match holder.lives_here():
        case True:
            process = "which is there on this machine"
        case False:
            process = "which is gone from this machine"
        case None:
            process = "which this machine cannot see"
    run, pipeline, host = (escape(text) for text in (holder.run_id, holder.pipeline, holder.host))
    silence = write_span(now - holder.heartbeat_at)
    return "\n".join(
        (
            f'the lease of {escape(table)} is held by run {run}, pipeline "{pipeline}"',
            f"on {host}, process {holder.pid}, {process}",
            f"since {holder.since:%Y-%m-%d %H:%M:%S} UTC, last sign of life {silence} ago",
        )
    )
