"""Many files at once: finds the specs under paths and loads each. Skips YAML that is no spec, and says so."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as FilePath

from msgspec import Struct

from dmsflow.compiler.decode_connections import CONNECTIONS_FILE, decode_connections
from dmsflow.compiler.document import Document, read_document
from dmsflow.compiler.load import NO_SETTINGS, LoadedSpec, load_document, sort_by_place
from dmsflow.compiler.rules.connections import judge_secrets
from dmsflow.compiler.schema_check import check_connections_shape, check_tests_shape
from dmsflow.compiler.section import Section
from dmsflow.diagnostics import Diagnostic, has_errors

_SUFFIXES = (".yaml", ".yml")
_PIPELINE_KEY = re.compile(r"^pipeline\s*:", re.M)
_TESTS_KEYS = (re.compile(r"^spec\s*:", re.M), re.compile(r"^tests\s*:", re.M))


class LoadedFolder(Struct, frozen=True, kw_only=True):
    """What the paths hold: loaded specs, every document read, every problem once, and the files that are no specs."""

    specs: tuple[LoadedSpec, ...]
    documents: Mapping[str, Document]
    diagnostics: tuple[Diagnostic, ...]
    skipped: tuple[str, ...]

    @property
    def is_rejected(self) -> bool:
        """Whether any file has an error."""
        return has_errors(self.diagnostics)


def load_folder(
    paths: Iterable[FilePath], settings: Mapping[str, str] = NO_SETTINGS, *, params_required: bool = False
) -> LoadedFolder:
    """Load every spec under the paths. A file named as such is taken for a spec, whatever it holds."""
    specs: list[LoadedSpec] = []
    documents: dict[str, Document] = {}
    problems: list[Diagnostic] = []
    skipped: list[str] = []
    for file, is_named in find_yaml_files(paths):
        document = read_document(file)
        if file.name == CONNECTIONS_FILE:
            problems += _check_connections(document)
            documents[document.file] = document
        elif holds_tests(document):
            problems += document.diagnostics or check_tests_shape(document)
            documents[document.file] = document
        elif is_named or _looks_like_a_spec(document):
            loaded = load_document(document, settings, params_required=params_required)
            specs.append(loaded)
            problems += loaded.diagnostics
            documents |= {read.file: read for read in loaded.documents}
        else:
            skipped.append(str(file))
    problems += _find_same_names(specs)
    unique = {(problem.code, problem.position, problem.message): problem for problem in problems}
    return LoadedFolder(
        specs=tuple(specs),
        documents=documents,
        diagnostics=sort_by_place(unique.values()),
        skipped=tuple(skipped),
    )


def find_yaml_files(paths: Iterable[FilePath]) -> Iterator[tuple[FilePath, bool]]:
    """Every YAML file once, and whether it was named itself; hidden folders are left out."""
    seen: set[FilePath] = set()
    for path in paths:
        for file in _walk(path) if path.is_dir() else (path,):
            if file.absolute() not in seen:
                seen.add(file.absolute())
                yield file, not path.is_dir()


def _walk(folder: FilePath) -> Iterator[FilePath]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (FilePath(parent, name) for name in sorted(names) if name.endswith(_SUFFIXES))


def holds_tests(document: Document) -> bool:
    """Whether the file is one of spec tests, or would be if it were YAML."""
    if isinstance(document.content, dict):
        return {"spec", "tests"} <= document.content.keys()
    return all(key.search(document.text) for key in _TESTS_KEYS)


def is_unreadable(document: Document) -> bool:
    """Whether a file cannot even be decoded, so that nothing tells what it holds."""
    return not document.text and has_errors(document.diagnostics)


def _looks_like_a_spec(document: Document) -> bool:
    """Whether the file has a pipeline key, or cannot even be decoded."""
    if isinstance(document.content, dict):
        return "pipeline" in document.content
    return bool(_PIPELINE_KEY.search(document.text)) or is_unreadable(document)


def _check_connections(document: Document) -> Iterator[Diagnostic]:
    yield from document.diagnostics
    if document.content is None:
        return
    shape = check_connections_shape(document)
    yield from shape
    if has_errors(shape):
        return
    for connection in decode_connections(Section(document.root, (), []).section("connections"), document.file):
        for problem in judge_secrets(connection):
            yield problem.at(document.position(problem.path))


def _find_same_names(specs: Iterable[LoadedSpec]) -> Iterator[Diagnostic]:
    """Pipelines of one folder that share a name, and so would share checkpoints and runs."""
    first: dict[tuple[FilePath, str], str] = {}
    for loaded in specs:
        if loaded.spec is None:
            continue
        file, name = loaded.document.file, loaded.spec.pipeline
        other = first.setdefault((FilePath(file).absolute().parent, name), file)
        if other != file:
            message = f'pipeline "{name}" is also in {FilePath(other).name}'
            problem = Diagnostic(code="DMS218", message=message, path=("pipeline",), help="rename one of the two")
            yield problem.at(loaded.document.position(("pipeline",)))
