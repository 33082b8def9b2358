"""Compiles SQLAlchemy statements into the plan's named text. Knows every dialect only through its idioms."""

import re
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateTable

from dmsflow.engines.engine import Idioms
from dmsflow.model.plan import RangeShape, Side, Statement
from dmsflow.model.table import Column, DataType, TableName
from dmsflow.scd.native import Native

OWN_BIND = re.compile(r"(?<![\w$:])[$:](param_\w+)")


class Relation(sa.TableClause):
    """SQL that a user or a file reader wrote, standing where a table stands; it is not looked into."""

    inherit_cache = False

    def __init__(self, sql: str, columns: Iterable[str]) -> None:
        super().__init__("relation", *(sa.column(name) for name in columns))
        self.sql = sql


@compiles(Relation)
def _write_relation(element: Relation, compiler: object, **kw: object) -> str:
    return element.sql


def compile_statement(
    name: str,
    side: Side,
    element: sa.Executable | CreateTable,
    idioms: Idioms,
    *,
    shape: RangeShape = RangeShape.ANY,
    temporary: str | None = None,
) -> Statement:
    """One named statement; with ``temporary``, the query's rows are kept in a temporary table of that name."""
    compiled = element.compile(dialect=idioms.dialect())  # type: ignore[union-attr]
    sql = str(compiled)
    params = getattr(compiled, "params", None) or {}
    assert not any(value is not None for value in params.values()), f"{name} holds a value of its own: {params}"
    binds = tuple(sorted({*params, *OWN_BIND.findall(sql)}))
    if temporary:
        assert isinstance(element, sa.Select)
        names: list[str] = element.selected_columns.keys()
        sql = idioms.create_temporary(temporary, names, sql)
    return Statement(name=name, side=side, sql=sql, binds=binds, shape=shape)


def create_table(
    idioms: Idioms,
    table: TableName,
    columns: Sequence[Column],
    primary_key: Sequence[str] = (),
    compared: Mapping[str, int] | None = None,
    behind: Mapping[str, str] | None = None,
) -> CreateTable:
    """DDL that creates a table where there is none; ``compared`` columns are among so many of an index.

    What stands ``behind`` the type of a column says where its values come from.
    """
    known = dict.fromkeys(primary_key, len(primary_key)) | dict(compared or {})
    checks = (idioms.check(column.name, column.type) for column in columns)
    schema = "\x1f".join(part for part in (table.catalog, table.schema) if part) or None
    described = sa.Table(
        table.table,
        sa.MetaData(),
        *(
            sa.Column(
                column.name,
                Native(declare(idioms, column.type, known.get(column.name, 0)) + _find(behind, column.name)),
                nullable=column.nullable and column.name not in primary_key,
                primary_key=column.name in primary_key,
                autoincrement=False,
            )
            for column in columns
        ),
        *(sa.CheckConstraint(check) for check in checks if check),
        schema=schema,
    )
    return CreateTable(described, if_not_exists=True)


def _find(behind: Mapping[str, str] | None, name: str) -> str:
    return f" {behind[name]}" if behind and name in behind else ""


def declare(idioms: Idioms, data_type: DataType, compared: int) -> str:
    """How a column is declared that is ``compared`` among so many of an index; 0 where it is not."""
    return idioms.key_sql(data_type, compared) if compared else idioms.type_sql(data_type)
