"""Loads three real snapshots of the world's airports as a history, then shows what became of three airports.

Starts anew each time: the warehouse and the ledger of an earlier demo are removed first.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb

HERE = Path(__file__).resolve().parent
WAREHOUSE = HERE / "warehouse.duckdb"
DAYS = ("2024-04-09", "2025-02-24", "2026-09-05")
AIRPORTS = (
    ("FLND", "changed twice: first its IATA code, then its name"),
    ("YSWS", "appeared in the third snapshot"),
    ("EGCN", "vanished from the third snapshot"),
)
HISTORY = """
    SELECT icao, iata, name, published, strftime(valid_from, '%Y-%m-%d %H:%M:%S') AS valid_from,
           strftime(valid_to, '%Y-%m-%d %H:%M:%S') AS valid_to, is_current
    FROM dim_airport WHERE icao = ? ORDER BY dim_airport.valid_from
"""
TOTALS = "SELECT count(*), count(DISTINCT icao), count(*) FILTER (is_current) FROM dim_airport"


def main() -> int:
    """Run the demo. Returns the exit code of the load that failed, else 0."""
    start_anew()
    for day in DAYS:
        code = run("apply", "pipelines/dim_airport.yaml", "--set", f"day={day}")
        if code:
            return code
    show_histories()
    return run("runs", "--spec", "pipelines/dim_airport.yaml")


def start_anew() -> None:
    """Remove what an earlier demo left."""
    WAREHOUSE.unlink(missing_ok=True)
    WAREHOUSE.with_name(f"{WAREHOUSE.name}.wal").unlink(missing_ok=True)
    shutil.rmtree(HERE / ".dmsflow", ignore_errors=True)


def run(*words: str) -> int:
    """Show a dmsflow command, run it and return its exit code."""
    print("$ dmsflow", *words, flush=True)
    program = Path(sys.executable).with_name("dmsflow")
    code = subprocess.run([program, *words], cwd=HERE.parent, check=False).returncode
    print(flush=True)
    return code


def show_histories() -> None:
    """Print every version of the chosen airports, and how many versions there are."""
    with duckdb.connect(str(WAREHOUSE), read_only=True) as connection:
        for icao, story in AIRPORTS:
            found = connection.execute(HISTORY, [icao])
            names = [column[0] for column in found.description]
            print(f"{icao} {story}\n")
            print(format_table(names, found.fetchall()), end="\n\n")
        versions, airports, current = connection.execute(TOTALS).fetchall()[0]
    print(f"{versions:,} versions of {airports:,} airports, {current:,} of them current\n")


def format_table(names: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns as wide as their widest value, two spaces apart."""
    lines = [tuple(names), *(tuple(format_value(value) for value in row) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(names))]
    return "\n".join(
        "  ".join(value.ljust(width) for value, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def format_value(value: object) -> str:
    """A value as a person writes it; nothing for an empty one."""
    match value:
        case True:
            return "yes"
        case False:
            return "no"
        case None:
            return ""
        case _:
            return str(value)


if __name__ == "__main__":
    sys.exit(main())
