"""Columns that are new in a spec, that it leaves out, that it calls otherwise, or that have another type. Pure."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from dmsflow.compiler.columns import INSTANT, LoadedColumn, listed_columns, match_columns, same_type
from dmsflow.compiler.evolution.difference import Difference
from dmsflow.compiler.evolution.widening import reveals, widens
from dmsflow.compiler.table_rules import column_path, engine_names
from dmsflow.model.evolution import Allowance, Change, Outcome, Retyped
from dmsflow.model.facts import Facts
from dmsflow.model.previous import previous_of
from dmsflow.model.spec import ColumnSpec, PipelineSpec, Policy
from dmsflow.model.table import Column, DataType, TableShape

KEPT_WORDS = "it stays in the table: a version takes its value over from the one before, a new key has its default"


def find_renames(spec: PipelineSpec, stands: TableShape) -> Iterator[Difference]:
    """Columns that say with ``was`` what they were called; one that is called so already is done."""
    for column in spec.columns:
        old, new = stands.find(column.was) if column.was else None, stands.find(column.name)
        if old is None or old == new:
            continue
        path = ("columns", column.name, "was")
        told = Difference(
            change=Change.RENAME,
            outcome=Outcome.APPLIED,
            column=column.name,
            before=old.name,
            after=column.name,
            what=f'column "{old.name}" becomes "{column.name}"',
            why="the spec says what it was: its values stay, and nothing is compared by its name",
            path=path,
        )
        if new is not None:
            yield told.refused(
                "DMS370",
                f'{spec.target.table} has both "{old.name}" and "{new.name}": neither can take the other\'s name',
                f'remove was, or drop one of them: "was" is for a table that has "{old.name}" alone',
            )
        elif spec.target.evolve.rename is Allowance.REFUSE:
            yield told.refused(
                "DMS370",
                f'column "{old.name}" of {spec.target.table} would become "{column.name}"',
                "set target.evolve: {rename: apply}, or rename it by hand",
            )
        else:
            yield told
            yield from _rename_previous(column, stands)


def _rename_previous(column: ColumnSpec, stands: TableShape) -> Iterator[Difference]:
    """What a column held before is kept under names of its own, which go with its name unless the spec gives them."""
    if column.policy is not Policy.PREVIOUS or column.was is None:
        return
    plain = replace(column, previous=None, since=None)
    by_default, named = previous_of(plain, column.name).names, previous_of(column, column.name).names
    for old, default, new in zip(previous_of(plain, column.was).names, by_default, named, strict=True):
        found = stands.find(old) if new.lower() == default.lower() else None
        if found is not None and stands.find(new) is None:
            yield Difference(
                change=Change.RENAME,
                outcome=Outcome.APPLIED,
                column=new,
                before=found.name,
                after=new,
                what=f'column "{found.name}" becomes "{new}"',
                why=f'it keeps what "{column.name}" held before',
                path=("columns", column.name, "was"),
            )


def find_additions(spec: PipelineSpec, facts: Facts) -> Iterator[Difference]:
    """Columns that are new in the spec, where it lets them be added; else a rule refuses them."""
    shape = facts.target.shape
    if not spec.target.evolve.adds or shape is None:
        return
    for column in match_columns(spec, facts):
        if column.existing is None:
            why = "it is new in the spec; its first values fill current rows and make no version"
            yield _addition(spec, column, column.name, column.type, why)
        if column.policy is Policy.PREVIOUS:
            kept = previous_of(column.spec, column.name)
            for name, data_type in ((kept.value, column.type), (kept.since, INSTANT)):
                if shape.find(name) is None:
                    why = f'it keeps what "{column.name}" held before, from the first change on'
                    yield _addition(spec, column, name, data_type, why)


def _addition(spec: PipelineSpec, column: LoadedColumn, name: str, data_type: DataType, why: str) -> Difference:
    return Difference(
        change=Change.ADD,
        outcome=Outcome.APPLIED,
        column=name,
        after=str(data_type),
        what=f'column "{name}" {data_type} is added',
        why=why,
        path=column_path(spec, column.name),
    )


def find_drops(spec: PipelineSpec, facts: Facts, names: dict[str, str]) -> Iterator[Difference]:
    """Columns that runs have loaded and that the spec leaves out, those of previous values among them.

    ``names`` are those that columns get.
    """
    terms, shape = facts.evolution.terms, facts.target.shape
    if terms is None or shape is None:
        return
    loaded = {c.name.lower() for c in listed_columns(spec, facts)} | {n.lower() for n in engine_names(spec)}
    loaded |= {column.was.lower() for column in spec.columns if column.was}
    for known in dict.fromkeys((*(name for name, _ in terms.columns), *terms.previous, *terms.left)):
        found = shape.find(names.get(known, known))
        if found is not None and found.name.lower() not in loaded:
            yield _judge_drop(spec, found, dict(facts.evolution.taken).get(found.name, ()))


def _judge_drop(spec: PipelineSpec, column: Column, taken: Sequence[str]) -> Difference:
    allowance = spec.target.evolve.drop
    kept = Difference(
        change=Change.DROP,
        outcome=Outcome.KEPT,
        column=column.name,
        what=f'column "{column.name}" is no longer loaded',
        why=KEPT_WORDS,
        path=("columns",) if spec.columns else ("source",),
    )
    match allowance:
        case Allowance.REFUSE:
            told = f'column "{column.name}" of {spec.target.table} was loaded before, and the spec leaves it out'
            return kept.refused("DMS371", told, "load it again, or set target.evolve: {drop: keep} or {drop: apply}")
        case Allowance.APPLY if spec.columns:
            what = f'column "{column.name}" is dropped'
            beside = f"; with it go {', '.join(taken)}" if taken else ""
            return kept.made(what, f"the spec leaves it out; its values are lost, in closed versions too{beside}")
        case Allowance.APPLY:
            why = f"the source does not have it, and only a list of columns leaves one out; {KEPT_WORDS}"
            return replace(kept, why=why)
    return kept


def find_retypes(spec: PipelineSpec, facts: Facts) -> Iterator[Difference]:
    """Columns of another type than the spec says, where it lets them be widened; else a rule refuses them."""
    if spec.target.evolve.retype is Allowance.REFUSE:
        return
    known = {retyped.column: retyped for retyped in facts.evolution.retyped}
    for column in differing(spec, facts):
        if column.name in known:
            yield _judge_retype(spec, column, known[column.name])


def differing(spec: PipelineSpec, facts: Facts) -> Iterator[LoadedColumn]:
    """Columns whose type in the table is not the spec's."""
    for column in match_columns(spec, facts):
        if column.spec.type is not None and column.existing is not None and not same_type(column, facts):
            yield column


def _judge_retype(spec: PipelineSpec, column: LoadedColumn, retyped: Retyped) -> Difference:
    old, new = retyped.existing, retyped.wanted
    told = Difference(
        change=Change.RETYPE,
        outcome=Outcome.APPLIED,
        column=column.name,
        before=str(old),
        after=str(new),
        what=f'column "{column.name}" becomes {new}, from {old}',
        why="every value has a place in the new type, and is equal to what it was",
        path=("columns", column.name, "type"),
        alteration=retyped.alteration,
    )
    message = f'column "{column.name}" of {spec.target.table} does not become {new}, from {old}'
    if column.policy is Policy.PREVIOUS:
        beside = "what it held before is kept in a column of its own, which would stay as it is"
        return told.refused("DMS372", f"{message}: {beside}", f"write {old}, or change both columns by hand")
    if column.existing is not None and column.existing.domain is not None:
        checks = f"it is of the domain {column.existing.domain}, whose checks would be lost"
        return told.refused("DMS372", f"{message}: {checks}", f"write {old}, or change the column by hand")
    if not widens(old, new):
        back = f"write {old}, or load {new} into a column of another name"
        return told.refused("DMS372", f"{message}: {_say_lost(retyped)}", back)
    if reveals(old, new, column.arrives):
        cut = f"values of {column.arrives} were cut to {old}, and each that shows more now would be a change"
        keep = f"write {old}, or load {new} into a column of another name"
        return told.refused("DMS372", f"{message}: {cut}", keep)
    if retyped.alteration.sql is None:
        return told.refused("DMS372", f"{message}: {retyped.alteration.refusal}", f"write {old}")
    return told


def _say_lost(retyped: Retyped) -> str:
    """What the rows of the table would lose."""
    if retyped.lost is None:
        return "not every value of the one is a value of the other"
    if not retyped.lost:
        return "no row would lose anything now, but a later one may"
    rows = f"{retyped.lost:,} rows" if retyped.lost > 1 else "1 row"
    return f"{rows} would lose something, such as {', '.join(retyped.samples)}"
