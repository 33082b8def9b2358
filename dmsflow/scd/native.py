"""A type by the name that its database gives it, as SQLAlchemy writes it. Knows no name itself."""

from typing import Any

import sqlalchemy as sa


class Native(sa.types.UserDefinedType[Any]):
    """A type by the name its database gives it."""

    cache_ok = True

    def __init__(self, sql: str) -> None:
        self.sql = sql

    def get_col_spec(self, **kw: object) -> str:
        """The name."""
        return self.sql
