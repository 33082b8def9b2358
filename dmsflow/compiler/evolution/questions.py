"""Questions about the rows of a target that differs from its spec: what would be lost, end otherwise, or repeat."""

from collections.abc import Callable, Iterator

import sqlalchemy as sa
from msgspec.structs import replace

from dmsflow.compiler.assemble import flag_literals
from dmsflow.compiler.build import target_schema
from dmsflow.compiler.evolution.survey import old_name
from dmsflow.compiler.evolution.terms import Names, asks_open_ends
from dmsflow.compiler.evolution.widening import widens
from dmsflow.compiler.member import write_unknown
from dmsflow.compiler.statements import compile_statement
from dmsflow.engines.engine import Idioms, Row, Session
from dmsflow.model.evolution import OpenEnd, Retyped
from dmsflow.model.facts import Facts
from dmsflow.model.plan import Side
from dmsflow.model.spec import PipelineSpec, ScdType
from dmsflow.model.table import DataType, TypeName
from dmsflow.scd.native import Native
from dmsflow.scd.shape import Element, Query, at_most, number

Fetch = Callable[[Query], list[Row]]

SAMPLES = 3
LIMITS = {TypeName.SMALLINT: 2**15, TypeName.INTEGER: 2**31, TypeName.BIGINT: 2**63}
NUMBERS = ("integer", "decimal", "float")


def ask_target(
    spec: PipelineSpec, facts: Facts, idioms: Idioms, session: Session, names: Names, *, another_key: bool
) -> Facts:
    """The facts with the answers."""

    def fetch(query: Query) -> list[Row]:
        return session.fetch(compile_statement("ask", Side.TARGET, query, idioms).sql)

    stands, evolution = facts.evolution.stands, facts.evolution
    assert stands is not None
    table = sa.table(spec.target.table.table, *(sa.column(name) for name in stands.names), schema=target_schema(spec))
    retyped = []
    for one in evolution.retyped:
        lost = None if widens(one.existing, one.wanted) else _loses(table.c[old_name(names, one.column)], one, idioms)
        retyped.append(one if lost is None else _count_lost(one, table.c[old_name(names, one.column)], lost, fetch))
    evolution = replace(evolution, retyped=tuple(retyped))
    current = _is_current(spec, facts, table, idioms)
    end = stands.find(spec.scd.fields.valid_to)
    if end is not None and current is not None and asks_open_ends(spec, evolution.terms):
        null = idioms.allow_null(spec.target.table, end.name)
        evolution = replace(
            evolution,
            open_ends=tuple(_other_ends(spec, table.c[end.name], current, idioms, fetch)),
            takes_null_end=end.nullable or null is not None,
        )
    found = [stands.find(old_name(names, name)) for name in spec.key]
    if another_key and current is not None and all(found):
        key = [table.c[column.name] for column in found if column is not None]
        known = sa.and_(current, sa.not_(_is_member(spec, facts, table, idioms)))
        repeated, keyless = fetch(_repeated(table, key, known))[0]
        evolution = replace(evolution, repeated=int(str(repeated or 0)), keyless=int(str(keyless or 0)))
    return replace(facts, evolution=evolution)


def _is_current(spec: PipelineSpec, facts: Facts, table: sa.TableClause, idioms: Idioms) -> Element | None:
    """The predicate of a current version; every row where no versions are kept, None where no flag tells."""
    if spec.scd.type is not ScdType.HISTORY:
        return sa.true()
    shape = facts.evolution.stands
    flag = shape.find(spec.scd.fields.is_current) if shape else None
    if flag is None:
        return None
    on, _ = flag_literals(facts, flag.name, idioms)
    return table.c[flag.name] == sa.literal_column(on)


def _is_member(spec: PipelineSpec, facts: Facts, table: sa.TableClause, idioms: Idioms) -> Element:
    """The predicate of the unknown member, which no row of the source finds by any key."""
    shape, name = facts.evolution.stands, spec.scd.fields.surrogate_key
    column = shape.find(name) if shape and name and spec.scd.unknown_member else None
    if column is None:
        return sa.false()
    return table.c[column.name].is_not_distinct_from(sa.literal_column(write_unknown(spec, idioms)))


def _other_ends(spec: PipelineSpec, end: Element, current: Element, idioms: Idioms, fetch: Fetch) -> Iterator[OpenEnd]:
    """The ends of current versions that are not the spec's; two are enough to know that there is no open one."""
    differs = end.is_distinct_from(sa.literal_column(idioms.literal(spec.scd.open_end)))
    query = sa.select(sa.cast(end, sa.String()), sa.func.count()).where(current, differs).group_by(end)
    for value, rows in fetch(at_most(query, 2)):
        yield OpenEnd(end=None if value is None else str(value), rows=int(str(rows)))


def _repeated(table: sa.TableClause, key: list[sa.ColumnClause[object]], current: Element) -> Query:
    """How many keys several current versions have, and how many of these have none."""
    groups = sa.select(sa.func.count().label("rows")).select_from(table).where(current).group_by(*key)
    several = groups.having(sa.func.count() > number(1)).subquery("several")
    repeated = sa.select(sa.func.count()).select_from(several).scalar_subquery()
    without = sa.or_(*(column.is_(None) for column in key))
    keyless = sa.select(sa.func.count()).select_from(table).where(current, without).scalar_subquery()
    one = sa.select(number(1).label("one")).subquery("one")
    return sa.select(repeated.label("repeated"), keyless.label("keyless")).select_from(one)


def _count_lost(retyped: Retyped, value: Element, lost: Element, fetch: Fetch) -> Retyped:
    """The column with the rows that would lose something, and a few of their values."""
    count = fetch(sa.select(sa.func.count()).where(lost))[0][0]
    samples = fetch(at_most(sa.select(sa.cast(value, sa.Text())).where(lost), SAMPLES))
    told = tuple(dict.fromkeys(str(row[0]) for row in samples))
    return replace(retyped, lost=int(str(count)), samples=told)


def _loses(value: Element, retyped: Retyped, idioms: Idioms) -> Element | None:
    """The predicate of a value that the wanted type has no place for; None where there is none that all share."""
    old, new = retyped.existing, retyped.wanted
    if old.family in NUMBERS and new.family in ("integer", "decimal"):
        return _beyond(value, new)
    if old.family == new.family == "text" and new.length is not None:
        return sa.func.length(value) > number(new.length)
    if (old.family, new.family) == ("timestamp", "date"):
        day = sa.cast(sa.cast(value, Native(idioms.type_sql(new))), Native(idioms.type_sql(old)))
        return value != day
    return None


def _beyond(value: Element, new: DataType) -> Element:
    """A number with too many digits, before the point or after it."""
    if new.family == "integer":
        limit = LIMITS[new.name]
        return sa.or_(value < number(-limit), value > number(limit - 1), value != sa.func.round(value))
    scale = new.scale or 0
    limit = 10 ** ((new.precision or 38) - scale)
    cut = value != sa.func.round(value, number(scale))
    return sa.or_(value <= number(-limit), value >= number(limit), cut)
