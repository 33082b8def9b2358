"""Statements for a chunk of which the target refuses a row; no other chunk runs them. Decides nothing."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dmsflow.compiler.statements import compile_statement
from dmsflow.marks.names import REJECT
from dmsflow.marks.tables import mark_table
from dmsflow.model.plan import NUMBERED, REFUSED, Fault, Side, Statement
from dmsflow.model.table import DataType, TypeName
from dmsflow.scd import refusals, rejects

if TYPE_CHECKING:
    from dmsflow.compiler.build import Builder


def refusal_statements(builder: "Builder", faults: Sequence[Fault]) -> Iterator[Statement]:
    """Number the rows, try some of them, note and mark those that are refused, and make rejects of them."""
    merge, target = builder.merge, builder.target
    yield compile_statement("number_rows", Side.TARGET, refusals.number_rows(merge), target, temporary=NUMBERED)
    yield Statement(name="create_refused", side=Side.TARGET, sql=_create_refused(builder))
    if target.check_deferred:
        yield Statement(name="check_deferred", side=Side.TARGET, sql=target.check_deferred)
    for name, element in refusals.refusal_statements(merge):
        yield compile_statement(name, Side.TARGET, element, target)
    table = mark_table(REJECT, merge.schema)
    if merge.keyed:
        yield compile_statement("reject_refused", Side.TARGET, rejects.reject_refused(merge, table), target)
    staged = rejects.reject_statements(merge, faults, table, merge.stage(), refused=True)
    yield compile_statement("refuse_refused", Side.TARGET, staged, target)


def _create_refused(builder: "Builder") -> str:
    """DDL of the temporary table of what the database says."""
    quote, declare = builder.target.quote, builder.target.type_sql
    kinds = (TypeName.BIGINT, *(TypeName.TEXT for _ in rejects.NOTE_COLUMNS[1:]))
    columns = (
        f"{quote(name)} {declare(DataType(name=kind))}" for name, kind in zip(rejects.NOTE_COLUMNS, kinds, strict=True)
    )
    return f"CREATE TEMPORARY TABLE {quote(REFUSED)} ({', '.join(columns)})"
