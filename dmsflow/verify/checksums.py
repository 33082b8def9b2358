"""The questions that both sides are asked: checksums of segments, digests of rows, rows by their digests. Pure."""

from collections.abc import Callable, Collection, Iterator, Sequence

import sqlalchemy as sa
from msgspec import Struct

from dmsflow.engines.digests import DigestWords, Typed
from dmsflow.engines.engine import Idioms
from dmsflow.model.table import DataType, TypeName
from dmsflow.scd.lookup_shape import since_column
from dmsflow.scd.shape import Element, Query, number
from dmsflow.verify.columns import TEXT, Choice, Compared
from dmsflow.verify.kinds import found_name, since_name
from dmsflow.verify.sides import DELETED, INSIDE, LOADED, MISFITS, REFUSED, TIME

Ask = Callable[[sa.Subquery], Query]

SEGMENTS = (61, 251, 1021, 4093, 16381, 65521)
"""Prime numbers, so that keys which share a factor are spread as well."""

ROWS_PER_SEGMENT = 250
NO_SEGMENT = -1
"""Where rejects are counted."""

LISTED_SEGMENTS = 2_000
"""Of more that differ, all between the first and the last are read: no list of them is worth it."""

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
    origin: dict[str, DataType] = {}
    """The types of all that is staged before anything is looked up."""
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

    def list_digests(self, segments: Collection[int]) -> Ask:
        """The digests of the rows of these segments: of key, row, all that is loaded, and partition.

        And when a row holds, whether it says that its key is deleted, whether it is a reject, and whether its key has
        to be in the source. Where keys are looked up, also the digest of each, and what is known of their instants.
        """

        def ask(rows: sa.Subquery) -> Query:
            time: Element = rows.c[TIME] if TIME in rows.c else sa.null()
            every = self._staged(self.types)
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
                *self._looked_up(rows),
            ).select_from(rows)
            return chosen.where(self._within(segments))

        return ask

    def _looked_up(self, rows: sa.Subquery) -> Iterator[Element]:
        """The keys that are looked up, apart from all else."""
        looked_up = self.choice.looked_up
        if not looked_up:
            return
        rest, origin = [*map(self._typed, self.choice.arriving)], self._staged(self.origin)
        yield (self._sql(self.words.number(rest)) if rest else number(0)).label("b")
        yield (self._sql(self.words.number(origin)) if origin else number(0)).label("o")
        yield _instant(rows, LOADED).label("w")
        for i, column in enumerate(looked_up):
            assert column.lookup is not None
            yield self._sql(self.words.number([self._typed(column)])).label(found_name(i))
            yield _instant(rows, since_column(column.lookup)).label(since_name(i))

    def _staged(self, types: dict[str, DataType]) -> list[Typed]:
        return [Typed(sql=self.idioms.quote(name), type=kind) for name, kind in types.items()]

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

    def _within(self, segments: Collection[int]) -> Element:
        """Whether a row is of these segments; of many, whether it is between the first and the last."""
        listed = ", ".join(map(str, sorted(segments)))
        of = f"IN ({listed})" if len(segments) <= LISTED_SEGMENTS else f"BETWEEN {min(segments)} AND {max(segments)}"
        return sa.literal_column(f"{self.words.segment(self._key(), self.segments)} {of}", sa.Boolean())

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
        return [*map(self._typed, self.choice.identity)]

    def _typed(self, column: Compared) -> Typed:
        return Typed(sql=self.idioms.quote(column.name), type=column.type)

    def _sql(self, sql: str) -> Element:
        return sa.literal_column(sql)


def _instant(rows: sa.Subquery, name: str) -> Element:
    """A moment, where this side knows it."""
    value: Element = rows.c[name] if name in rows.c else sa.null()
    return sa.cast(value, sa.types.DateTime())


def count_segments(rows: int) -> int:
    """How many segments, so that one holds a few hundred rows."""
    return next((n for n in SEGMENTS if n * ROWS_PER_SEGMENT >= rows), SEGMENTS[-1])
