"""The hand-written program: the shortest fast script for DuckDB, Parquet or CSV to DuckDB.

One transaction; no ledger, no accounting, no check of duplicates, NULL keys or casts, no resume. Run as
``python by_hand.py TARGET SOURCE append|1|2``.
"""

import sys

import duckdb

COLUMNS = {
    "customer_id": "BIGINT",
    "name": "VARCHAR",
    "email": "VARCHAR",
    "city": "VARCHAR",
    "balance": "DECIMAL(18,2)",
    "credit": "DECIMAL(18,2)",
    "orders": "INTEGER",
    "points": "INTEGER",
    "birthday": "DATE",
    "created_at": "TIMESTAMP",
    "updated_at": "TIMESTAMP",
    "note": "VARCHAR",
}
NAMES = ", ".join(COLUMNS)
OTHERS = [name for name in COLUMNS if name != "customer_id"]
DIFFERS = " OR ".join(f"s.{name} IS DISTINCT FROM t.{name}" for name in OTHERS)
DELTA = """
CREATE TEMPORARY TABLE delta AS
SELECT s.*, t.rid
FROM {source} s FULL JOIN (SELECT rowid AS rid, * FROM customers {current}) t ON s.customer_id = t.customer_id
WHERE s.customer_id IS NULL OR t.customer_id IS NULL OR {differs}
"""


def main(target: str, source: str, scd: str) -> None:
    """Load one extract."""
    connection = duckdb.connect(target, config={"preserve_insertion_order": "false"})
    relation = open_source(connection, source)
    connection.execute("BEGIN")
    declared = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    history = ", valid_from TIMESTAMP, valid_to TIMESTAMP, is_current BOOLEAN" if scd == "2" else ""
    connection.execute(f"CREATE TABLE IF NOT EXISTS customers ({declared}{history})")
    if scd == "append":
        connection.execute(f"INSERT INTO customers SELECT {NAMES} FROM {relation}")
    elif scd == "1":
        write_type1(connection, relation)
    else:
        write_type2(connection, relation)
    connection.execute("COMMIT")
    connection.close()


def open_source(connection: duckdb.DuckDBPyConnection, source: str) -> str:
    """The source as it stands in a FROM clause."""
    if source.endswith(".duckdb"):
        connection.execute(f"ATTACH '{source}' AS src (READ_ONLY)")
        return "src.customers"
    if source.endswith(".parquet"):
        return f"read_parquet('{source}')"
    types = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
    return (
        f"read_csv('{source}', auto_detect=false, header=true, delim=',', quote='\"', escape='\"', columns={{{types}}})"
    )


def write_type1(connection: duckdb.DuckDBPyConnection, relation: str) -> None:
    """Overwrite what changed, insert what is new, delete what is gone."""
    connection.execute(DELTA.format(source=relation, current="", differs=DIFFERS))
    sets = ", ".join(f"{name} = delta.{name}" for name in OTHERS)
    connection.execute(
        f"UPDATE customers SET {sets} FROM delta WHERE customers.rowid = rid AND delta.customer_id IS NOT NULL"
    )
    connection.execute("DELETE FROM customers WHERE rowid IN (SELECT rid FROM delta WHERE customer_id IS NULL)")
    connection.execute(f"INSERT INTO customers SELECT {NAMES} FROM delta WHERE rid IS NULL")


def write_type2(connection: duckdb.DuckDBPyConnection, relation: str) -> None:
    """Close what changed or is gone, insert what changed or is new."""
    connection.execute(DELTA.format(source=relation, current="WHERE is_current", differs=DIFFERS))
    connection.execute(
        "UPDATE customers SET valid_to = now()::TIMESTAMP, is_current = FALSE FROM delta WHERE customers.rowid = rid"
    )
    connection.execute(
        f"INSERT INTO customers SELECT {NAMES}, now()::TIMESTAMP, '9999-12-31', TRUE "
        "FROM delta WHERE customer_id IS NOT NULL"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
