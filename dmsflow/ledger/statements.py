"""The ledger's own SQL, by name. SQLite only; values are always bound."""

START_RUN = (
    """
    insert into run (
        run_id, pipeline, spec_file, spec_digest, plan, target, transfer, status, host, pid,
        chunks_total, estimated_rows, started_at, resumed_at, heartbeat_at
    ) values (
        :run_id, :pipeline, :spec_file, :spec_digest, :plan, :target, :transfer, 'running', :host, :pid,
        :chunks_total, :estimated_rows, :started_at, :now, :now
    ) on conflict (run_id) do update set
        spec_digest = excluded.spec_digest, plan = excluded.plan, status = 'running',
        host = excluded.host, pid = excluded.pid,
        chunks_total = excluded.chunks_total, estimated_rows = excluded.estimated_rows,
        resumed_at = excluded.resumed_at, heartbeat_at = excluded.heartbeat_at,
        rows_so_far = 0, finished_at = null, report = null
    """,
    "delete from stop_request where run_id = :run_id",
    "delete from chunk where run_id = :run_id and status = 'failed'",
    """
    update run set
        rows_before = (select coalesce(sum(read), 0) from chunk where chunk.run_id = run.run_id),
        chunks_before = (select count(*) from chunk where chunk.run_id = run.run_id)
    where run_id = :run_id
    """,
    # Only the latest run of a pipeline can be resumed.
    "update run set plan = null where pipeline = :pipeline and run_id <> :run_id and plan is not null",
    """
    delete from run where pipeline = :pipeline and seq <= (
        select seq from run where pipeline = :pipeline order by seq desc limit 1 offset :kept
    )
    """,
)

RECORD_CHUNK = (
    """
    insert into chunk (
        run_id, number, status, read, inserted, versioned, updated, unchanged, collapsed, rejected, closed,
        rewritten, seconds, attempts, watermark, failure
    ) values (
        :run_id, :number, :status, :read, :inserted, :versioned, :updated, :unchanged, :collapsed, :rejected,
        :closed, :rewritten, :seconds, :attempts, :watermark, :failure
    ) on conflict (run_id, number) do update set
        status = excluded.status, read = excluded.read, inserted = excluded.inserted,
        versioned = excluded.versioned, updated = excluded.updated, unchanged = excluded.unchanged,
        collapsed = excluded.collapsed, rejected = excluded.rejected, closed = excluded.closed,
        rewritten = excluded.rewritten, seconds = excluded.seconds, attempts = excluded.attempts,
        watermark = excluded.watermark, failure = excluded.failure
    where not (chunk.status = 'done' and excluded.status = 'skipped')
    """,
    "update run set heartbeat_at = :now where run_id = :run_id",
)

RECORD_ATTEMPT = """
    insert into failed_attempt (run_id, chunk, attempt, failed_at, failure)
    values (:run_id, :chunk, :attempt, :now, :failure)
"""

ATTEMPTS = "select * from failed_attempt where run_id = :run_id order by seq"

BEAT = "update run set heartbeat_at = :now, rows_so_far = :rows where run_id = :run_id"

FINISH_RUN = (
    """
    update run set status = :status, finished_at = :finished_at, report = :report, heartbeat_at = :now,
        plan = case when :status = 'succeeded' then null else plan end
    where run_id = :run_id
    """,
    "delete from stop_request where run_id = :run_id",
)

REQUEST_STOP = """
    insert into stop_request (run_id, requested_at) select run_id, :now from run where run_id = :run_id
    on conflict (run_id) do update set at_once = 1
"""

STOP_REQUESTED = "select 1 from stop_request where run_id = :run_id and at_once >= :at_once"

CHUNKS = "select * from chunk where run_id = :run_id order by number"

_RUNS = """
    select run.*, stop_request.run_id is not null as stop_requested,
        run.seq = (select max(seq) from run as other where other.pipeline = run.pipeline) as is_latest,
        coalesce(sum(chunk.status in ('done', 'skipped')), 0) as chunks_done,
        coalesce(sum(chunk.status = 'failed'), 0) as chunks_failed,
        coalesce(sum(chunk.read), 0) as read, coalesce(sum(chunk.inserted), 0) as inserted,
        coalesce(sum(chunk.versioned), 0) as versioned, coalesce(sum(chunk.updated), 0) as updated,
        coalesce(sum(chunk.unchanged), 0) as unchanged, coalesce(sum(chunk.collapsed), 0) as collapsed,
        coalesce(sum(chunk.rejected), 0) as rejected, coalesce(sum(chunk.closed), 0) as closed,
        coalesce(sum(chunk.rewritten), 0) as rewritten
    from run
    left join stop_request on stop_request.run_id = run.run_id
    left join chunk on chunk.run_id = run.run_id
"""

LATEST_RUNS = f"""{_RUNS}
    where run.seq in (
        select seq from run where :pipeline is null or pipeline = :pipeline order by seq desc limit :limit
    )
    group by run.seq order by run.seq desc
"""

OPEN_RUNS = f"""{_RUNS}
    where run.status = 'running' and (:pipeline is null or run.pipeline = :pipeline)
    group by run.seq order by run.seq
"""

RUNS_BY_PREFIX = f"""{_RUNS}
    where substr(run.run_id, 1, length(:prefix)) = :prefix
    group by run.seq order by run.seq desc limit 1000
"""
