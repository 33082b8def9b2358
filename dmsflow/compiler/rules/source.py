"""Rules about where rows come from, and about what this version does not run yet."""

from collections.abc import Iterator

from dmsflow.diagnostics import Diagnostic, Path, Severity
from dmsflow.model.spec import Detect, ExecutorName, PipelineSpec, ScdType


def source_has_one_origin(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Rows come from one place: a table, a query or files."""
    source = spec.source
    given = [name for name in ("table", "query", "file") if getattr(source, name) is not None]
    if not given:
        help = "add one of table, query, file"
        yield Diagnostic(code="DMS201", message="the source names no table, query or file", path=("source",), help=help)
    for name in given[1:]:
        message = f'the source has both "{given[0]}" and "{name}"'
        yield Diagnostic(code="DMS201", message=message, path=("source", name), help="keep one of the two")


def source_connection_fits(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A table or a query is read through a connection; a file is read without one."""
    source = spec.source
    path: Path = ("source", "connection")
    if source.connection is not None and source.file is not None and not (source.table or source.query):
        message = f'a file is read without a connection, and this one names "{source.connection}"'
        yield Diagnostic(code="DMS202", message=message, path=path, help="remove the connection")
    if source.connection is None and (source.table is not None or source.query is not None):
        origin = "table" if source.table is not None else "query"
        message = f"the {origin} has no connection to read it from"
        yield Diagnostic(code="DMS202", message=message, path=path, help='add "connection:" with the name of one')


def source_is_not_the_target(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A table that is loaded into itself changes with every run, and while it is read."""
    source, target = spec.source, spec.target
    if source.table is None or source.table != target.table:
        return
    places = {connection.name: connection.url for connection in spec.connections}
    if source.connection == target.connection or (
        source.connection in places and places[source.connection] == places.get(target.connection)
    ):
        message = f'"{source.table}" is source and target'
        yield Diagnostic(code="DMS228", message=message, path=("target", "table"), help="load into another table")


def detection_runs(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Changes are found by comparing columns; the stored hash is a later addition."""
    if spec.scd.detect is Detect.HASH:
        yield _not_yet("DMS240", "detect: hash", ("scd", "detect"), "write detect: columns, or remove the key")


def executor_runs(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Chunks run in threads of one process; other machines are a later addition."""
    if spec.parallel.executor is ExecutorName.DASK:
        yield _not_yet("DMS242", "executor: dask", ("parallel", "executor"), "write executor: threads")


def counted_rows_have_an_order(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Rows that are counted as they are read need an order that repeats: by columns, or as they stand in a file."""
    if spec.checkpoint.counted and spec.source.file is None and not spec.scd.order_by:
        yield Diagnostic(
            code="DMS243",
            message="strategy python counts rows, and nothing says in which order they come",
            path=("checkpoint", "strategy"),
            help='add "order_by:" under scd, with source columns that hardly repeat',
        )


def counted_rows_are_appended(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Rows that are counted off bring one key in two chunks; only append takes them so, as it has no keys."""
    if spec.checkpoint.counted and spec.scd.type is not ScdType.APPEND:
        yield Diagnostic(
            code="DMS244",
            message=f"strategy python counts rows, and type {spec.scd.type} has a key to cut them by",
            path=("checkpoint", "strategy"),
            help="write strategy: none, or strategy: key with columns; a broken run resumes with either",
        )


def python_runs_alone(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Rows that are counted as they are read are read in one thread."""
    if not spec.checkpoint.counted:
        return
    if (spec.parallel.workers or 1) > 1 or spec.parallel.chunk_by:
        name = "workers" if (spec.parallel.workers or 1) > 1 else "chunk_by"
        message = f"strategy python reads in one thread, so {name} has no effect"
        yield Diagnostic(
            code="DMS235",
            message=message,
            path=("parallel", name),
            help="remove the key, or write strategy: key with columns",
            severity=Severity.WARNING,
        )


def _not_yet(code: str, what: str, path: Path, help: str) -> Diagnostic:
    return Diagnostic(code=code, message=f'this version does not run "{what}" yet', path=path, help=help)
