"""Checks against the databases as they are: the columns and tables they name, and their SQL. Reads no row."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from decimal import Decimal

from dmsflow.compiler.columns import LoadedColumn
from dmsflow.compiler.surrogates import surrogate_type
from dmsflow.compiler.survey import refused
from dmsflow.compiler.table_rules import engine_names
from dmsflow.diagnostics import Diagnostic, Path, did_you_mean
from dmsflow.engines.access import Access
from dmsflow.engines.engine import Session
from dmsflow.errors import DatabaseError
from dmsflow.model.checks import AcceptedValue, Check, CheckKind, CheckOn
from dmsflow.model.facts import Facts
from dmsflow.model.previous import find_previous
from dmsflow.model.spec import PipelineSpec
from dmsflow.model.table import DataType, TypeName

TIMES = ("date", "timestamp", "timestamptz")


def try_set_checks(
    spec: PipelineSpec, facts: Facts, columns: Sequence[LoadedColumn], access: Access
) -> Iterator[Diagnostic]:
    """What the databases have against the checks of a spec."""
    yield from _try_scope(spec, facts, columns, access)
    of_sets = [(i, check) for i, check in enumerate(spec.checks) if check.on is not CheckOn.ROW]
    for i, check in enumerate(spec.checks):
        known = _types(spec, facts, columns, check.on)
        yield from _unknown(check.columns, tuple(known), ("checks", i, check.kind), "the checked rows")
        if check.columns and check.kind in (CheckKind.FRESH, CheckKind.ACCEPTED_VALUES):
            kind = next((it for name, it in known.items() if name.lower() == check.columns[0].lower()), None)
            yield from _ill_typed(check, kind, ("checks", i, check.kind))
    if not of_sets:
        return
    with closing(access.open_target()) as session:
        for i, check in of_sets:
            yield from _try_table(check, ("checks", i, "references"), session)
            yield from _try_sql(check, ("checks", i), _types(spec, facts, columns, check.on), access, session)


def _try_scope(
    spec: PipelineSpec, facts: Facts, columns: Sequence[LoadedColumn], access: Access
) -> Iterator[Diagnostic]:
    """What the scope of deletes names: columns of the target, and one of the source that marks rows."""
    within, path = spec.scd.within, ("scd", "deletes", "scope")
    names = tuple(column.name for column in columns)
    yield from _unknown(within.partition, names, (*path, "partition"), "the target")
    if within.column:
        yield from _unknown((within.column,), facts.source.shape.names, (*path, "column"), facts.source.label)
        marked = facts.source.shape.find(within.column)
        check = Check(name="scope", kinds=(CheckKind.ACCEPTED_VALUES,), values=within.values)
        yield from _ill_typed(check, marked.type if marked else None, path)
    if within.where:
        check = Check(name="scope", kinds=(), where=within.where)
        with closing(access.open_target()) as session:
            yield from _try_sql(check, path, _types(spec, facts, columns, CheckOn.RESULT), access, session)


def _types(spec: PipelineSpec, facts: Facts, columns: Sequence[LoadedColumn], on: CheckOn) -> dict[str, DataType]:
    """The columns that a check can name; of the result also those that only the target has."""
    known = {column.name: column.type for column in columns}
    if on is not CheckOn.RESULT:
        return known
    fields = spec.scd.fields
    flags = (fields.is_current, fields.is_deleted)
    for name in engine_names(spec):
        kind = surrogate_type(spec).name if name == fields.surrogate_key else TypeName.TIMESTAMP
        known[name] = DataType(name=TypeName.BOOLEAN if name in flags else kind)
    known |= {kept.value: known[kept.column] for kept in find_previous(spec.columns) if kept.column in known}
    shape = facts.target.shape
    return known | ({column.name: column.type for column in shape.columns} if shape else {})


def _unknown(names: Sequence[str], known: Sequence[str], path: Path, where: str) -> Iterator[Diagnostic]:
    folded = {name.lower() for name in known}
    for name in names:
        if name.lower() not in folded:
            help = did_you_mean(name, known) or f"there are: {', '.join(known[:12])}"
            yield Diagnostic(code="DMS301", message=f'column "{name}" is not in {where}', path=path, help=help)


def _ill_typed(check: Check, kind: DataType | None, path: Path) -> Iterator[Diagnostic]:
    """A column whose values have no age, or are never one of those that are looked for."""
    if kind is None or kind.foreign:
        return
    if check.kind is CheckKind.FRESH and kind.family not in TIMES:
        message = f'column "{check.columns[0]}" is {kind}, which has no age'
        help = "name a column of type date, timestamp or timestamptz"
        yield Diagnostic(code="DMS345", message=message, path=(*path, "column"), help=help)
    for i, value in enumerate(check.values):
        if not _can_be(value, kind.family):
            message = f"no value of {kind} is {value!r}" if isinstance(value, str) else f"no value of {kind} is {value}"
            help = "quote it, as a text" if kind.family == "text" else f"write values of {kind}"
            yield Diagnostic(code="DMS345", message=message, path=(*path, "values", i), help=help)


def _can_be(value: AcceptedValue, family: str) -> bool:
    """Whether a constant of a spec compares with values of a family of types; a text may be written for many."""
    match family:
        case "boolean":
            return isinstance(value, bool)
        case "integer" | "decimal" | "float":
            return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return not isinstance(value, bool | int | float | Decimal)


def _try_table(check: Check, path: Path, session: Session) -> Iterator[Diagnostic]:
    found = check.references
    if found is None:
        return
    shape = session.describe_table(found.table)
    if shape is None:
        message = f'there is no table or view "{found.table}" in the target\'s database'
        help = "check schema and name, and that the user may read it"
        yield Diagnostic(code="DMS343", message=message, path=(*path, "table"), help=help)
    else:
        yield from _unknown(found.key, shape.names, (*path, "key"), str(found.table))


def _try_sql(
    check: Check, path: Path, types: dict[str, DataType], access: Access, session: Session
) -> Iterator[Diagnostic]:
    """The SQL of a check over columns of the types that there are, and no row."""
    idioms = access.target_idioms
    rows = ", ".join(f"CAST(NULL AS {idioms.type_sql(kind)}) AS {idioms.quote(name)}" for name, kind in types.items())
    asked = []
    if CheckKind.EXPR in check.kinds:
        asked.append(("expr", f"SELECT CASE WHEN NOT ({check.expr}) THEN 1 ELSE 0 END AS broken"))
    if check.where:
        asked.append(("where", f"SELECT CASE WHEN ({check.where}) THEN 1 ELSE 0 END AS met"))
    for key, sql in asked:
        try:
            session.describe_query(f"{sql} FROM (SELECT {rows}) AS checked")
        except DatabaseError as error:
            yield refused((*path, key), "the target refuses the check", error)
