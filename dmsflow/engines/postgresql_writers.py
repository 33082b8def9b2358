"""Which transactions of a PostgreSQL server may still commit rows (law 17), as queries over its catalog. Runs nothing.

Rows get their time when their transaction begins, and their number when they are written; others see neither before it
commits. A transaction that has written holds a lock that everybody may see; when it began, only some may see.
"""

from collections.abc import Sequence

OPEN_SINCE = """
SELECT {began}, count(*) FILTER (WHERE o.began IS NULL) > 0, pg_catalog.pg_is_in_recovery()
FROM (
    SELECT a.xact_start AS began
    FROM pg_catalog.pg_stat_activity a
    JOIN pg_catalog.pg_locks l ON l.pid = a.pid AND l.locktype = 'virtualxid' AND l.granted
    WHERE a.datname = current_database() AND a.pid <> pg_catalog.pg_backend_pid()
        AND coalesce(a.backend_type, 'client backend') NOT IN ('autovacuum worker', 'walsender')
        AND NOT coalesce(a.application_name LIKE 'dmsflow%' AND a.backend_xid IS NULL, FALSE)
    UNION ALL
    SELECT NULL FROM pg_catalog.pg_prepared_xacts p WHERE p.database = current_database()
) o
"""
"""The start of the oldest open transaction of the database, whether there are some that do not tell theirs, and whether
the server follows another, of whose transactions it knows nothing. A reading session of dmsflow's own is none."""

NO_TIME = "SELECT NULL, TRUE, pg_catalog.pg_is_in_recovery()"

LOCAL = "pg_catalog.date_trunc('second', least(min(o.began) AT TIME ZONE 'UTC', min(o.began) AT TIME ZONE {zone}))"
ZONE = "(SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'TimeZone')"
"""A time without a zone is UTC's or the server's, whoever wrote it; and it may have been cut to the second."""

BEGAN = {
    "timestamptz": "pg_catalog.date_trunc('second', min(o.began) AT TIME ZONE 'UTC')",
    "timestamp": LOCAL.format(zone=ZONE),
    "date": f"CAST({LOCAL.format(zone=ZONE)} AS date)",
}

WRITERS = """
WITH RECURSIVE part (oid) AS (
    SELECT pg_catalog.to_regclass(n.name)::oid FROM unnest(CAST(ARRAY[{names}] AS text[])) n (name)
    UNION
    SELECT below.oid FROM part p CROSS JOIN LATERAL (
        SELECT i.inhrelid AS oid FROM pg_catalog.pg_inherits i WHERE i.inhparent = p.oid
        UNION ALL
        SELECT d.refobjid FROM pg_catalog.pg_depend d
        WHERE d.refclassid = CAST('pg_class' AS regclass) AND (
            d.classid = CAST('pg_rewrite' AS regclass)
                AND d.objid IN (SELECT r.oid FROM pg_catalog.pg_rewrite r WHERE r.ev_class = p.oid)
            OR d.classid = CAST('pg_attrdef' AS regclass)
                AND d.objid IN (SELECT f.oid FROM pg_catalog.pg_attrdef f WHERE f.adrelid = p.oid))
        UNION ALL
        SELECT s.oid FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
        WHERE d.classid = CAST('pg_class' AS regclass) AND d.refclassid = d.classid AND d.refobjid = p.oid
    ) below
)
SELECT l.virtualtransaction, max(coalesce(
    'process ' || l.pid || coalesce(', user ' || a.usename, '')
        || coalesce(', of ' || nullif(a.application_name, ''), '')
        || coalesce(', open since ' || pg_catalog.to_char(a.xact_start, 'YYYY-MM-DD HH24:MI:SS') || ' UTC', ''),
    'a prepared transaction'))
FROM pg_catalog.pg_locks l
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
    AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())
    AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
    AND l.relation IN (SELECT p.oid FROM part p)
GROUP BY l.virtualtransaction
"""
"""Open transactions that have written into tables or drawn a number for them, and who they are.

A table stands for its partitions too, a view for what it reads."""


def open_since(family: str) -> str:
    """The query for values of this family; one that tells no time has no start to stay below."""
    began = BEGAN.get(family)
    return OPEN_SINCE.format(began=began) if began else NO_TIME


def find_writers(names: Sequence[str]) -> str:
    """The query for who has written into the tables of these literal names."""
    return WRITERS.format(names=", ".join(names))
