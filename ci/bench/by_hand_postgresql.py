"""The hand-written program: the shortest fast script for PostgreSQL or DuckDB to PostgreSQL, or within one database.

One transaction; no ledger, no accounting, no check of duplicates, NULL keys or casts, no index, no resume. Run as
``python by_hand_postgresql.py SOURCE append|1|2``, the source a DuckDB file or ``source.customers``, the URLs of the
two databases in DMSFLOW_BENCH_SOURCE and DMSFLOW_BENCH_TARGET.
"""

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg

BLOCK = 128 * 1024
COLUMNS = {
    "customer_id": "bigint",
    "name": "varchar(64)",
    "email": "varchar(120)",
    "city": "varchar(40)",
    "balance": "numeric(18,2)",
    "credit": "numeric(18,2)",
    "orders": "integer",
    "points": "integer",
    "birthday": "date",
    "created_at": "timestamp",
    "updated_at": "timestamp",
    "note": "varchar(200)",
}
NAMES = ", ".join(COLUMNS)
OTHERS = [name for name in COLUMNS if name != "customer_id"]
DIFFERS = " OR ".join(f"s.{name} IS DISTINCT FROM t.{name}" for name in OTHERS)
DECLARED = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
DELTA = """
CREATE TEMPORARY TABLE delta AS
SELECT s.*, t.rid
FROM {source} s FULL JOIN (SELECT ctid AS rid, * FROM customers {current}) t ON s.customer_id = t.customer_id
WHERE s.customer_id IS NULL OR t.customer_id IS NULL OR {differs}
"""


def main(source: str, scd: str) -> None:
    """Load one extract."""
    from_url, to_url = os.environ.get("DMSFLOW_BENCH_SOURCE", ""), os.environ["DMSFLOW_BENCH_TARGET"]
    history = ", valid_from timestamp, valid_to timestamp, is_current boolean" if scd == "2" else ""
    with psycopg.connect(to_url) as target:
        target.execute(f"CREATE TABLE IF NOT EXISTS customers ({DECLARED}{history})")
        if from_url == to_url and scd == "append":
            target.execute(f"INSERT INTO customers SELECT {NAMES} FROM {source}")
        elif scd == "append":
            pull(source, from_url, target, "customers")
        else:
            if from_url != to_url:
                target.execute(f"CREATE TEMPORARY TABLE staged ({DECLARED})")
                pull(source, from_url, target, "staged")
                target.execute("ANALYZE staged")
            write = write_type1 if scd == "1" else write_type2
            write(target, source if from_url == to_url else "staged")


def pull(source: str, url: str, target: psycopg.Connection, table: str) -> None:
    """Bring all rows of the source into a table of the target."""
    if source.endswith(".duckdb"):
        pipe_duckdb(source, target, table)
        return
    with psycopg.connect(url) as connection:
        copy_in(target, f"COPY {table} FROM STDIN (FORMAT binary)", copy_out(connection, source))


def copy_out(connection: psycopg.Connection, table: str) -> Iterator[bytes]:
    """A table's rows in PostgreSQL's binary format, in blocks."""
    pgconn = connection.pgconn
    pgconn.nonblocking = 0
    pgconn.exec_(f"COPY {table} TO STDOUT (FORMAT binary)".encode())
    rows: list[bytes | memoryview] = []
    size = 0
    while True:
        length, row = pgconn.get_copy_data(0)
        if length < 0:
            break
        rows.append(row)
        size += length
        if size >= BLOCK:
            yield b"".join(rows)
            rows, size = [], 0
    yield b"".join(rows)
    _check(pgconn)


def copy_in(connection: psycopg.Connection, copy: str, blocks: Iterator[bytes]) -> None:
    """Run a COPY FROM STDIN with these bytes, in the transaction that is open."""
    pgconn = connection.pgconn
    pgconn.nonblocking = 0
    pgconn.exec_(copy.encode())
    for block in blocks:
        pgconn.put_copy_data(block)
    pgconn.put_copy_end()
    _check(pgconn)


def _check(pgconn: psycopg.pq.abc.PGconn) -> None:
    while (result := pgconn.get_result()) is not None:
        if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
            raise psycopg.DatabaseError(pgconn.get_error_message())


def pipe_duckdb(file: str, target: psycopg.Connection, table: str) -> None:
    """Copy the rows of a DuckDB file through a named pipe of CSV."""
    import duckdb

    with tempfile.TemporaryDirectory() as folder:
        pipe = f"{folder}/rows"
        os.mkfifo(pipe)
        source = duckdb.connect(file, read_only=True, config={"preserve_insertion_order": "false"})
        copying = f"COPY (SELECT {NAMES} FROM customers) TO '{pipe}' (FORMAT csv, HEADER false)"
        writer = threading.Thread(target=source.execute, args=(copying,), daemon=True)
        writer.start()
        with Path(pipe).open("rb", buffering=0) as rows:
            copy_in(target, f"COPY {table} FROM STDIN (FORMAT csv)", iter(lambda: rows.read(BLOCK), b""))
        writer.join()


def write_type1(target: psycopg.Connection, relation: str) -> None:
    """Overwrite what changed, insert what is new, delete what is gone."""
    target.execute(DELTA.format(source=relation, current="", differs=DIFFERS))
    sets = ", ".join(f"{name} = delta.{name}" for name in OTHERS)
    target.execute(
        f"UPDATE customers SET {sets} FROM delta WHERE customers.ctid = rid AND delta.customer_id IS NOT NULL"
    )
    target.execute("DELETE FROM customers USING delta WHERE customers.ctid = rid AND delta.customer_id IS NULL")
    target.execute(f"INSERT INTO customers SELECT {NAMES} FROM delta WHERE rid IS NULL")


def write_type2(target: psycopg.Connection, relation: str) -> None:
    """Close what changed or is gone, insert what changed or is new."""
    target.execute(DELTA.format(source=relation, current="WHERE is_current", differs=DIFFERS))
    target.execute("UPDATE customers SET valid_to = now(), is_current = FALSE FROM delta WHERE customers.ctid = rid")
    target.execute(
        f"INSERT INTO customers SELECT {NAMES}, now(), '9999-12-31', TRUE FROM delta WHERE customer_id IS NOT NULL"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
