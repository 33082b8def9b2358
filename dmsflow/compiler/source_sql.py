"""The source as SQL: relation, projection, ranges and window, in the dialect that reads it. Runs nothing."""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from dmsflow.compiler.columns import LoadedColumn
from dmsflow.compiler.statements import Relation
from dmsflow.compiler.user_sql import bind_params
from dmsflow.engines.engine import Idioms
from dmsflow.model.facts import SourceFacts
from dmsflow.model.plan import ARRIVES, CheckpointPlan
from dmsflow.model.spec import OnNull, PipelineSpec
from dmsflow.model.table import DataType, TypeName
from dmsflow.scd.native import Native
from dmsflow.scd.shape import Element, Query, within


class SourceSql(Struct, frozen=True, kw_only=True):
    """The source of one pipeline. ``raw`` names in a projection are by position, so that none can clash."""

    spec: PipelineSpec
    facts: SourceFacts
    idioms: Idioms
    marker: str

    def relation(self) -> Relation:
        """What is read, as it stands in FROM."""
        return Relation(self.facts.relation, self.facts.shape.names)

    def projection(
        self,
        columns: Sequence[LoadedColumn],
        extra: Sequence[str],
        chunk_by: Sequence[str],
        checkpoint: CheckpointPlan,
        *,
        lower: bool,
        upper: bool,
        ordered: bool = False,
    ) -> Query:
        """The rows of a chunk: user columns as ``_dms_c<i>``, then other source columns as ``_dms_x<i>``.

        ``ordered``: by ``order_by``, so that rows which may change places are alike.
        """
        source = self.relation().alias("src")
        picked: list[Element] = [self.pick(source, column).label(f"{ARRIVES}{i}") for i, column in enumerate(columns)]
        picked += [self._beside(source, name).label(f"_dms_x{i}") for i, name in enumerate(extra)]
        keys = [source.c[name] for name in chunk_by]
        order = self._order(source, columns, picked) if ordered else ()
        picked = picked or [sa.literal_column("1").label("one")]
        return (
            sa.select(*picked)
            .select_from(source)
            .where(self.filter(), self.window(source, checkpoint), within(keys, lower, upper) if keys else sa.true())
            .order_by(*order)
        )

    def _order(
        self, source: sa.FromClause, columns: Sequence[LoadedColumn], picked: Sequence[Element]
    ) -> Iterator[Element]:
        """The order that the spec asks for, then by all else that arrives; files without one are read as they stand."""
        shape = self.facts.shape
        named = [it for name in self.spec.scd.order_by if (it := shape.find(name)) is not None]
        for found in named:
            yield self._sortable(source.c[found.name], self.facts.arrives(found.name, found.type))
        for column, value in zip(columns, picked, strict=False) if named else ():
            if column.spec.expr is not None:
                # By its label: some databases take a constant in ORDER BY for the position of a column.
                yield self._sortable(value, column.arrives)
            elif column.source is not None and column.source not in named:
                yield self._sortable(source.c[column.source.name], column.arrives)

    def _sortable(self, value: Element, data_type: DataType) -> Element:
        """The value, or its text where the database may not sort it, or take different ones for equal."""
        if not data_type.foreign and data_type.name not in (TypeName.JSON, TypeName.OTHER):
            return value
        return sa.cast(value, Native(self.idioms.key_sql(DataType(name=TypeName.TEXT), 1)))

    def pick(self, source: sa.FromClause, column: LoadedColumn) -> Element:
        """The SQL that makes one column's arriving value."""
        if column.spec.expr is None and column.source is None:
            return sa.literal_column(self.idioms.constant(column.spec.value, column.arrives))
        if column.spec.expr is not None:
            value: Element = sa.literal_column(f"({bind_params(column.spec.expr, self.marker)})")
        else:
            assert column.source is not None
            value = source.c[column.source.name]
        return value if column.type.foreign else self._unpadded(value, column.arrives)

    def _beside(self, source: sa.FromClause, name: str) -> Element:
        """A column that is read beside the user's: a mark, an operation, what is looked up."""
        value: Element = source.c[name]
        found = self.facts.shape.find(name)
        return value if found is None else self._unpadded(value, found.type)

    def _unpadded(self, value: Element, arrives: DataType) -> Element:
        """The value without the blanks that fill it up, which a cast takes off, whatever reads the rows then."""
        padded = (arrives.native or "").startswith(self.idioms.padded)
        return sa.cast(value, Native("TEXT")) if padded else value

    def filter(self) -> Element:
        """The user's own predicate."""
        if self.spec.source.where is None:
            return sa.true()
        return sa.literal_column(f"({bind_params(self.spec.source.where, self.marker)})", sa.Boolean())

    def window(self, source: sa.FromClause, checkpoint: CheckpointPlan) -> Element:
        """The stretch between the watermark and the fence; rows without a checkpoint value belong to every run.

        Without a fence there is no row yet that a watermark could stand for: what comes meanwhile is the next run's.
        """
        columns = self.marks(source, checkpoint.columns)
        if not columns:
            return sa.true()
        bounds = [sa.not_(compare(columns, "fence", at=False)) if checkpoint.fence else sa.false()]
        if checkpoint.start:
            bounds.append(compare(columns, "start", at=checkpoint.inclusive))
        inside = sa.and_(*bounds, *(column.is_not(None) for column in columns))
        return sa.or_(inside, *(column.is_(None) for column in columns))

    def marks(self, source: sa.FromClause, names: Sequence[str]) -> list[Any]:
        """Checkpoint columns as they are compared: cut to what a driver hands over, so that a watermark is exact."""
        marks: list[Any] = []
        for name in names:
            column = self.facts.shape.find(name)
            finer = column is not None and column.type.native in self.idioms.finer_times
            marks.append(sa.cast(source.c[name], Native("TIMESTAMP")) if finer else source.c[name])
        return marks

    @property
    def refuses_null_marks(self) -> bool:
        """Whether a row without a checkpoint value is a reject."""
        return self.spec.checkpoint.by_key and self.spec.checkpoint.on_null is OnNull.REJECT


def compare(columns: Sequence[Any], name: str, *, at: bool) -> Element:
    """The tuple of columns sorts after the bound of that name, or ``at`` it."""
    steps: list[Element] = []
    for i, column in enumerate(columns):
        equal = [columns[j] == sa.bindparam(f"{name}_{j}") for j in range(i)]
        bound: Element = sa.bindparam(f"{name}_{i}")
        last = i == len(columns) - 1
        steps.append(sa.and_(*equal, column >= bound if last and at else column > bound))
    return sa.or_(*steps)


def quantile_rows(source: sa.FromClause, keys: Sequence[str], condition: Element) -> Query:
    """The first key of every chunk but the first, in order, when the keys are cut into equal parts."""
    columns = [source.c[name] for name in keys]
    place = sa.func.row_number().over(order_by=columns).label("place")
    ranked = (
        sa.select(*(c.label(f"k{i}") for i, c in enumerate(columns)), place, sa.func.count().over().label("total"))
        .where(condition, *(c.is_not(None) for c in columns))
        .subquery("ranked")
    )
    before = ranked.c.place - sa.literal_column("1")
    parts: Element = sa.bindparam("parts", type_=sa.BigInteger())
    first = (before * parts) % ranked.c.total < parts
    return (
        sa.select(*(ranked.c[f"k{i}"] for i in range(len(keys))))
        .where(first, ranked.c.place > sa.literal_column("1"))
        .order_by(ranked.c.place)
    )
