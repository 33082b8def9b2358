"""Asks a target that is there on which terms it was loaded, and what its differences from the spec would cost.

Reads only. A target that was loaded on the terms of the spec is asked for these alone.
"""

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from dmsflow.compiler.columns import LoadedColumn, listed_columns
from dmsflow.compiler.evolution.columns import differing, find_renames
from dmsflow.compiler.evolution.find import find_differences, new_names, rename_columns
from dmsflow.compiler.evolution.terms import Names, asks_open_ends, has_other_key, taken_names
from dmsflow.compiler.evolution.widening import widens
from dmsflow.engines.access import Access
from dmsflow.engines.engine import Session
from dmsflow.marks.names import COLUMN, TERMS
from dmsflow.model.evolution import Allowance, Change, EvolutionFacts, Retyped, Terms
from dmsflow.model.facts import Facts
from dmsflow.model.spec import PipelineSpec


def survey_evolution(spec: PipelineSpec, facts: Facts, access: Access, session: Session) -> Facts:
    """The facts with what is to be known of a table that may have to change."""
    stands = facts.target.shape
    if stands is None or stands.view:
        return facts
    terms = read_terms(spec, access, session)
    facts = replace(facts, evolution=EvolutionFacts(stands=stands, terms=terms))
    facts = replace(facts, unfilled=read_unfilled(spec, facts, access, session))
    names = new_names(tuple(find_renames(spec, stands)))
    retyped = tuple(_retyped(spec, access, column) for column in _retypes(spec, rename_columns(facts, names)))
    facts = replace(facts, evolution=replace(facts.evolution, retyped=retyped))
    if spec.target.evolve.drop is Allowance.APPLY:
        facts = replace(facts, evolution=replace(facts.evolution, taken=tuple(_taken(spec, facts, access, session))))
    narrowed = any(not widens(it.existing, it.wanted) and it.alteration.sql for it in retyped)
    another_key = (
        has_other_key(spec, terms, names | taken_names(spec, facts)) and spec.target.evolve.key is Allowance.APPLY
    )
    if not narrowed and not another_key and not asks_open_ends(spec, terms):
        return facts
    from dmsflow.compiler.evolution.questions import ask_target

    return ask_target(spec, facts, access.target_idioms, session, names, another_key=another_key)


def read_terms(spec: PipelineSpec, access: Access, session: Session) -> Terms | None:
    """The terms that the target keeps of this pipeline."""
    table = spec.target.table
    place = replace(table, table=TERMS)
    if session.describe_table(place) is None:
        return None
    # Few rows, one of each pipeline, and no statement to compile: this is asked before each run.
    idioms = access.target_idioms
    listed = ", ".join(idioms.quote(name) for name in ("pipeline", "target_table", "terms"))
    for pipeline, target_table, written in session.fetch(f"SELECT {listed} FROM {idioms.qualify(place)}"):
        if (pipeline, target_table) == (spec.pipeline, str(table)):
            return msgspec.json.decode(str(written).encode(), type=Terms)
    return None


def read_unfilled(spec: PipelineSpec, facts: Facts, access: Access, session: Session) -> tuple[str, ...]:
    """Columns that were added to the target and that no full read has filled yet.

    There may be some where columns may be added, and where the terms say so or do not know all columns.
    """
    table, terms = spec.target.table, facts.evolution.terms
    known = {name.lower() for name, _ in terms.columns} if terms else None
    strange = known is not None and any(it.name.lower() not in known for it in listed_columns(spec, facts))
    if not (spec.target.evolve.adds or strange or (terms and terms.unfilled)):
        return ()
    place = replace(table, table=COLUMN)
    if session.describe_table(place) is None:
        return ()
    idioms = access.target_idioms
    listed = ", ".join(idioms.quote(name) for name in ("target_table", "column_name"))
    rows = session.fetch(f"SELECT {listed} FROM {idioms.qualify(place)}")
    return tuple(str(name) for target_table, name in rows if target_table == str(table))


def _retypes(spec: PipelineSpec, facts: Facts) -> tuple[LoadedColumn, ...]:
    return () if spec.target.evolve.retype is Allowance.REFUSE else tuple(differing(spec, facts))


def _retyped(spec: PipelineSpec, access: Access, column: LoadedColumn) -> Retyped:
    assert column.existing is not None and column.spec.type is not None
    old, new, collation = column.existing.type, column.spec.type, column.existing.collation
    alteration = access.target_idioms.change_type(spec.target.table, column.name, old, new)
    if collation is not None and alteration.sql is not None and new.family == "text":
        # A text that is given a type without it is compared as the database compares.
        alteration = replace(alteration, sql=f"{alteration.sql} COLLATE {collation}")
    return Retyped(column=column.name, existing=old, wanted=new, alteration=alteration)


def _taken(spec: PipelineSpec, facts: Facts, access: Access, session: Session) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What the database would drop along with each column that the spec leaves out."""
    for difference in find_differences(spec, facts):
        name = difference.column
        if difference.change is not Change.DROP or not difference.applied or name is None:
            continue
        asked = access.target_idioms.dropped_with(spec.target.table, name)
        if asked is not None and (found := session.fetch(asked)):
            yield name, tuple(str(row[0]) for row in found)


def old_name(names: Names, name: str) -> str:
    """What a column is called before the steps."""
    return next((old for old, new in names.items() if new == name), name)
