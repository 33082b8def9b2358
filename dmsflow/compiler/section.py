"""One mapping of a checked document, read by type. Badly written literals become diagnostics."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import TypeVar

from dmsflow.compiler.compose import START, Node
from dmsflow.compiler.literals import LiteralError
from dmsflow.diagnostics import Diagnostic, Path

Choice = TypeVar("Choice", bound=StrEnum)
Value = TypeVar("Value")


class Section:
    """Reads the entries of a mapping whose shape the schema has checked; all sections share ``problems``."""

    def __init__(self, node: Node | None, path: Path, problems: list[Diagnostic]) -> None:
        self.node = node or Node(value={}, span=START)
        self.path = path
        self.problems = problems

    def has(self, key: str) -> bool:
        """Whether the key is written, even with no value."""
        return key in self.node.entries

    def written_keys(self) -> Iterator[str]:
        """The keys in the order written."""
        return iter(self.node.entries)

    def child(self, key: str) -> Node | None:
        """The node of a key; None when it is missing or null."""
        node = self.node.child(key)
        return None if node is None or node.value is None else node

    def section(self, key: str) -> "Section":
        """The mapping under a key; an empty one when it is missing."""
        return Section(self.child(key), (*self.path, key), self.problems)

    def sections(self, key: str) -> Iterator["Section"]:
        """The mappings in the list under a key."""
        for index, node in enumerate((self.child(key) or Node(value=[], span=START)).items):
            yield Section(node, (*self.path, key, index), self.problems)

    def text(self, key: str) -> str | None:
        """The text under a key, as written."""
        node = self.child(key)
        return node.text if node else None

    def need_text(self, key: str) -> str:
        """The text under a key that the schema requires."""
        return self.text(key) or ""

    def word(self, key: str) -> str | None:
        """The word or whole number under a key: 2.0 and 0x2 are ``2``, as in JSON Schema."""
        node = self.child(key)
        if node is None:
            return None
        return str(int(node.value)) if isinstance(node.value, int | float) else node.text

    def names(self, key: str) -> tuple[str, ...]:
        """The list of texts under a key; empty when it is missing."""
        node = self.child(key)
        return tuple(item.text for item in node.items) if node else ()

    def words(self, key: str) -> tuple[str, ...]:
        """The value under a key, or the values of the list there, each as text; empty when it is missing."""
        node = self.child(key)
        if node is None:
            return ()
        return tuple(item.text for item in node.items) if isinstance(node.value, list) else (node.text,)

    def boolean(self, key: str, default: bool) -> bool:
        """The boolean under a key."""
        node = self.child(key)
        return bool(node.value) if node else default

    def integer(self, key: str) -> int | None:
        """The whole number under a key; 10.0 counts, as in JSON Schema."""
        node = self.child(key)
        return int(node.value) if node and isinstance(node.value, int | float) else None

    def number(self, key: str) -> float | None:
        """The number under a key."""
        node = self.child(key)
        return float(node.value) if node and isinstance(node.value, int | float) else None

    def choice(self, key: str, default: Choice) -> Choice:
        """The enum member under a key."""
        text = self.text(key)
        return default if text is None else type(default)(text)

    def literal(self, key: str, code: str, parse: Callable[[str], Value], default: Value) -> Value:
        """The parsed text under a key; a text that does not parse is a problem of that code."""
        text = self.text(key)
        return default if text is None else self.parse(text, code, parse, default, key)

    def parse(self, text: str, code: str, parse: Callable[[str], Value], default: Value, *at: str | int) -> Value:
        """Parse a text that stands at a path below this section."""
        try:
            return parse(text)
        except LiteralError as error:
            self.report(code, error.message, error.help, *at)
            return default

    def report(self, code: str, message: str, help: str | None, *at: str | int) -> None:
        """Add an error at a path below this section."""
        self.problems.append(Diagnostic(code=code, message=message, help=help, path=(*self.path, *at)))
