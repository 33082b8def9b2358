"""Rules about checks: each asks one thing, of a set that can answer it."""

from collections.abc import Iterator

from dmsflow.diagnostics import Diagnostic
from dmsflow.model.checks import CheckKind, CheckOn
from dmsflow.model.spec import PipelineSpec

OF_ROWS = (CheckKind.EXPR, CheckKind.NOT_NULL, CheckKind.ACCEPTED_VALUES)


def checks_ask_one_thing(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A check is told by its name, so that each asks one thing."""
    for index, check in enumerate(spec.checks):
        if len(check.kinds) == 1:
            continue
        known = ", ".join(CheckKind)
        message = (
            f'check "{check.name}" asks {len(check.kinds)} things: {" and ".join(check.kinds)}'
            if check.kinds
            else f'check "{check.name}" asks nothing'
        )
        yield Diagnostic(code="DMS272", message=message, path=("checks", index), help=f"write one of {known}")


def checks_see_what_they_ask(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """One row cannot tell whether a set is unique, fresh, large enough or refers to other rows."""
    for index, check in enumerate(spec.checks):
        if check.on is not CheckOn.ROW or len(check.kinds) != 1:
            continue
        if check.kind not in OF_ROWS:
            message = f'{check.kind} looks at a set, and check "{check.name}" looks at one row'
            help = "add on: staged (before anything is written) or on: result (the target after the load)"
            yield Diagnostic(code="DMS273", message=message, path=("checks", index, check.kind), help=help)
        elif check.where:
            message = f'check "{check.name}" looks at every row: where has no effect'
            help = "write the condition into expr, or add on: staged"
            yield Diagnostic(code="DMS273", message=message, path=("checks", index, "where"), help=help)


def rows_have_room(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A check that no set can meet fails every run."""
    for index, check in enumerate(spec.checks):
        low, high = check.min_rows, check.max_rows
        if low is not None and high is not None and low > high:
            message = f'check "{check.name}" wants at least {low:,} rows and at most {high:,}'
            help = "exchange the two, or correct one of them"
            yield Diagnostic(code="DMS277", message=message, path=("checks", index, "rows"), help=help)


def references_have_pairs(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Columns are compared with the key of the other table one by one."""
    for index, check in enumerate(spec.checks):
        found = check.references
        if found is not None and len(found.key) != len(check.columns):
            message = f'check "{check.name}" compares {len(check.columns)} columns with a key of {len(found.key)}'
            help = "name as many columns as the key of the other table has"
            yield Diagnostic(code="DMS274", message=message, path=("checks", index, "references", "key"), help=help)
