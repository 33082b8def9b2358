"""Tables and SELECTs from YAML, for the tests of a dialect: read, made, run through the translation."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import yaml

from dmsflow.compiler.rules.sql import WrittenSql
from dmsflow.compiler.user_sql import qualify_tables
from dmsflow.diagnostics import Diagnostic
from dmsflow.engines.access import SOURCE_ALIAS
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.model.table import DataType, TableName, TypeName
from dmsflow.rehearsal.dialects import reading
from dmsflow.rehearsal.scratch import in_source
from dmsflow.rehearsal.translate import Translator

HERE = Path(__file__).parent
NOW = datetime(2024, 3, 15, 10, 30)


class Numbers(yaml.SafeLoader):
    """Numbers as they are written, not as binary ones."""


Numbers.add_constructor("tag:yaml.org,2002:float", lambda loader, node: Decimal(node.value))


def read_yaml(folder: str, name: str):
    return yaml.load((HERE / folder / f"{name}.yaml").read_text(encoding="utf-8"), Numbers)


def read_type(written: str) -> DataType:
    if written.startswith("decimal"):
        precision, scale = written[len("decimal(") : -1].split(",")
        return DataType(name=TypeName.DECIMAL, precision=int(precision), scale=int(scale))
    if written == "date with time":
        return DataType(name=TypeName.TIMESTAMP, native="DATE")
    return DataType(name=TypeName(written))


def make_tables(folder: str, scratch) -> dict[str, dict[str, DataType]]:
    """The tables of a folder in the source of a scratch; the types of their columns."""
    types = {}
    for name, table in read_yaml(folder, "tables").items():
        types[name] = {column: read_type(kind) for column, kind in table["columns"].items()}
        columns = ", ".join(f"{column} {DuckDBIdioms().type_sql(kind)}" for column, kind in types[name].items())
        place = DuckDBIdioms().qualify(in_source(TableName(table=name)))
        scratch.session.execute(f"CREATE TABLE {place} ({columns})")
        marks = ", ".join(f"$p{index}" for index in range(len(types[name])))
        for row in table["rows"]:
            binds = {f"p{index}": value for index, value in enumerate(row)}
            scratch.session.execute(f"INSERT INTO {place} VALUES ({marks})", binds)
    return types


class Database:
    """A scratch with the tables of a folder, as one dialect reads them."""

    def __init__(self, folder: str, dialect: str, scratch) -> None:
        self.dialect, self.scratch = dialect, scratch
        self.types = make_tables(folder, scratch)
        scratch.set_clock(NOW)
        scratch.session.execute(reading.macros(dialect))
        self.functions = scratch.functions()

    def translate(self, sql: str) -> str | Diagnostic:
        written = WrittenSql(path=("source", "query"), text=sql, what="query", dialect=self.dialect)
        return Translator(tables=self.types, functions=self.functions).translate(written)

    def run(self, sql: str) -> list[list[object]]:
        translated = self.translate(sql)
        assert isinstance(translated, str), f"{translated.message}\n{sql}"
        rows = self.scratch.session.fetch(qualify_tables(translated, SOURCE_ALIAS))
        return [[show(value) for value in row] for row in rows]


def show(value: object) -> object:
    """A value so that equal ones are written alike."""
    match value:
        case bool():
            return value
        case int() | Decimal():
            return Decimal(value)
        case float():
            return Decimal(repr(value))
        case datetime():
            return value.replace(tzinfo=None).isoformat(sep=" ")
        case None:
            return None
    return str(value)
