"""Rules about guards: each can refuse something."""

from collections.abc import Iterator

from dmsflow.diagnostics import Diagnostic, Severity
from dmsflow.model.guards import GuardName
from dmsflow.model.spec import PipelineSpec, ScdType


def guards_compare_wholes(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Rows are compared with those of the last run where both runs read everything."""
    if not spec.checkpoint.by_key:
        return
    for name in (GuardName.MAX_SHRINK, GuardName.MAX_GROWTH):
        if getattr(spec.guards, name) is not None:
            message = f"{name} compares with the last run, and a run with a checkpoint reads only what is new"
            help = "write min_rows, or checkpoint: none"
            yield Diagnostic(code="DMS270", message=message, path=("guards", name), help=help)


def guards_have_an_effect(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Where no row is ever changed, no share of them can be too large."""
    without = spec.scd.type in (ScdType.APPEND, ScdType.KEEP)
    if (without or spec.is_feed) and spec.guards.max_change_percent is not None:
        why = f"type {spec.scd.type} changes no row" if without else "a feed holds changes alone"
        message = f"max_change_percent has no effect: {why}"
        path = ("guards", GuardName.MAX_CHANGE)
        help = "remove the key, or write type: 1 or 2" if without else "remove the key"
        yield Diagnostic(code="DMS271", message=message, path=path, help=help, severity=Severity.WARNING)
