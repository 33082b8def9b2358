"""Runs dmsflow as a process of its own, in a folder, and keeps what it said."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

ROOT = Path(__file__).resolve().parents[2]
PIPELINES = ROOT / "pipelines"
PROGRAM = str(Path(sys.executable).with_name("dmsflow"))
LEFT_BEHIND = ("*.duckdb*", "*.sqlite*", ".dmsflow", "__pycache__")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a process ended: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> Any:
        """Stdout, read as JSON."""
        return json.loads(self.out)

    @property
    def rows(self) -> dict[str, int]:
        """The counts of a run report that are not zero."""
        return {name: count for name, count in self.report["rows"].items() if count}


def environment() -> dict[str, str]:
    """What a process of a test sees of the outer world."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DMSFLOW_")}
    return {**kept, "NO_COLOR": "1", "COLUMNS": "200"}


def execute(*words: str | Path, cwd: Path) -> Ran:
    """Run any program to its end."""
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, env=environment(), text=True, capture_output=True, check=False
    )
    return Ran(code=done.returncode, out=done.stdout, err=done.stderr)


def dmsflow(*words: str | Path, cwd: Path) -> Ran:
    """Run dmsflow to its end."""
    return execute(PROGRAM, *words, cwd=cwd)


def start_dmsflow(*words: str | Path, cwd: Path) -> subprocess.Popen[str]:
    """Start dmsflow and let it run."""
    return subprocess.Popen(
        [PROGRAM, *(str(word) for word in words)],
        cwd=cwd,
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def apply(spec: str | Path, *words: str, cwd: Path) -> Ran:
    """Apply a spec that must succeed, with its report as JSON."""
    ran = dmsflow("apply", spec, "--format", "json", *words, cwd=cwd)
    assert ran.code == 0, f"{ran.out}\n{ran.err}"
    return ran


def copy_pipelines(folder: Path) -> Path:
    """The examples of the repository, fresh, in a folder of a test."""
    copied = folder / "pipelines"
    shutil.copytree(PIPELINES, copied, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    return copied


def ask(database: Path, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query on a DuckDB file that no process has open."""
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(query).fetchall()
