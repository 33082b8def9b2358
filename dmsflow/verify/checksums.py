"""The questions that both sides are asked: checksums of segments, digests of rows, rows by their digests. Pure."""

from collections.abc import Callable, Collection, Sequence

import sqlalchemy as sa
from msgspec import Struct

from dmsflow.engines.digests import DigestWords, Typed
from dmsflow.engines.engine import Idioms
from dmsflow.model.table import DataType, TypeName
from dmsflow.scd.shape import Element, Query, number
from dmsflow.verify.columns import TEXT, Choice, Compared
from dmsflow.verify.sides import ALL, DELETED, INSIDE, MISFITS, REFUSED, TIME

Ask = Callable[[sa.Subquery], Query]

SEGMENTS = (61, 251, 1021, 4093, 16381, 65521)
"""Prime numbers, so that keys which share a factor are spread as well."""

ROWS_PER_SEGMENT = 250
NO_SEGMENT = -1
"""Where rejects are counted."""

LISTED_SEGMENTS = 2_000
"""With more that differ, all rows are read: no list of them is worth it."""

TIMESTAMP = DataType(name=TypeName.TIMESTAMP)
BIGINT = DataType(name=TypeName.BIGINT)


class Questions(Struct, frozen=True, kw_only=True):
    """What is asked of one side, in its words. Without a key a row is its own."""

    words: DigestWords
    idioms: Idioms
    choice: Choice
    segments: int
    types: dict[str, DataType]
    """The types of all staged columns, by which rows of one key are told apart."""
    misfits: bool = False
    """Whether a value may be none of its type."""

    def sum_segments(self, rows: sa.Subquery) -> Query:
        """Segment, rows, and the sum of their digests, which their order does not change."""
        segment = sa.case((rows.c[REFUSED], sa.literal_column(str(NO_SEGMENT))), else_=self._segment())
        digests = sa.select(segment.label("segment"), self._number().label("digest")).select_from(rows)
        numbered = digests.where(sa.not_(rows.c[DELETED])).subquery("n")
        return sa.select(numbered.c.segment, sa.func.count(), sa.func.sum(numbered.c.digest)).group_by(
            numbered.c.segment
        )

    def list_digests(self, segments: Collection[int] | None) -> Ask:
        """The digests of the rows of these segments, or of all: of key, row, all that is loaded, and partition.

        And when a row holds, whether it says that its key is deleted, whether it is a reject, and whether its key has
        to be in the source.
        """

        def ask(rows: sa.Subquery) -> Query:
            time: Element = rows.c[TIME] if TIME in rows.c else sa.null()
            every = [Typed(sql=self.idioms.quote(name), type=kind) for name, kind in self.types.items()]
            picked = (
                self._sql(self.words.number(self._key())),
                self._sql(self.words.other_number(self._key())),
                self._number(),
                self._sql(self.words.number(every)) if every else self._number(),
            )
            names = ("k0", "k1", "r", "f")
            chosen = sa.select(
                *(value.label(name) for name, value in zip(names, picked, strict=True)),
                sa.cast(time, sa.types.DateTime()).label("t"),
                sa.case((rows.c[DELETED], number(1)), else_=number(0)).label("g"),
                sa.case((rows.c[REFUSED], number(1)), else_=number(0)).label("x"),
                rows.c[INSIDE].label("i"),
                self._partition().label("p"),
            ).select_from(rows)
            return chosen.where(self._within(segments))

        return ask

    def list_partitions(self, rows: sa.Subquery) -> Query:
        """The partitions that arrive, a rejected row's among them."""
        return sa.select(self._partition().label("p")).select_from(rows).distinct()

    def find_rows(self, keys: Sequence[int]) -> Ask:
        """The rows of keys by the first digest: both digests, the values as text, what fits no type."""

        def ask(rows: sa.Subquery) -> Query:
            texts: list[Element] = [
                sa.literal_column(self.words.text(self._typed(column))).label(f"v{i}")
                for i, column in enumerate(self.choice.row)
            ]
            listed = ", ".join(map(str, keys))
            one = self.words.number(self._key())
            return (
                sa.select(
                    self._sql(one).label("k0"),
                    self._sql(self.words.other_number(self._key())).label("k1"),
                    *texts,
                    rows.c[MISFITS],
                )
                .select_from(rows)
                .where(
                    sa.not_(rows.c[REFUSED]),
                    sa.not_(rows.c[DELETED]),
                    sa.literal_column(f"{one} IN ({listed})", sa.Boolean()),
                )
            )

        return ask

    def _within(self, segments: Collection[int] | None) -> Element:
        if segments is None or len(segments) > LISTED_SEGMENTS:
            return sa.true()
        listed = ", ".join(map(str, sorted(segments)))
        return sa.literal_column(f"{self.words.segment(self._key(), self.segments)} IN ({listed})", sa.Boolean())

    def _segment(self) -> Element:
        return self._sql(self.words.segment(self._key(), self.segments))

    def _number(self) -> Element:
        values = [*map(self._typed, self.choice.row)]
        if self.misfits:
            values.append(Typed(sql=self.idioms.quote(MISFITS), type=TEXT))
        return self._sql(self.words.number(values))

    def _partition(self) -> Element:
        parts = [*map(self._typed, self.choice.partition)]
        return self._sql(self.words.number(parts)) if parts else sa.cast(sa.null(), sa.Integer())

    def _key(self) -> list[Typed]:
        return [*map(self._typed, self.choice.key or self.choice.row)]

    def _typed(self, column: Compared) -> Typed:
        return Typed(sql=self.idioms.quote(column.name), type=column.type)

    def _sql(self, sql: str) -> Element:
        return sa.literal_column(sql)


def count_segments(rows: int) -> int:
    """How many segments, so that one holds a few hundred rows."""
    return next((n for n in SEGMENTS if n * ROWS_PER_SEGMENT >= rows), SEGMENTS[-1])


def type_all(names: Sequence[tuple[str, DataType]]) -> dict[str, DataType]:
    """The types of the staged columns under the names that they have beside those that are compared."""
    return {f"{ALL}_{i}": kind for i, (_, kind) in enumerate(names)}
