"""A world of the laws on a real Oracle: as source, as target, or as both."""

from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import oracledb

from dmsflow.engines.oracle_sql import OracleIdioms
from dmsflow.model.table import DataType, TypeName
from tests.laws.world import COLUMNS, World
from tests.oracle import server

LENGTH = 100
TYPES = {
    "bigint": DataType(name=TypeName.BIGINT),
    "integer": DataType(name=TypeName.INTEGER),
    "decimal(9,2)": DataType(name=TypeName.DECIMAL, precision=9, scale=2),
    "date": DataType(name=TypeName.DATE),
    "timestamp": DataType(name=TypeName.TIMESTAMP),
    "double": DataType(name=TypeName.DOUBLE),
    "varchar": DataType(name=TypeName.VARCHAR, length=LENGTH),
}


class LiveWorld(World):
    """One side, or both, is the Oracle that the environment names."""

    def __init__(self, folder: Path, source: str, target: str) -> None:
        server.empty()
        servers = {side: server.URL for side, engine in (("source", source), ("target", target)) if engine == "oracle"}
        super().__init__(folder, source, target, servers=servers or None)

    def write_source(self, rows: list[dict[str, Any]], columns: dict[str, str] = COLUMNS, table: str = "s") -> None:
        """Put an extract into the source table, in place of what was there."""
        if self.source != "oracle":
            super().write_source(rows, columns, table)
            return
        idioms = OracleIdioms()
        declared = ", ".join(f'"{name}" {idioms.type_sql(TYPES[kind])}' for name, kind in columns.items())
        places = ", ".join(f":{place}" for place in range(1, len(columns) + 1))
        with server.connected() as connection, connection.cursor() as cursor:
            with suppress(oracledb.DatabaseError):
                cursor.execute(f'DROP TABLE "{table.upper()}" PURGE')
            cursor.execute(f'CREATE TABLE "{table.upper()}" ({declared})')
            if rows:
                values = [[to_oracle(row.get(name), kind) for name, kind in columns.items()] for row in rows]
                cursor.executemany(f'INSERT INTO "{table.upper()}" VALUES ({places})', values)
            connection.commit()
            cursor.callproc("DBMS_STATS.GATHER_TABLE_STATS", [None, f'"{table.upper()}"'])

    def read(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the target; numbers as they are elsewhere, and a DATE without its time."""
        if self.target != "oracle":
            return super().read(sql)
        return [tuple(from_oracle(value) for value in row) for row in server.read(sql)]


def to_oracle(value: Any, kind: str) -> Any:
    """A value as the driver binds it."""
    return float(value) if kind == "double" and value is not None else value


def from_oracle(value: Any) -> Any:
    """A value as the model has it."""
    if isinstance(value, Decimal) and value == int(value):
        return int(value)
    midnight = isinstance(value, datetime) and value.time() == datetime.min.time() and value == datetime(2020, 2, 29)
    return date(value.year, value.month, value.day) if midnight else value
