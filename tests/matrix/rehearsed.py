"""Runs a case as `dmsflow test` does, in a DuckDB in memory, and tells what is stored in the end."""

from pathlib import Path

from dmsflow.compiler.load import load_spec
from dmsflow.rehearsal.dry_run import read_rejects, run_rehearsed
from dmsflow.rehearsal.prepare import rehearse
from dmsflow.rehearsal.scratch import open_scratch
from tests.matrix.cases import Case, Ran, as_texts, in_order


def run_case(case: Case, memory: Path) -> Ran:
    """The case, run; ``memory`` keeps plans for the next one."""
    reports, reasons = [], []
    with open_scratch() as scratch:
        for step in case.test.steps:
            scratch.set_clock(step.run_at)
            loaded = load_spec(step.spec, step.params)
            rehearsed = rehearse(loaded, step.given, scratch, guards=step.guards)
            reports.append(run_rehearsed(rehearsed, memory).report)
            rejects = read_rejects(scratch, rehearsed.loaded.raise_if_rejected(), reports[-1].run_id)
            reasons.append(sorted(reject.reason for reject in rejects))
        rows = scratch.session.fetch(case.query())
    history = in_order(as_texts(dict(zip(case.columns, row, strict=True))) for row in rows)
    return Ran(
        case=case,
        history=history,
        statuses=[report.status.value for report in reports],
        reasons=reasons,
        counts=[report.rows for report in reports],
    )
