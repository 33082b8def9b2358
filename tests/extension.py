"""DuckDB's extension for PostgreSQL: whether it can be loaded here, and a load made to use it or not."""

from contextlib import closing
from functools import cache

import pytest

from dmsflow.compiler import survey
from dmsflow.engines.duckdb import SETTINGS
from dmsflow.engines.duckdb_driver import driver
from dmsflow.engines.duckdb_postgres import load_extension


@cache
def why_missing() -> str | None:
    with closing(driver.connect(config=SETTINGS)) as database:
        return load_extension(database, fetch=False)


needed = pytest.mark.skipif(why_missing() is not None, reason=str(why_missing()))
missing = pytest.mark.skipif(why_missing() is None, reason="the extension is there")


def always(monkeypatch) -> None:
    """Attach, however few rows there are."""
    monkeypatch.setattr(survey, "LEAST_REACHED", 0)


def never(monkeypatch) -> None:
    """Do not attach, however many rows there are."""
    monkeypatch.setattr(survey, "reach_source", lambda source, access: source)
