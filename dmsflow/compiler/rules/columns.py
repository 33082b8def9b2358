"""Rules about keys and columns: where they come from, what they are called, what a change of them means."""

from collections.abc import Iterator

from dmsflow.diagnostics import Diagnostic, Path, did_you_mean
from dmsflow.model.previous import find_previous
from dmsflow.model.spec import ColumnSpec, Deletes, Detect, PipelineSpec, Policy, ScdType, Type1
from dmsflow.model.table import RESERVED_PREFIX

ROW_ID = "rowid"


def key_is_given(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Types 0, 1 and 2 find a row again by its business key."""
    if spec.scd.type is not ScdType.APPEND and not spec.key:
        message = f"type {spec.scd.type} has no key to find a row again"
        help = 'add "key:" with the target columns that identify a row'
        yield Diagnostic(code="DMS210", message=message, path=("key",), help=help)


def key_is_loaded(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A key column is one of the target's columns, written the same way."""
    names = tuple(column.name for column in spec.columns)
    for index, name in enumerate(spec.key):
        if names and name not in names:
            help = did_you_mean(name, names) or f'add "{name}" to columns, or take a key of {", ".join(names[:8])}'
            message = f'key column "{name}" is not among the columns'
            yield Diagnostic(code="DMS211", message=message, path=("key", index), help=help)


def engine_columns(spec: PipelineSpec) -> Iterator[tuple[str, str, Path]]:
    """The engine's own columns in this target: what each is, the name the spec gives it, and where it gives it."""
    for field, name in _fields(spec):
        yield field, name, ("scd", "fields", field)
    for kept in find_previous(spec.columns):
        for key, name in zip(("previous", "since"), kept.names, strict=True):
            yield f'{key} of "{kept.column}"', name, ("columns", kept.column, key)


def _fields(spec: PipelineSpec) -> Iterator[tuple[str, str]]:
    fields, scd = spec.scd.fields, spec.scd
    if fields.surrogate_key is not None:
        yield "surrogate_key", fields.surrogate_key
    if scd.type is ScdType.HISTORY:
        yield "valid_from", fields.valid_from
        yield "valid_to", fields.valid_to
        yield "is_current", fields.is_current
    yield "inserted_at", fields.inserted_at
    yield "modified_at", fields.modified_at
    if scd.detect is Detect.HASH:
        yield "row_hash", fields.row_hash
    if scd.deletes in (Deletes.TOMBSTONE, Deletes.FLAG):
        yield "is_deleted", fields.is_deleted


def columns_leave_engine_names(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A name in the target belongs to one column; databases fold case, so case does not tell two apart."""
    engine = {name.lower(): (field, place) for field, name, place in engine_columns(spec)}
    paths: list[tuple[str, Path]] = [(column.name, ("columns", column.name)) for column in spec.columns]
    if not paths:
        paths = [(name, ("key", index)) for index, name in enumerate(spec.key)]
    for name, path in paths:
        if name.lower() in engine:
            field, place = engine[name.lower()]
            help = f"rename the column, or give the engine's column another name with {'.'.join(map(str, place))}"
            message = f'column "{name}" has the name of the engine\'s own {field}'
            yield Diagnostic(code="DMS212", message=message, path=path, help=help)


def engine_names_differ(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Two of the engine's own columns cannot share a name."""
    seen: dict[str, str] = {}
    for field, name, path in engine_columns(spec):
        other = seen.setdefault(name.lower(), field)
        if other != field:
            message = f'"{name}" names both {other} and {field}'
            yield Diagnostic(code="DMS213", message=message, path=path, help=f"give {field} another name")


def column_names_differ(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Names that differ in case alone are one column in most databases."""
    seen: dict[str, str] = {}
    for column in spec.columns:
        other = seen.setdefault(column.name.lower(), column.name)
        if other != column.name:
            message = f'columns "{other}" and "{column.name}" differ in case alone'
            path: Path = ("columns", column.name)
            yield Diagnostic(code="DMS214", message=message, path=path, help="rename one of the two")


def names_are_free(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Names that start with _dms_ belong to the staging tables, and rowid to the database."""
    names: list[tuple[str, Path]] = [(column.name, ("columns", column.name)) for column in spec.columns]
    names += [(name, place) for _, name, place in engine_columns(spec)]
    for name, path in names:
        if name.lower().startswith(RESERVED_PREFIX):
            message = f'"{name}" starts with "{RESERVED_PREFIX}", which is reserved'
            yield Diagnostic(code="DMS219", message=message, path=path, help="rename the column")
        if name.lower() == ROW_ID:
            message = f'"{name}" names a row in an embedded database, and is reserved'
            yield Diagnostic(code="DMS219", message=message, path=path, help="rename the column")


def columns_have_one_origin(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A column takes its value from one place."""
    for column in spec.columns:
        given = [
            name
            for name, present in (
                ("from", column.source),
                ("expr", column.expr),
                ("value", column.has_value),
                ("lookup", column.lookup),
            )
            if present
        ]
        for name in given[1:]:
            message = f'column "{column.name}" has both "{given[0]}" and "{name}"'
            path: Path = ("columns", column.name, name)
            yield Diagnostic(code="DMS215", message=message, path=path, help="keep one of the two")


def constants_have_types(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A null says nothing about its type."""
    for column in spec.columns:
        if column.has_value and column.value is None and column.type is None:
            message = f'column "{column.name}" is null and has no type'
            path: Path = ("columns", column.name, "value")
            yield Diagnostic(code="DMS216", message=message, path=path, help='add "type:", such as type: text')


def policies_take_effect(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A policy says what a change of a column means, where changes are looked at."""
    for column in spec.columns:
        for key in ("previous", "since"):
            if getattr(column, key) is not None and column.policy is not Policy.PREVIOUS:
                message = f"{key} has no effect: only scd: 3 keeps a previous value"
                place: Path = ("columns", column.name, key)
                yield Diagnostic(code="DMS217", message=message, path=place, help=f'write scd: 3, or remove "{key}"')
        if column.type1 is not None and (reason := _why_current(spec, column)):
            message = f"type1 has no effect: {reason}"
            place = ("columns", column.name, "type1")
            yield Diagnostic(code="DMS217", message=message, path=place, help='remove the column\'s "type1"')
        if column.policy is None:
            continue
        reason = _why_idle(spec, column.name, column.policy)
        if reason:
            message = f"scd: {column.policy} has no effect: {reason}"
            path: Path = ("columns", column.name, "scd")
            yield Diagnostic(code="DMS217", message=message, path=path, help='remove the column\'s "scd"')


def type1_has_columns(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """All versions are overwritten in columns that say scd: 1; where there is none, history is as it was."""
    idle = spec.scd.type1 is Type1.ALL and not any(spec.is_everywhere(column) for column in spec.columns)
    if idle and spec.scd.type is ScdType.HISTORY:
        message = "type1: all has no effect: no column of scd: 1 is left to it"
        yield Diagnostic(code="DMS217", message=message, path=("scd", "type1"), help="write scd: 1 at a column")


def _why_current(spec: PipelineSpec, column: ColumnSpec) -> str | None:
    if spec.scd.type is not ScdType.HISTORY:
        return f"type {spec.scd.type} keeps no versions"
    return None if column.policy is Policy.OVERWRITE else "only a column of scd: 1 is overwritten in place"


def _why_idle(spec: PipelineSpec, name: str, policy: Policy) -> str | None:
    if name in spec.key:
        return f'"{name}" is part of the key, and another key is another row'
    if spec.scd.type is ScdType.APPEND:
        return "type append never changes a row"
    if spec.scd.type is ScdType.KEEP:
        return "type 0 never changes a row"
    if spec.scd.type is ScdType.OVERWRITE and policy is Policy.VERSION:
        return "type 1 keeps no versions"
    return None


def old_names_are_free(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """What a column was called is a name that nothing else has now: after the renaming there is no such column."""
    taken = {column.name.lower(): f'column "{column.name}"' for column in spec.columns}
    taken |= {name.lower(): f"the engine's own {field}" for field, name, _ in engine_columns(spec)}
    for column in spec.columns:
        if column.was is None:
            continue
        other = taken.get(column.was.lower())
        if other is not None:
            message = f'column "{column.name}" was "{column.was}", which is the name of {other}'
            path: Path = ("columns", column.name, "was")
            yield Diagnostic(
                code="DMS280", message=message, path=path, help="remove was, or give the other one a new name"
            )
        taken.setdefault(column.was.lower(), f'what "{column.name}" was')
