"""The steps of a plan by which a table follows its spec, each with the statements of its database. Decides nothing."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import sqlalchemy as sa

from dmsflow.compiler.checkpoints import reads_whole
from dmsflow.compiler.evolution.difference import Difference
from dmsflow.compiler.evolution.find import find_differences
from dmsflow.compiler.evolution.terms import make_terms
from dmsflow.compiler.statements import compile_statement
from dmsflow.compiler.uniqueness import makes_unique_index, names_current
from dmsflow.marks.names import GONE_PREFIX
from dmsflow.marks.tables import forget_columns, note_column, rename_note, terms_statements
from dmsflow.model.evolution import Change, Cost, Terms
from dmsflow.model.plan import MigrationStep, Side, Statement
from dmsflow.model.spec import UniqueIndex
from dmsflow.scd.shape import Element

if TYPE_CHECKING:
    from dmsflow.compiler.build import Builder

COSTS = {
    Change.ADD: Cost.METADATA,
    Change.DROP: Cost.METADATA,
    Change.RENAME: Cost.METADATA,
    Change.POLICY: Cost.NOTHING,
    Change.OPEN_END: Cost.ROWS,
    Change.KEY: Cost.NOTHING,
    Change.TYPE: Cost.NOTHING,
}


def plan_migration(builder: "Builder") -> tuple[MigrationStep, ...]:
    """Every difference as a step; one that is kept has no statement."""
    return tuple(_step(builder, difference) for difference in find_differences(builder.spec, builder.facts))


def new_terms(builder: "Builder") -> Terms | None:
    """The terms that the target is to keep of this run; None where it has them already."""
    unfilled = () if reads_whole(builder.spec) else builder.merge.unfilled
    terms = make_terms(builder.spec, builder.facts, find_differences(builder.spec, builder.facts), unfilled)
    return None if terms == builder.facts.evolution.terms else terms


def keep_terms(builder: "Builder") -> Iterator[Statement]:
    """The statements by which the target keeps them, and forgets which columns are not filled yet."""
    merge = builder.merge
    if merge.unfilled and reads_whole(builder.spec):
        yield compile_statement("forget_columns", Side.TARGET, forget_columns(merge.schema), builder.target)
    if new_terms(builder) is not None:
        yield from _compiled(builder, terms_statements(builder.merge.schema))


def _step(builder: "Builder", difference: Difference) -> MigrationStep:
    statements = tuple(_statements(builder, difference)) if difference.applied else ()
    cost = difference.alteration.cost if difference.alteration else COSTS[difference.change]
    if difference.change is Change.KEY and statements:
        cost = Cost.METADATA
    return MigrationStep(
        change=difference.change,
        outcome=difference.outcome,
        column=difference.column,
        before=difference.before,
        after=difference.after,
        what=difference.what,
        why=difference.why,
        cost=cost if difference.applied else Cost.NOTHING,
        rows=difference.rows,
        aside=tuple(_set_index_aside(builder, difference)) if difference.applied else (),
        statements=statements,
    )


def _statements(builder: "Builder", difference: Difference) -> Iterator[Statement]:
    """What is run for a difference, all of it in one transaction where the database can."""
    from dmsflow.compiler.ddl import target_columns

    table, words, name = builder.spec.target.table, builder.target, difference.column or ""
    match difference.change:
        case Change.ADD:
            column = next(column for column in target_columns(builder) if column.name == name)
            # NULL says what it should in a new column of the engine's own.
            if name in builder.merge.columns:
                yield from _compiled(builder, note_column(builder.merge.schema, str(table), name))
            yield _ddl(f"add_column_{name}", words.add_column(table, name, column.type))
        case Change.RENAME:
            yield _ddl(f"rename_column_{name}", words.rename_column(table, difference.before or "", name))
            if name in builder.facts.unfilled:
                renamed = rename_note(builder.merge.schema, str(table), difference.before or "", name)
                yield from _compiled(builder, renamed)
            yield from _renew_gone(builder, name)
        case Change.RETYPE:
            assert difference.alteration is not None and difference.alteration.sql is not None
            yield _ddl(f"change_type_{name}", difference.alteration.sql)
            yield from _renew_gone(builder, name)
        case Change.DROP:
            yield _ddl(f"drop_column_{name}", words.drop_column(table, name))
        case Change.OPEN_END:
            yield from _correct_ends(builder)
        case Change.KEY:
            yield from _change_key(builder)


def _ddl(name: str, sql: str) -> Statement:
    return Statement(name=name, side=Side.TARGET, sql=sql)


def _compiled(builder: "Builder", named: Iterator[tuple[str, sa.Executable]]) -> Iterator[Statement]:
    for name, element in named:
        yield compile_statement(name, Side.TARGET, element, builder.target)


def _set_index_aside(builder: "Builder", difference: Difference) -> Iterator[Statement]:
    """The unique index that the plan makes anyway, once all steps are taken.

    It is one of the old key, and an embedded database changes no column under it.
    """
    columns = difference.change in (Change.RENAME, Change.RETYPE, Change.DROP) and builder.facts.target.embedded
    if makes_unique_index(builder) and (columns or difference.change is Change.KEY):
        table = builder.spec.target.table
        yield _ddl("drop_unique_index", builder.target.drop_index(names_current(table), table))


def _renew_gone(builder: "Builder", name: str = "") -> Iterator[Statement]:
    """The keys that chunks miss are kept in a table of the key's own columns."""
    if name and name not in builder.merge.key:
        return
    from dmsflow.compiler.ddl import beside, create_gone

    table = builder.spec.target.table
    yield _ddl("drop_gone", builder.target.drop_table(beside(table, GONE_PREFIX + table.table)))
    yield from create_gone(builder)


def _correct_ends(builder: "Builder") -> Iterator[Statement]:
    """One UPDATE of all current versions that end otherwise, the unknown member's too; done again, it finds none."""
    merge, table = builder.merge, builder.spec.target.table
    stands = builder.facts.evolution.stands
    end = stands.find(merge.fields.valid_to) if stands else None
    if end is not None and not end.nullable and builder.spec.scd.open_end is None:
        null = builder.target.allow_null(table, end.name)
        assert null is not None
        yield _ddl("allow_null", null)
    target = merge.target()
    value: Element = sa.literal_column(merge.open_end)
    differs = target.c[merge.fields.valid_to].is_distinct_from(value)
    current = target.c[merge.fields.is_current] == sa.literal_column(merge.on)
    update = sa.update(target).values({merge.fields.valid_to: value}).where(current, differs)
    yield compile_statement("correct_ends", Side.TARGET, update, builder.target)


def _change_key(builder: "Builder") -> Iterator[Statement]:
    """The index over the current versions is one of the new key; none is made where the spec wants none."""
    spec, table = builder.spec, builder.spec.target.table
    if spec.target.unique_index is UniqueIndex.AUTO and builder.facts.target.cheap_unique_index:
        index = names_current(table)
        yield _ddl("drop_unique_index", builder.target.drop_index(index, table))
        flag = builder.merge.fields.is_current if builder.merge.history else None
        made = builder.target.unique_current(index, table, builder.merge.key, flag)
        if made:
            yield _ddl("renew_unique_index", made)
    yield from _renew_gone(builder)
