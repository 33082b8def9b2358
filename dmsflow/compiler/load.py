"""The offline front of the compiler: a spec file to a LoadedSpec. Opens no connection, resolves no secret."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from types import MappingProxyType

from msgspec.structs import replace

from dmsflow.compiler.decode import decode_pipeline
from dmsflow.compiler.decode_connections import decode_connections, find_connections_file
from dmsflow.compiler.digest import digest_sections, digest_spec
from dmsflow.compiler.document import Document, read_document
from dmsflow.compiler.known_shapes import KnownShapes
from dmsflow.compiler.rules.spot import INSIDE_TEXT
from dmsflow.compiler.section import Section
from dmsflow.compiler.spec_rules import check_spec
from dmsflow.diagnostics import Diagnostic, has_errors
from dmsflow.errors import SpecRejected
from dmsflow.model.plan import Sections
from dmsflow.model.spec import Connection, PipelineSpec

NOTHING_KNOWN = KnownShapes()
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSpec:
    """A spec file, read. ``spec`` is None when its shape is broken; ``diagnostics`` are sorted by place."""

    document: Document
    connections_document: Document | None = None
    spec: PipelineSpec | None = field(default=None, repr=False)
    diagnostics: tuple[Diagnostic, ...] = ()
    digest: str = ""

    @property
    def is_rejected(self) -> bool:
        """Whether an error stops the spec."""
        return self.spec is None or has_errors(self.diagnostics)

    @property
    def sections(self) -> Sections:
        """The digests of the spec's top-level keys."""
        return digest_sections(self.spec) if self.spec is not None else ()

    @property
    def documents(self) -> tuple[Document, ...]:
        """Every file that was read, the spec first."""
        return (self.document, self.connections_document) if self.connections_document else (self.document,)

    def raise_if_rejected(self) -> PipelineSpec:
        """The spec when it has no errors. Raises SpecRejected with every diagnostic otherwise."""
        if self.spec is None or has_errors(self.diagnostics):
            raise SpecRejected(self.diagnostics)
        return self.spec


def load_spec(
    path: FilePath | str,
    settings: Mapping[str, str] = NO_SETTINGS,
    *,
    params_required: bool = True,
    known: KnownShapes = NOTHING_KNOWN,
) -> LoadedSpec:
    """Read, check and decode a spec file; ``settings`` are the values of --set.

    Every problem is collected, none is raised. With ``params_required`` a parameter without a value is an error.
    """
    return load_document(read_document(path), settings, params_required=params_required, known=known)


def load_document(
    document: Document,
    settings: Mapping[str, str] = NO_SETTINGS,
    *,
    params_required: bool = True,
    known: KnownShapes = NOTHING_KNOWN,
) -> LoadedSpec:
    """Check and decode a document that is read already, as ``load_spec`` does."""
    if document.content is None:
        return LoadedSpec(document=document, diagnostics=document.diagnostics)
    shape = _check_shape(document, known, is_pipeline=True)
    shared = _read_connections(document)
    problems = [*document.diagnostics, *shape, *_check_connections(shared, known)]
    if any(problem.is_error and not _leaves_the_rest_readable(problem) for problem in problems):
        return LoadedSpec(document=document, connections_document=shared, diagnostics=sort_by_place(problems))
    spec, misread = decode_pipeline(document, settings, params_required=params_required)
    spec = _with_connections(spec, shared)
    reported = {problem.path for problem in shape}
    misread = tuple(problem for problem in misread if problem.path not in reported)
    found = (*misread, *_without_echoes(check_spec(spec), (*shape, *misread)))
    problems += [place_problem(problem, document, shared) for problem in found]
    return LoadedSpec(
        document=document,
        connections_document=shared,
        spec=None if shape else spec,
        diagnostics=sort_by_place(problems),
        digest="" if shape else digest_spec(spec),
    )


def _leaves_the_rest_readable(problem: Diagnostic) -> bool:
    """Whether the rest of the spec can be judged in spite of a problem of shape."""
    return problem.code in ("DMS101", "DMS105", "DMS106", "DMS107", "DMS108", "DMS109", "DMS113")


def _without_echoes(found: Iterable[Diagnostic], causes: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """Leave out what is said of a mapping in which a key is unknown or misread: it may only follow from that."""
    broken = {cause.path[:-1] for cause in causes}
    for problem in found:
        if not any(problem.path[:depth] in broken for depth in range(len(problem.path) + 1)):
            yield problem


def _check_shape(document: Document, known: KnownShapes, *, is_pipeline: bool) -> tuple[Diagnostic, ...]:
    if document in known:
        return ()
    from dmsflow.compiler.schema_check import check_connections_shape, check_pipeline_shape

    found = check_pipeline_shape(document) if is_pipeline else check_connections_shape(document)
    if not found:
        known.add(document)
    return found


def _check_connections(shared: Document | None, known: KnownShapes) -> tuple[Diagnostic, ...]:
    if shared is None or shared.content is None:
        return shared.diagnostics if shared else ()
    return (*shared.diagnostics, *_check_shape(shared, known, is_pipeline=False))


def _read_connections(document: Document) -> Document | None:
    file = find_connections_file(FilePath(document.file).absolute().parent)
    return read_document(file) if file else None


def _with_connections(spec: PipelineSpec, shared: Document | None) -> PipelineSpec:
    """Join the connections of the file, where the spec has none of that name, and keep the ledger beside it."""
    if shared is None:
        return spec
    section = Section(shared.root, (), []).section("connections")
    own = {connection.name for connection in spec.connections}
    added: tuple[Connection, ...] = tuple(
        connection for connection in decode_connections(section, shared.file) if connection.name not in own
    )
    folder = str(FilePath(shared.file).absolute().parent)
    return replace(spec, connections=(*spec.connections, *added), ledger_folder=folder)


def place_problem(problem: Diagnostic, document: Document, shared: Document | None) -> Diagnostic:
    """Tie a problem to its node; a connection's to the file in which it is written."""
    inside = problem.position
    if inside is not None and inside.file != INSIDE_TEXT:
        return problem
    in_spec = document.node(problem.path[:2]) is not None
    if shared is not None and problem.path[:1] == ("connections",) and not in_spec:
        document = shared
    return problem.at(document.position_in_text(problem.path, inside) if inside else document.position(problem.path))


def sort_by_place(problems: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The problems by file, line and column."""

    def place(problem: Diagnostic) -> tuple[str, int, int, str]:
        at = problem.position
        return (at.file, at.line, at.column, problem.code) if at else ("", 0, 0, problem.code)

    return tuple(sorted(problems, key=place))
