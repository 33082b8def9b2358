"""A YAML file as plain values that remember where they stand. Knows nothing of pipelines; never raises."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path as FilePath

from dmsflow.compiler.compose import START, Node, Span, compose_nodes
from dmsflow.diagnostics import Diagnostic, Path, Position

MAX_BYTES = 1024 * 1024

LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One YAML file. ``content`` is None when it cannot be read; ``diagnostics`` then say why."""

    file: str
    text: str = field(repr=False)
    root: Node | None = field(default=None, repr=False)
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def content(self) -> object:
        """Dicts, lists and scalars, as JSON has them."""
        return self.root.value if self.root else None

    def line(self, number: int) -> str:
        """The text of a line, counted from 1; empty beyond the end."""
        lines = _split_lines(self.text)
        return lines[number - 1] if 0 < number <= len(lines) else ""

    def node(self, path: Path) -> Node | None:
        """The node at exactly that path."""
        node = self.root
        for step in path:
            node = node.child(step) if node else None
        return node

    def position(self, path: Path, *, of_key: bool = False) -> Position:
        """Where a path stands: its value; for a collection its key; if it is missing, the ancestor's key."""
        node, span = self.root, START
        for step in path:
            child = node.child(step) if node else None
            if node is None or child is None:
                of_key = True
                break
            span = node.key_span(step) or child.span
            node = child
        if node is None:
            return self.place(START)
        return self.place(span if of_key or node.is_collection or not node.text else node.span)

    def position_in_text(self, path: Path, inside: Position) -> Position:
        """Where a stretch of the text at a path stands in the file; the whole value when the text is not verbatim."""
        node = self.node(path)
        span = self._span_in_text(node, inside) if node else None
        return self.place(span) if span else self.position(path)

    def _span_in_text(self, node: Node, inside: Position) -> Span | None:
        width = inside.end_column - inside.column
        if node.style == "|":
            number = node.span.line + inside.line
            written = node.text.split("\n")[inside.line - 1]
            margin = len(self.line(number)) - len(written)
            start = margin + inside.column
            return Span(line=number, column=start, end_column=start + width) if margin >= 0 else None
        quote = 1 if node.style else 0
        start = node.span.column + quote + inside.column - 1
        span = Span(line=node.span.line, column=start, end_column=start + width)
        written = self.line(span.line)[node.span.column - 1 + quote :]
        return span if inside.line == 1 and written.startswith(node.text) else None

    def place(self, span: Span) -> Position:
        """The span as a position of this file."""
        return Position(file=self.file, line=span.line, column=span.column, end_column=span.end_column)


def read_document(path: FilePath | str) -> Document:
    """Read a file. Every problem, an unreadable file included, is a diagnostic of the document."""
    file = str(path)
    try:
        with FilePath(path).open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return _unread(file, "DMS001", f'cannot read "{file}": {reason.lower()}', "check the path and its permissions")
    except ValueError as error:
        return _unread(file, "DMS001", f"cannot read {file!r}: {error}", "check the path")
    return parse_bytes(data, file)


def parse_bytes(data: bytes, file: str) -> Document:
    """Parse the bytes of a file, which must be UTF-8, with or without its byte order mark."""
    if len(data) > MAX_BYTES:
        return _unread(
            file,
            "DMS002",
            "the file is larger than 1 MiB",
            "keep one pipeline per file, and data in files of its own",
        )
    if data.startswith(_UTF16_MARKS) or b"\x00" in data[:4]:
        return _unread(file, "DMS003", "the file is UTF-16 or UTF-32, not UTF-8", "save the file as UTF-8")
    try:
        return parse_text(data.decode("utf-8-sig"), file)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        return _unread(file, "DMS003", message, "save the file as UTF-8", _span_at(before, len(before)), before)


def parse_text(text: str, file: str = "<text>") -> Document:
    """Parse the text of one YAML document whose top level is a mapping."""
    if len(text) > MAX_BYTES:
        return parse_bytes(text.encode("utf-8", "replace"), file)
    if found := _UNPRINTABLE.search(text):
        message = f"control character U+{ord(found[0]):04X} stands in the text"
        span = _span_at(text, found.start())
        return _unread(file, "DMS004", message, "remove the character, or write it as an escape in double quotes", span)
    root, problems = compose_nodes(text, file)
    return Document(file=file, text=text, root=root, diagnostics=problems)


@lru_cache(maxsize=8)
def _split_lines(text: str) -> list[str]:
    return LINE_BREAK.split(text)


def _span_at(text: str, index: int) -> Span:
    lines = LINE_BREAK.split(text[:index])
    return Span(line=len(lines), column=len(lines[-1]) + 1, end_column=len(lines[-1]) + 2)


def _unread(file: str, code: str, message: str, help: str, span: Span | None = None, text: str = "") -> Document:
    span = span or START
    position = Position(file=file, line=span.line, column=span.column, end_column=span.end_column)
    problem = Diagnostic(code=code, message=message, help=help, position=position)
    return Document(file=file, text=text, diagnostics=(problem,))
