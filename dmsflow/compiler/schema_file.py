"""Where the JSON Schemas lie: inside the package, or in the repository of an editable install."""

from pathlib import Path as FilePath

SCHEMA_NAME = "pipeline.schema.json"
TEST_SCHEMA_NAME = "test.schema.json"


def read_schema_text(name: str = SCHEMA_NAME) -> str:
    """A schema as shipped. Raises FileNotFoundError when the installation is broken."""
    package = FilePath(__file__).resolve().parent.parent
    for folder in (package / "schemas", package.parent / "schemas"):
        if (folder / name).is_file():
            return (folder / name).read_text(encoding="utf-8")
    raise FileNotFoundError(name)
