"""Statements for a chunk of which the target refuses a row; no other chunk runs them. Decides nothing."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dmsflow.compiler.statements import compile_statement
from dmsflow.compiler.temporaries import create_refused
from dmsflow.compiler.untyped import untyped_statements
from dmsflow.marks.names import REJECT
from dmsflow.marks.tables import mark_table
from dmsflow.model.plan import NUMBERED, Fault, Side, Statement
from dmsflow.scd import refusals, rejects

if TYPE_CHECKING:
    from dmsflow.compiler.build import Builder


def refusal_statements(builder: "Builder", faults: Sequence[Fault]) -> Iterator[Statement]:
    """Number the rows, try some of them, note and mark those that are refused, and make rejects of them."""
    merge, target = builder.merge, builder.target
    yield from untyped_statements(builder, faults)
    yield compile_statement("number_rows", Side.TARGET, refusals.number_rows(merge), target, temporary=NUMBERED)
    yield from create_refused(target)
    if target.check_deferred:
        yield Statement(name="check_deferred", side=Side.TARGET, sql=target.check_deferred)
    for name, element in refusals.refusal_statements(merge):
        yield compile_statement(name, Side.TARGET, element, target)
    table = mark_table(REJECT, merge.schema)
    if merge.keyed:
        yield compile_statement("reject_refused", Side.TARGET, rejects.reject_refused(merge, table), target)
    staged = rejects.reject_statements(merge, faults, table, merge.stage(), refused=True)
    yield compile_statement("refuse_refused", Side.TARGET, staged, target)
