"""Runs spec tests: each in a scratch of its own, several at once. Opens no connection of a spec."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from dmsflow.compiler.load import LoadedSpec, load_spec
from dmsflow.diagnostics import Diagnostic, did_you_mean
from dmsflow.engines.duckdb_sql import DuckDBIdioms, write_text
from dmsflow.errors import DmsflowError, SpecRejected
from dmsflow.events import redact
from dmsflow.marks.reject import Reject
from dmsflow.model.result import RunReport
from dmsflow.model.spec import PipelineSpec, ScdType
from dmsflow.model.table import TableShape
from dmsflow.rehearsal.dry_run import read_rejects, run_rehearsed
from dmsflow.rehearsal.judge import Cells, Difference, compare_rows
from dmsflow.rehearsal.prepare import rehearse
from dmsflow.rehearsal.scratch import Scratch, open_scratch
from dmsflow.rehearsal.target import fill_target
from dmsflow.rehearsal.test_file import SpecTest, SpecTestFile, Step

idioms = DuckDBIdioms()
quote = idioms.quote


class TestResult(Struct, frozen=True, kw_only=True):
    """How one test ended: well, with differences in a step, or with an error that let no step run on."""

    file: str
    pipeline: str
    name: str
    line: int
    seconds: float
    step: int | None = None
    differences: tuple[Difference, ...] = ()
    error: str | None = None

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.differences and self.error is None


def run_tests(files: Sequence[SpecTestFile], workers: int) -> Iterator[TestResult]:
    """The results of all tests, in the order in which they are written, as they come."""
    listed = [(file, test) for file in files for test in file.tests]
    with (
        TemporaryDirectory() as memory,
        ThreadPoolExecutor(max_workers=workers, thread_name_prefix="test") as pool,
    ):
        yield from pool.map(lambda both: run_test(both[0], both[1], Path(memory)), listed)


def run_test(file: SpecTestFile, test: SpecTest, memory: Path) -> TestResult:
    """One test, in a scratch of its own; it ends at the first step that is not as expected.

    ``memory`` is a folder of plans made before: tests of one spec build each statement once.
    """
    started, step, pipeline = time.perf_counter(), test.steps[0], file.spec.stem
    differences: tuple[Difference, ...] = ()
    error = None
    try:
        with open_scratch() as scratch:
            for step in test.steps:
                loaded = load_spec(step.spec, step.params)
                pipeline = loaded.spec.pipeline if loaded.spec else pipeline
                differences = tuple(_run_step(loaded, step, scratch, memory))
                if differences:
                    break
    except SpecRejected as rejected:
        error = "; ".join(map(_write_problem, (p for p in rejected.diagnostics if p.is_error)))
    except DmsflowError as failed:
        error = redact(str(failed))
    failed_at = step if differences or error else None
    return TestResult(
        file=file.document.file,
        pipeline=pipeline,
        name=test.name,
        line=failed_at.expect.line if failed_at else test.line,
        seconds=round(time.perf_counter() - started, 3),
        step=failed_at.number if failed_at else None,
        differences=differences,
        error=error,
    )


def _write_problem(problem: Diagnostic) -> str:
    at = problem.position
    place = f"{at.file}:{at.line}:{at.column}: " if at else ""
    return f"{place}{problem.code} {problem.message}"


def _run_step(loaded: LoadedSpec, step: Step, scratch: Scratch, memory: Path) -> Iterator[Difference]:
    """What is not as expected after one run."""
    scratch.set_clock(step.run_at)
    rehearsed = rehearse(loaded, step.given, scratch, guards=step.guards)
    spec = rehearsed.loaded.raise_if_rejected()
    if step.number == 1:
        fill_target(rehearsed, step.given)
    report = run_rehearsed(rehearsed, memory).report
    expect = step.expect
    if report.status is not expect.status:
        yield Difference(about="status", expected=expect.status.value, found=_write_status(report))
    for name, count in expect.counts.items():
        if getattr(report.rows, name) != count:
            yield Difference(about=f"rows {name}", expected=str(count), found=str(getattr(report.rows, name)))
    yield from _judge_checks(expect.checks, report)
    if expect.target is not None:
        yield from _judge_target(spec, expect.target, scratch)
    if expect.rejects is not None:
        found = [_cells_of(reject) for reject in read_rejects(scratch, spec, report.run_id)]
        yield from compare_rows("reject", expect.rejects, found, [f"key.{name}" for name in spec.key])


def _judge_checks(expected: Mapping[str, str], report: RunReport) -> Iterator[Difference]:
    """What came of the checks that the step names; one that nothing was asked of has no status."""
    found = {check.name: check for check in report.checks}
    for name, status in expected.items():
        if name not in found:
            help = did_you_mean(name, found) or "no check of that name was asked"
            yield Difference(about=f"check {name}", expected=status, found=help)
        elif found[name].status.value != status:
            told = redact(found[name].message)
            yield Difference(about=f"check {name}", expected=status, found=f"{found[name].status.value} {told}".strip())


def _write_status(report: RunReport) -> str:
    causes = "; ".join(redact(error.message) for error in report.errors)
    return f"{report.status.value}: {causes}" if causes else report.status.value


def _judge_target(spec: PipelineSpec, expected: Sequence[Cells], scratch: Scratch) -> Iterator[Difference]:
    shape = scratch.session.describe_table(spec.target.table)
    if shape is None:
        yield Difference(about="target", expected=f"{len(expected)} rows", found="no table")
        return
    named = dict.fromkeys(name for row in expected for name in row)
    for name in (name for name in named if shape.find(name) is None):
        help = did_you_mean(name, shape.names) or f"it has {', '.join(shape.names)}"
        yield Difference(
            about=f'column "{name}"', expected="a column of the target", found=f"none of that name: {help}"
        )
    yield from _find_twins(expected)
    known = [column.name for name in named if (column := shape.find(name)) is not None]
    history = (spec.scd.fields.valid_from,) if spec.scd.type is ScdType.HISTORY else ()
    key = [column.name for name in (*spec.key, *history) if (column := shape.find(name)) is not None]
    listed = list(dict.fromkeys((*spec.key, *history, *known)))
    shown = [column.name for name in listed if (column := shape.find(name)) is not None] or list(shape.names[:1])
    picked = ", ".join(f"CAST({quote(name)} AS VARCHAR)" for name in shown)
    order = ", ".join(map(quote, key or shown))
    table = idioms.qualify(spec.target.table)
    rows = scratch.session.fetch(f"SELECT {picked} FROM {table} ORDER BY {order}")
    found = [dict(zip(shown, (None if v is None else str(v) for v in row), strict=True)) for row in rows]
    yield from compare_rows("row", _as_stored(expected, shape, scratch), found, key)


def _find_twins(expected: Sequence[Cells]) -> Iterator[Difference]:
    """Columns that one row names twice, with other letters in upper case."""
    for row in expected:
        seen: dict[str, str] = {}
        for name in row:
            if name.lower() in seen:
                found = f'also under "{seen[name.lower()]}"'
                yield Difference(about=f'column "{name}"', expected="a value of its own", found=found)
            seen[name.lower()] = name


def _as_stored(rows: Sequence[Cells], shape: TableShape, scratch: Scratch) -> list[Cells]:
    """Written values as the target would store them, and its names for their columns."""
    cells = [(column, text) for row in rows for name, text in row.items() if (column := shape.find(name))]
    picked = [
        f"coalesce(CAST(TRY_CAST({write_text(text)} AS {idioms.type_sql(column.type)}) AS VARCHAR), {write_text(text)})"
        for column, text in cells
        if text is not None
    ]
    stored = iter(scratch.session.fetch(f"SELECT {', '.join(picked)}")[0] if picked else ())
    found: list[Cells] = []
    for row in rows:
        placed = [(column.name, text) for name, text in row.items() if (column := shape.find(name))]
        found.append({name: None if text is None else str(next(stored)) for name, text in placed})
    return found


def _cells_of(reject: Reject) -> Cells:
    """A reject as an expectation names its parts; the business key column by column."""
    key: Mapping[str, object] = json.loads(reject.row_key) if reject.row_key else {}
    written = {f"key.{name}": None if value is None else _write_json(value) for name, value in key.items()}
    return written | {
        "column": reject.column,
        "value": reject.value,
        "reason": reject.reason,
        "message": reject.message,
    }


def _write_json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
