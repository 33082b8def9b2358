"""Questions to the databases that need SQL of their own: checkpoint, fence, ties, expressions. Reads only."""

from collections.abc import Sequence
from decimal import Decimal

import sqlalchemy as sa
from msgspec.structs import replace

from dmsflow.compiler.checkpoints import SETTLES, plan_checkpoint
from dmsflow.compiler.chunking import Cut
from dmsflow.compiler.columns import listed_columns
from dmsflow.compiler.source_sql import SourceSql, compare, quantile_rows
from dmsflow.compiler.statements import compile_statement
from dmsflow.compiler.survey import AS_TEXT, read_bound, read_clock, refused
from dmsflow.compiler.user_sql import bind_params
from dmsflow.compiler.writers import choose, look_at_writers
from dmsflow.diagnostics import Diagnostic
from dmsflow.engines.access import Access
from dmsflow.engines.engine import Row, Session
from dmsflow.errors import ConnectionFailed, DatabaseError, SpecRejected
from dmsflow.marks.checkpoint import read_watermark
from dmsflow.marks.names import CHECKPOINT
from dmsflow.marks.tables import find_checkpoint
from dmsflow.model.facts import Facts, SourceFacts, Writers
from dmsflow.model.plan import CheckpointPlan, Side, Statement
from dmsflow.model.spec import PipelineSpec, ScdType, param_values
from dmsflow.model.table import Column, DataType, TableName, TableShape, can_stand
from dmsflow.model.watermark import Scalar, Watermark
from dmsflow.scd.misfits import TIMES
from dmsflow.scd.native import Native
from dmsflow.scd.shape import Element, Query, at_most

ENDLESS = ("duckdb", "postgresql")
"""Databases with times that are infinite, or of no year from 1 to 9999, beside which others stand."""


def ask(spec: PipelineSpec, facts: Facts, access: Access, source: Session, target: Session) -> Facts:
    """The facts with the answers."""
    sql = source_sql(spec, facts.source, access)
    facts = ask_expressions(spec, facts, sql, source)
    if facts.refused:
        return facts
    if not spec.checkpoint.by_key:
        return estimate_part(spec, facts, sql, source)
    start = read_checkpoint(spec, access, target)
    fence, writers = read_fence(spec, sql, source, target, access, start)
    ties = None
    if spec.scd.type is ScdType.APPEND:
        fence = fence.counted(count_ties(spec, sql, source, fence)) if fence else None
        ties = count_ties(spec, sql, source, start) if start else None
    facts = replace(facts, start=start, fence=fence, start_ties=ties, writers=writers)
    return estimate_part(spec, facts, sql, source)


def estimate_part(spec: PipelineSpec, facts: Facts, sql: SourceSql, session: Session) -> Facts:
    """The facts with the rows that this run will read, where it reads a part of a table that is worth cutting."""
    known = facts.source.estimated_rows
    if known is None and spec.checkpoint.counted:
        return replace(facts, source=replace(facts.source, estimated_rows=count_rows(spec, facts, sql, session)))
    if known is None or known < spec.parallel.min_rows or (spec.source.where is None and facts.start is None):
        return facts
    checkpoint = plan_checkpoint(spec, facts)
    query = sql.projection((), (), (), checkpoint, lower=False, upper=False)
    statement = compile_statement("estimate", Side.SOURCE, query, sql.idioms)
    values = {**param_values(spec.params), **checkpoint.binds()}
    rows = session.estimate_query(statement.sql, {name: values[name] for name in statement.binds})
    return facts if rows is None else replace(facts, source=replace(facts.source, estimated_rows=min(rows, known)))


def count_rows(spec: PipelineSpec, facts: Facts, sql: SourceSql, session: Session) -> int:
    """How many rows the run will read, where no estimate tells into how many chunks they go."""
    rows = sql.projection((), (), (), plan_checkpoint(spec, facts), lower=False, upper=False).subquery("counted")
    statement = compile_statement("count", Side.SOURCE, sa.select(sa.func.count()).select_from(rows), sql.idioms)
    values = param_values(spec.params)
    return int(str(session.fetch(statement.sql, {name: values[name] for name in statement.binds})[0][0]))


def source_sql(spec: PipelineSpec, source: SourceFacts, access: Access) -> SourceSql:
    """The builder of the source's SQL."""
    marker = "$" if source.engine == "duckdb" else ":"
    return SourceSql(spec=spec, facts=source, idioms=access.source_idioms, marker=marker)


def ask_expressions(spec: PipelineSpec, facts: Facts, sql: SourceSql, session: Session) -> Facts:
    """The facts with the types of the expressions, and with what the source refuses of them and of the predicate."""
    source = sql.relation().alias("src")
    found: list[tuple[str, DataType]] = []
    collations: list[tuple[str, str]] = []
    problems: list[Diagnostic] = []
    for column in listed_columns(spec, facts):
        if column.expr is None:
            continue
        value: Element = sa.literal_column(f"({bind_params(column.expr, sql.marker)})").label("value")
        try:
            described = _describe(spec, sql, session, sa.select(value).select_from(source))
            found.append((column.name, described.columns[0].type))
            collations += [(column.name, it.collation) for it in described.columns if it.collation is not None]
        except DatabaseError as error:
            problems.append(refused(("columns", column.name, "expr"), "the source refuses the expression", error))
    if spec.source.where is not None:
        element: Query = sa.select(sa.literal_column("1").label("value")).select_from(source).where(sql.filter())
        try:
            _describe(spec, sql, session, element)
        except DatabaseError as error:
            problems.append(refused(("source", "where"), "the source refuses the predicate", error))
    collated = tuple(collations)
    return replace(facts, expression_types=tuple(found), expression_collations=collated, refused=tuple(problems))


def _describe(spec: PipelineSpec, sql: SourceSql, session: Session, element: sa.Executable) -> TableShape:
    statement = compile_statement("describe", Side.SOURCE, element, sql.idioms)
    binds = {name: value for name, value in param_values(spec.params).items() if name in statement.binds}
    return session.describe_query(statement.sql, binds)


def read_checkpoint(spec: PipelineSpec, access: Access, session: Session) -> Watermark | None:
    """The watermark that the target remembers of this pipeline."""
    schema = spec.target.table.schema
    if session.describe_table(TableName(table=CHECKPOINT, schema=schema)) is None:
        return None
    statement = compile_statement("find_checkpoint", Side.TARGET, find_checkpoint(schema), access.target_idioms)
    rows = session.fetch(statement.sql, {"pipeline": spec.pipeline})
    watermark = read_watermark(rows[0][0]) if rows else None
    if watermark is not None and watermark.columns != spec.checkpoint.columns:
        raise ConnectionFailed(
            f"the target remembers a watermark over {', '.join(watermark.columns)}, the spec has "
            f"{', '.join(spec.checkpoint.columns) or 'no checkpoint columns'}: restore them in the spec"
        )
    return watermark


def read_fence(
    spec: PipelineSpec,
    sql: SourceSql,
    session: Session,
    target: Session,
    access: Access,
    start: Watermark | None = None,
) -> tuple[Watermark | None, Writers | None]:
    """The greatest checkpoint value that this run reads, and what it does about rows that are not committed yet.

    None where the source has nothing from ``start`` on, by its own order of values. Nothing younger than ``settle``;
    else nothing that began after a transaction which is open (law 17). Raises SpecRejected for a value without end.
    """
    columns = [sql.facts.shape.find(name) for name in spec.checkpoint.columns]
    if sql.facts.as_text or any(column is None or not can_stand(column.type) for column in columns):
        return None, None
    known: list[Column] = [column for column in columns if column is not None]
    if spec.checkpoint.settle is not None and known[0].type.family not in SETTLES:
        return None, None
    source = sql.relation().alias("src")
    keys = sql.marks(source, spec.checkpoint.columns)
    told = [_told(sql, key, column) for key, column in zip(keys, known, strict=True)]
    query = sa.select(*told).where(sql.filter(), *(key.is_not(None) for key in keys))
    binds: dict[str, Scalar | None] = dict(param_values(spec.params))
    if start is not None:
        query = query.where(compare(keys, "start", at=True))
        binds |= {f"start_{i}": value.value() for i, value in enumerate(start.values)}
    if spec.checkpoint.settle is not None:
        binds["settled"] = read_clock(target, access) - spec.checkpoint.settle
        query = query.where(keys[0] <= sa.bindparam("settled"))

    def read(query: Query) -> Watermark | None:
        last = at_most(query.order_by(*(key.desc() for key in keys)), 1)
        statement = compile_statement("find_fence", Side.SOURCE, readable(last, known), sql.idioms)
        rows = session.fetch(statement.sql, {name: binds[name] for name in statement.binds})
        if rows:
            refuse_endless(rows[0], known)
        return Watermark(columns=spec.checkpoint.columns, values=read_bound(rows[0], known)) if rows else None

    fence = read(query)
    if fence is None or spec.checkpoint.settle is not None or sql.facts.embedded:
        return fence, None
    sight = look_at_writers(sql, session, known[0])
    if sight is not None and sight.before is not None:
        binds["before"] = sight.before
        fence = read(query.where(keys[0] < sa.bindparam("before")))
    return fence, choose(sight)


def _told(sql: SourceSql, key: Element, column: Column) -> Element:
    """The value, and NULL in place of one that no driver hands over."""
    return sa.case((tellable(key, column), key)) if sql.facts.engine in ENDLESS else key


def refuse_endless(row: Row, columns: list[Column]) -> None:
    """Raise SpecRejected for a greatest value that a watermark cannot pass: all that comes later sorts before it."""
    for i, (value, column) in enumerate(zip(row, columns, strict=True)):
        if value is None or (isinstance(value, Decimal) and not value.is_finite()):
            told = "NaN or infinite" if column.type.family == "decimal" else "infinite, or no year from 1 to 9999"
            problem = Diagnostic(
                code="DMS321",
                message=f'the greatest value of checkpoint column "{column.name}" is {told}',
                path=("checkpoint", "columns", i),
                help="correct these rows, or leave them out with source.where",
            )
            raise SpecRejected((problem,))


def count_ties(spec: PipelineSpec, sql: SourceSql, session: Session, mark: Watermark) -> int | None:
    """How many source rows have just the values of a watermark (law 16)."""
    columns = [sql.facts.shape.find(name) for name in mark.columns]
    if any(column is None for column in columns):
        return None
    source = sql.relation().alias("src")
    equal = [key == sa.bindparam(f"tie_{i}") for i, key in enumerate(sql.marks(source, mark.columns))]
    query = sa.select(sa.func.count()).select_from(source).where(sql.filter(), *equal)
    statement = compile_statement("count_ties", Side.SOURCE, query, sql.idioms)
    values = param_values(spec.params) | {f"tie_{i}": value.value() for i, value in enumerate(mark.values)}
    counted = session.fetch(statement.sql, {name: values[name] for name in statement.binds})[0][0]
    return int(counted or 0)  # type: ignore[arg-type]


def readable(query: Query, columns: Sequence[Column]) -> Query:
    """The same rows as a driver can hand them over: text, where a value has a zone or a class of its own."""
    picked = zip(query.selected_columns, columns, strict=True)
    casts = (sa.cast(c, sa.String()) if column.type.family in AS_TEXT else c for c, column in picked)
    return query.with_only_columns(*casts, maintain_column_froms=True)


def tellable(value: Element, column: Column) -> Element:
    """Whether a driver can hand the value over; one that no calendar knows lies in the first chunk or the last."""
    if column.type.family not in TIMES:
        return sa.true()
    first, last = (
        sa.cast(sa.literal_column(f"'{end}'"), Native(column.type.name)) for end in TIMES[column.type.family]
    )
    return value.between(first, last)


def ask_boundaries(spec: PipelineSpec, sql: SourceSql, cut: Cut, checkpoint: CheckpointPlan) -> Statement:
    """The query for the first key of every chunk but the first, computed where keys are compared (laws 2, 6)."""
    relation: sa.FromClause = sql.relation().alias("src")
    if cut.by_sample and sql.idioms.sample:
        method, share = sql.idioms.sample
        sampled = getattr(sa.func, method)(sa.literal_column(share))
        relation = sa.tablesample(sql.relation(), sampled, name="src")
    condition = sa.and_(sql.filter(), sql.window(relation, checkpoint))
    columns = [column for name in cut.keys if (column := sql.facts.shape.find(name)) is not None]
    told = (tellable(relation.c[column.name], column) for column in columns if sql.facts.engine in ENDLESS)
    query = readable(quantile_rows(relation, cut.keys, sa.and_(condition, *told)), columns)
    return compile_statement("find_boundaries", Side.SOURCE, query, sql.idioms)
