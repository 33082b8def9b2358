"""A place inside a text of a spec. Its position has no file: counted from the text's start, tied to a file later."""

import re

from dmsflow.diagnostics import Position

INSIDE_TEXT = ""
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def spot(text: str, start: int, end: int) -> Position:
    """The stretch of a text from ``start`` to ``end``, on the first of its lines."""
    lines = _LINE_BREAK.split(text[:start])
    width = len(_LINE_BREAK.split(text[start:end])[0])
    column = len(lines[-1]) + 1
    return Position(file=INSIDE_TEXT, line=len(lines), column=column, end_column=column + max(width, 1))
