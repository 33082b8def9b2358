"""Rules of the house that a linter does not know."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "dmsflow").rglob("*.py"))


def test_no_error_is_swallowed() -> None:
    for file in SOURCES:
        assert not re.search(
            r"except( Exception| BaseException)?:\s*\n\s*(pass|continue)", file.read_text(encoding="utf-8")
        )


def test_a_dialect_difference_has_one_address() -> None:
    """Outside engines/, only DuckDB is named, because it stages the rows of every target; the ledger is SQLite."""
    allowed = ("engines", "codes", "compiler/rules", "ledger")
    for file in SOURCES:
        if any(part in str(file.relative_to(ROOT)) for part in allowed):
            continue
        found = re.findall(
            r"""(?:==|!=|\bin\b)\s*\(?["'](oracle|postgresql|sqlite)["']""", file.read_text(encoding="utf-8")
        )
        assert not found, file


def test_nothing_prints_outside_the_command_line() -> None:
    for file in SOURCES:
        if "cli" not in file.parts:
            calls = [n for n in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)]
            assert not any(isinstance(c.func, ast.Name) and c.func.id == "print" for c in calls), file
