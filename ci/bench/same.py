"""Whether two targets hold the same: current rows value by value, and as many closed versions. Measures nothing.

Run as ``python -m ci.bench.same ONE OTHER append|1|2``; says what differs and exits with 1.
"""

import sys
from pathlib import Path

import duckdb

from ci.bench.by_hand import NAMES


def find_difference(one: Path, other: Path, scd: str) -> str | None:
    """What differs between two targets; None where nothing does."""
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


if __name__ == "__main__":
    difference = find_difference(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
    if difference:
        sys.exit(difference)
