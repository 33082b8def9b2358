"""Which transactions of a PostgreSQL server may still commit rows (law 17), as queries over its catalog. Runs nothing.

Rows get their time when their transaction begins, and their number when they are written; others see neither before it
commits. A transaction that has written holds a lock that everybody may see; when it began, only some may see.
"""

OPEN_SINCE = """
SELECT {began}, count(*) FILTER (WHERE o.began IS NULL) > 0 OR pg_catalog.pg_is_in_recovery()
FROM (
    SELECT a.xact_start AS began
    FROM pg_catalog.pg_stat_activity a
    JOIN pg_catalog.pg_locks l ON l.pid = a.pid AND l.locktype = 'virtualxid' AND l.granted
    WHERE a.datname = current_database() AND a.pid <> pg_catalog.pg_backend_pid()
        AND coalesce(a.backend_type, 'client backend') NOT IN ('autovacuum worker', 'walsender')
        AND NOT coalesce(a.application_name LIKE 'dmsflow%%' AND a.backend_xid IS NULL, FALSE)
    UNION ALL
    SELECT NULL FROM pg_catalog.pg_prepared_xacts p WHERE p.database = current_database()
) o
"""
"""The start of the oldest open transaction of the database, and whether there are some that do not tell theirs.

A reading session of dmsflow's own is none; a server that follows another does not know when that one's began.
"""

LOCAL = "pg_catalog.date_trunc('second', least(min(o.began) AT TIME ZONE 'UTC', min(o.began) AT TIME ZONE {zone}))"
ZONE = "(SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'TimeZone')"
"""A time without a zone is UTC's or the server's, whoever wrote it; and it may have been cut to the second."""

BEGAN = {
    "timestamptz": "pg_catalog.date_trunc('second', min(o.began) AT TIME ZONE 'UTC')",
    "timestamp": LOCAL.format(zone=ZONE),
    "date": f"CAST({LOCAL.format(zone=ZONE)} AS date)",
}

WRITERS = """
SELECT l.virtualtransaction, max(coalesce(
    'process ' || l.pid || coalesce(', user ' || a.usename, '')
        || coalesce(', of ' || nullif(a.application_name, ''), '')
        || coalesce(', open since ' || pg_catalog.to_char(a.xact_start, 'YYYY-MM-DD HH24:MI:SS') || ' UTC', ''),
    'a prepared transaction'))
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_class c ON c.oid = l.relation
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
    AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())
    AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
    AND (c.relkind = 'S' OR {written})
GROUP BY l.virtualtransaction
UNION ALL
SELECT x.xid::text, 'transaction ' || x.xid || ' of the primary server'
FROM pg_catalog.pg_snapshot_xip(pg_catalog.pg_current_snapshot()) x (xid) WHERE pg_catalog.pg_is_in_recovery()
"""
"""Open transactions that have written where the source lies, or have drawn a number; and who they are."""

ANY_TABLE = "c.relkind IN ('r', 'p') AND c.relnamespace <> CAST('pg_catalog' AS regnamespace)"
PARTS = """c.oid IN (WITH RECURSIVE part (oid) AS (
        SELECT CAST({name} AS regclass)::oid
        UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN part p ON p.oid = i.inhparent
    ) SELECT oid FROM part)"""


def open_since(family: str) -> str | None:
    """The query for values of this family; None for one that tells no time."""
    began = BEGAN.get(family)
    return OPEN_SINCE.format(began=began).replace("%%", "%") if began else None


def find_writers(name: str | None) -> str:
    """The query for who has written into the table of that literal name, or anywhere where there is no name."""
    return WRITERS.format(written=PARTS.format(name=name) if name else ANY_TABLE)
