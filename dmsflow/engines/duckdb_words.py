"""What DuckDB says of a file that it cannot open or read, without advice about options that a spec does not have."""

import re
from contextlib import suppress
from pathlib import Path

from dmsflow.engines.duckdb_options import STORAGE_VERSION
from dmsflow.errors import DatabaseError, Interrupted, PermanentError

SQLITE_HEAD = b"SQLite format 3\x00"

ADVICE = re.compile(
    r"\n\s*(Possible (fixes|solutions)|Try increasing|If you are trying|This can happen|Candidate names|"
    r"Change the maximum length|\* (Enable|Disable|Set|Use) )",
)
CSV_LINE = re.compile(r"CSV Error on Line: (\d+)\n")
CSV_FILE = re.compile(r"^ *file = (.*)$", re.M)
CSV_REASONS = (
    (re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)"), "has {1} fields, the header has {0}"),
    (re.compile(r"unterminated quote"), "has a quote that is not closed, or text after it"),
    (re.compile(r"Maximum line size"), "is too long: a line of a CSV may be 16 MiB long"),
    (
        re.compile(r"[Uu]nicode|not utf-8"),
        'is not UTF-8: convert the file, for example with "iconv -f latin1 -t utf-8"',
    ),
)
LONGEST = 2000
INTERRUPTED = "INTERRUPT Error"
PLACE = re.compile(r"\n+LINE \d+:.*", re.S)
REASONS = (
    (re.compile(r'Duplicate key "([^:,"]+): [^"]*" violates (?:unique|primary key) constraint'), "unique"),
    (re.compile(r"Duplicate key|unique constraint|primary key constraint", re.I), "unique"),
    (re.compile(r"NOT NULL constraint failed: .*\.([^.]+)$"), "not_null"),
    (re.compile(r"CHECK constraint failed"), "check"),
    (re.compile(r"foreign key constraint", re.I), "foreign_key"),
    (re.compile(r"out of range", re.I), "overflow"),
)
"""What DuckDB says of a row that it refuses, with the column where it names one; the first that is found counts."""


def judge_reading(message: str) -> DatabaseError:
    """What a statement, or an Arrow stream of DuckDB, failed with: nothing went wrong where it was interrupted."""
    if INTERRUPTED in message:
        return Interrupted("the run was stopped at once")
    return PermanentError(explain_reading(message))


def explain_reading(message: str) -> str:
    """The same in fewer words; a message of something else as it is. A line is told, not shown: it may be 16 MiB."""
    line = CSV_LINE.search(message)
    if line is None:
        words = ADVICE.split(message, maxsplit=1)[0].strip()
        return words if len(words) <= LONGEST else f"{words[:LONGEST]}..."
    file = CSV_FILE.search(message)
    place = f'line {line[1]} of "{file[1]}"' if file else f"line {line[1]} of the CSV"
    for reason, words in CSV_REASONS:
        found = reason.search(message, line.end())
        if found:
            return f"{place} {words.format(*found.groups())}"
    return f"{place} cannot be read: {message[line.end() :].strip()[:LONGEST]}"


def explain_refusal(message: str) -> tuple[str, str | None, str]:
    """The reason of a reject, the column if one is named, and the words without the statement that they point into."""
    words = PLACE.sub("", ADVICE.split(message, maxsplit=1)[0]).strip()[:LONGEST]
    for pattern, reason in REASONS:
        found = pattern.search(words)
        if found:
            return reason, found[1] if pattern.groups else None, words
    return "refused", None, words


def explain_open(path: str, message: str, version: str) -> str:
    """Why a DuckDB file does not open, and what to do."""
    holder = re.search(r"\(PID (\d+)\)", message)
    if holder:
        return (
            f"the DuckDB file {path} is open in another process (PID {holder[1]}): a DuckDB file has one "
            "process at a time; wait for it, or close it"
        )
    if "newer version of DuckDB" in message:
        return (
            f"the DuckDB file {path} was written by a newer DuckDB than this one, {version}: upgrade the "
            f'package duckdb, or write the file anew with "options: {{{STORAGE_VERSION}: v1.2.0}}"'
        )
    with suppress(OSError), Path(path).open("rb") as file:
        if file.read(len(SQLITE_HEAD)) == SQLITE_HEAD:
            return f"{path} is a SQLite database: write sqlite:/// in its url"
    return f"cannot open the DuckDB file {path}: {message.strip()}"


def read_mebibytes(text: str) -> float:
    """MiB from DuckDB's own words, such as ``18.6 GiB``; 0 where they say something else."""
    found = re.fullmatch(r"([\d.]+) ([KMGT])iB", text)
    return float(found[1]) * 1024.0 ** ("KMGT".index(found[2]) - 1) if found else 0.0
