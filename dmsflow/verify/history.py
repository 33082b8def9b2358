"""The laws of validity intervals, asked of a type 2 target (law 18). Needs no source.

At most one current version of a key; each starts before it ends; none begins before the one before it has ended; the
current one is open and no other is. A gap is allowed: the key was absent.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from dmsflow.compiler.assemble import merge_shape
from dmsflow.compiler.chunking import Cut
from dmsflow.compiler.columns import LoadedColumn
from dmsflow.compiler.compile import name_fields
from dmsflow.compiler.statements import compile_statement
from dmsflow.engines.engine import Idioms, Row, Session
from dmsflow.errors import PlanRefused
from dmsflow.model.facts import Facts, SourceFacts, TargetFacts
from dmsflow.model.plan import Side
from dmsflow.model.spec import ColumnSpec, PipelineSpec, Policy
from dmsflow.model.table import TableShape
from dmsflow.scd.native import Native
from dmsflow.scd.shape import Element, MergeShape, Query, at_most, number, word
from dmsflow.verify.columns import TEXT
from dmsflow.verify.report import Broken, HistoryFound, Values, Violation


def check_history(session: Session, idioms: Idioms, merge: MergeShape, limit: int) -> HistoryFound:
    """What the versions are like; at most so many that break a law are listed."""
    judged = _judge(merge).subquery("judged")

    def ask(name: str, query: sa.Executable) -> list[Row]:
        return session.fetch(compile_statement(name, Side.TARGET, query, idioms).sql)

    counted = ask("count_versions", _count(judged))
    broken = {str(law): int(str(rows)) for law, rows, _, _ in counted if law is not None}
    versions, gaps, keys = (sum(int(str(row[i] or 0)) for row in counted) for i in (1, 2, 3))
    listed = ask("find_violations", _list(judged, merge, idioms, limit)) if broken and limit else []
    return HistoryFound(
        versions=versions,
        keys=keys,
        gaps=gaps,
        broken={law.value: broken[law] for law in Broken if law in broken},
        violations=tuple(_read(merge, row) for row in listed),
    )


def shape_versions(spec: PipelineSpec, shape: TableShape, idioms: Idioms) -> MergeShape:
    """The versions of a target, known by its key and the engine's own columns. Raises PlanRefused without them."""
    fields = spec.scd.fields
    wanted = (*spec.key, fields.valid_from, fields.valid_to, fields.is_current)
    lost = next((name for name in wanted if shape.find(name) is None), None)
    if lost is not None:
        raise PlanRefused(f'{spec.target.table} has no column "{lost}": it does not hold the history of this spec')
    target = TargetFacts(
        engine="", embedded=False, cheap_unique_index=False, stores_nan=True, stores_far_times=True, keeps_lengths=True,
        max_columns=0, shape=shape,
    )  # fmt: skip
    nothing = SourceFacts(engine="", label="", relation="", shape=TableShape(columns=()))
    facts = Facts(source=nothing, target=target)
    wanted_columns = [ColumnSpec(name=name) for name in spec.key]
    wanted_columns += [column for column in spec.columns if spec.is_everywhere(column)]
    columns = [
        LoadedColumn(
            name=it.name,
            spec=column,
            source=None,
            arrives=it.type,
            type=it.type,
            policy=column.policy or Policy.VERSION,
            existing=it,
        )
        for column in wanted_columns
        if (it := shape.find(column.name)) is not None
    ]
    whole = Cut(count=1, keys=(), targets=(), rows=1, why="")
    return merge_shape(name_fields(spec, facts), facts, columns, whole, idioms)


def _judge(merge: MergeShape) -> Query:
    """Every version with the next one of its key, and the first law that it breaks."""
    fields = merge.fields
    target = merge.target().alias("t")
    keys = [target.c[name].label(f"k{i}") for i, name in enumerate(merge.key)]
    start, end = target.c[fields.valid_from], target.c[fields.valid_to]
    flag = sa.case((merge.is_current(target), number(1)), else_=number(0))
    same = [target.c[name].label(f"e{i}") for i, name in enumerate(_comparable(merge))]
    rows = sa.select(*keys, start.label("f"), end.label("t"), flag.label("c"), *same)
    versions = (rows.where(sa.not_(merge.is_member(target))) if merge.unknown else rows).subquery("v")
    v = versions.c
    key = [v[f"k{i}"] for i in range(len(merge.key))]
    order = [v.f.asc().nulls_first(), v.t.asc().nulls_last(), v.c.asc()]
    shared = tuple(column.name for column in same)
    over: dict[str, Any] = {"partition_by": key, "order_by": order}
    following = {name: sa.func.lead(v[name]).over(**over) for name in ("f", "t", "c", *shared)}
    total = sa.func.sum(v.c).over(partition_by=key)
    later = total - sa.func.sum(v.c).over(partition_by=key, order_by=order, rows=(None, 0))
    seen = sa.select(
        *v, *(value.label(f"n{name}") for name, value in following.items()), later.label("later")
    ).subquery("s")
    s = seen.c
    open_end: Element = s.t.is_(None)
    if merge.open_end != "NULL":
        open_end = sa.or_(open_end, s.t == sa.literal_column(merge.open_end))
    is_current = s.c == number(1)
    laws: tuple[tuple[Element, Broken], ...] = (
        (s.f.is_(None), Broken.NO_START),
        (sa.and_(is_current, s.later > number(0)), Broken.CURRENT_TWICE),
        (s.f == s.nf, Broken.REPEATED),
        (s.f >= s.t, Broken.INVERTED),
        (sa.and_(s.nf.is_not(None), sa.or_(s.t.is_(None), s.nf < s.t)), Broken.OVERLAP),
        (sa.and_(is_current, sa.not_(open_end)), Broken.CLOSED_CURRENT),
        (sa.and_(sa.not_(is_current), open_end), Broken.OPEN_NOT_CURRENT),
        *((_differs_next(s[name], s[f"n{name}"], s.nc), Broken.NOT_REWRITTEN) for name in shared),
    )
    law = sa.case(*((condition, word(name.value)) for condition, name in laws))
    gap = sa.case((s.nf > s.t, number(1)), else_=number(0))
    return sa.select(*s, law.label("law"), gap.label("gap"))


def _differs_next(value: Element, following: Element, there: Element) -> Element:
    """Whether the next version, if there is one, has another value."""
    return sa.and_(there.is_not(None), value.is_distinct_from(following))


def _comparable(merge: MergeShape) -> tuple[str, ...]:
    """The columns that are the same in every version of a key, without those whose values no window looks at."""
    return tuple(name for name in merge.everywhere if name not in merge.large)


def _count(judged: sa.Subquery) -> sa.Executable:
    """Law, versions, gaps, keys."""
    last = sa.case((judged.c.nc.is_(None), number(1)), else_=number(0))
    return sa.select(judged.c.law, sa.func.count(), sa.func.sum(judged.c.gap), sa.func.sum(last)).group_by(judged.c.law)


def _list(judged: sa.Subquery, merge: MergeShape, idioms: Idioms, limit: int) -> sa.Executable:
    """Some versions that break a law, as text."""
    text = Native(idioms.type_sql(TEXT))
    names = [*(f"k{i}" for i in range(len(merge.key))), "f", "t", "c", "nf", "nt", "nc"]
    picked = [sa.cast(judged.c[name], text).label(name) for name in names]
    order = [judged.c[f"k{i}"] for i in range(len(merge.key))]
    query = sa.select(judged.c.law, *picked).where(judged.c.law.is_not(None)).order_by(*order, judged.c.f)
    return at_most(query, limit)


def _read(merge: MergeShape, row: Row) -> Violation:
    law, *values = row
    key, version, following = values[: len(merge.key)], values[-6:-3], values[-3:]
    return Violation(
        law=Broken(str(law)),
        key=dict(zip(merge.key, map(_word, key), strict=True)),
        version=_version(merge, version),
        next=None if following[2] is None else _version(merge, following),
    )


def _version(merge: MergeShape, values: Sequence[object]) -> Values:
    fields = merge.fields
    start, end, current = values
    flag = "true" if str(current) == "1" else "false"
    return {fields.valid_from: _word(start), fields.valid_to: _word(end), fields.is_current: flag}


def _word(value: object) -> str | None:
    return None if value is None else str(value)
