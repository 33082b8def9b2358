"""Whether two targets hold the same: current rows value by value, and as many closed versions. Measures nothing.

Run as ``python -m ci.bench.same ONE OTHER append|1|2``, a target a DuckDB file or the name of a database of the server
in DMSFLOW_BENCH_SERVER; says what differs and exits with 1.
"""

import os
import sys
from pathlib import Path

import duckdb

from ci.bench.by_hand import NAMES
from ci.bench.server import name_database

DIGEST = f"SELECT count(*), sum(hashtextextended(row({NAMES})::text, 0)) FROM customers WHERE {{chosen}}"


def find_difference(one: str, other: str, scd: str) -> str | None:
    """What differs between two targets; None where nothing does."""
    if one.endswith(".duckdb"):
        return _compare_files(Path(one), Path(other), scd)
    return _compare_databases(one, other, scd)


def _compare_files(one: Path, other: Path, scd: str) -> str | None:
    current = "WHERE is_current" if scd == "2" else ""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{one}' AS a (READ_ONLY); ATTACH '{other}' AS b (READ_ONLY)")
        rows = {name: _count(connection, f"{name}.customers {current}") for name in ("a", "b")}
        if rows["a"] != rows["b"]:
            return f"{rows['a']} rows against {rows['b']}"
        differing = _count(
            connection,
            f"(SELECT {NAMES} FROM a.customers {current} EXCEPT ALL SELECT {NAMES} FROM b.customers {current})",
        )
        if differing:
            return f"{differing} rows of {rows['a']} are not the same"
        if scd != "2":
            return None
        closed = [_count(connection, f"{name}.customers WHERE NOT is_current") for name in ("a", "b")]
        return None if closed[0] == closed[1] else f"{closed[0]} closed versions against {closed[1]}"


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {relation}").fetchone()
    assert row is not None
    return int(row[0])


def _compare_databases(one: str, other: str, scd: str) -> str | None:
    """By their number and the sum of their hashes: the rows of two databases do not meet."""
    kinds = ("is_current", "NOT is_current") if scd == "2" else ("TRUE",)
    for chosen in kinds:
        ours, theirs = (_digest(name, chosen) for name in (one, other))
        if ours[0] != theirs[0]:
            return f"{ours[0]} rows against {theirs[0]} where {chosen}"
        if ours[1] != theirs[1]:
            return f"some of {ours[0]} rows are not the same where {chosen}"
    return None


def _digest(name: str, chosen: str) -> tuple[object, ...]:
    import psycopg

    with psycopg.connect(name_database(os.environ["DMSFLOW_BENCH_SERVER"], name)) as connection:
        found = connection.execute(DIGEST.format(chosen=chosen)).fetchone()
    assert found is not None
    return found


if __name__ == "__main__":
    difference = find_difference(*sys.argv[1:4])
    if difference:
        sys.exit(difference)
