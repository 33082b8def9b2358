"""Texts and floats as Oracle's constants. Knows no other type."""

import math

LONGEST_PIECE = 1000
"""Characters of a constant: no more than 4000 bytes in any encoding."""


def write_text(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'" if len(text) <= LONGEST_PIECE else write_long_text(text)


def write_long_text(text: str) -> str:
    """A text of any length, in pieces that a literal may have."""
    starts = range(0, len(text), LONGEST_PIECE)
    pieces = [write_text(text[at : at + LONGEST_PIECE]) for at in starts]
    return pieces[0] if len(pieces) == 1 else " || ".join(f"TO_CLOB({piece})" for piece in pieces)


def write_float(value: float) -> str:
    """A binary double."""
    if math.isnan(value):
        return "BINARY_DOUBLE_NAN"
    if math.isinf(value):
        return "BINARY_DOUBLE_INFINITY" if value > 0 else "(-BINARY_DOUBLE_INFINITY)"
    return f"{value!r}D"
