"""The hand-written program: the shortest fast script for DuckDB, Parquet, CSV or PostgreSQL to DuckDB.

One transaction; no ledger, no accounting, no check of duplicates, NULL keys or casts, no resume. Run as
``python by_hand.py TARGET SOURCE append|1|2``; the source is a file or ``source.customers`` of the PostgreSQL database
whose URL is in DMSFLOW_BENCH_SOURCE.
"""

import os
import sys
from pathlib import Path

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
    if not source.endswith(".csv"):
        return open_postgresql(connection, source)
    return read_csv(source)


def open_postgresql(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """Attach the database where DuckDB's extension is installed; else a CSV file of the table, beside the target."""
    url = os.environ["DMSFLOW_BENCH_SOURCE"]
    try:
        connection.execute("SET autoinstall_known_extensions = false; LOAD postgres")
    except duckdb.Error:
        return read_csv(copy_postgresql(url, table))
    connection.execute(f"ATTACH '{url}' AS src (TYPE postgres, READ_ONLY)")
    return f"src.{table}"


def copy_postgresql(url: str, table: str) -> str:
    """The name of a CSV file with all rows of a table."""
    import psycopg

    with psycopg.connect(url) as source, Path("source.csv").open("wb", buffering=256 * 1024) as file:
        pgconn = source.pgconn
        pgconn.nonblocking = 0
        pgconn.exec_(f"COPY {table} TO STDOUT (FORMAT csv, HEADER)".encode())
        while (found := pgconn.get_copy_data(0))[0] > 0:
            file.write(found[1])
        while (result := pgconn.get_result()) is not None:
            if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
                raise psycopg.DatabaseError(pgconn.get_error_message())
    return "source.csv"


def read_csv(file: str) -> str:
    """A CSV file with a header as it stands in a FROM clause."""
    types = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
    return (
        f"read_csv('{file}', auto_detect=false, header=true, delim=',', quote='\"', escape='\"', "
        f"allow_quoted_nulls=false, columns={{{types}}})"
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
