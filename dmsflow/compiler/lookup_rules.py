"""What can be wrong between a lookup and its dimension as it stands.

Each rule is a generator of diagnostics; its docstring says why it is there.
"""

from collections.abc import Iterator

from dmsflow.compiler.columns import listed_lookups
from dmsflow.compiler.decode_lookups import DMS_LOOKUP
from dmsflow.compiler.looked_up import compared_family
from dmsflow.diagnostics import Diagnostic, Path, did_you_mean
from dmsflow.model.facts import Facts
from dmsflow.model.lookup import Lookup, LookupFields, OnMiss
from dmsflow.model.spec import PipelineSpec
from dmsflow.model.table import DataType, TableShape

Problems = Iterator[Diagnostic]

TIMES = ("date", "timestamp", "timestamptz")
ALIKE = (("integer", "decimal"), TIMES)
"""Families of types whose values are compared with one another."""


def dimensions_are_there(spec: PipelineSpec, facts: Facts) -> Problems:
    """A dimension is looked up where the rows are merged: in the target's database."""
    for name, lookup in listed_lookups(spec):
        if not facts.dimension(name).columns:
            yield Diagnostic(
                code="DMS357",
                message=f'there is no dimension "{lookup.dimension}" in the target\'s database',
                path=("columns", name, "lookup", "dimension"),
                help="load the dimension first; check schema and name, and that the user may read it",
            )


def dimensions_have_columns(spec: PipelineSpec, facts: Facts) -> Problems:
    """Without its surrogate key, its key and its validity a table is no dimension to look up in."""
    for name, lookup in listed_lookups(spec):
        found = facts.dimension(name)
        if not found.columns:
            continue
        for column, path in _named(lookup):
            if found.find(column) is None:
                help = did_you_mean(column, found.names) or f"it has {', '.join(found.names[:12])}"
                yield Diagnostic(
                    code="DMS358",
                    message=f'dimension "{lookup.dimension}" has no column "{column}"',
                    path=("columns", name, "lookup", *path),
                    help=f"{help}; name its own columns under lookup.fields",
                )


def _named(lookup: Lookup) -> Iterator[tuple[str, Path]]:
    """The columns that a dimension must have, each with where the spec says so."""
    yield lookup.surrogate_key, ("fields", "surrogate_key") if lookup.fields.surrogate_key else ()
    for column, _ in lookup.key:
        yield column, ("key",)
    for part in ("inserted_at", "modified_at"):
        if getattr(lookup.fields, part) != getattr(LookupFields(), part) and lookup.fields != DMS_LOOKUP:
            yield getattr(lookup.fields, part), ("fields", part)
    if lookup.as_of:
        yield lookup.fields.valid_from, ("as_of",)
        yield lookup.fields.valid_to, ("as_of",)
    elif lookup.fields.is_current != LookupFields().is_current:
        yield lookup.fields.is_current, ("fields", "is_current")


def lookups_compare_alike(spec: PipelineSpec, facts: Facts) -> Problems:
    """Values of two types that are compared by a cast meet where they should not, or never."""
    for name, lookup in listed_lookups(spec):
        found = facts.dimension(name)
        for column, source in lookup.key:
            yield from _compare(facts, found, column, source, ("columns", name, "lookup", "key"))
        if lookup.as_of is None:
            continue
        time = facts.source.shape.find(lookup.as_of)
        if time is not None and time.type.family not in (*TIMES, "text"):
            yield _differ(lookup.as_of, time.type, "a time", ("columns", name, "lookup", "as_of"))
        for column in (lookup.fields.valid_from, lookup.fields.valid_to):
            there = found.find(column)
            if there is not None and there.type.family not in TIMES:
                yield _differ(column, there.type, "a time", ("columns", name, "lookup", "as_of"))
            elif there is not None and there.type.family == "timestamptz" and facts.target.times_as_text:
                as_text = f"a timestamp: {facts.target.engine} compares times by their texts"
                yield _differ(column, there.type, as_text, ("columns", name, "lookup", "as_of"))


def _compare(facts: Facts, found: TableShape, column: str, source: str, path: Path) -> Problems:
    here, there = facts.source.shape.find(source), found.find(column)
    if here is None or there is None:
        return
    if here.type.family == "text" and compared_family(there.type) == there.type.family:
        # A text is cast, and is a reject where it is none of the dimension's values; a number of any length is no cast.
        return
    if not _is_alike(here.type, there.type):
        yield _differ(source, here.type, f"{there.type}, as {column} of the dimension", path)


def _is_alike(one: DataType, other: DataType) -> bool:
    families = {compared_family(one), compared_family(other)}
    return len(families) == 1 or any(families <= {*both} for both in ALIKE)


def _differ(name: str, data_type: DataType, wanted: str, path: Path) -> Diagnostic:
    return Diagnostic(
        code="DMS359",
        message=f'column "{name}" is {data_type}, not {wanted}',
        path=path,
        help="cast it in a query of the source",
    )


def keys_fit_their_columns(spec: PipelineSpec, facts: Facts) -> Problems:
    """A column that is there already takes the dimension's keys only where it is of their kind."""
    shape = facts.target.shape
    for name, lookup in listed_lookups(spec):
        key = facts.dimension(name).find(lookup.surrogate_key)
        existing = shape.find(name) if shape else None
        if key is None:
            continue
        if existing is not None and not _is_alike(existing.type, key.type):
            wanted = f"{key.type}, as {key.name} of {lookup.dimension}"
            yield _differ(name, existing.type, wanted, ("columns", name, "lookup"))
        elif key.type.foreign and existing is None:
            yield _differ(key.name, key.type, "of a type that a new column can have", ("columns", name, "lookup"))
        if lookup.on_miss is OnMiss.UNKNOWN and key.type.family not in ("integer", "decimal", "uuid", "text"):
            yield _differ(key.name, key.type, "a number or a UUID", ("columns", name, "lookup", "on_miss"))


LOOKUP_RULES = (
    dimensions_are_there,
    dimensions_have_columns,
    lookups_compare_alike,
    keys_fit_their_columns,
)
