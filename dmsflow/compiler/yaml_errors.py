"""The YAML parser's complaints in the words of the house. One complaint, one diagnostic with its place."""

import re

import yaml

from dmsflow.diagnostics import Diagnostic, Position

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")

_WORDINGS = (
    ("mapping values are not allowed", 'a ":" stands where no key can be', 'quote a value that holds ": "'),
    (
        "could not find expected ':'",
        'a key has no ":" after it',
        'write "key: value", and indent as the lines above',
    ),
    (
        "expected ',' or ']'",
        'a list is not closed with "]"',
        'close the list, and put "," between its entries',
    ),
    (
        "expected ',' or '}'",
        'a mapping is not closed with "}"',
        'close the mapping, put "," between its entries, and quote values such as "${env:NAME}"',
    ),
    ("unexpected end of stream", "a quoted text is not closed", "close the quote"),
    (
        "unknown escape character",
        "an escape is not known in double quotes",
        "use single quotes, or double the backslash",
    ),
    (
        "expected '-' indicator",
        'a list entry does not start with "-"',
        "indent every entry of the list alike",
    ),
    ("expected <block end>", "the indentation fits no line above", "indent all keys of one mapping alike"),
    ("cannot start any token", "a value starts with a character that YAML reserves", "quote the value"),
    (
        "expected alphabetic or numeric",
        'a name after "&" or "*" is missing',
        'quote text that starts with "&" or "*"',
    ),
)


def describe_yaml_error(error: yaml.YAMLError, text: str, file: str) -> Diagnostic:
    """The one diagnostic for text that is not YAML."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return _diagnostic("the text is not YAML", "check the file", file, 1, 1)
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    lines = _LINE_BREAK.split(text)
    shown = lines[line - 1] if line <= len(lines) else ""
    if "\t" in shown[: len(shown) - len(shown.lstrip())]:
        tab = shown.index("\t") + 1
        return _diagnostic("a tab indents this line", "indent with spaces", file, line, tab, code="DMS006")
    problem = str(error.problem or error.context or "unknown")
    opened = error.context_mark
    if opened is not None and ("expected ','" in problem or "end of stream" in problem):
        line, column = opened.line + 1, opened.column + 1
    for pattern, message, help in _WORDINGS:
        if pattern in problem:
            return _diagnostic(message, help, file, line, column)
    return _diagnostic(f"the text is not YAML: {problem}", "correct the line, or quote its value", file, line, column)


def _diagnostic(message: str, help: str, file: str, line: int, column: int, code: str = "DMS005") -> Diagnostic:
    place = Position(file=file, line=line, column=column, end_column=column + 1)
    return Diagnostic(code=code, message=message, help=help, position=place)
