"""The golden files: which there are, and what is to stand in them."""

from pathlib import Path

from tests.oracle.shapes import statements_by_file

FOLDER = Path(__file__).parent / "sql" / "oracle"


def render(statements: dict[str, str]) -> str:
    """Statements one after another, each under its name."""
    return "\n".join(f"-- {name}\n{sql}\n" for name, sql in statements.items())


def wanted() -> dict[Path, str]:
    """What stands in each file."""
    return {FOLDER / f"{name}.sql": render(statements) for name, statements in statements_by_file().items()}


def write_all() -> list[Path]:
    """Write every file, and remove what is none; those that changed."""
    files = wanted()
    FOLDER.mkdir(parents=True, exist_ok=True)
    old = {path: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.sql")}
    for path in old.keys() - files.keys():
        path.unlink()
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return sorted(path for path in old.keys() | files.keys() if old.get(path) != files.get(path))
