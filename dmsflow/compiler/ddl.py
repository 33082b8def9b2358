"""The DDL of a plan: marks, target, unique index. Decides by spec and facts; runs nothing."""

from collections.abc import Iterator

from dmsflow.compiler.build import Builder
from dmsflow.compiler.evolution.migration import new_terms
from dmsflow.compiler.feeds import memory_ddl
from dmsflow.compiler.statements import compile_statement, create_table
from dmsflow.compiler.surrogates import declare_numbers, sequence_ddl, surrogate_type
from dmsflow.compiler.uniqueness import makes_unique_index, names_current
from dmsflow.marks.names import COLUMN, GONE_PREFIX, TERMS
from dmsflow.marks.tables import COLUMN_TABLE, MARK_TABLES, TERMS_TABLE, compared_columns
from dmsflow.model.plan import Side, Statement
from dmsflow.model.spec import ScdType
from dmsflow.model.table import Column, DataType, TableName, TypeName

INTEGER = DataType(name=TypeName.INTEGER)
INSTANT = DataType(name=TypeName.TIMESTAMP)
BOOLEAN = DataType(name=TypeName.BOOLEAN)
TEXT = DataType(name=TypeName.TEXT)


def build_ddl(builder: Builder) -> tuple[Statement, ...]:
    """Every DDL statement, marks first: the lease must be held before the target is touched."""
    return (*_marks(builder), *_target(builder), *memory_ddl(builder), *_index(builder))


def _marks(builder: Builder) -> Iterator[Statement]:
    table = builder.spec.target.table
    schema_sql = builder.target.create_schema(table) if not builder.facts.target.shape else None
    if schema_sql:
        yield Statement(name="create_schema", side=Side.TARGET, sql=schema_sql)
    for name, (columns, key) in MARK_TABLES.items():
        element = create_table(builder.target, beside(table, name), columns, key, compared_columns(name))
        yield compile_statement(f"create_{name}", Side.TARGET, element, builder.target)
    if builder.merge.unfilled:
        element = create_table(builder.target, beside(table, COLUMN), *COLUMN_TABLE, compared_columns(COLUMN))
        yield compile_statement(f"create_{COLUMN}", Side.TARGET, element, builder.target)
    yield from create_gone(builder)
    if new_terms(builder) is not None:
        element = create_table(builder.target, beside(table, TERMS), *TERMS_TABLE, compared_columns(TERMS))
        yield compile_statement(f"create_{TERMS}", Side.TARGET, element, builder.target)


def create_gone(builder: Builder) -> Iterator[Statement]:
    """The table of the keys that chunks miss, where several chunks are to find them."""
    if not builder.merge.deleting or builder.cut.count == 1:
        return
    table = builder.spec.target.table
    types = {column.name: column.type for column in builder.columns}
    columns = (
        Column(name="run_id", type=TEXT),
        Column(name="chunk", type=INTEGER),
        *(Column(name=name, type=types[name]) for name in builder.merge.key),
    )
    compared = {"run_id": 1, **_key_columns(builder)}
    element = create_table(builder.target, beside(table, GONE_PREFIX + table.table), columns, (), compared)
    yield compile_statement("create_gone", Side.TARGET, element, builder.target)


def beside(table: TableName, name: str) -> TableName:
    """Another table in the same schema."""
    return TableName(table=name, schema=table.schema, catalog=table.catalog)


def _target(builder: Builder) -> Iterator[Statement]:
    table = builder.spec.target.table
    if builder.facts.target.shape is None:
        yield from sequence_ddl(builder.spec, builder.target)
        numbered = declare_numbers(builder.spec, builder.target)
        element = create_table(builder.target, table, target_columns(builder), (), _key_columns(builder), numbered)
        yield compile_statement("create_target", Side.TARGET, element, builder.target)


def _key_columns(builder: Builder) -> dict[str, int]:
    """The columns of the key, each with how many of them there are."""
    return {name: builder.merge.count_compared(name) for name in builder.merge.key}


def columns_after_ddl(builder: Builder) -> tuple[str, ...]:
    """The names of the target's columns once the DDL has run."""
    existing = builder.facts.target.shape
    wanted = tuple(column.name for column in target_columns(builder))
    if existing is None:
        return wanted
    return (*(column.name for column in existing.columns), *(name for name in wanted if existing.find(name) is None))


def target_columns(builder: Builder) -> tuple[Column, ...]:
    """The columns of a target that dmsflow creates: surrogate key, the user's, the engine's own."""
    fields, merge = builder.merge.fields, builder.merge
    columns: list[Column] = []
    if fields.surrogate_key:
        columns.append(Column(name=fields.surrogate_key, type=surrogate_type(builder.spec), nullable=False))
    columns += [
        Column(name=column.name, type=column.type, nullable=column.name not in merge.key) for column in builder.columns
    ]
    types = {column.name: column.type for column in builder.columns}
    for kept in merge.previous:
        columns += [Column(name=kept.value, type=types[kept.column]), Column(name=kept.since, type=INSTANT)]
    if merge.history:
        open_end = builder.spec.scd.open_end is None
        columns += [
            Column(name=fields.valid_from, type=INSTANT, nullable=False),
            Column(name=fields.valid_to, type=INSTANT, nullable=open_end),
            Column(name=fields.is_current, type=BOOLEAN, nullable=False),
        ]
    if merge.marks_deleted:
        columns.append(Column(name=fields.is_deleted, type=BOOLEAN, nullable=False))
    columns.append(Column(name=fields.inserted_at, type=INSTANT))
    if merge.scd is not ScdType.APPEND:
        columns.append(Column(name=fields.modified_at, type=INSTANT))
    return tuple(columns)


def _index(builder: Builder) -> Iterator[Statement]:
    if not makes_unique_index(builder):
        return
    merge, table = builder.merge, builder.spec.target.table
    flag = merge.fields.is_current if merge.history else None
    sql = builder.target.unique_current(names_current(table), table, merge.key, flag)
    if sql:
        yield Statement(name="create_unique_index", side=Side.TARGET, sql=sql)
