"""All differences between a spec and its target, and the target as it will be when their steps are done. Pure."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from dmsflow.compiler.columns import LoadedColumn, listed_lookups, place_dimension
from dmsflow.compiler.evolution.columns import find_additions, find_drops, find_renames, find_retypes
from dmsflow.compiler.evolution.difference import Difference
from dmsflow.compiler.evolution.terms import (
    Names,
    find_key,
    find_open_end,
    find_policies,
    find_type,
    settles,
    taken_names,
)
from dmsflow.diagnostics import Diagnostic
from dmsflow.model.evolution import Change, Outcome
from dmsflow.model.facts import Facts
from dmsflow.model.spec import PipelineSpec, Policy
from dmsflow.model.table import Column, TableShape


def find_differences(spec: PipelineSpec, facts: Facts) -> tuple[Difference, ...]:
    """Every difference, in the order in which steps are taken; none where there is no target yet."""
    if facts.evolution.stands is None:
        return ()
    renames = tuple(find_renames(spec, facts.evolution.stands))
    facts = rename_columns(facts, new_names(renames))
    names = {it.before: it.after for it in renames if it.before and it.after} | taken_names(spec, facts)
    return (
        *find_type(spec, facts),
        *renames,
        *find_retypes(spec, facts),
        *find_additions(spec, facts),
        *find_policies(spec, facts, names),
        *find_open_end(spec, facts),
        *find_key(spec, facts, names),
        # A column of the old key is dropped once the index is one of the new key.
        *find_drops(spec, facts, names),
    )


def new_names(renames: Sequence[Difference]) -> Names:
    """What columns become, by what they are called."""
    return {it.before: it.after for it in renames if it.applied and it.before and it.after}


def rename_columns(facts: Facts, names: Names) -> Facts:
    """The target as it stands, but for the names of its columns."""
    target, stands = facts.target, facts.evolution.stands
    assert stands is not None

    def named(columns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names.get(name, name) for name in columns)

    columns = tuple(replace(column, name=names.get(column.name, column.name)) for column in stands.columns)
    ranged = target.range_columns
    return replace(
        facts,
        target=replace(
            target,
            shape=replace(stands, columns=columns),
            unique=tuple(replace(unique, columns=named(unique.columns)) for unique in target.unique),
            range_columns=None if ranged is None else named(ranged),
        ),
        unfilled=named(facts.unfilled),
    )


def evolve(spec: PipelineSpec, facts: Facts) -> Facts:
    """The facts as they are when all steps are done: whatever is built rests on these."""
    differences = find_differences(spec, facts)
    if not any(difference.applied for difference in differences):
        return facts
    facts = rename_columns(facts, new_names([it for it in differences if it.change is Change.RENAME]))
    shape = facts.target.shape
    assert shape is not None
    after = replace(shape, columns=tuple(_columns_after(spec, facts, shape, differences)))
    own = {name for name, lookup in listed_lookups(spec) if place_dimension(spec, lookup) == spec.target.table}
    dimensions = tuple((name, after if name in own else found) for name, found in facts.dimensions)
    return replace(facts, target=replace(facts.target, shape=after), dimensions=dimensions)


def _columns_after(
    spec: PipelineSpec, facts: Facts, shape: TableShape, differences: Sequence[Difference]
) -> Iterator[Column]:
    """The columns that are left, each with its type."""
    done = {(it.change, it.column) for it in differences if it.applied}
    types = {it.column: it.wanted for it in facts.evolution.retyped if (Change.RETYPE, it.column) in done}
    takes_null = (Change.OPEN_END, None) in done and spec.scd.open_end is None
    for column in shape.columns:
        if (Change.DROP, column.name) in done:
            continue
        nullable = column.nullable or (takes_null and column.name.lower() == spec.scd.fields.valid_to.lower())
        yield replace(column, type=types.get(column.name, column.type), nullable=nullable)


def settle_policies(columns: tuple[LoadedColumn, ...], differences: Sequence[Difference]) -> tuple[LoadedColumn, ...]:
    """The columns of this run: one that was not followed before is overwritten, so that it makes no version."""
    settled = {it.column for it in differences if settles(it)}
    return tuple(replace(it, policy=Policy.OVERWRITE) if it.name in settled else it for it in columns)


def differences_are_allowed(spec: PipelineSpec, facts: Facts) -> Iterator[Diagnostic]:
    """A table follows its spec only as far as the spec lets it, and never so that a row loses something unseen."""
    for difference in find_differences(spec, facts):
        if difference.outcome is Outcome.REFUSED:
            yield Diagnostic(code=difference.code, message=difference.why, path=difference.path, help=difference.help)
