"""Checks what no other tool does: short files and functions, no foreign hosts, no paths of one machine, exact pins."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAX_FILE = 350
MAX_FUNCTION = 50
BINARY = (".gz", ".parquet", ".duckdb", ".png")
NOTICES = ("LICENSE", "NOTICE")

HOST = re.compile(r"\bhttps?://(?P<host>[A-Za-z0-9.-]+)")
HOSTS = (
    "json-schema.org",
    "www.sphinx-doc.org",
    "docs.python.org",
    "duckdb.org",
    "raw.githubusercontent.com",
    "docs.oasis-open.org",
    "json.schemastore.org",
    "www.apache.org",
    "github.com",
    "example.com",
)
MACHINE = re.compile(r"(?<![\w.])/(?:work|home|Users|root|mnt|opt|media)/[\w.-]+")
PIN = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+")


def main() -> int:
    """Print every problem; 1 when there is one."""
    problems = [problem for path in list_files() for problem in check_file(path)]
    problems += check_pins(ROOT / "constraints.txt")
    print(*problems, sep="\n", end="\n" if problems else "")
    return 1 if problems else 0


def list_files() -> list[Path]:
    """Every file of the repository that still exists."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def check_file(path: Path) -> Iterator[str]:
    """What is wrong with one file."""
    if path.suffix in BINARY or path.name in NOTICES:
        return
    text, name = path.read_text(encoding="utf-8"), path.relative_to(ROOT)
    for number, line in enumerate(text.splitlines(), start=1):
        for found in HOST.finditer(line):
            if found["host"] not in HOSTS:
                yield f'{name}:{number}: the host "{found["host"]}" is not one the project points to'
        for found in MACHINE.finditer(line):
            yield f'{name}:{number}: "{found[0]}" is a path of one machine'
    if path.suffix == ".py":
        yield from check_lengths(name, text)


def check_lengths(name: Path, text: str) -> Iterator[str]:
    """Files and functions that are too long to be read in one go."""
    lines = text.count("\n")
    if lines >= MAX_FILE:
        yield f"{name}: {lines} lines, at most {MAX_FILE - 1}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno + 1
            if length >= MAX_FUNCTION:
                yield f"{name}:{node.lineno}: {node.name} has {length} lines, at most {MAX_FUNCTION - 1}"


def check_pins(path: Path) -> Iterator[str]:
    """Lines of the lock that are no exact version by name."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.startswith("#") and not PIN.fullmatch(line):
            yield f'{path.name}:{number}: "{line}" is not NAME==VERSION'


if __name__ == "__main__":
    sys.exit(main())
