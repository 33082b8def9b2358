"""Rules about surrogate keys: what they are made of."""

from collections.abc import Iterator

from dmsflow.diagnostics import Diagnostic, Path
from dmsflow.model.spec import Deletes, PipelineSpec, ScdType
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


def absent_keys_are_known(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A fact whose lookup finds nothing has no key, and its row in the target would look like one that is gone."""
    absence_counts = spec.scd.deletes is not Deletes.IGNORE and not spec.is_feed and not spec.scd.within.marked
    for column in spec.columns:
        if absence_counts and column.lookup is not None and column.name in spec.key:
            message = f'with deletes, the looked-up key column "{column.name}" lets a lookup that misses delete a row'
            help = "key the table by columns of the source, or write deletes: ignore"
            yield Diagnostic(code="DMS290", message=message, path=("scd", "deletes"), help=help)


def member_can_be_told(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """The unknown member is a row of its own by its surrogate key and by its business key."""
    member, path = dict(spec.scd.unknown_member), ("scd", "unknown_member")
    if not member:
        return
    if spec.scd.fields.surrogate_key is None or spec.scd.type is ScdType.APPEND:
        message = "an unknown member needs a surrogate key, and rows that are found by their key"
        help = "write kind: dimension under target, and type 0, 1 or 2"
        yield Diagnostic(code="DMS288", message=message, path=path, help=help)
    for name in spec.key:
        if member.get(name) is None:
            message = f'the unknown member has no value of the key column "{name}"'
            help = "write one that no row of the source has"
            yield Diagnostic(code="DMS288", message=message, path=path, help=help)


def sequences_are_used(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A sequence numbers rows only where it is asked to."""
    if spec.scd.surrogate.sequence is not None and spec.scd.surrogate.made_from is not KeyFrom.SEQUENCE:
        message = "the sequence has no effect: the surrogate key does not come from one"
        yield Diagnostic(code="DMS289", message=message, path=(*PATH, "sequence"), help="write from: sequence")
