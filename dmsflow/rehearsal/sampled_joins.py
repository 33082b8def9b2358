"""Plans a sample of each table of a query, so that rows which join are there together. Reads shapes, no rows."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dmsflow.compiler.columns import source_name
from dmsflow.compiler.rules.sql import DIALECTS, STANDARD, hold_places
from dmsflow.engines.engine import Engine, Session
from dmsflow.errors import DatabaseError
from dmsflow.events import redact
from dmsflow.model.plan import Side, Statement
from dmsflow.model.spec import PipelineSpec
from dmsflow.model.table import TableName, TableShape, UniqueKey
from dmsflow.rehearsal.join_reader import JoinReader, list_tables
from dmsflow.rehearsal.joins import Edge, Joins, NotSampled
from dmsflow.rehearsal.sample_sql import TableSource, sortable, write

if TYPE_CHECKING:
    from sqlglot.expressions import Expr, Select, Table
    from sqlglot.optimizer.scope import Scope


class SampledQuery(Struct, frozen=True, kw_only=True):
    """A query, and how each of its tables is sampled; a table that it names twice has a name of its own here."""

    spec: PipelineSpec
    dialect: str
    joins: Joins
    sources: Sequence[TableSource]
    names: Sequence[TableName]
    leader: int
    marker: str

    def shape(self, table: int) -> TableShape:
        """The columns of a table."""
        return self.sources[table].shape

    def written(self, table: int) -> str:
        """The table as the query names it."""
        return ".".join(part.name for part in self.joins.tables[table].parts)

    def statement(self, name: str, select: "Select") -> Statement:
        """A query of ours in the source's dialect, with the parameters that it names."""
        params = {param.name: f"{self.marker}param_{param.name}" for param in self.spec.params}
        sql = write(select, self.dialect, params)
        binds = sorted(f"param_{name}" for name, written in params.items() if written in sql)
        return Statement(name=name, side=Side.SOURCE, sql=sql, binds=tuple(binds))


class Fetch(Struct, frozen=True, kw_only=True):
    """One table's part of the sample: the rows to read, of how many, and by which equalities they are found."""

    table: int
    select: "Select"
    edges: tuple[Edge, ...]
    total: int | None


def read_query(spec: PipelineSpec, engine: Engine, session: Session) -> SampledQuery:
    """The query with the shapes of its tables. Raises NotSampled where its tables cannot be sampled one by one."""
    dialect = DIALECTS.get(session.traits.name, STANDARD)
    root = _parse(str(spec.source.query), dialect)
    tables = list_tables(root)
    if len(tables) < 2:
        raise NotSampled("it reads one table")
    where = _parse(f"SELECT 1 WHERE {spec.source.where}", dialect).expression if spec.source.where else None
    try:
        shapes = [session.describe_query(f"SELECT * FROM {_plain(table).sql(dialect=dialect)}") for table in tables]
    except DatabaseError as error:
        raise NotSampled(f"a table of it cannot be read by itself: {redact(str(error))}") from error
    joins = JoinReader(root, tables, shapes).read(where.args["where"].this if where is not None else None)
    key = [_source_column(spec, name) for name in spec.key]
    leader = _lead(joins, key)
    names = [_name(table, i if i in joins.repeated else None) for i, table in enumerate(tables)]
    keys = [_unique(engine, session, _name(table)) for table in tables]
    sources = tuple(
        TableSource(
            table=table,
            shape=shape,
            filters=joins.filters.get(i, ()) if i == leader else (),
            order=_order(shape, keys[i], key if i == leader else []),
        )
        for i, (table, shape) in enumerate(zip(tables, shapes, strict=True))
    )
    source = replace(spec.source, query=_rename_tables(str(spec.source.query), joins, names, dialect))
    return SampledQuery(
        spec=replace(spec, source=source),
        dialect=dialect,
        joins=joins,
        sources=sources,
        names=names,
        leader=leader,
        marker="$" if dialect == "duckdb" else ":",
    )


def plan_fetches(query: SampledQuery, rows: int, seed: int, count: Callable[[Statement], int]) -> Iterator[Fetch]:
    """What to read of each table, parents first. Raises NotSampled where one is needed whole and has more rows.

    Where rows of an optional table are missing, the query would return rows that it does not return of the whole.
    """
    selects: dict[int, Select] = {}
    for table, edges in query.joins.tree(query.leader):
        source, total = query.sources[table], None
        if edges:
            selects[table] = source.meeting(edges, selects[edges[0].parent.table])
        else:
            total = count(query.statement("count_rows", source.count()))
            if total > rows and table not in query.joins.leaders:
                raise NotSampled(f"a part of {query.written(table)} would not do, and no equality leads to its rows")
            selects[table] = source.spread(rows, total, seed)
        yield Fetch(table=table, select=selects[table], edges=edges, total=total)


def _parse(text: str, dialect: str) -> "Scope":
    import sqlglot
    from sqlglot.errors import ErrorLevel, SqlglotError
    from sqlglot.optimizer.scope import build_scope

    try:
        scope = build_scope(sqlglot.parse_one(hold_places(text), read=dialect, error_level=ErrorLevel.RAISE))
    except SqlglotError as error:
        raise NotSampled(f"it cannot be taken apart: {error}") from error
    if scope is None:
        raise NotSampled("it is no SELECT")
    return scope


def _lead(joins: Joins, key: Sequence[str]) -> int:
    """The table that holds most of the business key, unless another one finds more of the tables."""
    if not joins.leaders:
        raise NotSampled("every table of it is optional")
    held = [joins.output.get(name.lower()) for name in key]
    return max(joins.leaders, key=lambda table: (joins.reach(table), held.count(table), -joins.leaders.index(table)))


def _source_column(spec: PipelineSpec, name: str) -> str:
    """The column of the query that a column of the target is loaded from, as far as that is plain."""
    column = next((column for column in spec.columns if column.name == name), None)
    return (source_name(column) if column else None) or name


def _order(shape: TableShape, unique: Sequence[str], key: Sequence[str]) -> list[str]:
    """By what a table is put in order, so that its sample is spread and the same each time."""
    known = [column.name for name in key if (column := shape.find(name))]
    rest = [column.name for name in unique if (column := shape.find(name))] or sortable(shape.columns)
    return list(dict.fromkeys((*known, *rest)))


def sample_order(spec: PipelineSpec, shape: TableShape, unique: Sequence[UniqueKey]) -> list[str]:
    """The columns by which rows of the source as one table are put in order; none where it has no business key."""
    key = [_source_column(spec, name) for name in spec.key]
    first = next((known.columns for known in unique if known.condition is None), ())
    return _order(shape, first, key) if any(shape.find(name) for name in key) else []


def _unique(engine: Engine, session: Session, table: TableName) -> Sequence[str]:
    """A key of the table without a condition; none where the database tells of none."""
    try:
        keys = session.unique_keys(engine.locate(table))
    except DatabaseError:
        return ()
    return next((key.columns for key in keys if key.condition is None), ())


def _name(table: "Table", own: int | None = None) -> TableName:
    if own is not None:
        return TableName(table=f"dms_sample_{own}")
    parts = {"schema": table.text("db") or None, "catalog": table.text("catalog") or None}
    return TableName(table=table.name, **parts)


def _plain(table: "Table") -> "Expr":
    """The table without its alias and what else belongs to the query."""
    from sqlglot import exp

    return exp.Table(**{part: table.args.get(part) and table.args[part].copy() for part in ("this", "db", "catalog")})


def _rename_tables(text: str, joins: Joins, names: Sequence[TableName], dialect: str) -> str:
    """The query with other names for the tables that stand in it several times, known by the alias that they had."""
    from sqlglot import exp

    places = []
    for i in joins.repeated:
        table = joins.tables[i]
        parts = [part.meta for part in table.parts]
        if not all("start" in meta for meta in parts):
            raise NotSampled(f'it reads "{table.name}" in more than one place')
        alias = exp.to_identifier(table.name, quoted=table.this.quoted).sql(dialect=dialect)
        written = names[i].table if table.alias else f"{names[i].table} {alias}"
        places.append((parts[0]["start"], parts[-1]["end"] + 1, written))
    for start, end, written in sorted(places, reverse=True):
        text = text[:start] + written + text[end:]
    return text
