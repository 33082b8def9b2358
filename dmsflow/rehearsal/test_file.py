"""A file of spec tests, read: the spec it is about, given rows, expectations. Runs nothing."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from msgspec import Struct

from dmsflow.compiler.compose import START, Node
from dmsflow.compiler.document import Document, read_document
from dmsflow.compiler.folder import find_yaml_files, holds_tests, is_unreadable
from dmsflow.compiler.literals import parse_timestamp
from dmsflow.compiler.schema_check import check_tests_shape
from dmsflow.compiler.section import Section
from dmsflow.diagnostics import Diagnostic
from dmsflow.diagnostics import Path as NodePath
from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.errors import PlanRefused
from dmsflow.model.result import RowCounts, RunStatus
from dmsflow.model.table import TableName
from dmsflow.rehearsal.folder import table_names
from dmsflow.rehearsal.given import GivenRows, cell_text, give_nodes

FIRST_RUN = datetime(2000, 1, 1)  # noqa: DTZ001 - an instant of the engine, in UTC
ONE_DAY = timedelta(days=1)

Cells = Mapping[str, str | None]
"""Values by column, as they are written."""


class Expectation(Struct, frozen=True, kw_only=True):
    """What a run must leave; None where nothing is said."""

    target: tuple[Cells, ...] | None
    rejects: tuple[Cells, ...] | None
    counts: Mapping[str, int]
    checks: Mapping[str, str]
    status: RunStatus
    line: int


class StepRows(Struct, frozen=True, kw_only=True):
    """The rows that a step is given: of the one source, or by table."""

    origin: str
    one: tuple[Node, ...] | None = None
    by_table: Mapping[str, tuple[Node, ...]] = {}
    rows_of_target: tuple[Node, ...] | None = None
    dimensions: Mapping[str, tuple[Node, ...]] = {}

    def source(self, table: TableName | None, session: DuckDBSession) -> GivenRows:
        """The rows of a source table, or of the source's file. Raises PlanRefused."""
        if self.one is not None:
            return give_nodes(self.one, self.origin, "_dms_given", session)
        folded = {name.lower(): rows for name, rows in self.by_table.items()}
        names = table_names(table) if table else ()
        for name in names:
            if name.lower() in folded:
                return give_nodes(folded[name.lower()], self.origin, f"_dms_given_{name}", session)
        wanted = f'"{names[-1]}"' if names else "the file"
        raise PlanRefused(f"{self.origin} gives no rows of {wanted}: write them under given.source")

    def files(self, pattern: str) -> str | None:
        """None: the rows of a file are given by themselves."""
        return None

    def target(self, table: TableName, session: DuckDBSession) -> GivenRows | None:
        """The rows of the target, in a first step that has any."""
        if self.rows_of_target is None:
            return None
        return give_nodes(self.rows_of_target, self.origin, "_dms_given_target", session)

    def dimension(self, table: TableName, session: DuckDBSession) -> GivenRows | None:
        """The rows of a dimension, in a step that gives some; else it is as the step before has found it."""
        folded = {name.lower(): rows for name, rows in self.dimensions.items()}
        found = next((name.lower() for name in table_names(table) if name.lower() in folded), None)
        return give_nodes(folded[found], self.origin, f"_dms_given_{table.table}", session) if found else None


class Step(Struct, frozen=True, kw_only=True):
    """One run of a test."""

    number: int
    spec: Path
    given: StepRows
    run_at: datetime
    params: Mapping[str, str]
    guards: bool
    expect: Expectation


class SpecTest(Struct, frozen=True, kw_only=True):
    """One test, and where it stands."""

    name: str
    line: int
    steps: tuple[Step, ...]


class SpecTestFile(Struct, frozen=True, kw_only=True):
    """A file that has been read; no test where something is wrong with it."""

    document: Document
    spec: Path
    tests: tuple[SpecTest, ...] = ()
    problems: tuple[Diagnostic, ...] = ()


def find_test_files(paths: list[Path]) -> Iterator[SpecTestFile]:
    """Every file of tests under the paths, read; one that is named, or that nobody can decode, is taken for one."""
    for file, is_named in find_yaml_files(paths):
        document = read_document(file)
        if is_named or holds_tests(document) or is_unreadable(document):
            yield read_tests(document)


def read_tests(document: Document) -> SpecTestFile:
    """The tests of a document."""
    problems = document.diagnostics or check_tests_shape(document)
    if problems or document.root is None:
        return SpecTestFile(document=document, spec=Path(), problems=problems)
    top = Section(document.root, (), [])
    spec = _find_spec(document, top)
    found = (*_check_specs(document, top), *_check_names(document, top), *_check_targets(document, top))
    if found:
        return SpecTestFile(document=document, spec=spec, problems=found)
    tests = tuple(_decode_test(test, document, spec) for test in top.sections("tests"))
    problems = tuple(problem.at(document.position(problem.path)) for problem in top.problems)
    return SpecTestFile(document=document, spec=spec, tests=() if problems else tests, problems=problems)


def _check_specs(document: Document, top: Section) -> Iterator[Diagnostic]:
    """Specs that are not there: the one of the file, and those of single steps."""
    steps = [step for test in top.sections("tests") for step in test.sections("steps") if step.has("spec")]
    for section in (top, *steps):
        spec = _find_spec(document, section)
        if not spec.is_file():
            help = "write the path of the spec, relative to this file"
            yield _problem(document, "DMS001", f'there is no file "{spec}"', (*section.path, "spec"), help)


def _find_spec(document: Document, section: Section) -> Path:
    return Path(document.file).parent / section.need_text("spec")


def _check_names(document: Document, top: Section) -> Iterator[Diagnostic]:
    seen: set[str] = set()
    for test in top.sections("tests"):
        name = test.need_text("name")
        if name in seen:
            yield _problem(
                document, "DMS113", f'"{name}" is given twice', (*test.path, "name"), "rename one of the two"
            )
        seen.add(name)


def _check_targets(document: Document, top: Section) -> Iterator[Diagnostic]:
    for test in top.sections("tests"):
        for number, step in enumerate(test.sections("steps")):
            if number and step.section("given").has("target"):
                path = (*step.path, "given", "target")
                help = "write them in the first step; a later one finds what the step before has left"
                yield _problem(document, "DMS115", "rows of the target are given in a later step", path, help)


def _problem(document: Document, code: str, message: str, path: NodePath, help: str) -> Diagnostic:
    return Diagnostic(code=code, message=message, path=path, help=help, position=document.position(path))


def _decode_test(test: Section, document: Document, spec: Path) -> SpecTest:
    steps: list[Step] = []
    for number, section in enumerate(test.sections("steps")):
        before = steps[-1] if steps else None
        default = before.run_at + ONE_DAY if before else FIRST_RUN
        steps.append(
            Step(
                number=number + 1,
                spec=_find_spec(document, section) if section.has("spec") else spec,
                given=_decode_given(section.section("given"), before, document),
                run_at=section.literal("run_at", "DMS109", parse_timestamp, default),
                params=_texts(section.child("params")),
                guards=section.boolean("guards", False),
                expect=_decode_expectation(section.section("expect"), document),
            )
        )
    return SpecTest(name=test.need_text("name"), line=_line(document, test), steps=tuple(steps))


def _line(document: Document, section: Section) -> int:
    return document.position(section.path).line


def _decode_given(given: Section, before: Step | None, document: Document) -> StepRows:
    target, source = given.child("target"), given.child("source")
    rows_of_target = tuple(target.items) if target else None
    dimensions = {name: tuple(node.items) for name, (_, node) in given.section("dimensions").node.entries.items()}
    if source is None:
        earlier = before.given if before else StepRows(origin=document.file)
        return StepRows(
            origin=document.file,
            one=earlier.one,
            by_table=earlier.by_table,
            rows_of_target=rows_of_target,
            dimensions=dimensions,
        )
    return StepRows(
        origin=document.file,
        one=tuple(source.items) if isinstance(source.value, list) else None,
        by_table={name: tuple(node.items) for name, (_, node) in source.entries.items()},
        rows_of_target=rows_of_target,
        dimensions=dimensions,
    )


def _decode_expectation(expect: Section, document: Document) -> Expectation:
    counts = expect.section("counts")
    return Expectation(
        target=_rows(expect.child("target")),
        rejects=_rejects(expect.child("rejects")),
        counts={name: counts.integer(name) or 0 for name in RowCounts.__struct_fields__ if counts.has(name)},
        checks=_texts(expect.child("checks")),
        status=expect.choice("status", RunStatus.SUCCEEDED),
        line=_line(document, expect),
    )


def _rows(node: Node | None) -> tuple[Cells, ...] | None:
    return tuple(_cells(row) for row in node.items) if node else None


def _cells(row: Node) -> Cells:
    return {name: cell_text(node) for name, (_, node) in row.entries.items()}


def _rejects(node: Node | None) -> tuple[Cells, ...] | None:
    """Rejects as cells: those of the key under ``key.<column>``."""
    if node is None:
        return None
    found = []
    for reject in node.items:
        key = reject.child("key") or Node(value={}, span=START)
        plain = {name: cell_text(part) for name, (_, part) in reject.entries.items() if name != "key"}
        found.append({f"key.{name}": value for name, value in _cells(key).items()} | plain)
    return tuple(found)


def _texts(node: Node | None) -> dict[str, str]:
    return {name: cell_text(part) or "" for name, (_, part) in node.entries.items()} if node else {}
