"""YAML events to nodes with their places, without recursion. Refuses what would surprise or explode a reader.

Refused: a key given twice, merge keys (``<<``, gone from YAML 1.2), tags, keys that are no scalars, several
documents, nesting deeper than ``MAX_DEPTH``, more than ``MAX_VALUES`` values once aliases are expanded.
"""

from collections.abc import Iterator

import yaml
from msgspec import Struct, field

from dmsflow.compiler.scalars import MAX_DIGITS, read_scalar
from dmsflow.compiler.yaml_errors import describe_yaml_error
from dmsflow.diagnostics import Diagnostic, Position

MAX_DEPTH = 50
MAX_VALUES = 20_000

_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Span(Struct, frozen=True, kw_only=True, order=True):
    """A stretch of one line: 1-based, ``end_column`` exclusive."""

    line: int
    column: int
    end_column: int


START = Span(line=1, column=1, end_column=2)


class Node(Struct, kw_only=True, eq=False):
    """One value, its place, its text as written and its children. ``size`` counts expanded nodes."""

    value: object
    span: Span
    text: str = ""
    style: str = ""
    entries: dict[str, tuple[Span, "Node"]] = field(default_factory=dict)
    items: list["Node"] = field(default_factory=list)
    size: int = 1
    height: int = 1

    @property
    def is_collection(self) -> bool:
        """Whether this is a mapping or a sequence."""
        return isinstance(self.value, dict | list)

    def child(self, step: str | int) -> "Node | None":
        """The node one step down: by key in a mapping, by index in a sequence."""
        if isinstance(step, int):
            return self.items[step] if 0 <= step < len(self.items) else None
        entry = self.entries.get(step)
        return entry[1] if entry else None

    def key_span(self, step: str | int) -> Span | None:
        """Where the key of an entry stands; None in a sequence."""
        entry = self.entries.get(step) if isinstance(step, str) else None
        return entry[0] if entry else None


def compose_nodes(text: str, file: str) -> tuple[Node | None, tuple[Diagnostic, ...]]:
    """The root mapping, or None; and what is wrong with the text."""
    composer = _Composer(file)
    try:
        for event in _events(text):
            if not composer.take(event):
                return None, tuple(composer.problems)
    except yaml.YAMLError as error:
        return None, (*composer.problems, describe_yaml_error(error, text, file))
    return composer.finish()


def _events(text: str) -> Iterator[yaml.Event]:
    yield from yaml.parse(text, Loader=_LOADER)


def _span_of(event: yaml.Event) -> Span:
    start, end = event.start_mark, event.end_mark
    if start is None or end is None:
        return START
    one_line = end.line == start.line
    end_column = end.column + 1 if one_line else start.column + 2
    return Span(line=start.line + 1, column=start.column + 1, end_column=max(end_column, start.column + 2))


class _Frame(Struct):
    """A collection that is still open, and the key that waits for its value."""

    node: Node
    anchor: str | None
    is_mapping: bool
    key: str | None = None
    key_span: Span | None = None


class _Composer:
    """Takes events one by one; ``problems`` grows; a fatal one ends the reading."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Diagnostic] = []
        self.root: Node | None = None
        self._stack: list[_Frame] = []
        self._anchors: dict[str, Node] = {}
        self._documents = 0
        self._values = 0

    def take(self, event: yaml.Event) -> bool:
        """Use one event; False when nothing after it can be read."""
        match event:
            case yaml.ScalarEvent():
                self._check_tag(event)
                return self._add(self._scalar(event), event.anchor, event)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                return self._open(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                frame = self._stack.pop()
                return self._add(frame.node, frame.anchor, event)
            case yaml.AliasEvent():
                return self._alias(event)
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    return self._stop(
                        "DMS008", "a second YAML document starts here", "keep one pipeline per file", event
                    )
        return True

    def finish(self) -> tuple[Node | None, tuple[Diagnostic, ...]]:
        """The root, when it is a mapping."""
        root = self.root
        if root is None or (root.value is None and not root.text):
            self._report("DMS007", "the file is empty", 'start with "version: 1"', root.span if root else START)
            return None, tuple(self.problems)
        if not isinstance(root.value, dict):
            found = "a list" if isinstance(root.value, list) else "one value"
            message = f"the top level is {found}, not a mapping"
            self._report("DMS009", message, 'write "key: value" lines, the first one "version: 1"', root.span)
            return None, tuple(self.problems)
        return root, tuple(self.problems)

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> bool:
        self._check_tag(event)
        if self._is_key():
            help = 'write a plain word before the ":"; quote text that starts with "{" or "["'
            return self._stop("DMS015", "a key is a list or a mapping", help, event)
        if len(self._stack) >= MAX_DEPTH:
            return self._too_deep(event)
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        node = Node(value={} if is_mapping else [], span=_span_of(event))
        self._stack.append(_Frame(node, event.anchor, is_mapping))
        return True

    def _scalar(self, event: yaml.ScalarEvent) -> Node:
        span, style = _span_of(event), event.style or ""
        if not event.implicit[0]:
            return Node(value=event.value, span=span, text=event.value, style=style or '"')
        try:
            value = read_scalar(event.value)
        except ValueError:
            message = f"a number has more than {MAX_DIGITS} digits"
            self._report("DMS017", message, "quote it when it is text", span)
            value = event.value
        return Node(value=value, span=span, text=event.value, style=style)

    def _alias(self, event: yaml.AliasEvent) -> bool:
        node = self._anchors.get(event.anchor or "")
        if node is None:
            inside = any(frame.anchor == event.anchor for frame in self._stack)
            message = "an alias stands inside its own anchor" if inside else "an alias has no anchor above it"
            help = 'write "&name" before the value it stands for, or quote text that starts with "*"'
            return self._stop("DMS016", message, help, event)
        self._values += node.size - 1
        if len(self._stack) + node.height > MAX_DEPTH:
            return self._too_deep(event)
        return self._add(node, None, event)

    def _add(self, node: Node, anchor: str | None, event: yaml.Event) -> bool:
        if anchor:
            self._anchors[anchor] = node
        self._values += 1
        if self._values > MAX_VALUES:
            message = f"the file stands for more than {MAX_VALUES} values"
            return self._stop("DMS013", message, "write a smaller spec, with fewer aliases", event)
        if not self._stack:
            self.root = node
            return True
        frame = self._stack[-1]
        if not frame.is_mapping:
            frame.node.items.append(node)
            frame.node.value.append(node.value)  # type: ignore[attr-defined]
        elif frame.key_span is None:
            return self._set_key(frame, node, event)
        else:
            self._set_entry(frame, node)
        frame.node.size += node.size
        frame.node.height = max(frame.node.height, node.height + 1)
        return True

    def _set_key(self, frame: _Frame, node: Node, event: yaml.Event) -> bool:
        if isinstance(node.value, dict | list):
            return self._stop("DMS015", "a key is a list or a mapping", 'write a plain word before the ":"', event)
        frame.key, frame.key_span = node.text, _span_of(event)
        if node.text == "<<" and not node.style:
            help = "write the entries out; an alias may stand for a whole value"
            self._report("DMS011", 'merge key "<<" is not part of YAML 1.2', help, frame.key_span)
            frame.key = None
        elif node.text in frame.node.entries:
            first = frame.node.entries[node.text][0].line
            message = f'key "{node.text}" is given twice, first in line {first}'
            self._report("DMS010", message, "keep one of the two", frame.key_span)
            frame.key = None
        return True

    def _set_entry(self, frame: _Frame, node: Node) -> None:
        if frame.key is not None and frame.key_span is not None:
            frame.node.entries[frame.key] = (frame.key_span, node)
            frame.node.value[frame.key] = node.value  # type: ignore[index]
        frame.key = frame.key_span = None

    def _is_key(self) -> bool:
        return bool(self._stack) and self._stack[-1].is_mapping and self._stack[-1].key_span is None

    def _check_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None and event.tag != "!":
            help = 'remove it; quote text that starts with "!"'
            self._report("DMS012", "a tag stands before the value", help, _span_of(event))

    def _too_deep(self, event: yaml.Event) -> bool:
        help = "write a pipeline spec, which is at most five levels deep"
        return self._stop("DMS014", f"the values are nested more than {MAX_DEPTH} levels deep", help, event)

    def _stop(self, code: str, message: str, help: str, event: yaml.Event) -> bool:
        self._report(code, message, help, _span_of(event))
        return False

    def _report(self, code: str, message: str, help: str, span: Span) -> None:
        place = Position(file=self.file, line=span.line, column=span.column, end_column=span.end_column)
        self.problems.append(Diagnostic(code=code, message=message, help=help, position=place))
