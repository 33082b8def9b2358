"""Rules about surrogate keys: what they are made of."""

from collections.abc import Iterator

from dmsflow.diagnostics import Diagnostic, Path
from dmsflow.model.spec import PipelineSpec, ScdType
from dmsflow.model.surrogate import KeyFrom, SurrogateKey

PATH: Path = ("scd", "fields", "surrogate_key")


def surrogate_has_a_column(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Only a dimension has a name for its surrogate key by default."""
    if spec.scd.surrogate != SurrogateKey() and spec.scd.fields.surrogate_key is None:
        message = "the surrogate key has no column"
        help = 'add "column:", or write kind: dimension under target'
        yield Diagnostic(code="DMS285", message=message, path=PATH, help=help)


def uuid_names_one_row(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Rows that are appended may share a key, and would share a UUID that is made of it."""
    if spec.scd.surrogate.made_from is KeyFrom.UUID and spec.scd.type is ScdType.APPEND:
        message = "type append keeps no rows of one key apart, so that a UUID of the key names several rows"
        help = "write from: blocks, or load with a key and type 0"
        yield Diagnostic(code="DMS286", message=message, path=(*PATH, "from"), help=help)


def lookups_have_their_type(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A column that is looked up has the type of the dimension's key."""
    for column in spec.columns:
        if column.lookup is not None and column.type is not None:
            message = f'column "{column.name}" has a type, and a lookup that gives it one'
            path: Path = ("columns", column.name, "type")
            yield Diagnostic(code="DMS287", message=message, path=path, help='remove "type"')
