"""The lease of a target: one run at a time (law 12). A holder that gives no sign of life loses it."""

from datetime import datetime, timedelta

from msgspec import Struct

from dmsflow.engines.engine import Row
from dmsflow.model.watermark import Scalar
from dmsflow.processes import process_lives, this_host

EXPIRES_AFTER = timedelta(seconds=60)


class Holder(Struct, frozen=True, kw_only=True):
    """Who holds a lease."""

    run_id: str
    pipeline: str
    host: str
    pid: int
    since: datetime
    heartbeat_at: datetime

    @classmethod
    def read(cls, row: Row) -> "Holder":
        """A holder from its row."""
        run_id, pipeline, host, pid, since, heartbeat = row
        return cls(
            run_id=str(run_id),
            pipeline=str(pipeline),
            host=str(host),
            pid=int(pid),  # type: ignore[arg-type]
            since=read_instant(since),
            heartbeat_at=read_instant(heartbeat),
        )

    def is_alive(self, now: datetime) -> bool:
        """Whether the holder may still run: it beats, or its process is there on this host."""
        here = self.lives_here()
        return now - self.heartbeat_at < EXPIRES_AFTER if here is None else here

    def lives_here(self) -> bool | None:
        """Whether its process is there on this host; None for one of another host."""
        return process_lives(self.pid) if self.host == this_host() else None

    def describe(self, table: str) -> str:
        """Who loads the table."""
        since = f"{self.since:%Y-%m-%d %H:%M:%S} UTC"
        return (
            f'{table} is being loaded by run {self.run_id} of pipeline "{self.pipeline}" on {self.host}, '
            f"process {self.pid}, since {since}: wait for it to end"
        )


def read_instant(value: Scalar | None) -> datetime:
    """An instant as a database hands it over."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
