"""What is looked up, and as which types. Pure; writes no SQL, so that a plan that was made before needs none."""

from collections.abc import Iterator

from dmsflow.compiler.columns import INSTANT, listed_lookups
from dmsflow.model.facts import Facts
from dmsflow.model.spec import PipelineSpec
from dmsflow.model.table import DataType, TableShape, TypeName
from dmsflow.scd.lookup_shape import key_column, time_column


def found_type(shape: TableShape, name: str) -> DataType:
    """The type of a column of a dimension."""
    column = shape.find(name)
    return column.type if column else DataType(name=TypeName.OTHER)


def compared_family(data_type: DataType) -> str:
    """The family of a type; a number of any length travels as text, and is compared as a number where it lives."""
    return "decimal" if data_type.foreign and (data_type.native or "").startswith("numeric") else data_type.family


def staged_parts(spec: PipelineSpec, facts: Facts) -> Iterator[tuple[str, str, DataType]]:
    """Every staged column of the lookups: its name, the source column in it, and the type that it is compared in."""
    for i, (name, lookup) in enumerate(listed_lookups(spec)):
        found = facts.dimension(name)
        for part, (column, source) in enumerate(lookup.key):
            yield key_column(i, part), source, found_type(found, column)
        if lookup.as_of:
            yield time_column(i), lookup.as_of, INSTANT
