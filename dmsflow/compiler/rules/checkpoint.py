"""Rules about what is remembered between runs, how the work is cut, and how it is tried again."""

from collections.abc import Iterator

from dmsflow.diagnostics import Diagnostic, Path, Severity, did_you_mean
from dmsflow.model.spec import OnNull, PipelineSpec, ScdType, Strategy


def key_strategy_has_columns(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A watermark is a value of columns."""
    if spec.checkpoint.strategy is Strategy.KEY and not spec.checkpoint.columns:
        help = 'add "columns:" with source columns that only grow, such as updated_at'
        message = "strategy key has no columns to keep a watermark of"
        yield Diagnostic(code="DMS230", message=message, path=("checkpoint", "strategy"), help=help)


def watermark_options_have_a_watermark(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Columns, settle and on_null speak of a watermark; strategies none and python keep none."""
    checkpoint = spec.checkpoint
    if checkpoint.by_key or checkpoint.strategy is Strategy.KEY:
        return
    given = (
        ("columns", bool(checkpoint.columns)),
        ("settle", checkpoint.settle is not None),
        ("on_null", checkpoint.on_null is not OnNull.REJECT),
    )
    for name, written in given:
        if written:
            message = f"{name} has no effect: strategy {checkpoint.strategy} keeps no watermark"
            help = (
                "write strategy: key, or remove the key" if name == "columns" else 'add "columns:", or remove the key'
            )
            path: Path = ("checkpoint", name)
            yield Diagnostic(code="DMS231", message=message, path=path, help=help)


def append_does_not_repeat(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Type append has no key to know a row by: without a watermark each apply inserts every row again."""
    if spec.scd.type is not ScdType.APPEND or spec.checkpoint.by_key:
        return
    match spec.checkpoint.strategy:
        case Strategy.AUTO:
            yield Diagnostic(
                code="DMS232",
                message="a second apply would insert every row again: type append has no checkpoint columns",
                path=("scd",),
                help='add checkpoint columns, or write "checkpoint: none" if the source is new for each run',
            )
        case Strategy.NONE | Strategy.PYTHON as strategy:
            yield Diagnostic(
                code="DMS232",
                message=f"each apply inserts every row of the source: type append with checkpoint {strategy}",
                path=("checkpoint",),
                help="add checkpoint columns, unless the source is new for each run",
                severity=Severity.WARNING,
            )
        case Strategy.KEY:
            return


def append_does_not_reread_nulls(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A row whose checkpoint column is null is read by every run; type append would insert it every time."""
    if spec.scd.type is ScdType.APPEND and spec.checkpoint.by_key and spec.checkpoint.on_null is OnNull.READ:
        message = "on_null: read with type append inserts a row without a watermark in every run"
        help = "write on_null: reject, or a type with a key"
        yield Diagnostic(code="DMS233", message=message, path=("checkpoint", "on_null"), help=help)


def chunks_keep_keys_whole(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """One key, one chunk: rows of a key in two chunks would be merged by two workers at once."""
    if spec.scd.type is ScdType.APPEND or not spec.key:
        return
    origins = {column.source for column in spec.columns if column.name in spec.key and column.source}
    known = tuple(dict.fromkeys((*spec.key, *sorted(origins))))
    folded = {name.lower() for name in known}
    for index, name in enumerate(spec.parallel.chunk_by):
        if name.lower() not in folded:
            message = f'chunk_by column "{name}" is not part of the key'
            help = did_you_mean(name, known) or f"write key columns: {', '.join(known)}"
            path: Path = ("parallel", "chunk_by", index)
            yield Diagnostic(code="DMS234", message=message, path=path, help=help)


def delays_grow(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """The first wait is not longer than the longest."""
    retry = spec.retry
    if retry.first_delay > retry.max_delay:
        message = f"first_delay is longer than max_delay, {retry.max_delay.total_seconds():g}s"
        help = "write a shorter first_delay, or a longer max_delay"
        yield Diagnostic(code="DMS236", message=message, path=("retry", "first_delay"), help=help)
