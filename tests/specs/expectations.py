"""Reads what a bad spec expects: comments such as ``# ERROR[DMS301]: column "ordr_id"`` on the line they concern."""

import re
from pathlib import Path

from dmsflow.diagnostics import Diagnostic

_EXPECTED = re.compile(r"# (ERROR|WARNING|NOTE)\[(DMS\d{3})\]: (.*?)(?= +# (?:ERROR|WARNING|NOTE)\[|$)")

Expectation = tuple[int, str, str, str]


def read_expectations(file: Path) -> list[Expectation]:
    """Line, severity, code and a part of the message, for every comment."""
    return [
        (number, found[1].lower(), found[2], found[3].strip())
        for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), start=1)
        for found in _EXPECTED.finditer(line)
    ]


def compare(expected: list[Expectation], found: tuple[Diagnostic, ...]) -> list[str]:
    """What is expected and not found, and what is found and not expected."""
    missing, left = [], list(found)
    for line, severity, code, text in expected:
        match = next((problem for problem in left if fits(problem, line, severity, code, text)), None)
        if match is None:
            missing.append(f"missing: {line}: {severity}[{code}]: {text}")
        else:
            left.remove(match)
    return missing + [
        f"unexpected: {problem.position.line if problem.position else 0}: "
        f"{problem.severity}[{problem.code}]: {problem.message}"
        for problem in left
    ]


def fits(problem: Diagnostic, line: int, severity: str, code: str, text: str) -> bool:
    """Whether a diagnostic is the expected one."""
    at = problem.position
    return (
        at is not None
        and (at.line, problem.severity, problem.code) == (line, severity, code)
        and text in problem.message
    )
