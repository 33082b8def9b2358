"""Files as relations: CSV, Parquet and JSON read by DuckDB. A CSV is read as text; its types are only proposed.

DuckDB's own guess may skip lines that it cannot fit; here the header is the first line, always, and a line with
another number of fields is an error.
"""

import csv
import glob
import os
from pathlib import Path
from typing import Any

from msgspec import Struct

from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.engines.duckdb_sql import write_text
from dmsflow.engines.duckdb_types import read_type
from dmsflow.errors import ConnectionFailed, PermanentError
from dmsflow.model.table import Column, TableShape

CSV_ENDINGS = (".csv", ".csv.gz", ".csv.zst", ".tsv", ".tsv.gz", ".txt", ".txt.gz")
JSON_ENDINGS = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz")
PARQUET_ENDINGS = (".parquet", ".pq")

ISO = tuple(f"%Y-%m-%d{time}" for time in ("", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M:%S", "T%H:%M:%S.%f"))
"""Formats that a cast reads by itself, and many times faster."""

DELIMITERS = (",", ";", "\t", "|")

GZIP = b"\x1f\x8b"
MARKS = (
    (b"\xff\xfe", 'is UTF-16: convert it first, for example with "iconv -f utf-16 -t utf-8"'),
    (b"\xfe\xff", 'is UTF-16: convert it first, for example with "iconv -f utf-16 -t utf-8"'),
    (GZIP, 'is compressed with gzip: give its name the ending ".gz"'),
    (b"PK\x03\x04", "is a ZIP archive or a workbook: unpack it, or save it as CSV"),
)
"""The first bytes of files that are no CSV, and what to do."""

LONGEST = 500

LINE_ROOM = "max_line_size=16777216, buffer_size=33554432"
"""A line of a CSV may be 16 MiB long."""

AS_LINES = f"auto_detect=false, delim='\x1f', quote='', escape='', {LINE_ROOM}, columns={{'line': 'VARCHAR'}}"
"""Every line of a CSV as one text, whatever stands in it."""

OBJECT_ROOM = 32 * 2**20
"""Bytes that an object of a JSON file may have. DuckDB sets twice as much aside for every thread (law 39)."""


class FileRelation(Struct, frozen=True, kw_only=True):
    """A file, or several of one shape, as SQL that stands in a FROM clause; ``lines`` has no fewer rows."""

    sql: str
    lines: str | None = None
    shape: TableShape
    as_text: bool
    repeatable: bool
    formats: tuple[tuple[str, str], ...] = ()
    estimated_rows: int | None = None


def open_files(session: DuckDBSession, pattern: str) -> FileRelation:
    """The relation of a path or glob. Raises ConnectionFailed when there is nothing readable."""
    pattern = glob.escape(pattern) if glob.has_magic(pattern) and Path(pattern).is_file() else pattern
    files = find_files(pattern)
    ending = pattern.lower()
    if ending.endswith(PARQUET_ENDINGS):
        return _open_parquet(session, pattern)
    if ending.endswith(JSON_ENDINGS):
        return _open_json(session, pattern)
    if ending.endswith(CSV_ENDINGS):
        return _open_csv(session, pattern, files)
    known = ", ".join(e for e in (*CSV_ENDINGS, *JSON_ENDINGS, *PARQUET_ENDINGS) if e.count(".") == 1)
    raise ConnectionFailed(f'the file "{pattern}" has no ending that tells its format: rename it to one of {known}')


def find_files(pattern: str) -> tuple[str, ...]:
    """The readable files a path or glob names, sorted."""
    # Path.glob takes no absolute pattern.
    files = tuple(sorted(glob.glob(pattern, recursive=True))) if glob.has_magic(pattern) else (pattern,)  # noqa: PTH207
    if not files:
        raise ConnectionFailed(f'no file matches "{pattern}"')
    for file in files:
        if not Path(file).exists():
            raise ConnectionFailed(f'there is no file "{file}": check the path, it is relative to the spec')
        if Path(file).is_dir():
            raise ConnectionFailed(f'"{file}" is a folder: name a file, or a glob such as "{file}/*.parquet"')
        if not os.access(file, os.R_OK):
            raise ConnectionFailed(f'the file "{file}" cannot be read: check its permissions')
    return files


def _open_parquet(session: DuckDBSession, pattern: str) -> FileRelation:
    sql = f"read_parquet({write_text(pattern)})"
    shape = _describe(session, sql, pattern)
    _check_parquet_columns(session, pattern)
    counted = session.fetch(f"SELECT sum(num_rows) FROM parquet_file_metadata({write_text(pattern)})")
    rows = counted[0][0]
    return FileRelation(
        sql=sql,
        shape=shape,
        as_text=False,
        repeatable=True,
        estimated_rows=int(rows) if rows is not None else None,  # type: ignore[arg-type]
    )


def _check_parquet_columns(session: DuckDBSession, pattern: str) -> None:
    """Refuse files of different columns: DuckDB reads those of the first one, and what only others have is lost."""
    columns = f"SELECT file_name, list(name ORDER BY name) AS names FROM parquet_schema({write_text(pattern)})"
    kinds = session.fetch(
        f"SELECT min(file_name), names FROM ({columns} GROUP BY file_name) GROUP BY names ORDER BY 1 LIMIT 2"
    )
    if len(kinds) < 2:
        return
    (one, first), (other, second) = kinds
    differing: Any = sorted({*first} ^ {*second})  # type: ignore[misc]
    raise ConnectionFailed(
        f'"{other}" has other columns than "{one}" ({", ".join(map(str, differing[:8]))}): '
        "files of one source need the same columns"
    )


def _open_json(session: DuckDBSession, pattern: str) -> FileRelation:
    sql = (
        f"read_json_auto({write_text(pattern)}, records=true, map_inference_threshold=-1, "
        f"maximum_object_size={OBJECT_ROOM})"
    )
    return FileRelation(sql=sql, shape=_describe(session, sql, pattern), as_text=False, repeatable=False)


def _open_csv(session: DuckDBSession, pattern: str, files: tuple[str, ...]) -> FileRelation:
    sniffed = [_sniff(session, file) for file in files]
    first = sniffed[0]
    for file, other in zip(files, sniffed, strict=True):
        if other.names != first.names:
            raise ConnectionFailed(
                f'"{file}" has the columns {", ".join(other.names)}, but "{files[0]}" has '
                f"{', '.join(first.names)}: files of one source need one header"
            )
    delimiter = _find_one("delimiter", files, [one.delimiter for one in sniffed]) or ","
    quote = _find_one("quote", files, [one.quote for one in sniffed]) or '"'
    escape = _find_one("escape", files, [one.escape for one in sniffed]) or '"'
    columns = ", ".join(f"{write_text(name)}: 'VARCHAR'" for name in first.names)
    sql = (
        f"read_csv({write_text(pattern)}, auto_detect=false, header=true, skip=0, delim={write_text(delimiter)}, "
        f"quote={write_text(quote)}, escape={write_text(escape)}, allow_quoted_nulls=false, "
        f"{LINE_ROOM}, columns={{{columns}}})"
    )
    return FileRelation(
        sql=sql,
        lines=f"read_csv({write_text(pattern)}, header=true, skip=0, {AS_LINES})",
        shape=TableShape(columns=first.columns),
        as_text=True,
        repeatable=False,
        formats=first.formats,
        estimated_rows=_estimate_lines(files),
    )


def _find_one(part: str, files: tuple[str, ...], signs: list[str | None]) -> str | None:
    """The sign that all files use; a file that has no need of one agrees with any."""
    used = [(file, sign) for file, sign in zip(files, signs, strict=True) if sign is not None]
    for file, sign in used:
        if sign != used[0][1]:
            raise ConnectionFailed(
                f'"{file}" has the {part} {sign!r}, but "{used[0][0]}" has {used[0][1]!r}: '
                "write the files of one source in one way"
            )
    return used[0][1] if used else None


class _Sniffed(Struct, frozen=True, kw_only=True):
    delimiter: str | None
    quote: str | None
    escape: str | None
    columns: tuple[Column, ...]
    formats: tuple[tuple[str, str], ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def _sniff(session: DuckDBSession, file: str) -> _Sniffed:
    """The dialect and the proposed types of one CSV file, its first line taken as the header."""
    if Path(file).stat().st_size == 0:
        raise ConnectionFailed(f'the file "{file}" is empty: a CSV needs at least its header line')
    try:
        rows = session.fetch(
            "SELECT Delimiter, Quote, Escape, DateFormat, TimestampFormat, "
            "[[c.name, c.type] for c in Columns] "
            f"FROM sniff_csv({_name(file)}, header=true, skip=0, comment='', {LINE_ROOM})"
        )
    except PermanentError as error:
        raise ConnectionFailed(explain_csv(file, str(error))) from error
    delimiter, quote, escape, date_format, timestamp_format, columns = rows[0]
    listed: Any = columns
    _check_header(session, file, str(delimiter), len(listed))
    pairs = [(str(name), read_type(str(native))) for name, native in listed]
    wanted = {"date": date_format, "timestamp": timestamp_format}
    formats = tuple(
        (name, str(wanted[t.family])) for name, t in pairs if wanted.get(t.family) and wanted[t.family] not in ISO
    )
    return _Sniffed(
        delimiter=str(delimiter) if len(listed) > 1 else None,
        quote=None if quote in (None, "(empty)") else str(quote),
        escape=None if escape in (None, "(empty)") else str(escape),
        columns=tuple(Column(name=name, type=data_type) for name, data_type in pairs),
        formats=formats,
    )


def _check_header(session: DuckDBSession, file: str, delimiter: str, columns: int) -> None:
    """Refuse what the guess makes the best of: lines that differ in their fields, and a name that stands twice."""
    # A whole block of lines is read for the first one: what stands in the others must not matter.
    lines = f"read_csv({_name(file)}, header=false, strict_mode=false, {AS_LINES})"
    found = session.fetch(f"SELECT line FROM {lines} LIMIT 1")
    header = str(found[0][0] or "") if found else ""
    if not header.strip():
        raise ConnectionFailed(f'the first line of "{file}" is empty: a CSV needs its header there')
    for other in DELIMITERS if columns == 1 else ():
        fields = _split(header, other)
        if len(fields) > 1:
            raise ConnectionFailed(
                f'the lines of "{file}" differ in their number of fields, the header has {len(fields)} '
                f"({', '.join(fields[:8])}): correct the lines that have another number"
            )
    names = [name.strip().lower() for name in _split(header, delimiter)]
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice is not None and len(names) == columns:
        raise ConnectionFailed(f'the header of "{file}" has the name "{twice}" twice: rename one of the two')


def _name(file: str) -> str:
    """A found file as DuckDB takes it: every sign of its name means itself."""
    return write_text(glob.escape(file))


def _split(header: str, delimiter: str) -> list[str]:
    return next(csv.reader([header], delimiter=delimiter), [])


def _estimate_lines(files: tuple[str, ...]) -> int:
    """Lines by the length of the first few hundred."""
    with Path(files[0]).open("rb") as file:
        head = file.read(64 * 2**10)
    lines = max(head.count(b"\n"), 1)
    total = sum(Path(file).stat().st_size for file in files)
    return max(int(total / (len(head) / lines)) - len(files), 0) if head else 0


def _describe(session: DuckDBSession, sql: str, pattern: str) -> TableShape:
    try:
        return session.describe_query(f"SELECT * FROM {sql}")
    except PermanentError as error:
        if "non-record JSON" in str(error):
            raise ConnectionFailed(f'the file "{pattern}" has no JSON objects: write one for each row') from error
        raise ConnectionFailed(f'the file "{pattern}" cannot be read: {_first_lines(str(error))}') from error


def explain_csv(file: str, message: str) -> str:
    """Why a CSV does not read, in words that say what to do."""
    with Path(file).open("rb") as opened:
        head = opened.read(64 * 2**10)
    for mark, what in MARKS:
        if head.startswith(mark) and not (mark == GZIP and file.lower().endswith(".gz")):
            return f'the file "{file}" {what}'
    if "not utf-8" in message.lower() or "unicode" in message.lower():
        return f'the file "{file}" is not UTF-8: convert it first, for example with "iconv -f latin1 -t utf-8"'
    if "Header options" in message:
        return f'the file "{file}" is empty: a CSV needs at least its header line'
    if 0 < head.count(b"\r\n") < head.count(b"\n"):
        return f'the lines of "{file}" end in different ways: convert it first, for example with "dos2unix"'
    return f'the file "{file}" cannot be read as CSV: {_first_lines(message)}'


def _first_lines(message: str) -> str:
    """What a database says, without the SQL that it quotes, and no longer than a person reads."""
    lines = [line.strip() for line in message.splitlines()[:3] if line.strip()]
    words = " ".join(line for line in lines if not line.startswith("LINE "))
    return words if len(words) <= LONGEST else f"{words[:LONGEST]}..."
