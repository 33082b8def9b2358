"""The statements that keep columns the same in all versions of a key. Decides nothing: the shape of the merge does."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dmsflow.compiler.statements import compile_statement
from dmsflow.model.plan import DELTA, REPLAY, RangeShape, Side, Statement
from dmsflow.scd.rewrite import rewrite
from dmsflow.scd.shape import CLASS

if TYPE_CHECKING:
    from dmsflow.compiler.build import Builder


def rewriting_statements(builder: "Builder", ends: tuple[bool, bool], shape: RangeShape) -> Iterator[Statement]:
    """Overwrite the closed versions of one range; the planner knows the delta by then, which may be small or large."""
    merge, target = builder.merge, builder.target
    if not merge.everywhere:
        return
    first = not ends[0]
    for name, table in (("learn_delta", DELTA), *((("learn_replay", REPLAY),) if builder.spec.remembers else ())):
        if first and (learn := target.learn_rows(table, (*merge.key, CLASS))):
            yield Statement(name=name, side=Side.TARGET, sql=learn)
    yield compile_statement("rewrite", Side.TARGET, rewrite(merge, merge.delta(), *ends), target, shape=shape)
