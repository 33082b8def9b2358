"""Diagnostics as a person reads them: the message, the line it is about, a caret, the help. Hides literal secrets."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path as FilePath

from dmsflow.cli.render.colour import paint
from dmsflow.cli.render.words import escape, mask_unseen
from dmsflow.codes import slug_of
from dmsflow.compiler.document import Document
from dmsflow.compiler.folder import LoadedFolder
from dmsflow.diagnostics import Diagnostic, Position, Severity, write_path

_WIDTH = 140
_HIDDEN = "***"
_SECRET_KEY = re.compile(r"""((?:password|passwd|pwd|token|secret)["']?\s*+[:=]\s*+)(?!["']?\$\{|\s*$).+""", re.I)
_SECRET_URL = re.compile(r"(://[^/@:\s]*:)(?!\$\{).+(@)")
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def render_folder(loaded: LoadedFolder, *, colour: bool) -> str:
    """Every problem, the files that are skipped, and the counts."""
    parts = [render_diagnostic(problem, loaded.documents, colour=colour) for problem in loaded.diagnostics]
    parts += [f'{escape(show_file(file))}: skipped: it has no "pipeline:" key' for file in loaded.skipped]
    return "\n".join((*parts, summarise(len(loaded.specs), loaded.diagnostics)))


def render_diagnostics(problems: Iterable[Diagnostic], documents: Iterable[Document], *, colour: bool = False) -> str:
    """Problems with the lines they are about, one after the other."""
    by_file = {document.file: document for document in documents}
    return "\n".join(render_diagnostic(problem, by_file, colour=colour) for problem in problems)


def render_diagnostic(problem: Diagnostic, documents: Mapping[str, Document], *, colour: bool) -> str:
    """One problem with the line it is about."""
    at = problem.position
    label = f"{problem.severity}[{problem.code}]"
    if colour:
        label = paint(label, _COLOURS[problem.severity])
    place = f"{escape(show_file(at.file))}:{at.line}:{at.column}: " if at else ""
    lines = [f"{place}{label} {slug_of(problem.code)}: {escape(problem.message)}"]
    if at is not None and at.file in documents:
        lines += _quote_line(documents[at.file].line(at.line), at)
    if problem.path:
        lines.append(f"    = at: {escape(write_path(problem.path))}")
    if problem.help:
        lines.append(f"    = help: {escape(problem.help)}")
    return "\n".join((*lines, ""))


def show_file(file: str) -> str:
    """The file relative to the working folder when it lies in it."""
    try:
        return str(FilePath(file).absolute().relative_to(FilePath.cwd()))
    except ValueError:
        return file


def summarise(specs: int, problems: Iterable[Diagnostic]) -> str:
    """The counts in one line: ``2 specs: 1 error, no warnings``."""
    severities = [problem.severity for problem in problems]
    errors, warnings = severities.count(Severity.ERROR), severities.count(Severity.WARNING)
    return f"{_count(specs, 'spec')}: {_count(errors, 'error')}, {_count(warnings, 'warning')}"


def _count(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"


@lru_cache(maxsize=16)
def hide_secrets(line: str) -> str:
    """The line without a literal password."""
    line = _SECRET_URL.sub(rf"\1{_HIDDEN}\2", line)
    return _SECRET_KEY.sub(rf"\1{_HIDDEN}", line)


def _quote_line(line: str, at: Position) -> list[str]:
    shown = mask_unseen(hide_secrets(line))
    start, end = at.column - 1, max(at.end_column - 1, at.column)
    if shown != mask_unseen(line):
        hidden = shown.index(_HIDDEN)
        start, end = (start, end) if end <= hidden else (min(start, hidden), hidden + len(_HIDDEN))
    if len(shown) > _WIDTH:
        cut = max(0, start - _WIDTH // 2)
        shown, start, end = shown[cut : cut + _WIDTH], start - cut, end - cut
    end = max(start + 1, min(end, len(shown)))
    gutter = " " * max(3, len(str(at.line)) + 1)
    return [
        f"{gutter} |",
        f"{at.line:>{len(gutter)}} | {shown}",
        f"{gutter} | {' ' * start}{'^' * (end - start)}",
    ]
