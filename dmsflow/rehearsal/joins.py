"""How the tables of a query join: by which equalities, and in which order they are found. Reads no text."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from sqlglot.expressions import Expr, Table


class NotSampled(Exception):
    """The tables of a query cannot be sampled one by one; the message says why."""


class Side(Struct, frozen=True, kw_only=True):
    """An expression over the columns of one table, which have no qualifier in it."""

    table: int
    value: "Expr"


class Edge(Struct, frozen=True, kw_only=True):
    """An equality by which rows of ``child`` are found that meet those of ``parent``."""

    parent: Side
    child: Side


class Joins(Struct, frozen=True, kw_only=True):
    """A query as a graph of the tables that it reads; the same table in two places is two tables."""

    tables: Sequence["Table"]
    edges: Sequence[Edge]
    leaders: Sequence[int]
    """Tables that no outer join and no subquery makes optional: any rows of theirs give rows of the result."""
    output: Mapping[str, int]
    """The table that a column of the result comes from, by its name in lower case."""
    filters: Mapping[int, Sequence["Expr"]]
    """Parts of the predicates that look at one table alone; its columns have no qualifier in them."""
    repeated: Sequence[int]
    """Tables whose name stands in several places."""
    grouped: bool
    """Whether the query looks at several rows at once: by aggregates, windows or a limit."""

    def tree(self, leader: int) -> Iterator[tuple[int, tuple[Edge, ...]]]:
        """Tables in an order in which each follows its parent, with the edges to it; one without any begins anew."""
        waiting, reached = [leader, *(i for i in range(len(self.tables)) if i != leader)], list[int]()
        while waiting:
            found = next(((table, edges) for table in waiting if (edges := self._to(table, reached))), None)
            table, edges = found or (waiting[0], ())
            yield table, edges
            waiting.remove(table)
            reached.append(table)

    def reach(self, leader: int) -> int:
        """How many tables are found from that one."""
        return sum(bool(edges) for _, edges in self.tree(leader))

    def _to(self, table: int, reached: Sequence[int]) -> tuple[Edge, ...]:
        """The edges from the first parent that has any."""
        for parent in reached:
            if edges := tuple(e for e in self.edges if e.child.table == table and e.parent.table == parent):
                return edges
        return ()
