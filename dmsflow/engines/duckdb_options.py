"""Options of a DuckDB connection: dmsflow's own, and those that DuckDB takes as they are. Opens nothing."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from dmsflow.errors import ConnectionFailed

Option = str | int | bool

STORAGE_VERSION, POSTGRES_EXTENSION = "storage_version", "postgres_extension"
SETTING = {STORAGE_VERSION: "storage_compatibility_version"}
"""Options that DuckDB knows by another name."""


class Extension(StrEnum):
    """Whether DuckDB's extension for PostgreSQL is used: where it is installed, also by fetching it, or not at all."""

    AUTO = "auto"
    INSTALL = "install"
    NEVER = "never"


class DuckDBOptions(Struct, frozen=True, kw_only=True):
    """The options of one connection; ``config`` goes to DuckDB."""

    config: dict[str, str]
    extension: Extension = Extension.AUTO
    storage_version: str | None = None


def read_options(options: Mapping[str, Option] | None) -> DuckDBOptions:
    """Tell dmsflow's own options from DuckDB's. Raises ConnectionFailed where a value is none of those it may have."""
    given = {name: str(value) for name, value in (options or {}).items()}
    written = given.pop(POSTGRES_EXTENSION, Extension.AUTO)
    if written not in list(Extension):
        raise ConnectionFailed(
            f'the option {POSTGRES_EXTENSION} of a DuckDB connection is "{written}": '
            f"write one of {', '.join(Extension)}"
        )
    return DuckDBOptions(
        config={SETTING.get(name, name): value for name, value in given.items()},
        extension=Extension(written),
        storage_version=given.get(STORAGE_VERSION),
    )


def explain_version(version: str | None, message: str, own: str) -> str | None:
    """What is wrong with a storage version; None where the message is about something else."""
    if version is None or "not a known DuckDB version" not in message:
        return None
    return (
        f'the option {STORAGE_VERSION} of a DuckDB connection is "{version}": name a version that DuckDB {own} can '
        f"write for, such as v1.2.0"
    )
