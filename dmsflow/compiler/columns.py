"""Target columns matched with source columns and types: what arrives, what is staged. Pure; reports nothing."""

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from dmsflow.model.facts import Facts
from dmsflow.model.lookup import Lookup
from dmsflow.model.spec import ColumnSpec, PipelineSpec, Policy, ScdType
from dmsflow.model.table import Column, DataType, TableName, TypeName

TEXT = DataType(name=TypeName.TEXT)
INSTANT = DataType(name=TypeName.TIMESTAMP)

DEFAULT_POLICY = {
    ScdType.APPEND: Policy.IGNORE,
    ScdType.KEEP: Policy.KEEP,
    ScdType.OVERWRITE: Policy.OVERWRITE,
    ScdType.HISTORY: Policy.VERSION,
}


class LoadedColumn(Struct, frozen=True, kw_only=True):
    """One user column of the target: ``source`` is None for an expression, a constant or a lookup."""

    name: str
    spec: ColumnSpec
    source: Column | None
    arrives: DataType
    type: DataType
    policy: Policy
    existing: Column | None = None


def listed_columns(spec: PipelineSpec, facts: Facts) -> tuple[ColumnSpec, ...]:
    """The columns of the spec; every source column where it lists none."""
    if spec.columns:
        return spec.columns
    return tuple(ColumnSpec(name=name, source=name) for name in facts.source.shape.names)


def listed_lookups(spec: PipelineSpec) -> Iterator[tuple[str, Lookup]]:
    """The columns that are looked up, by name."""
    return ((column.name, column.lookup) for column in spec.columns if column.lookup is not None)


def place_dimension(spec: PipelineSpec, lookup: Lookup) -> TableName:
    """The dimension's table: beside the target, unless its name says otherwise."""
    name, target = lookup.dimension, spec.target.table
    if name.schema is not None:
        return name
    return TableName(table=name.table, schema=target.schema, catalog=target.catalog)


def match_columns(spec: PipelineSpec, facts: Facts) -> tuple[LoadedColumn, ...]:
    """The user columns that can be matched; table_rules says why the others cannot."""
    return tuple(
        column for wanted in listed_columns(spec, facts) if (column := _match(spec, facts, wanted)) is not None
    )


def source_name(wanted: ColumnSpec) -> str | None:
    """The source column that a target column reads; None for an expression, a constant or a lookup."""
    if wanted.expr is not None or wanted.has_value or wanted.lookup is not None:
        return None
    return wanted.source or wanted.name


def _match(spec: PipelineSpec, facts: Facts, wanted: ColumnSpec) -> LoadedColumn | None:
    name = source_name(wanted)
    source = facts.source.shape.find(name) if name is not None else None
    if name is not None and source is None:
        return None
    existing = facts.target.shape.find(wanted.name) if facts.target.shape else None
    declared = source.type if source else _type_of_expression(facts, wanted)
    arrives = facts.source.arrives(source.name, declared) if source else declared
    return LoadedColumn(
        name=existing.name if existing else wanted.name,
        spec=wanted,
        source=source,
        arrives=arrives,
        type=_staged_type(wanted, existing, _kept_by(facts, declared)),
        policy=wanted.policy or DEFAULT_POLICY[spec.scd.type],
        existing=existing,
    )


def _type_of_expression(facts: Facts, wanted: ColumnSpec) -> DataType:
    """What the survey found an expression to return; a constant's own type; that of a key that is looked up."""
    if wanted.lookup is not None:
        key = facts.dimension(wanted.name).find(wanted.lookup.surrogate_key)
        return key.type if key else TEXT
    found = dict(facts.expression_types).get(wanted.name)
    if found is not None:
        return found
    match wanted.value:
        case bool():
            return DataType(name=TypeName.BOOLEAN)
        case int():
            return DataType(name=TypeName.BIGINT)
        case float():
            return DataType(name=TypeName.DOUBLE)
    return wanted.type or TEXT


def _kept_by(facts: Facts, declared: DataType) -> DataType:
    """The source's type as the target will remember it: a rule that the next run cannot know is none (law 9)."""
    common = declared.common
    return common if facts.target.keeps_lengths else replace(common, length=None)


def _staged_type(wanted: ColumnSpec, existing: Column | None, declared: DataType) -> DataType:
    """The type a value is compared in: the target's own (law 21), with the length only the spec may know."""
    if existing is None or existing.type.name is TypeName.OTHER:
        return wanted.type or declared
    if existing.type.foreign and wanted.type and wanted.type.family != "text":
        return wanted.type
    if wanted.type and wanted.type.family == "text" and existing.type.family == "text" and existing.type.length is None:
        return wanted.type
    return existing.type


def source_keeps_key(spec: PipelineSpec, facts: Facts, columns: Sequence[LoadedColumn]) -> bool:
    """Whether the source has a unique index over columns of the key, so that no key repeats."""
    read = {column.name.lower(): column.source.name for column in columns if column.source}
    keys = {read.get(name.lower(), "") for name in spec.key}
    return any({*unique.columns} <= keys for unique in facts.source.unique if unique.condition is None)


def same_type(column: LoadedColumn, facts: Facts) -> bool:
    """Whether the table's type is the spec's, as far as the database keeps it."""
    wanted, existing = column.spec.type, column.existing
    assert wanted is not None and existing is not None
    if (wanted.name, str(existing.type)) in facts.target.kept_as:
        return True
    if wanted.family == existing.type.family == "text":
        return wanted.length is None or existing.type.length is None or wanted.length == existing.type.length
    if wanted.family == "decimal" and wanted.precision is None:
        return existing.type.family == "decimal"
    if existing.type.foreign:
        return True
    kept = (existing.type.name, existing.type.precision, existing.type.scale)
    return kept == (wanted.name, wanted.precision, wanted.scale or (0 if wanted.precision else None))
