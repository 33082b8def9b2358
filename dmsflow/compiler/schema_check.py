"""A document's shape against the JSON Schema, one diagnostic per cause. Knows no meaning beyond the schema."""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, ValidationError, validators
from msgspec import Struct

from dmsflow.compiler.document import Document
from dmsflow.compiler.schema_file import SCHEMA_NAME, TEST_SCHEMA_NAME, read_schema_text
from dmsflow.compiler.schema_words import NAMED_SHAPES, describe_value, hide_value, name_types, write_example
from dmsflow.diagnostics import Diagnostic, Path, did_you_mean

Schema = dict[str, Any]
_FILE_KEYS = ["version", "connections"]


class _Fault(Struct, frozen=True, kw_only=True):
    """One error of the schema library: the keyword that failed, and on what."""

    rule: str
    path: Path
    value: Any
    expected: Any
    schema: Schema
    parts: Schema
    on_name: bool

    @classmethod
    def of(cls, error: ValidationError, parts: Schema) -> "_Fault":
        on_name = "propertyNames" in error.schema_path
        path: Path = tuple(error.absolute_path)
        return cls(
            rule=str(error.validator),
            path=(*path, str(error.instance)) if on_name else path,
            value=error.instance,
            expected=error.validator_value,
            schema=error.schema if isinstance(error.schema, dict) else {},
            parts=parts,
            on_name=on_name,
        )

    @property
    def shape(self) -> str | None:
        """The name of the schema part, known by its identity."""
        return next((name for name, part in self.parts.items() if part is self.schema), None)


def check_pipeline_shape(document: Document) -> tuple[Diagnostic, ...]:
    """What in a pipeline spec does not fit the schema, with places."""
    return _check(document, _validator(""))


def check_connections_shape(document: Document) -> tuple[Diagnostic, ...]:
    """What in a connections.yaml does not fit the schema, with places."""
    return _check(document, _validator("connectionsFile"))


def check_tests_shape(document: Document) -> tuple[Diagnostic, ...]:
    """What in a file of spec tests does not fit its schema, with places."""
    return _check(document, _validator("", TEST_SCHEMA_NAME))


def check_rows_shape(document: Document) -> tuple[Diagnostic, ...]:
    """What in a YAML file of rows does not fit the schema, with places."""
    return _check(document, _validator("rowsFile", TEST_SCHEMA_NAME))


@cache
def _schema(name: str = SCHEMA_NAME) -> Schema:
    schema: Schema = json.loads(read_schema_text(name))
    return schema


@cache
def _validator(part: str, name: str = SCHEMA_NAME) -> Draft202012Validator:
    extend: Callable[[type, object], type[Draft202012Validator]] = validators.extend
    checker = extend(Draft202012Validator, {"uniqueItems": _entries_differ, "maximum": _is_at_most})
    schema = _schema(name)
    return checker({"$ref": f"#/$defs/{part}", "$defs": schema["$defs"]} if part else schema)


def _entries_differ(_checker: object, wanted: bool, entries: object, _part: object) -> Iterator[ValidationError]:
    """In one pass: the library compares every pair when the entries have several types."""
    if wanted and isinstance(entries, list) and any(_repeated_entries(entries, ())):
        yield ValidationError("entries are given twice")


def _is_at_most(_checker: object, limit: float, value: object, _part: object) -> Iterator[ValidationError]:
    """The library takes NaN for less than any limit, and as a limit it would hold nothing."""
    if isinstance(value, int | float) and not isinstance(value, bool) and not value <= limit:
        yield ValidationError("beyond the limit")


def _check(document: Document, validator: Draft202012Validator) -> tuple[Diagnostic, ...]:
    whole: Any = validator.schema
    faults = [_Fault.of(error, whole["$defs"]) for error in validator.iter_errors(document.content)]
    mistyped = {fault.path for fault in faults if fault.rule == "type"}
    seen: dict[tuple[str, Path], Diagnostic] = {}
    for fault in faults:
        if fault.path in mistyped and fault.rule != "type":
            continue
        for problem in _describe(fault):
            of_key = fault.on_name or problem.code == "DMS101"
            placed = problem.at(document.position(problem.path, of_key=of_key))
            seen.setdefault((problem.code, problem.path), placed)
    return tuple(seen.values())


def _describe(fault: _Fault) -> Iterator[Diagnostic]:
    match fault.rule:
        case "additionalProperties":
            yield from _unknown_keys(fault)
        case "required":
            yield from _missing_keys(fault)
        case "type":
            yield _wrong_type(fault)
        case "enum" | "const":
            yield _unknown_choice(fault)
        case "minimum" | "maximum":
            yield _out_of_range(fault)
        case "uniqueItems":
            yield from _repeated_entries(fault.value, fault.path)
        case "minItems" | "minProperties":
            message = f'"{fault.path[-1]}" is empty' if fault.path else "the spec is empty"
            help = "remove the key, or give it an entry"
            yield Diagnostic(code="DMS114", message=message, path=fault.path, help=help)
        case _:
            yield _bad_text(fault)


def _unknown_keys(fault: _Fault) -> Iterator[Diagnostic]:
    known = list(fault.schema.get("properties", {}))
    listed = f"remove it; known here: {', '.join(known)}"
    if known == _FILE_KEYS:
        listed = 'put the connections under one key "connections:"'
    where = "at the top level"
    if fault.path:
        where = f'in "{fault.path[-1]}"' if isinstance(fault.path[-1], str) else "in this entry"
    for key in fault.value:
        if key not in known:
            help = did_you_mean(key, known) or listed
            message = f'key "{key}" is unknown {where}'
            yield Diagnostic(code="DMS101", message=message, path=(*fault.path, key), help=help)


def _missing_keys(fault: _Fault) -> Iterator[Diagnostic]:
    for key in fault.expected:
        if key in fault.value:
            continue
        where = ""
        if fault.path:
            where = f' in "{fault.path[-1]}"' if isinstance(fault.path[-1], str) else " in this entry"
        example = write_example(fault.schema.get("properties", {}).get(key, {}), fault.parts)
        yield Diagnostic(
            code="DMS102",
            message=f'key "{key}" is missing{where}',
            path=(*fault.path, key),
            help=f'add "{key}: {example}"' if example else f'add "{key}:"',
        )


def _wrong_type(fault: _Fault) -> Diagnostic:
    types = fault.expected if isinstance(fault.expected, list) else [fault.expected]
    shape = fault.shape
    if shape == "duration" and not isinstance(fault.value, dict | list | bool | None):
        return Diagnostic(
            code="DMS107",
            message=f"{describe_value(fault.value)} has no unit",
            path=fault.path,
            help="write a number with its unit: ms, s, m, h or d, such as 10m or 1h30m",
        )
    example = write_example(fault.schema, fault.parts)
    help = f"write {name_types(types)}" + (f", such as {example}" if example else "")
    if fault.value is None:
        message = f'"{fault.path[-1]}" has no value' if fault.path else "there is no value"
        return Diagnostic(code="DMS103", message=message, path=fault.path, help=f"{help}, or remove the key")
    value = hide_value(fault.value, fault.path)
    return Diagnostic(code="DMS103", message=f"{value}, not {name_types(types)}", path=fault.path, help=help)


def _unknown_choice(fault: _Fault) -> Diagnostic:
    value = fault.value
    if fault.path == ("version",):
        message = f"version {describe_value(value)} is not read by this dmsflow"
        return Diagnostic(code="DMS104", message=message, path=fault.path, help="write 1")
    choices = [str(choice) for choice in fault.expected]
    listed = ", ".join(choices)
    near = None
    if isinstance(value, str) and value in choices:
        near = f"write {value} without quotes"
    elif isinstance(value, str):
        near = did_you_mean(value, choices)
    message = f"{describe_value(value)} is not one of {listed}"
    if len(choices) == 1:
        message = f'{describe_value(value)} is not "{listed}"'
    return Diagnostic(code="DMS104", message=message, path=fault.path, help=near or f"write one of {listed}")


def _out_of_range(fault: _Fault) -> Diagnostic:
    word = "less" if fault.rule == "minimum" else "more"
    low, high = fault.schema.get("minimum"), fault.schema.get("maximum")
    help = f"write a number from {low} to {high}" if high is not None else f"write {low} or more"
    message = f"{fault.value} is {word} than {fault.expected}"
    if fault.value != fault.value:
        message = '".nan" is not a number'
    return Diagnostic(code="DMS105", message=message, path=fault.path, help=help)


def _repeated_entries(entries: Iterable[object], path: Path) -> Iterator[Diagnostic]:
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        written = json.dumps(entry, sort_keys=True)
        if written in seen:
            message = f"{describe_value(entry)} is given twice"
            yield Diagnostic(code="DMS113", message=message, path=(*path, index), help="remove one of the two")
        seen.add(written)


def _bad_text(fault: _Fault) -> Diagnostic:
    value = str(fault.value)
    if fault.rule == "minLength":
        message, help = "the text is empty", "write a text, or remove the key"
        return Diagnostic(code="DMS106", message=message, path=fault.path, help=help)
    if fault.rule == "maxLength":
        message = f'"{value[:20]}..." has more than {fault.expected} characters'
        return Diagnostic(code="DMS106", message=message, path=fault.path, help="write a shorter text")
    code, message, help = NAMED_SHAPES[fault.shape or ""](value)
    return Diagnostic(code=code, message=message, path=fault.path, help=help)
