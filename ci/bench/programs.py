"""The two programs as whole processes: started, timed, their peak memory read. Knows no SQL.

This process stays small and imports no driver: on Linux a child's peak memory begins with its parent's.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
DMSFLOW = Path(sys.executable).parent / "dmsflow"
KINDS = ("duckdb", "parquet", "csv")
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Python keeps what it has compiled, as it does for a user; else each start would measure the compiler."""

SPEC = """\
version: 1
pipeline: customers
source: {source}
target: {{connection: dwh, table: customers}}
{key}scd: {{type: {scd}{deletes}}}
{checkpoint}{columns}connections:
  dwh: {{url: "duckdb:///target.duckdb"}}
  src: {{url: "duckdb:///{day}"}}
"""
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
    """One process: seconds on the wall and of all cores, and peak memory in MiB."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


def run_program(command: Sequence[str], folder: Path) -> Measured:
    """Run a process to its end. Raises ProgramFailed when it does not succeed."""
    with tempfile.TemporaryFile() as said:
        begun = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise ProgramFailed(f"{' '.join(command)}\n{said.read().decode(errors='replace')}")
    return Measured(seconds=seconds, cpu_seconds=usage.ru_utime + usage.ru_stime, peak_mib=usage.ru_maxrss / 1024)


def run_by_hand(folder: Path, source: Path, scd: str) -> Measured:
    """The hand-written program into ``target.duckdb`` of a folder."""
    return run_program([sys.executable, str(HERE / "by_hand.py"), "target.duckdb", str(source), scd], folder)


def run_dmsflow(folder: Path, source: Path, scd: str) -> Measured:
    """``dmsflow apply`` into ``target.duckdb`` of a folder."""
    spec = folder / "customers.yaml"
    spec.write_text(write_spec(source, scd), encoding="utf-8")
    return run_program([str(DMSFLOW), "apply", spec.name], folder)


def write_spec(source: Path, scd: str) -> str:
    """The spec of one load; the types are written out where the source, a CSV, has none."""
    types = "".join(f'  {name}: {{type: "{words}"}}\n' for name, words in TYPES.items())
    return SPEC.format(
        source="{connection: src, table: customers}" if source.suffix == ".duckdb" else f"{{file: {source}}}",
        key="" if scd == "append" else "key: [customer_id]\n",
        scd=scd,
        deletes=DELETES[scd],
        checkpoint="checkpoint: none\n" if scd == "append" else "",
        columns=f"columns:\n{types}" if source.suffix == ".csv" else "",
        day=source.with_suffix(".duckdb"),
    )


def run_module(name: str, *words: str) -> None:
    """Run a module of the bench in a process of its own. Raises ProgramFailed."""
    run_program([sys.executable, "-m", f"ci.bench.{name}", *words], REPOSITORY)
