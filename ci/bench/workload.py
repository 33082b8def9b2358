"""Workload W: a table of 12 columns, and the same table a day later. Writes files; measures nothing.

A day later 10 percent of the rows have changed, 1 percent are new and 1 percent are gone, spread evenly over the key.
"""

import sys
from pathlib import Path

import duckdb

DAYS = ("today", "tomorrow")

ROWS = """
SELECT
    k AS customer_id,
    'Customer ' || md5(k::VARCHAR)[:8] AS name,
    'c' || k || '@example.org' AS email,
    ['Zürich', 'Kraków', 'São Paulo', 'İstanbul', 'Brno', 'Ålesund', 'Łódź', 'Genève'][1 + k % 8]
        || CASE WHEN $changed AND i % 10 = 5 THEN ' 2' ELSE '' END AS city,
    ((hash(k) % 10000000)::DECIMAL(18,2) / 100 + CASE WHEN $changed AND i % 10 = 5 THEN 1 ELSE 0 END)::DECIMAL(18,2)
        AS balance,
    (1000 + k % 9000)::DECIMAL(18,2) AS credit,
    (hash(k + 1) % 500)::INTEGER AS orders,
    (hash(k + 2) % 100000)::INTEGER AS points,
    DATE '1940-01-01' + (hash(k + 3) % 25000)::INTEGER AS birthday,
    TIMESTAMP '2015-01-01' + to_seconds((hash(k + 4) % 300000000)::BIGINT) AS created_at,
    TIMESTAMP '2025-01-01' + to_microseconds((hash(k + 5) % 30000000000000)::BIGINT)
        + CASE WHEN $changed AND i % 10 = 5 THEN INTERVAL 400 DAY ELSE INTERVAL 0 DAY END AS updated_at,
    CASE WHEN i % 4 = 0 THEN NULL ELSE 'note ' || md5((k * 3)::VARCHAR)[:20] END AS note
FROM (SELECT range AS k, range // 2 AS i FROM range(2 * $rows))
WHERE CASE WHEN k % 2 = 0 THEN NOT ($changed AND i % 100 = 3) ELSE $changed AND i % 100 = 7 END
"""
"""Even keys are the first day's; odd ones are new on the second."""


def write_workload(folder: Path, rows: int, kinds: tuple[str, ...]) -> None:
    """Write both days as the kinds of source asked for: duckdb, parquet, csv."""
    for day in DAYS:
        with duckdb.connect(str(folder / f"{day}.duckdb")) as connection:
            made = ROWS.replace("$rows", str(rows)).replace("$changed", "TRUE" if day == "tomorrow" else "FALSE")
            connection.execute(f"CREATE TABLE customers AS {made}")
            if "parquet" in kinds:
                connection.execute(f"COPY customers TO '{folder / day}.parquet' (FORMAT parquet)")
            if "csv" in kinds:
                connection.execute(f"COPY customers TO '{folder / day}.csv' (FORMAT csv, HEADER)")


def add_history(target: Path, versions: int) -> None:
    """Give every row of a type 2 target so many closed versions before its own."""
    closed = (
        "DATE '1990-01-01' + v::INTEGER AS valid_from, DATE '1990-01-02' + v::INTEGER AS valid_to, FALSE AS is_current"
    )
    with duckdb.connect(str(target)) as connection:
        connection.execute(
            f"INSERT INTO customers SELECT customers.* REPLACE ({closed}) FROM customers, range({versions}) AS h(v)"
        )


if __name__ == "__main__":
    task, place, number, *rest = sys.argv[1:]
    if task == "history":
        add_history(Path(place), int(number))
    else:
        write_workload(Path(place), int(number), tuple(rest))
