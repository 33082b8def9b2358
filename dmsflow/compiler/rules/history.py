"""Rules about change history: deletes, duplicates, order, late rows, validity."""

from collections.abc import Iterator

from dmsflow.diagnostics import Diagnostic, Path, Severity
from dmsflow.model.spec import Deletes, Duplicates, Grain, Late, PipelineSpec, Scd, ScdType

_DELETES = {
    ScdType.APPEND: (Deletes.IGNORE,),
    ScdType.KEEP: (Deletes.IGNORE,),
    ScdType.OVERWRITE: (Deletes.IGNORE, Deletes.DELETE, Deletes.FLAG),
    ScdType.HISTORY: (Deletes.IGNORE, Deletes.CLOSE, Deletes.TOMBSTONE),
}


def deletes_fit_the_type(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """What can be done with a missing key depends on what the target keeps."""
    fitting = _DELETES[spec.scd.type]
    if spec.scd.deletes not in fitting:
        message = f'type {spec.scd.type} cannot "{spec.scd.deletes}" a key that the source no longer has'
        help = f"write {' or '.join(fitting)}" if len(fitting) > 1 else "remove deletes"
        yield Diagnostic(code="DMS220", message=message, path=("scd", "deletes"), help=help)


def deletes_see_everything(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A read that starts at a watermark cannot tell a deleted key from one that did not change."""
    told = spec.is_feed or spec.scd.within.marked
    if spec.scd.deletes is not Deletes.IGNORE and spec.checkpoint.by_key and not told:
        message = f"deletes: {spec.scd.deletes} needs the whole source, and the checkpoint reads a part of it"
        help = "write checkpoint: none, or deletes: ignore, or name the column that marks deleted rows as its scope"
        yield Diagnostic(code="DMS221", message=message, path=("scd", "deletes"), help=help)


def deletes_have_one_scope(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Absence counts in one part of the target, or a mark does; a mark is a column and its values."""
    within, path = spec.scd.within, ("scd", "deletes", "scope")
    if len(within.scopes) > 1:
        message = f"the scope of deletes is given {len(within.scopes)} times: {' and '.join(within.scopes)}"
        yield Diagnostic(code="DMS276", message=message, path=path, help="keep one of them")
    elif bool(within.column) is not bool(within.values):
        message = "a mark of deleted rows is a column and its values, and one of them is missing"
        help = "write {column: deleted, values: [Y]}"
        yield Diagnostic(code="DMS276", message=message, path=path, help=help)
    elif within.scopes and spec.source.grain is Grain.CHANGES:
        message = "a scope looks at a snapshot, and grain: changes reads what happened"
        yield Diagnostic(code="DMS276", message=message, path=path, help="write grain: snapshot, or remove the scope")
    elif within.scopes and spec.scd.deletes is Deletes.IGNORE:
        message = "the scope of deletes has no effect: deletes are ignored"
        yield Diagnostic(code="DMS276", message=message, path=path, help="write a mode, such as close")


def last_has_an_order(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """The last of several rows is the last by something."""
    if spec.scd.duplicates is Duplicates.LAST and not spec.scd.order_by:
        message = "duplicates: last has no order to find the last row by"
        help = 'add "order_by:" with the source columns that order the rows of one key'
        yield Diagnostic(code="DMS222", message=message, path=("scd", "duplicates"), help=help)


def order_is_used(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """An order that nothing asks for leads a reader to think that something does."""
    asked = spec.scd.duplicates is Duplicates.LAST or spec.source.grain is Grain.CHANGES or spec.checkpoint.counted
    if spec.scd.order_by and not asked:
        yield Diagnostic(
            code="DMS223",
            message="order_by has no effect: different rows of one key are rejected",
            path=("scd", "order_by"),
            help="write duplicates: last, or remove order_by",
            severity=Severity.WARNING,
        )


def history_options_have_history(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Only type 2 keeps versions with a start and an end; a feed is also ordered by the business time."""
    scd = spec.scd
    if scd.type is ScdType.HISTORY:
        return
    default = Scd(type=scd.type)
    given = (
        ("type1", scd.type1 is not default.type1),
        ("effective_at", scd.effective_at is not None and not spec.is_feed),
        ("first_valid_from", scd.first_valid_from is not None),
        ("open_end", scd.open_end != default.open_end),
        ("late", scd.late is not Late.REJECT),
    )
    for name, written in given:
        if written:
            message = f"{name} has no effect: type {scd.type} keeps no versions"
            path: Path = ("scd", name)
            yield Diagnostic(code="DMS224", message=message, path=path, help="remove the key, or write type: 2")


def validity_is_an_interval(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A version's end comes after its start."""
    start, end = spec.scd.first_valid_from, spec.scd.open_end
    if start is not None and end is not None and end <= start:
        message = f'open_end "{end}" is not after first_valid_from "{start}"'
        help = "write a later open_end, such as 9999-12-31"
        yield Diagnostic(code="DMS225", message=message, path=("scd", "open_end"), help=help)


def first_start_leaves_the_time(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A first version that starts at a literal has lost its own time: whether a second row is late cannot be told."""
    scd = spec.scd
    if scd.type is ScdType.HISTORY and scd.first_valid_from is not None and scd.effective_at is not None:
        message = (
            f'first_valid_from "{scd.first_valid_from}" hides the time that effective_at: {scd.effective_at} gives'
        )
        help = "remove first_valid_from, or effective_at"
        yield Diagnostic(code="DMS227", message=message, path=("scd", "first_valid_from"), help=help)


def late_rows_have_a_time(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """With the run's own instant no row is ever late."""
    scd = spec.scd
    if scd.type is ScdType.HISTORY and scd.late is Late.CORRECT_CURRENT and scd.effective_at is None:
        message = "late: correct_current has no effect: with effective_at: run no row is late"
        help = "write effective_at with the source column of the business time"
        yield Diagnostic(code="DMS226", message=message, path=("scd", "late"), help=help, severity=Severity.WARNING)
