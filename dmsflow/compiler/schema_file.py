"""Where the JSON Schema of a spec lies: inside the package, or in the repository of an editable install."""

from pathlib import Path as FilePath

SCHEMA_NAME = "pipeline.schema.json"


def read_schema_text() -> str:
    """The schema as shipped. Raises FileNotFoundError when the installation is broken."""
    package = FilePath(__file__).resolve().parent.parent
    for folder in (package / "schemas", package.parent / "schemas"):
        if (folder / SCHEMA_NAME).is_file():
            return (folder / SCHEMA_NAME).read_text(encoding="utf-8")
    raise FileNotFoundError(SCHEMA_NAME)
