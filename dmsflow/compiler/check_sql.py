"""The statements of checks: how many rows do not meet one, of how many, and a few of their keys. Runs nothing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, assert_never

import sqlalchemy as sa

from dmsflow.compiler.questions import ENDLESS, tellable
from dmsflow.compiler.statements import compile_statement
from dmsflow.compiler.survey import AS_TEXT
from dmsflow.engines.duckdb_sql import PART, DuckDBIdioms
from dmsflow.engines.engine import Idioms
from dmsflow.model.checks import Check, CheckKind, CheckOn, PlannedCheck
from dmsflow.model.plan import Fault, Side, Statement
from dmsflow.model.spec import PipelineSpec
from dmsflow.model.table import Column, DataType, TypeName
from dmsflow.scd.shape import FAULT, GONE, Element, at_most, is_sound, warn_column

if TYPE_CHECKING:
    from dmsflow.compiler.build import Builder

SAMPLES = 5
CHECKED = "checked"


def row_predicate(check: Check) -> str:
    """What a row has to meet, as DuckDB, which stages the rows, reads it."""
    idioms = DuckDBIdioms()
    match check.kind:
        case CheckKind.NOT_NULL:
            return " AND ".join(f"{idioms.quote(name)} IS NOT NULL" for name in check.columns)
        case CheckKind.ACCEPTED_VALUES:
            listed = ", ".join(idioms.literal(value) for value in check.values)
            return f"{idioms.quote(check.columns[0])} IN ({listed})"
    return check.expr


def row_warnings(checks: Sequence[Check]) -> tuple[Check, ...]:
    """The checks on rows that refuse none."""
    return tuple(check for check in checks if check.on is CheckOn.ROW and not check.rejects)


def asks_the_stage(spec: PipelineSpec) -> bool:
    """Whether a check needs the rows in a stage."""
    return bool(row_warnings(spec.checks)) or any(check.on is CheckOn.STAGED for check in spec.checks)


def plan_checks(builder: "Builder", faults: Sequence[Fault]) -> tuple[PlannedCheck, ...]:
    """The checks as the plan carries them."""
    numbers = {fault.check: fault.number for fault in faults if fault.check is not None}
    return tuple(
        PlannedCheck(
            name=check.name,
            on=check.on,
            severity=check.severity,
            kind=check.kind,
            told=_tell(check),
            columns=_sampled(builder, check),
            within=check.within.total_seconds() if check.within is not None else None,
            min_rows=check.min_rows,
            max_rows=check.max_rows,
            fault=numbers[check.name] if check.rejects else None,
        )
        for check in builder.spec.checks
    )


def check_statements(builder: "Builder", faults: Sequence[Fault]) -> Iterator[Statement]:
    """``check_<name>`` counts, ``sample_<name>`` shows; each runs in the target."""
    warned = [check.name for check in row_warnings(builder.spec.checks)]
    for check, planned in zip(builder.spec.checks, plan_checks(builder, faults), strict=True):
        rows = _relation(builder, check)
        if check.on is CheckOn.ROW:
            failing: Element = (
                rows.c[warn_column(warned.index(check.name))] == sa.literal_column("1")
                if planned.fault is None
                else rows.c[FAULT] == sa.literal_column(str(planned.fault))
            )
            if planned.fault is None:
                failing = sa.and_(failing, is_sound(rows))
        else:
            failing = _failing(builder.target, check, rows)
        yield compile_statement(
            f"check_{check.name}", Side.TARGET, _count(builder, check, rows, failing), builder.target
        )
        sample = _sample(check, rows, failing, planned.columns)
        if sample is not None:
            yield compile_statement(f"sample_{check.name}", Side.TARGET, sample, builder.target)


def _relation(builder: "Builder", check: Check) -> sa.FromClause:
    """The set that a check looks at: current versions of the result, sound rows of the stage, all rows of it."""
    merge = builder.merge
    if check.on is CheckOn.RESULT:
        target = _whole_target(builder).alias("t")
        chosen = sa.select(*target.c).where(merge.is_current(target), merge.is_live(target))
    elif check.on is CheckOn.STAGED:
        staged = merge.stage().alias("s")
        loaded = sa.and_(is_sound(staged), sa.not_(merge.is_marked(staged)))
        if merge.op:
            loaded = sa.and_(loaded, staged.c[GONE] == sa.literal_column("0"))
        chosen = sa.select(*(staged.c[name] for name in merge.columns)).where(loaded)
    else:
        return merge.stage().alias(CHECKED)
    rows = chosen.subquery(CHECKED)
    if not check.where:
        return rows
    condition: Element = sa.literal_column(f"({check.where})", sa.Boolean())
    return sa.select(*rows.c).where(condition).subquery(CHECKED)


def _whole_target(builder: "Builder") -> sa.TableClause:
    """The target with every column that it has, those among them that the spec says nothing of."""
    merge, shape = builder.merge, builder.facts.target.shape
    names = dict.fromkeys((*merge.columns, *merge.engine_columns, *(shape.names if shape else ())))
    return sa.table(merge.table, *(sa.column(name, merge.types.get(name)) for name in names), schema=merge.schema)


def _failing(idioms: Idioms, check: Check, rows: sa.FromClause) -> Element:
    """What a row, or a group of them, is that does not meet the check."""
    columns = _find(rows, check.columns)
    match check.kind:
        case CheckKind.EXPR:
            return sa.not_(sa.literal_column(f"({check.expr})", sa.Boolean()))
        case CheckKind.UNIQUE:
            return sa.and_(*(column.is_not(None) for column in columns))
        case CheckKind.NOT_NULL:
            return sa.or_(*(column.is_(None) for column in columns))
        case CheckKind.ACCEPTED_VALUES:
            listed: list[Element] = [sa.literal_column(idioms.literal(value)) for value in check.values]
            return columns[0].not_in(listed)
        case CheckKind.FRESH | CheckKind.ROWS:
            return sa.true()
        case CheckKind.REFERENCES:
            return _refers_to_nothing(check, columns)
        case _ as never:
            assert_never(never)


def _refers_to_nothing(check: Check, columns: Sequence[Element]) -> Element:
    assert check.references is not None
    table = check.references.table
    schema = PART.join(part for part in (table.catalog, table.schema) if part) or None
    other = sa.table(table.table, *(sa.column(name) for name in check.references.key), schema=schema).alias("other")
    pairs = zip(columns, check.references.key, strict=True)
    met = sa.and_(*(other.c[name] == column for column, name in pairs))
    if check.references.where:
        met = sa.and_(met, sa.literal_column(f"({check.references.where})", sa.Boolean()))
    found = sa.exists(sa.select(sa.literal_column("1")).select_from(other).where(met).correlate_except(other))
    return sa.and_(*(column.is_not(None) for column in columns), sa.not_(found))


def _count(builder: "Builder", check: Check, rows: sa.FromClause, failing: Element) -> sa.Executable:
    """Two numbers: rows that do not meet the check, and rows at all. Of fresh ones the first is the latest time."""
    whole = sa.select(sa.func.count()).select_from(rows).scalar_subquery()
    match check.kind:
        case CheckKind.EXPR if check.on is not CheckOn.ROW:
            return sa.select(
                sa.case((failing, sa.literal_column("1")), else_=sa.literal_column("0")), sa.func.count()
            ).select_from(rows)
        case CheckKind.FRESH:
            return sa.select(_latest(builder, check, rows), sa.func.count()).select_from(rows)
        case CheckKind.ROWS:
            return sa.select(sa.literal_column("0"), sa.func.count()).select_from(rows)
        case CheckKind.UNIQUE:
            groups = _repeated(rows, failing, _find(rows, check.columns)).subquery("repeated")
            return sa.select(sa.select(sa.func.count()).select_from(groups).scalar_subquery(), whole)
    broken = sa.select(sa.func.count()).select_from(rows).where(failing).scalar_subquery()
    return sa.select(broken, whole)


def _latest(builder: "Builder", check: Check, rows: sa.FromClause) -> Element:
    """The latest time, as a driver can hand it over; one that no calendar knows says nothing about an age."""
    (value,) = _find(rows, check.columns)
    existing = builder.facts.target.shape.columns if builder.facts.target.shape else ()
    kinds = {column.name.lower(): column.type for column in existing}
    kinds |= {column.name.lower(): column.type for column in builder.columns}
    kind = kinds.get(check.columns[0].lower(), DataType(name=TypeName.TIMESTAMP))
    column = Column(name=check.columns[0], type=kind)
    if builder.facts.target.engine in ENDLESS:
        value = sa.case((tellable(value, column), value))
    latest: Element = sa.func.max(value)
    return sa.cast(latest, sa.String()) if kind.family in AS_TEXT else latest


def _repeated(rows: sa.FromClause, whole: Element, columns: Sequence[Element]) -> sa.Select[tuple[object, ...]]:
    chosen = sa.select(*columns).select_from(rows).where(whole).group_by(*columns)
    return chosen.having(sa.func.count() > sa.literal_column("1"))


def _sample(
    check: Check, rows: sa.FromClause, failing: Element, columns: Sequence[str]
) -> sa.Select[tuple[object, ...]] | None:
    """A few of the keys, or values, that do not meet the check; None where no row is to blame."""
    if not columns:
        return None
    found = _find(rows, columns)
    if check.kind is CheckKind.UNIQUE:
        chosen = _repeated(rows, failing, found)
    else:
        chosen = sa.select(*found).select_from(rows).where(failing)
    return at_most(chosen, SAMPLES)


def _sampled(builder: "Builder", check: Check) -> tuple[str, ...]:
    """The columns that tell a row: its key, or else what the check looks at."""
    if check.kind in (CheckKind.FRESH, CheckKind.ROWS) or (check.kind is CheckKind.EXPR and check.on != CheckOn.ROW):
        return ()
    if check.kind in (CheckKind.UNIQUE, CheckKind.REFERENCES) or not builder.merge.key:
        return check.columns
    return builder.merge.key


def _find(rows: sa.FromClause, names: Sequence[str]) -> list[Element]:
    """The columns by their names, in whatever case they are written."""
    known: Mapping[str, Element] = {column.name.lower(): column for column in rows.c}
    return [known[name.lower()] for name in names]


def _tell(check: Check) -> str:
    """What the rows are that do not meet a check, in words."""
    named = ", ".join(check.columns)
    match check.kind:
        case CheckKind.UNIQUE:
            return f"values of ({named}) occur several times"
        case CheckKind.NOT_NULL:
            return f"rows have no value in {named}"
        case CheckKind.ACCEPTED_VALUES:
            return f"rows have another value in {named} than the accepted ones"
        case CheckKind.REFERENCES:
            assert check.references is not None
            return f"rows refer by {named} to no row of {check.references.table}"
        case CheckKind.FRESH:
            return named
    return "rows do not meet it" if check.on is CheckOn.ROW else check.expr
