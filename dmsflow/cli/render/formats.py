"""Diagnostics for other programs: JSON, GitHub annotations, SARIF 2.1.0. Holds no source lines, so no secrets."""

import json
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path as FilePath
from urllib.parse import quote

from dmsflow.cli.render.diagnostics import show_file
from dmsflow.codes import CATALOGUE, slug_of
from dmsflow.compiler.folder import LoadedFolder
from dmsflow.diagnostics import Diagnostic, write_path

Json = dict[str, "Json"] | list["Json"] | str | int | bool | None

_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


def render_json(loaded: LoadedFolder) -> str:
    """One object: ``diagnostics``, ``skipped`` and ``specs``, the last by pipeline name with its digest."""
    specs: list[Json] = [
        {"file": show_file(found.document.file), "pipeline": found.spec.pipeline, "digest": found.digest}
        for found in loaded.specs
        if found.spec is not None
    ]
    problems: list[Json] = [_as_json(problem) for problem in loaded.diagnostics]
    skipped: list[Json] = [show_file(file) for file in loaded.skipped]
    return json.dumps(
        {"ok": not loaded.is_rejected, "diagnostics": problems, "specs": specs, "skipped": skipped}, indent=2
    )


def _as_json(problem: Diagnostic) -> dict[str, Json]:
    at = problem.position
    return {
        "code": problem.code,
        "slug": slug_of(problem.code),
        "severity": problem.severity.value,
        "message": problem.message,
        "help": problem.help,
        "path": write_path(problem.path),
        "file": show_file(at.file) if at else None,
        "line": at.line if at else None,
        "column": at.column if at else None,
        "end_column": at.end_column if at else None,
    }


def render_github(problems: Iterable[Diagnostic]) -> str:
    """One workflow command per problem, which GitHub shows beside the line."""
    return "\n".join(_annotate(problem) for problem in problems)


def _annotate(problem: Diagnostic) -> str:
    kind = "notice" if problem.severity.value == "note" else problem.severity.value
    at = problem.position
    place = (
        f"file={_escape(show_file(at.file))},line={at.line},col={at.column},endColumn={at.end_column}," if at else ""
    )
    text = problem.message + (f"\nhelp: {problem.help}" if problem.help else "")
    title = f"{problem.code} {slug_of(problem.code)}"
    return f"::{kind} {place}title={_escape(title)}::{_escape_text(text)}"


def _escape_text(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape(text: str) -> str:
    return _escape_text(text).replace(":", "%3A").replace(",", "%2C")


def render_sarif(problems: Iterable[Diagnostic]) -> str:
    """A SARIF log with one run; its rules are the catalogue's entries that occur."""
    found = tuple(problems)
    codes = sorted({problem.code for problem in found})
    rules: list[Json] = [_as_rule(code) for code in codes]
    results: list[Json] = [_as_result(problem, codes.index(problem.code)) for problem in found]
    driver: dict[str, Json] = {"name": "dmsflow", "version": version("dmsflow"), "rules": rules}
    run: dict[str, Json] = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": _SARIF, "version": "2.1.0", "runs": [run]}, indent=2)


def _as_rule(code: str) -> dict[str, Json]:
    entry = CATALOGUE.get(code)
    if entry is None:
        return {"id": code}
    return {
        "id": code,
        "name": entry.slug,
        "shortDescription": {"text": entry.why},
        "help": {"text": entry.cure},
    }


def _as_result(problem: Diagnostic, rule: int) -> dict[str, Json]:
    text = problem.message + (f" ({problem.help})" if problem.help else "")
    result: dict[str, Json] = {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": problem.severity.value,
        "message": {"text": text},
    }
    at = problem.position
    if at is not None:
        shown = FilePath(show_file(at.file))
        uri = shown.as_uri() if shown.is_absolute() else quote(shown.as_posix())
        region: dict[str, Json] = {"startLine": at.line, "startColumn": at.column, "endColumn": at.end_column}
        physical: dict[str, Json] = {"artifactLocation": {"uri": uri}, "region": region}
        result["locations"] = [{"physicalLocation": physical}]
    return result
