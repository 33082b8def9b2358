"""A checked document to a PipelineSpec. Applies the defaults of the language; decides nothing about databases."""

import glob
from collections.abc import Mapping
from pathlib import Path as FilePath

from dmsflow.compiler.decode_checks import decode_checks
from dmsflow.compiler.decode_columns import decode_columns
from dmsflow.compiler.decode_connections import decode_connections
from dmsflow.compiler.decode_params import decode_params
from dmsflow.compiler.decode_scd import decode_scd
from dmsflow.compiler.document import Document
from dmsflow.compiler.literals import parse_duration, parse_table_name
from dmsflow.compiler.section import Section
from dmsflow.diagnostics import Diagnostic
from dmsflow.model.evolution import Allowance, Evolve
from dmsflow.model.guards import GuardName, Guards
from dmsflow.model.spec import (
    Checkpoint,
    Deletes,
    ErrorBudget,
    ExecutorName,
    Grain,
    Kind,
    OnNull,
    Operation,
    Parallel,
    PipelineSpec,
    Retry,
    Scd,
    Source,
    Strategy,
    Target,
    UniqueIndex,
)
from dmsflow.model.table import TableName

NO_LIMIT = 2**63 - 1


def decode_pipeline(
    document: Document, settings: Mapping[str, str], *, params_required: bool
) -> tuple[PipelineSpec, tuple[Diagnostic, ...]]:
    """The spec, and what its literals have wrong; with such problems the spec holds defaults in their place."""
    problems: list[Diagnostic] = []
    top = Section(document.root, (), problems)
    folder = FilePath(document.file).absolute().parent
    target = _decode_target(top.section("target"))
    scd = decode_scd(top, target)
    source = _decode_source(top.section("source"), folder)
    spec = PipelineSpec(
        version=1,
        pipeline=top.need_text("pipeline"),
        description=top.text("description") or "",
        params=decode_params(top.section("params"), settings, params_required=params_required),
        source=source,
        target=target,
        key=top.names("key"),
        columns=decode_columns(top.section("columns")),
        scd=scd,
        checkpoint=_decode_checkpoint(top),
        parallel=_decode_parallel(top.section("parallel")),
        retry=_decode_retry(top.section("retry")),
        errors=_decode_errors(top.section("errors")),
        guards=_decode_guards(top.section("guards"), scd, source),
        checks=decode_checks(top),
        connections=decode_connections(top.section("connections"), document.file),
        file=str(FilePath(document.file).absolute()),
        ledger_folder=str(folder),
    )
    return spec, tuple(problems)


def _decode_source(source: Section, folder: FilePath) -> Source:
    file = source.text("file")
    return Source(
        connection=source.text("connection"),
        table=source.literal("table", "DMS110", parse_table_name, None) if source.has("table") else None,
        query=source.text("query"),
        file=None if file is None else _place_file(folder, file),
        where=source.text("where"),
        grain=source.choice("grain", Grain.SNAPSHOT),
        op=_decode_operation(source.section("op")) if source.has("op") else None,
        unique=source.boolean("unique", False),
    )


def _decode_operation(op: Section) -> Operation:
    return Operation(
        column=op.need_text("column"), insert=op.words("insert"), update=op.words("update"), delete=op.words("delete")
    )


def _place_file(folder: FilePath, file: str) -> str:
    """A path or glob below the folder, in whose own name ``*`` and ``[`` mean themselves."""
    if "://" in file or FilePath(file).is_absolute():
        return file
    return str(FilePath(glob.escape(str(folder))) / file)


def _decode_target(target: Section) -> Target:
    return Target(
        connection=target.need_text("connection"),
        table=target.literal("table", "DMS110", parse_table_name, TableName(table="?")),
        kind=target.choice("kind", Kind.TABLE),
        create=target.boolean("create", True),
        evolve=_decode_evolve(target),
        unique_index=target.choice("unique_index", UniqueIndex.AUTO),
    )


def _decode_evolve(target: Section) -> Evolve:
    """What may change; the plain word add stands for {add: apply}, and refuse for the defaults."""
    node, default = target.child("evolve"), Evolve()
    if node is not None and not node.is_collection:
        return Evolve(add=Allowance.APPLY) if node.text == "add" else default
    evolve = target.section("evolve")
    return Evolve(**{name: evolve.choice(name, getattr(default, name)) for name in Evolve.__struct_fields__})


def _decode_checkpoint(top: Section) -> Checkpoint:
    node = top.child("checkpoint")
    if node is not None and not node.is_collection:
        return Checkpoint(strategy=Strategy(node.text))
    checkpoint = top.section("checkpoint")
    return Checkpoint(
        strategy=checkpoint.choice("strategy", Strategy.AUTO),
        columns=checkpoint.names("columns"),
        settle=checkpoint.literal("settle", "DMS107", parse_duration, None),
        on_null=checkpoint.choice("on_null", OnNull.REJECT),
    )


def _decode_parallel(parallel: Section) -> Parallel:
    chosen = parallel.text("chunk_rows") in (None, "auto")
    min_rows = parallel.integer("min_rows")
    return Parallel(
        workers=parallel.integer("workers"),
        chunk_by=parallel.names("chunk_by"),
        chunk_rows=None if chosen else parallel.integer("chunk_rows"),
        min_rows=Parallel().min_rows if min_rows is None else min_rows,
        executor=parallel.choice("executor", ExecutorName.THREADS),
    )


def _decode_retry(retry: Section) -> Retry:
    default = Retry()
    return Retry(
        attempts=retry.integer("attempts") or default.attempts,
        first_delay=retry.literal("first_delay", "DMS107", parse_duration, default.first_delay),
        max_delay=retry.literal("max_delay", "DMS107", parse_duration, default.max_delay),
    )


def _decode_errors(errors: Section) -> ErrorBudget:
    """Give each limit as written. A percent alone lifts the default limit of no rows."""
    rows, percent = errors.integer("max_rows"), errors.number("max_percent")
    if rows is None:
        rows = 0 if percent is None else NO_LIMIT
    return ErrorBudget(max_rows=rows, max_percent=percent)


def _decode_guards(guards: Section, scd: Scd, source: Source) -> Guards:
    """Give each guard as written; the defaults hold where what is absent is deleted, and null switches one off."""
    by_default = scd.deletes is not Deletes.IGNORE and source.grain is Grain.SNAPSHOT
    min_rows, close = guards.integer("min_rows"), guards.number(GuardName.MAX_CLOSE)
    change = guards.number(GuardName.MAX_CHANGE)
    return Guards(
        min_rows=min_rows if guards.has("min_rows") else 1 if by_default and not scd.within.marked else None,
        max_close_percent=close if guards.has(GuardName.MAX_CLOSE) else 50.0 if by_default else None,
        max_change_percent=change,
        max_shrink_percent=guards.number(GuardName.MAX_SHRINK),
        max_growth_percent=guards.number(GuardName.MAX_GROWTH),
        count_first=source.grain is Grain.SNAPSHOT and (change is not None or (close is not None and by_default)),
    )
