"""Which transactions of an Oracle database may still commit rows (law 17), as queries over its catalog. Runs nothing.

A row gets its time when its statement begins, which may be before its transaction does: no start of a transaction is
one to stay below. But whoever has written into a table, or is about to, holds a lock of it until the end.
"""

import re
from collections.abc import Sequence

from dmsflow.engines.oracle_literals import write_text
from dmsflow.engines.oracle_sql import HERE

VIEWS = ("GV_$LOCKED_OBJECT", "GV_$SESSION")

OPEN_SINCE = f"""
SELECT NULL, 1, CASE WHEN COUNT(*) = {len(VIEWS)} THEN 0 ELSE 1 END
FROM all_views v WHERE v.owner = 'SYS' AND v.view_name IN ({", ".join(f"'{view}'" for view in VIEWS)})
"""
"""No start, since there is none; some hide theirs; and whether the user may see who holds locks."""

WRITERS = """
WITH part (owner, name) AS (
    {named}
    UNION ALL
    SELECT d.referenced_owner, d.referenced_name
    FROM part p
    JOIN all_dependencies d ON d.owner = p.owner AND d.name = p.name
        AND d.type IN ('VIEW', 'SYNONYM') AND d.referenced_type IN ('TABLE', 'VIEW', 'SYNONYM')
)
SELECT l.inst_id || '.' || l.session_id || '.' || s."SERIAL#",
    MAX('session ' || l.session_id || ',' || s."SERIAL#" || ', user ' || l.oracle_username
        || CASE WHEN s.program IS NOT NULL THEN ', of ' || s.program END)
FROM gv$locked_object l
JOIN all_objects o ON o.object_id = l.object_id
LEFT JOIN gv$session s ON s.inst_id = l.inst_id AND s.sid = l.session_id
WHERE l.locked_mode >= 3 AND (o.owner, o.object_name) IN (SELECT p.owner, p.name FROM part p)
GROUP BY l.inst_id, l.session_id, s."SERIAL#"
"""
"""Sessions that hold a lock to write (3 is row exclusive), and who they are. A view or a synonym stands for what it
reads; a partition has its table's name. Who holds no lock for a moment has ended what it was at."""

NAMED = "SELECT {owner}, {name} FROM DUAL"
PUBLIC = "'PUBLIC'"

PART = re.compile(r'"(?P<quoted>[^"]+)"|(?P<plain>[^".]+)')


def find_writers(names: Sequence[str]) -> str:
    """The query for who has written into the tables of these names, as a query of Oracle's writes them."""
    named = [line for name in names for line in _named(name)]
    return WRITERS.format(named="\n    UNION ALL\n    ".join(named or [NAMED.format(owner="NULL", name="NULL")]))


def _named(name: str) -> list[str]:
    """A name's owner and table; one without an owner may be a public synonym."""
    parts = [found["quoted"] or found["plain"].upper() for found in PART.finditer(name)]
    owner, table = (write_text(part) for part in (["", *parts])[-2:])
    owners = [owner] if len(parts) > 1 else [HERE, PUBLIC]
    return [NAMED.format(owner=owner, name=table) for owner in owners]
