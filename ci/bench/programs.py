"""The two programs as whole processes: started, timed, their peak memory read. Knows no SQL.

This process stays small and imports no driver: on Linux a child's peak memory begins with its parent's.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ci.bench.pairs import Pair

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
DMSFLOW = Path(sys.executable).parent / "dmsflow"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Python keeps what it has compiled, as it does for a user; else each start would measure the compiler."""

SPEC = """\
version: 1
pipeline: customers
source: {source}
target: {{connection: dwh, table: customers}}
{key}scd: {{type: {scd}{deletes}}}
{checkpoint}{columns}connections:
  dwh: {{url: "{dwh}"}}
  src: {{url: "{src}"}}
"""
POSTGRESQL = {"src": "${env:DMSFLOW_BENCH_SOURCE}", "dwh": "${env:DMSFLOW_BENCH_TARGET}"}
TYPES = {
    "customer_id": "bigint",
    "name": "varchar(64)",
    "email": "varchar(120)",
    "city": "varchar(40)",
    "balance": "decimal(18,2)",
    "credit": "decimal(18,2)",
    "orders": "integer",
    "points": "integer",
    "birthday": "date",
    "created_at": "timestamp",
    "updated_at": "timestamp",
    "note": "varchar(200)",
}
DELETES = {"append": "", "1": ", deletes: delete", "2": ", deletes: close"}


class ProgramFailed(Exception):
    """A program ended with an error; its words are the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One process: seconds on the wall and of all cores, and peak memory in MiB.

    The cores' seconds are those of a PostgreSQL server too, where the bench has started it.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a program runs: its folder, what it reads there, and the URLs of its databases in the environment.

    ``source`` is a file, or a table of a PostgreSQL database.
    """

    pair: Pair
    folder: Path
    source: str
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


def run_program(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Measured:
    """Run a process to its end. Raises ProgramFailed when it does not succeed."""
    given = ENVIRONMENT | dict(environment or {})
    with tempfile.TemporaryFile() as said:
        begun = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=given, stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise ProgramFailed(f"{' '.join(command)}\n{said.read().decode(errors='replace')}")
    return Measured(seconds=seconds, cpu_seconds=usage.ru_utime + usage.ru_stime, peak_mib=usage.ru_maxrss / 1024)


def run_by_hand(place: Place, scd: str) -> Measured:
    """The hand-written program into the target of a place."""
    words = ["by_hand.py", "target.duckdb"] if place.pair.target == "duckdb" else ["by_hand_postgresql.py"]
    command = [sys.executable, str(HERE / words[0]), *words[1:], place.source, scd]
    return run_program(command, place.folder, place.environment)


def run_dmsflow(place: Place, scd: str) -> Measured:
    """``dmsflow apply`` into the target of a place."""
    spec = place.folder / "customers.yaml"
    spec.write_text(write_spec(place, scd), encoding="utf-8")
    return run_program([str(DMSFLOW), "apply", spec.name], place.folder, place.environment)


def write_spec(place: Place, scd: str) -> str:
    """The spec of one load; the types are written out where the source, a CSV, has none."""
    types = "".join(f'  {name}: {{type: "{words}"}}\n' for name, words in TYPES.items())
    pair = place.pair
    tables = {
        "duckdb": "{connection: src, table: customers}",
        "postgresql": f"{{connection: {'dwh' if pair.in_place else 'src'}, table: {place.source}}}",
    }
    return SPEC.format(
        source=tables.get(pair.source, f"{{file: {place.source}}}"),
        key="" if scd == "append" else "key: [customer_id]\n",
        scd=scd,
        deletes=DELETES[scd],
        checkpoint="checkpoint: none\n" if scd == "append" else "",
        columns=f"columns:\n{types}" if pair.source == "csv" else "",
        dwh=POSTGRESQL["dwh"] if pair.target == "postgresql" else "duckdb:///target.duckdb",
        src=POSTGRESQL["src"] if pair.source == "postgresql" else f"duckdb:///{place.source}",
    )


def run_module(name: str, *words: str, environment: Mapping[str, str] | None = None) -> None:
    """Run a module of the bench in a process of its own. Raises ProgramFailed."""
    run_program([sys.executable, "-m", f"ci.bench.{name}", *words], REPOSITORY, environment)
