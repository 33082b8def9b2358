"""The golden files: which there are, what is to stand in them, and that sqlfluff has read every statement in them.

sqlfluff takes a second for a long statement: what it has read is noted by its digest, and read again when it changes.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from tests.oracle.parsers import SQLFLUFF_GAPS, inner_statements, is_gap, parse_sqlfluff
from tests.oracle.shapes import statements_by_file

FOLDER = Path(__file__).parent / "sql" / "oracle"
READ = FOLDER / "read_by_sqlfluff.txt"


def render(statements: dict[str, str]) -> str:
    """Statements one after another, each under its name."""
    return "\n".join(f"-- {name}\n{sql}\n" for name, sql in statements.items())


def wanted() -> dict[Path, str]:
    """What stands in each file."""
    return {FOLDER / f"{name}.sql": render(statements) for name, statements in statements_by_file().items()}


def all_statements() -> dict[str, str]:
    """Every statement once, with those that blocks run, by the file and the name that it has first."""
    found: dict[str, str] = {}
    for file, named in statements_by_file().items():
        for name, sql in named.items():
            found.setdefault(sql, f"{file}: {name}")
            for inner in inner_statements(sql):
                found.setdefault(inner, f"{file}: {name}, inside")
    return {place: sql for sql, place in found.items()}


def digests(statements: Iterable[str]) -> dict[str, str]:
    """What sqlfluff is to read, by digest."""
    wanted = (sql for sql in statements if not is_gap(sql, SQLFLUFF_GAPS))
    return {hashlib.sha256(sql.encode()).hexdigest()[:16]: sql for sql in wanted}


def write_all() -> list[Path]:
    """Write every file, and remove what is none; those that changed. Raises AssertionError for what cannot be read."""
    files = wanted()
    FOLDER.mkdir(parents=True, exist_ok=True)
    old = {path: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.sql")}
    for path in old.keys() - files.keys():
        path.unlink()
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    known = set(READ.read_text(encoding="utf-8").split()) if READ.exists() else set()
    found = digests(all_statements().values())
    for digest in found.keys() - known:
        parse_sqlfluff(found[digest])
    READ.write_text("\n".join(sorted(found)) + "\n", encoding="utf-8")
    return sorted(path for path in old.keys() | files.keys() if old.get(path) != files.get(path))
