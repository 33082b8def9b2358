"""The SELECTs that sample the tables of a query: some rows of the one that leads, of the others those that meet them.

Only builds text; every table's rows are told by one statement, so that a source need not keep anything.
"""

from collections.abc import Mapping, Sequence
from math import gcd
from typing import TYPE_CHECKING

from msgspec import Struct

from dmsflow.model.table import Column, TableShape
from dmsflow.rehearsal.joins import Edge

if TYPE_CHECKING:
    from sqlglot.expressions import Expr, Identifier, Select, Table

NUMBER = "_dms_number"
UNSORTED = ("json", "other", "bytes")
STRIDE = 2654435761
"""A prime by which a seed moves the rows that are taken."""
GOLDEN = 0.6180339887498949
LONGEST = 2**62


class TableSource(Struct, frozen=True, kw_only=True):
    """A table of the source as the query names it."""

    table: "Table"
    shape: TableShape
    filters: Sequence["Expr"] = ()
    order: Sequence[str] = ()

    def everything(self, alias: str) -> "Select":
        """All rows that the predicates of this table let pass."""
        from sqlglot import exp

        found = exp.select(*(_column(name, alias) for name in self.shape.names)).from_(self._named(alias))
        return found.where(*(qualify(part, alias) for part in self.filters), copy=False)

    def count(self) -> "Select":
        """How many there are."""
        from sqlglot import exp

        counted = exp.select(exp.Count(this=exp.Star())).from_(self._named("t"))
        return counted.where(*(qualify(part, "t") for part in self.filters), copy=False)

    def spread(self, rows: int, total: int, seed: int) -> "Select":
        """So many of them spread over their order; all where there are no more."""
        from sqlglot import exp

        if total <= rows:
            return self.everything("t")
        order = exp.Order(expressions=[exp.Ordered(this=_column(name, "t")) for name in self.order])
        number = exp.Window(this=exp.RowNumber(), order=order if self.order else None)
        numbered = self.everything("t").select(exp.alias_(number, NUMBER, quoted=True)).subquery(_quoted("n"))
        step = find_step(total)
        walked = exp.Mul(this=_column(NUMBER, "n"), expression=_number(step))
        moved = exp.paren(exp.Add(this=walked, expression=_number(find_start(seed, total))))
        turn = exp.Mod(this=moved, expression=_number(total))
        taken = exp.select(*(_column(name, "n") for name in self.shape.names)).from_(numbered)
        return taken.where(exp.LT(this=turn, expression=_number(rows)))

    def meeting(self, edges: Sequence[Edge], parents: "Select") -> "Select":
        """The rows that are equal to one of the parents; by IN, as an EXISTS may be run for every row."""
        from sqlglot import exp

        met = [exp.paren(qualify(edge.parent.value, "p")) for edge in edges]
        own = [exp.paren(qualify(edge.child.value, "t")) for edge in edges]
        found = exp.select(*met).from_(parents.copy().subquery(_quoted("p"))).subquery()
        listed = exp.In(this=own[0] if len(own) == 1 else exp.Tuple(expressions=own), query=found)
        return TableSource(table=self.table, shape=self.shape).everything("t").where(listed)

    def _named(self, alias: str) -> "Expr":
        from sqlglot import exp

        plain = exp.Table(**{part: self.table.args.get(part) and self.table.args[part].copy() for part in PARTS})
        return exp.alias_(plain, alias, table=True, quoted=True)


PARTS = ("this", "db", "catalog")


def find_step(total: int) -> int:
    """A stride that meets every place of so many once, as far from any rhythm of the data as the golden ratio is."""
    step = max(1, min(int(total * GOLDEN), LONGEST // total))
    return next(tried for tried in range(step, step + total) if gcd(tried, total) == 1)


def find_start(seed: int, total: int) -> int:
    """By how much a seed moves the places."""
    return seed * STRIDE % total


def sortable(columns: Sequence[Column]) -> list[str]:
    """The columns that a database can sort."""
    return [c.name for c in columns if c.type.family not in UNSORTED and not c.type.foreign]


def qualify(value: "Expr", alias: str, *, quoted: bool = True) -> "Expr":
    """The expression over one table, whose name in FROM is this."""
    from sqlglot import exp

    copied: Expr = exp.Paren(this=value.copy())
    for column in list(copied.find_all(exp.Column)):
        column.set("table", exp.to_identifier(alias, quoted=quoted))
        column.this.set("quoted", quoted)
    inner: Expr = copied.this
    return inner


def write(select: "Expr", dialect: str, params: Mapping[str, str]) -> str:
    """The statement in a dialect, each parameter as it is bound there."""
    from sqlglot import exp

    copied = select.copy()
    for place in list(copied.find_all(exp.Placeholder)):
        if place.name.strip() in params:
            place.replace(exp.Var(this=params[place.name.strip()]))
    return copied.sql(dialect=dialect)


def _column(name: str, alias: str) -> "Expr":
    from sqlglot import exp

    return exp.column(_quoted(name), table=_quoted(alias))


def _quoted(name: str) -> "Identifier":
    from sqlglot import exp

    return exp.to_identifier(name, quoted=True)


def _number(value: int) -> "Expr":
    from sqlglot import exp

    return exp.Literal.number(value)
