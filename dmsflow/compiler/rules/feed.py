"""Rules about change feeds: their order, their operations, what is deleted, what becomes of late rows."""

from collections.abc import Iterator

from dmsflow.diagnostics import Diagnostic, Path, Severity
from dmsflow.model.evolution import Allowance
from dmsflow.model.spec import Deletes, Duplicates, Grain, Late, PipelineSpec, Policy, ScdType


def rows_have_an_order(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Several rows of a key mean something only in an order; a version needs the instant at which it begins."""
    scd, path = spec.scd, ("source", "grain")
    if not spec.is_feed:
        return
    if scd.type is ScdType.HISTORY and scd.effective_at is None:
        message = "grain: changes has no time at which a version begins"
        help = 'add "effective_at:" under scd, with the source column that says when a row changed'
        yield Diagnostic(code="DMS229", message=message, path=path, help=help)
    if scd.type is not ScdType.HISTORY and scd.effective_at is None and not scd.order_by:
        message = "grain: changes has no order to find the last row of a key by"
        help = 'add "effective_at:" or "order_by:" under scd, with the source columns that order the rows of a key'
        yield Diagnostic(code="DMS229", message=message, path=path, help=help)
    if scd.duplicates is Duplicates.LAST:
        yield Diagnostic(
            code="DMS245",
            message="duplicates has no effect: with grain: changes order_by orders the rows of one key",
            path=("scd", "duplicates"),
            help="remove duplicates",
            severity=Severity.WARNING,
        )


def operation_has_a_feed(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """In a snapshot a key is deleted by its absence; type append keeps every row, whatever it says."""
    if spec.source.op is None or spec.is_feed:
        return
    appended = spec.source.grain is Grain.CHANGES
    reason = "type append keeps every row" if appended else "the rows of a snapshot are no operations"
    help = "remove op, or load a type with a key" if appended else "write grain: changes, or remove op"
    yield Diagnostic(code="DMS245", message=f"op has no effect: {reason}", path=("source", "op"), help=help)


def operation_is_told(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Each value says one thing, and some value says that a row is there; a row with any other is rejected."""
    op, path = spec.source.op, ("source", "op")
    if op is None:
        return
    if not (op.insert or op.update):
        message = "op has no value for a row that is there: every row that is no delete would be rejected"
        yield Diagnostic(code="DMS246", message=message, path=path, help='add "insert:" or "update:" with its values')
    for value in sorted({value for value in op.known if op.known.count(value) > 1}):
        names = [name for name in ("insert", "update", "delete") if value in getattr(op, name)]
        message = f'op value "{value}" stands for {" and ".join(names)}' + (" twice" if len(names) == 1 else "")
        yield Diagnostic(code="DMS246", message=message, path=(*path, names[-1]), help="let each value stand once")


def deletes_are_told(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """In a feed a key that does not arrive has not changed: only a row can say that its key was deleted."""
    op, deletes = spec.source.op, spec.scd.deletes
    if spec.is_feed and deletes is not Deletes.IGNORE and not (op and op.delete):
        message = f"deletes: {deletes} has no row that says so: in a feed a key that does not arrive has not changed"
        help = 'add "op: {column: ..., delete: ...}" under source, or write deletes: ignore'
        yield Diagnostic(code="DMS247", message=message, path=("scd", "deletes"), help=help)
    if spec.is_feed and spec.guards.max_close_percent is not None:
        message = "max_close_percent has no effect: in a feed no key is deleted by its absence"
        path: Path = ("guards", "max_close_percent")
        yield Diagnostic(code="DMS245", message=message, path=path, help="remove max_close_percent")
    if spec.is_feed and deletes is Deletes.IGNORE and op and op.delete:
        message = "rows that say that their key was deleted change nothing: deletes is ignore"
        yield Diagnostic(
            code="DMS247",
            message=message,
            path=("source", "op", "delete"),
            help="write deletes: close or tombstone (type 2), delete or flag (type 1), if they shall",
            severity=Severity.WARNING,
        )


def late_rows_have_a_place(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A late row gets the place where it belongs in a history alone, and by a memory of the rows around it."""
    path: Path = ("scd", "late")
    if spec.scd.late is Late.INSERT and not spec.remembers:
        message = "late: insert puts versions into a history, from a feed"
        help = "write grain: changes and type: 2, or late: reject"
        yield Diagnostic(code="DMS248", message=message, path=path, help=help)
    if spec.scd.late is Late.CORRECT_CURRENT and spec.is_feed:
        message = "late: correct_current would let a feed that is read again change the table again"
        yield Diagnostic(code="DMS248", message=message, path=path, help="write late: insert, or late: reject")
    if spec.remembers:
        yield from _memory_stays(spec)


def _memory_stays(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """The rows that late: insert remembers are in a table of their own, which no step changes."""
    evolve = spec.target.evolve
    if evolve.adds:
        message = "evolve: add has no values of a new column for the rows that late: insert remembers"
        help = "write evolve: refuse, and add the column to both tables"
        yield Diagnostic(code="DMS248", message=message, path=("target", "evolve"), help=help)
    for name, wanted in (("drop", Allowance.APPLY), ("retype", Allowance.WIDEN), ("key", Allowance.APPLY)):
        if getattr(evolve, name) is wanted:
            message = f"evolve: {{{name}: {wanted}}} changes the target, not the rows that late: insert remembers"
            help = f"remove {name}, and change both tables by hand"
            yield Diagnostic(code="DMS248", message=message, path=("target", "evolve", name), help=help)
    for column in spec.columns:
        if column.was is not None:
            message = "was renames a column of the target, not of the rows that late: insert remembers"
            path: Path = ("columns", column.name, "was")
            yield Diagnostic(code="DMS248", message=message, path=path, help="rename it in both tables by hand")


def window_is_asked(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A window says how long observations are remembered; only late: insert remembers any."""
    if spec.scd.window is not None and spec.scd.late is not Late.INSERT:
        message = "window has no effect: only late: insert remembers rows"
        yield Diagnostic(
            code="DMS245", message=message, path=("scd", "window"), help="write late: insert, or remove it"
        )


def policies_fit_a_feed(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """What a feed leaves depends on its rows alone, and not on how they come in batches: a previous value does not."""
    for column in spec.columns:
        if spec.is_feed and column.policy is Policy.PREVIOUS:
            message = "scd: 3 has no place in a feed: which value was the previous one depends on what was read at once"
            path: Path = ("columns", column.name, "scd")
            help = "write scd: 2, or grain: snapshot over a query that leaves the last row of each key"
            yield Diagnostic(code="DMS249", message=message, path=path, help=help)
