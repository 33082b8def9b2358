"""YAML 1.2 core scalars: text to null, boolean, number or text. Not as 1.1 reads NO, 017, 1:30 and dates."""

import re

Scalar = str | int | float | bool | None

MAX_DIGITS = 4000

_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_NUMBER_STARTS = frozenset("0123456789+-.")
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_BASED = re.compile(r"0(?:o[0-7]+|x[0-9a-fA-F]+)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_INFINITE = re.compile(r"([-+]?)\.(?:inf|Inf|INF)\Z")
_NOT_A_NUMBER = frozenset({".nan", ".NaN", ".NAN"})


def read_scalar(text: str) -> Scalar:
    """The value of a plain scalar. Raises ValueError for a number of more than ``MAX_DIGITS`` digits."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    return _read_number(text)


def _read_number(text: str) -> Scalar:
    if _INTEGER.match(text):
        if len(text) > MAX_DIGITS:
            raise ValueError(text)
        return int(text)
    if _BASED.match(text):
        if len(text) > MAX_DIGITS:
            raise ValueError(text)
        return int(text, 0)
    if _FLOAT.match(text):
        return float(text)
    if infinite := _INFINITE.match(text):
        return float(f"{infinite[1]}inf")
    return float("nan") if text in _NOT_A_NUMBER else text
