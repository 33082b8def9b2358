"""What has to be done to the databases of a PostgreSQL server between measurements. Measures nothing.

Run as ``python -m ci.bench.databases TASK WORDS`` with the server's URL in DMSFLOW_BENCH_SERVER. A source database
holds both days in schemas of their names; the day that is to be read stands in the schema ``source``.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg

from ci.bench.by_hand_postgresql import COLUMNS, pipe_duckdb
from ci.bench.server import name_database
from ci.bench.workload import DAYS


def fill(name: str, folder: str) -> None:
    """Make a source database of the workload in a folder: both days, with a primary key, vacuumed."""
    create(name)
    declared = ", ".join(f"{column} {kind}" for column, kind in COLUMNS.items())
    with psycopg.connect(_database(name), autocommit=True) as connection:
        for day in DAYS:
            connection.execute(f"CREATE SCHEMA {day}")
            connection.execute(f"CREATE TABLE {day}.customers ({declared})")
            pipe_duckdb(str(Path(folder) / f"{day}.duckdb"), connection, f"{day}.customers")
            connection.execute(f"ALTER TABLE {day}.customers ADD PRIMARY KEY (customer_id)")
    rest(name)


def create(name: str, template: str = "template0") -> None:
    """Make a database anew, as a copy of another."""
    drop(name)
    with psycopg.connect(_database(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")


def drop(*names: str) -> None:
    """Remove databases."""
    with psycopg.connect(_database(), autocommit=True) as connection:
        for name in names:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def turn(day: str, *names: str) -> None:
    """Let a day stand where a source is read."""
    for name in names:
        with psycopg.connect(_database(name), autocommit=True) as connection:
            hidden = {row[0] for row in connection.execute("SELECT nspname FROM pg_namespace")}
            for shown in (other for other in DAYS if other not in hidden):
                connection.execute(f"ALTER SCHEMA source RENAME TO {shown}")
            connection.execute(f"ALTER SCHEMA {day} RENAME TO source")


def rest(*names: str) -> None:
    """Do what autovacuum and the checkpointer would have done until the next day."""
    for name in names:
        with psycopg.connect(_database(name), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")


def _database(name: str | None = None) -> str:
    server = os.environ["DMSFLOW_BENCH_SERVER"]
    return name_database(server, name) if name else server


TASKS: dict[str, Callable[..., None]] = {"fill": fill, "create": create, "drop": drop, "turn": turn, "rest": rest}

if __name__ == "__main__":
    TASKS[sys.argv[1]](*sys.argv[2:])
