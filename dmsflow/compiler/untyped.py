"""Statements that read staged texts as the target's own types, in a chunk of which it has refused some. Runs none."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dmsflow.compiler.arrivals import make_staging
from dmsflow.compiler.statements import compile_statement
from dmsflow.compiler.temporaries import create_temporary, stage_declared
from dmsflow.engines.typing_words import TypingIdioms
from dmsflow.model.plan import UNTYPED, Fault, Side, Statement
from dmsflow.model.table import DataType, TypeName
from dmsflow.scd import untyped

if TYPE_CHECKING:
    from dmsflow.compiler.build import Builder

TEXT = DataType(name=TypeName.TEXT)


def untyped_statements(builder: "Builder", faults: Sequence[Fault]) -> Iterator[Statement]:
    """A table for the texts with a function for each of their types, and what fills the stage from it."""
    staging, target = make_staging(builder), builder.target
    columns = untyped.untyped_columns(staging)
    if not columns:
        return
    assert isinstance(target, TypingIdioms)
    kinds = {name: target.type_sql(TEXT) for name, _ in columns}
    declared = [(name, kinds.get(name, kind)) for name, kind in stage_declared(builder, staging)]
    readers = [target.create_reader(untyped.reader_name(i), arrival.type) for i, (_, arrival) in enumerate(columns)]
    sql = ";".join([create_temporary(target, UNTYPED, declared), *readers])
    yield Statement(name="create_untyped", side=Side.TARGET, sql=sql)
    first = len(faults) - len(columns) - 2 * len(builder.merge.lookups)
    own = faults[first : first + len(columns)]
    names = [name for name, _ in declared]
    element = untyped.type_rows(names, columns, own, target.temporary_schema)
    yield compile_statement("type_rows", Side.TARGET, element, target)
