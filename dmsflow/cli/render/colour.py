"""Colour, and where it is wanted. Adds nothing but SGR codes around a whole word."""

import os
from collections.abc import Mapping
from typing import TextIO

_CODES = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "bold": "1", "dim": "2"}

STATUS_COLOURS = {
    "running": "cyan",
    "stopping": "yellow",
    "succeeded": "green",
    "failed": "red",
    "lost": "red",
    "partial": "yellow",
    "stopped": "yellow",
}


def wants_colour(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a person looks at this stream and has not said NO_COLOR."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def paint(text: str, colour: str) -> str:
    """The text in that colour."""
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m"


def paint_status(line: str, status: str) -> str:
    """The line with the first word that is this status in its colour."""
    colour = STATUS_COLOURS.get(status)
    return line.replace(f" {status}", f" {paint(status, colour)}", 1) if colour else line
