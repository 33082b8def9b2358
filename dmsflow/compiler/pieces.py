"""The query that cuts a chunk into pieces, where its source may forget the state that is read. Asks nothing."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import sqlalchemy as sa

from dmsflow.compiler.questions import readable
from dmsflow.compiler.source_sql import quantile_rows
from dmsflow.compiler.statements import compile_statement
from dmsflow.model.plan import PIECES, RangeShape, Side, Statement, Transfer
from dmsflow.scd.shape import within

if TYPE_CHECKING:
    from dmsflow.compiler.build import Builder


def piece_statements(builder: "Builder", ends: dict[RangeShape, tuple[bool, bool]]) -> Iterator[Statement]:
    """For each shape of a range, the first keys of its pieces but the first one, computed by the source (law 2)."""
    if not builder.cut.keys or not builder.facts.source.forgets or builder.transfer is not Transfer.ARROW:
        return
    source = builder.source
    relation = source.relation().alias("src")
    columns = [column for name in builder.cut.keys if (column := source.facts.shape.find(name)) is not None]
    for shape in builder.shapes:
        lower, upper = ends[shape]
        inside = within([relation.c[column.name] for column in columns], lower, upper)
        condition = sa.and_(source.filter(), source.window(relation, builder.checkpoint), inside)
        query = readable(quantile_rows(relation, builder.cut.keys, condition), columns)
        yield compile_statement(PIECES, Side.SOURCE, query, source.idioms, shape=shape)
