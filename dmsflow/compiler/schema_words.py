"""Words for values and shapes that the schema check reports. Knows no positions; never quotes a secret."""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from dmsflow.compiler.literals import (
    LiteralError,
    parse_duration,
    parse_table_name,
    parse_timestamp,
    parse_type,
)
from dmsflow.diagnostics import Path

_TYPE_WORDS = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
_MAX_QUOTED = 60


def name_types(types: Iterable[str]) -> str:
    """JSON Schema types in words: ``text or a mapping``."""
    words = [_TYPE_WORDS[name] for name in types]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def name_kind(value: object) -> str:
    """What a value is, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    return "text" if isinstance(value, str) else "a list" if isinstance(value, list) else "a mapping"


def describe_value(value: object) -> str:
    """A value, quoted and cut to a readable length; a collection by its kind."""
    if isinstance(value, dict | list):
        return name_kind(value)
    written = value if isinstance(value, str) else json.dumps(value)
    return f'"{written if len(written) <= _MAX_QUOTED else written[:_MAX_QUOTED] + "..."}"'


def hide_value(value: object, path: Path) -> str:
    """``"four" is text``; inside connections, where values may be secrets, only ``this is text``."""
    if isinstance(value, dict | list):
        return f"this is {name_kind(value)}"
    if path and path[0] == "connections":
        return f"this is {name_kind(value)}"
    return f"{describe_value(value)} is {name_kind(value)}"


def write_example(schema: dict[str, Any], parts: dict[str, Any]) -> str:
    """The first short example of a schema part, as YAML; empty when there is none."""
    examples = schema.get("examples")
    if not examples and "$ref" in schema:
        examples = parts[schema["$ref"].rpartition("/")[2]].get("examples")
    if not examples and "const" in schema:
        examples = [schema["const"]]
    written = _write_flow(examples[0]) if examples else ""
    return written if len(written) <= _MAX_QUOTED else ""


def _write_flow(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_write_flow(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_write_flow(entry) for entry in value) + "]"
    return value if isinstance(value, str) else json.dumps(value)


def _literal(code: str, parse: Callable[[str], object]) -> Callable[[str], tuple[str, str, str]]:
    def describe(text: str) -> tuple[str, str, str]:
        try:
            parse(text)
        except LiteralError as error:
            return code, error.message, error.help
        return code, f'"{text}" is not written as its place asks', "write it as the examples show"

    return describe


def _pipeline_name(text: str) -> tuple[str, str, str]:
    plain = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    help = "write lower-case letters, digits and _, starting with a letter"
    if re.match(r"[a-z][a-z0-9_]*\Z", plain):
        help = f'did you mean "{plain}"?'
    return "DMS106", f'"{text}" is not a pipeline name', help


def _plain_name(text: str) -> tuple[str, str, str]:
    return "DMS106", f'"{text}" is not a name', "write letters, digits and _, starting with a letter or _"


NAMED_SHAPES: dict[str, Callable[[str], tuple[str, str, str]]] = {
    "pipelineName": _pipeline_name,
    "paramName": _plain_name,
    "duration": _literal("DMS107", parse_duration),
    "dataType": _literal("DMS108", parse_type),
    "timestamp": _literal("DMS109", parse_timestamp),
    "tableName": _literal("DMS110", parse_table_name),
    "": _plain_name,
}
