"""What can be wrong between a spec and a real source: its columns, its types. The target has rules of its own.

Each rule is a generator of diagnostics; its docstring says why it is there.
"""

from collections.abc import Iterator

from dmsflow.compiler.checkpoints import SETTLES
from dmsflow.compiler.columns import listed_columns, listed_lookups, match_columns, source_name
from dmsflow.compiler.narrowing import casts_that_narrow
from dmsflow.diagnostics import Diagnostic, Path, Severity, did_you_mean
from dmsflow.model.facts import Facts
from dmsflow.model.previous import find_previous
from dmsflow.model.spec import Deletes, PipelineSpec, ScdType
from dmsflow.model.table import RESERVED_PREFIX, DataType, TypeName, can_stand

Problems = Iterator[Diagnostic]


def source_columns_exist(spec: PipelineSpec, facts: Facts) -> Problems:
    """A column that the source does not have would be loaded as NULL, or stop the load at night."""
    known = facts.source.shape.names
    for wanted in listed_columns(spec, facts):
        name = source_name(wanted)
        if name is not None and facts.source.shape.find(name) is None:
            step = ("from",) if wanted.source is not None and wanted.source != wanted.name else ()
            yield _unknown(name, known, facts, ("columns", wanted.name, *step))
    for path, name in _named_columns(spec):
        if facts.source.shape.find(name) is None:
            yield _unknown(name, known, facts, path)


def _named_columns(spec: PipelineSpec) -> Iterator[tuple[Path, str]]:
    """Source columns that the spec names beside those it loads; chunk_by may name a loaded one by either name."""
    if spec.scd.effective_at:
        yield ("scd", "effective_at"), spec.scd.effective_at
    for i, name in enumerate(spec.scd.order_by):
        yield ("scd", "order_by", i), name
    if spec.source.op:
        yield ("source", "op", "column"), spec.source.op.column
    for i, name in enumerate(spec.checkpoint.columns):
        yield ("checkpoint", "columns", i), name
    for name, lookup in listed_lookups(spec):
        for source in lookup.source_columns:
            yield ("columns", name, "lookup", "as_of" if source == lookup.as_of else "key"), source
    loaded = {column.name.lower() for column in spec.columns}
    for i, name in enumerate(spec.parallel.chunk_by):
        if name.lower() not in loaded:
            yield ("parallel", "chunk_by", i), name


def _unknown(name: str, known: tuple[str, ...], facts: Facts, path: Path) -> Diagnostic:
    return Diagnostic(
        code="DMS301",
        message=f'column "{name}" is not in {facts.source.label}',
        path=path,
        help=did_you_mean(name, known) or f"the source has: {', '.join(known[:12])}{' ...' if len(known) > 12 else ''}",
    )


def source_takes_the_sql(spec: PipelineSpec, facts: Facts) -> Problems:
    """An expression or a predicate that the source refuses would fail every chunk."""
    yield from facts.refused


def key_is_loaded(spec: PipelineSpec, facts: Facts) -> Problems:
    """A key that is not among the loaded columns cannot be matched with the target."""
    if spec.columns:
        return
    known = facts.source.shape.names
    for i, name in enumerate(spec.key):
        if facts.source.shape.find(name) is None:
            yield _unknown(name, known, facts, ("key", i))


def names_do_not_clash(spec: PipelineSpec, facts: Facts) -> Problems:
    """Two columns of one name, or a user column named like one of the engine's, would overwrite each other."""
    own = {name.lower(): name for name in engine_names(spec)}
    seen: dict[str, str] = {}
    for wanted in listed_columns(spec, facts):
        folded = wanted.name.lower()
        path = column_path(spec, wanted.name)
        if folded in own and not spec.columns:
            yield Diagnostic(
                code="DMS302",
                message=f'source column "{wanted.name}" has the name of an engine column of the target',
                path=path,
                help="list the columns and rename it, or rename the engine column under scd.fields",
            )
        if folded.startswith(RESERVED_PREFIX) or folded == "rowid":
            yield Diagnostic(
                code="DMS315",
                message=f'column name "{wanted.name}" is reserved for the engine',
                path=path,
                help='load it under another name: {new_name: {from: "' + wanted.name + '"}}',
            )
        if folded in seen and not spec.columns:
            yield Diagnostic(
                code="DMS302",
                message=f'source columns "{seen[folded]}" and "{wanted.name}" differ in case alone',
                path=path,
                help="list the columns and give one of them another name",
            )
        seen[folded] = wanted.name


def column_path(spec: PipelineSpec, name: str) -> Path:
    """Where a problem of a column stands: at the column, or at the source where no columns are listed."""
    return ("columns", name) if spec.columns else ("source",)


def engine_path(spec: PipelineSpec, name: str) -> Path:
    """Where the spec gives one of the engine's own columns its name."""
    for kept in find_previous(spec.columns):
        if name in kept.names:
            return ("columns", kept.column, "previous" if name == kept.value else "since")
    return ("scd", "fields")


def engine_names(spec: PipelineSpec) -> tuple[str, ...]:
    """The engine's own column names that this spec's target has."""
    fields, names = spec.scd.fields, [spec.scd.fields.surrogate_key]
    names += [name for kept in find_previous(spec.columns) for name in kept.names]
    if spec.scd.type is ScdType.HISTORY:
        names += [fields.valid_from, fields.valid_to, fields.is_current]
    if spec.scd.deletes in (Deletes.TOMBSTONE, Deletes.FLAG):
        names.append(fields.is_deleted)
    names.append(fields.inserted_at)
    if spec.scd.type is not ScdType.APPEND:
        names.append(fields.modified_at)
    return tuple(name for name in names if name)


def types_are_supported(spec: PipelineSpec, facts: Facts) -> Problems:
    """A type that dmsflow has no word for cannot be compared or carried exactly."""
    for column in match_columns(spec, facts):
        if column.type.name is TypeName.OTHER:
            yield Diagnostic(
                code="DMS303",
                message=f'column "{column.name}" has the type {column.type}, which is not supported',
                path=column_path(spec, column.name),
                help=f'cast it, such as {{expr: "cast({column.spec.source or column.name} as varchar)", type: text}}',
            )


def time_columns_are_times(spec: PipelineSpec, facts: Facts) -> Problems:
    """Validity needs an instant, and settle needs one to subtract from."""
    effective = facts.source.shape.find(spec.scd.effective_at) if spec.scd.effective_at else None
    if effective is not None and effective.type.family not in ("date", "timestamp", "timestamptz", "text"):
        yield Diagnostic(
            code="DMS312",
            message=f'effective_at "{effective.name}" is of type {effective.type}, not a date or timestamp',
            path=("scd", "effective_at"),
            help="name a column that carries the business time",
        )
    names = spec.checkpoint.columns
    first = facts.source.shape.find(names[0]) if names and spec.checkpoint.settle else None
    if first is not None and first.type.family not in SETTLES:
        yield Diagnostic(
            code="DMS312",
            message=f'settle needs a timestamp, but checkpoint column "{first.name}" is of type {first.type}',
            path=("checkpoint", "settle"),
            help="remove settle, or name a timestamp column first",
        )


def checkpoint_is_readable(spec: PipelineSpec, facts: Facts) -> Problems:
    """A text file has no types to compare by, and a float or a nested value no exact order."""
    for i, name in enumerate(spec.checkpoint.columns):
        column = facts.source.shape.find(name)
        if column is None:
            continue
        if facts.source.as_text:
            yield Diagnostic(
                code="DMS313",
                message=f'checkpoint column "{name}" of a CSV file has no type to compare by',
                path=("checkpoint", "columns", i),
                help="read everything with strategy none, or turn the file into Parquet",
            )
        elif not can_stand(column.type):
            yield Diagnostic(
                code="DMS313",
                message=f'checkpoint column "{name}" is of type {column.type}, which has no exact order',
                path=("checkpoint", "columns", i),
                help="name an integer, decimal, date, timestamp or text column",
            )
        elif column.type.family == "text" and not facts.source.binary_text_order:
            yield Diagnostic(
                code="DMS313",
                message=f'checkpoint column "{name}" is text, which the source does not sort by its bytes',
                path=("checkpoint", "columns", i),
                help="name an integer, decimal, date or timestamp column",
            )


def _is_foreign_text(data_type: DataType) -> bool:
    """Whether values arrive as text that sorts otherwise than they do."""
    return data_type.foreign and data_type.family == "text"


def order_is_exact(spec: PipelineSpec, facts: Facts) -> Problems:
    """Staged as text, a number or an enum of another database would be ordered by its letters: 10 before 9."""
    for i, name in enumerate(spec.scd.last_by):
        column = facts.source.shape.find(name)
        if column is not None and _is_foreign_text(column.type):
            yield Diagnostic(
                code="DMS313",
                message=f'order_by column "{name}" is of type {column.type}, which arrives as text',
                path=("scd", "order_by", i),
                help="name an integer, decimal, date, timestamp or text column, or cast it in a query",
            )


def decimals_sort_as_numbers(spec: PipelineSpec, facts: Facts) -> Problems:
    """A database that keeps long decimals as text sorts 10 before 9: a watermark or an order over them would lie."""
    sides = (
        (("checkpoint", "columns"), spec.checkpoint.columns, facts.source.sorted_digits),
        (("scd", "order_by"), spec.scd.last_by, facts.target.sorted_digits),
    )
    for path, names, digits in sides:
        for i, name in enumerate(names):
            column = facts.source.shape.find(name)
            long = (
                column is not None
                and column.type.family == "decimal"
                and (column.type.precision or 38) > (digits or 38)
            )
            if digits is not None and column is not None and long:
                yield Diagnostic(
                    code="DMS313",
                    message=f'column "{name}" is {column.type}, kept as text here: it does not sort as a number',
                    path=(*path, i),
                    help=f"name a column of another type, or of at most {digits} digits",
                )


def watermark_left_nothing_behind(spec: PipelineSpec, facts: Facts) -> Problems:
    """Append reads beyond the watermark: a row that came in at the watermark itself would never be read (law 16)."""
    start = facts.start
    if start is None or start.ties is None or facts.start_ties is None or facts.start_ties <= start.ties:
        return
    yield Diagnostic(
        code="DMS316",
        message=f"{facts.start_ties - start.ties} rows came in at the watermark {start} after it was passed",
        path=("checkpoint", "columns"),
        help="add a column that makes the checkpoint unique, or load with type 0 and a key",
    )


def guard_meets_its_rows(spec: PipelineSpec, facts: Facts) -> Problems:
    """A plan tells what its run would refuse, where the source knows the number of its rows without a scan (law 27)."""
    least, rows = spec.guards.min_rows, facts.source.estimated_rows
    if least is None or rows is None or rows >= least:
        return
    yield Diagnostic(
        code="DMS346",
        severity=Severity.WARNING,
        message=f"a run is refused: the source has about {rows:,} rows, and guards.min_rows is {least:,}",
        path=("guards", "min_rows"),
        help="check the source; to let one run pass: --allow min_rows",
    )


TABLE_RULES = (
    source_columns_exist,
    source_takes_the_sql,
    key_is_loaded,
    names_do_not_clash,
    types_are_supported,
    casts_that_narrow,
    time_columns_are_times,
    checkpoint_is_readable,
    watermark_left_nothing_behind,
    decimals_sort_as_numbers,
    order_is_exact,
    guard_meets_its_rows,
)
